"""A child or a contact who has died: nothing is sent, from the file down to the claim."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlmodel import select
from support import desk, school

from gateway import audience, guard
from gateway.database import Database
from gateway.definitions import model
from gateway.importing.report import Report
from gateway.models import Contact, Message, Pupil

Save = Callable[..., Path]
Load = Callable[..., Awaitable[Report]]

NOW = datetime(2026, 9, 21, 9, 0, tzinfo=UTC)
HEAD = (
    "Pupil ID,Student Forename,Student Surname,Pupil Deceased,Contact ID,Contact Forename,Contact Surname,Deceased,"
    "Mobile\n"
)


async def dead(database: Database, kind: type[Pupil] | type[Contact]) -> bool:
    async with database.read() as session:
        return (await session.scalars(select(kind))).one().deceased


@pytest.mark.parametrize("said", ["Yes", "T", "14/06/2026", "2026-09-21"])
async def test_a_yes_or_a_date_of_death_is_taken(database: Database, load: Load, save: Save, said: str) -> None:
    await load(save("a.csv", f"{HEAD}1,Kai,Shaw,{said},C1,Emma,Shaw,{said},07700 900101\n"))
    assert await dead(database, Pupil)
    assert await dead(database, Contact)
    await load(save("a.csv", f"{HEAD}1,Kai,Shaw,,C1,Emma,Shaw,,07700 900101\n"))
    assert await dead(database, Pupil)
    await load(save("slim.csv", "Pupil ID,Forename,Surname\n1,Kai,Shaw\n"))
    assert await dead(database, Pupil)
    await load(save("a.csv", f"{HEAD}1,Kai,Shaw,No,C1,Emma,Shaw,No,07700 900101\n"))
    assert not await dead(database, Pupil)
    assert not await dead(database, Contact)


@pytest.mark.parametrize(("said", "words"), [("perhaps", "nor a date"), ("31/12/2099", "still to come")])
async def test_what_cannot_be_read_is_said(database: Database, load: Load, save: Save, said: str, words: str) -> None:
    report = await load(save("a.csv", f"{HEAD}1,Kai,Shaw,{said},C1,Emma,Shaw,,07700 900101\n"))
    (problem,) = report.problems
    assert (problem.field, words in problem.what) == ("Pupil Deceased", True)
    assert not await dead(database, Pupil)


async def test_a_child_who_has_died_is_in_no_audience(database: Database) -> None:
    family = await school.family(database)
    other = await school.pupil(database, "Ben", deceased=True)
    await school.tie(database, other, family.mother)
    found = await resolved(database)
    assert {pupil for row in found.listeners for pupil in row.pupil_ids} == {family.child}
    assert other not in found.people.pupils


async def test_a_contact_who_has_died_is_skipped_and_the_next_one_is_asked(database: Database) -> None:
    child, first = await school.pupil(database), await school.contact(database, "Maria", deceased=True)
    second = await school.contact(database, "Ivan")
    await school.tie(database, child, first, priority=1)
    await school.tie(database, child, second, priority=2)
    found = await resolved(database, tell="first_contact")
    assert {(row.contact_id, row.reason) for row in found.listeners} == {(first, "deceased"), (second, "")}
    async with database.write() as session:
        await session.execute(sa.update(Contact).values(deceased=True))
    found = await resolved(database)
    reasons = {row.reason for row in found.listeners}
    assert "nobody" in reasons
    assert "" not in reasons


@pytest.mark.parametrize(("kind", "reason"), [(Pupil, "child_deceased"), (Contact, "deceased")])
async def test_a_message_that_was_planned_before_does_not_leave(
    database: Database, kind: type[Any], reason: str
) -> None:
    sender, family = await school.sender(database), await school.family(database)
    sibling, run = await school.pupil(database, "Ben"), await school.run(database, now=NOW)
    await school.tie(database, sibling, family.mother)
    about = [family.child, sibling]
    message_id = await school.message(database, sender, now=NOW, run=run, contact=family.mother, about=about)
    which = family.child if kind is Pupil else family.mother
    async with database.write() as session:
        await session.execute(sa.update(kind).where(kind.id == which).values(deceased=True))
    assert not (await desk.claim(database, sender, now=NOW)).messages
    async with database.read() as session:
        message = await session.get_one(Message, message_id)
    assert (message.state, message.reason, message.reason_text) == ("skipped", reason, guard.REASONS[reason])


async def resolved(database: Database, **wanted: Any) -> audience.Audience:
    chosen = model.Audience.model_validate({"whole_school": True} | wanted)
    async with database.read() as session:
        return await audience.resolve(session, chosen, today=NOW.date(), default_language="en")

"""A run planned portion by portion is the run that one plan of the whole would be, whatever lies between them."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import col, select
from support import databases, school
from support.desk import NOW, Clock, definition, gateway
from support.village import Village

from channels.base import Medium
from gateway import audience, errors, notices, planner, runs, sorting
from gateway.database import Database
from gateway.definitions import model
from gateway.models import (
    About,
    Contact,
    ContactPoint,
    Guardianship,
    LineType,
    Message,
    MessageState,
    Notice,
    NoticeState,
    OptOut,
    PointKind,
    PointState,
    Pupil,
    Run,
)

TODAY = NOW.date()
PHONES = [f"+44770090000{n}" for n in range(6)]


def village(dice: random.Random, families: int) -> Village:
    """Brothers and sisters far apart, phones in many hands, bars, step families, people who said stop."""
    found = Village(TODAY)
    pupils = [
        found.pupil(f"P{n}", year=dice.choice(["3", "4"]), born=TODAY - timedelta(days=dice.randrange(4000)))
        for n in range(families * 2)
    ]
    for n in range(families * 2):
        tongue = dice.choice(["", "pl", "ur"])
        contact = found.contact(f"C{n}", written_language=tongue, deceased=dice.random() < 0.05)
        for child in dice.sample(pupils, dice.choice([0, 1, 1, 2, 3])):
            yes = dice.random() < 0.15
            found.tie(
                child, contact, priority=dice.randint(1, 3), no_contact=yes, lives_with=dice.random() < 0.5,
                parental_responsibility=dice.random() < 0.7,
            )  # fmt: skip
        shared, own = dice.choice(PHONES), f"+44770090{1000 + n}"
        for phone in dice.sample([shared, own], dice.choice([0, 1, 1, 2])):
            line = dice.choice([LineType.MOBILE] * 4 + [LineType.LANDLINE])
            found.phone(contact, phone, line, state=dice.choice([PointState.WORKING] * 6 + [PointState.DEAD]))
        if dice.random() < 0.5:
            found.mailbox(contact, dice.choice(["a@example.com", f"c{n}@example.com"]))
    for phone in PHONES:
        if dice.random() < 0.2:
            found.opted_out[Medium.SMS, phone] = True
    return found


async def settle(database: Database, people: Village) -> None:
    rows: list[Any] = [*people.pupils.values(), *people.contacts.values()]
    rest = [*people.ties, *people.points]
    rest += [OptOut(medium=m, address=a, since=NOW, mandatory_too=every) for (m, a), every in people.opted_out.items()]
    async with database.write() as session:
        for table in (Guardianship, ContactPoint, OptOut, Pupil, Contact):
            await session.execute(sa.delete(table))
        session.add_all(rows)
        await session.flush()
        session.add_all(rest)
    for medium in (Medium.SMS, Medium.EMAIL):
        await school.sender(database, medium=medium, channel=medium)


def shape(rows: Sequence[planner.Planned]) -> list[tuple[Any, ...]]:
    """A plan without its ids."""
    found = []
    for row in rows:
        m = row.message
        words = (m.subject, m.body.replace(m.id, "…") if m.medium is Medium.SMS else m.subject, m.language, m.parts)
        found.append((m.slot, m.state, m.reason, m.contact_id, m.contact_point_id, *words, *sorted(row.pupil_ids)))
    return sorted(found)


async def both(database: Database, notice: model.Definition, size: int) -> tuple[list[Any], list[Any]]:
    """The plan of the whole, and that of all portions of a size, each row by the first portion that it belongs to."""
    desk, after = gateway(database, drafts=True), 0
    taken, portions = set[str](), list[planner.Planned]()
    async with database.read() as session:
        needed = await runs.means(session, desk, notice)
        chosen = await runs.resolve(session, desk, notice)
        whole = planner.plan(notice, chosen, needed, fire_at=NOW, now=NOW)
        while True:
            chosen = await runs.resolve(session, desk, notice, audience.Portion(after, size))
            found = sorting.sort(notice, chosen).about(chosen.pupil_ids).without(taken)
            taken |= set(found.slots())
            portions += planner.write(found, notice, chosen.people, needed, fire_at=NOW, now=NOW)
            if len(chosen.pupil_ids) < size:
                return shape(whole), shape(portions)
            after = chosen.pupil_ids[-1]


def notice(tell: str, languages: list[str], audience_of: dict[str, Any]) -> model.Definition:
    return definition(
        audience=audience_of | {"tell": tell, "languages": languages}, media=["sms", "email"], purpose="good_news"
    )


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 10**6),
    size=st.sampled_from([1, 2, 3, 5, 8, 50]),
    tell=st.sampled_from(["first_contact", "parental_responsibility", "lives_with", "everyone"]),
    languages=st.sampled_from([[], ["pl"], ["en", "ur"]]),
    whom=st.sampled_from(
        [{"whole_school": True}, {"years": ["3"]}, {"whole_school": True, "but_not": {"years": ["3"]}}]
    ),
)
def test_portions_of_any_size_are_the_whole(
    fresh: databases.Fresh, seed: int, size: int, tell: str, languages: list[str], whom: dict[str, Any]
) -> None:
    people = village(random.Random(seed), 5)

    async def compare() -> tuple[list[Any], list[Any]]:
        async with fresh() as database:
            await settle(database, people)
            return await both(database, notice(tell, languages, whom), size)

    whole, portions = asyncio.run(compare())
    assert portions == whole


async def test_so_on_both_databases(database: Database) -> None:
    await settle(database, village(random.Random(7), 20))
    whole, portions = await both(database, notice("everyone", [], {"whole_school": True}), 3)
    assert portions == whole
    assert {row[2] for row in whole} >= {"", "merged", "barred", "nobody"}


async def big_school(database: Database, pupils: int, *, siblings: bool = True) -> None:
    """One mother and one phone for each pupil; the first and the last have the same mother."""
    numbers = range(1, pupils + 1)
    async with database.write() as session:
        for table, rows in {
            Pupil: [Pupil(id=n, source_id=f"p{n}", forename=f"P{n}", surname="Example") for n in numbers],
            Contact: [Contact(id=n, source_id=f"c{n}", forename=f"C{n}", surname="Example") for n in numbers],
            Guardianship: [
                Guardianship(pupil_id=n, contact_id=1 if siblings and n == pupils else n, parental_responsibility=True)
                for n in numbers
            ],
            ContactPoint: [
                ContactPoint(
                    contact_id=n, kind=PointKind.PHONE, address=f"+447700900{n:06d}", line_type=LineType.MOBILE
                )
                for n in numbers
            ],
        }.items():
            await session.execute(
                sa.insert(table), [row.model_dump(exclude={"id"} if row.id is None else None) for row in rows]
            )
    await school.sender(database)


async def submit(desk: Any, **changes: Any) -> Notice:
    async with desk.database.write() as session:
        return await notices.submit(session, desk, definition(**changes), author="office")


async def step(desk: Any) -> str | None:
    """One turn of the daemon's loop."""
    async with desk.database.write_here() as session:
        return await notices.plan_due(session, desk)


async def count(database: Database, **where: Any) -> int:
    async with database.read() as session:
        query = sa.select(sa.func.count()).select_from(Message).filter_by(**where)
        return await session.scalar(query) or 0


async def get(database: Database, notice_id: str) -> Notice:
    async with database.read() as session:
        return await session.get_one(Notice, notice_id)


PUPILS = runs.PORTION * 2 + 10


async def test_the_first_messages_wait_for_no_other_portion(database: Database) -> None:
    await big_school(database, PUPILS)
    desk = gateway(database)
    notice = await submit(desk)
    assert await step(desk) == notice.id
    assert await count(database, state=MessageState.QUEUED) == runs.PORTION
    assert (await get(database, notice.id)).state is NoticeState.SCHEDULED
    while await step(desk):
        pass
    async with database.read() as session:
        [run] = await session.scalars(select(Run))
        named = await session.scalar(sa.select(sa.func.count(col(About.pupil_id).distinct())))
        [first] = await session.scalars(select(Message).where(col(Message.contact_id) == 1))
    assert (run.planned_up_to, run.messages, run.planned_at) == (PUPILS, PUPILS - 1, NOW)
    assert await count(database) == PUPILS - 1, "one text to the mother of the first and the last"
    assert named == PUPILS
    assert first.body.endswith(f"for P1 and P{PUPILS}.")
    assert (await get(database, notice.id)).state is NoticeState.DONE


async def test_an_alarm_does_not_wait_for_what_is_being_planned(database: Database) -> None:
    await big_school(database, PUPILS)
    clock = Clock()
    desk = gateway(database, clock)
    fair = await submit(desk)
    assert await step(desk) == fair.id
    clock.pass_(seconds=5)
    alarm = await submit(desk, key="alarm", purpose="emergency")
    turns = []
    while turned := await step(desk):
        turns.append(turned)
    assert turns == [alarm.id] * 3 + [fair.id] * 2


async def test_what_is_cancelled_half_way_goes_no_further(database: Database) -> None:
    await big_school(database, PUPILS)
    desk = gateway(database)
    notice = await submit(desk)
    await step(desk)
    async with database.write() as session:
        assert await notices.cancel(session, desk, notice.id, actor="office") == runs.PORTION
    assert await step(desk) is None
    assert await count(database) == await count(database, state=MessageState.CANCELLED) == runs.PORTION


async def test_what_is_approved_half_way_goes_on_unheld(database: Database) -> None:
    await big_school(database, PUPILS)
    desk = gateway(database)
    notice = await submit(desk, approval={"required": True})
    await step(desk)
    async with database.write() as session:
        await notices.approve(session, desk, notice.id, approver="Head")
    while await step(desk):
        pass
    assert await count(database, state=MessageState.QUEUED) == PUPILS - 1
    assert (await get(database, notice.id)).state is NoticeState.DONE


async def test_words_are_tried_in_every_language_before_the_first_portion(database: Database) -> None:
    """The last family reads Polish, and the Polish text has a blank that nobody fills."""
    await big_school(database, PUPILS)
    desk = gateway(database)
    notice = await submit(desk)
    async with database.write() as session:
        (await session.get_one(Contact, PUPILS - 1)).written_language = "pl"
        stored = await session.get_one(Notice, notice.id)
        stored.definition = {**stored.definition, "text": {"en": "Hello", "pl": "Dzień dobry {blank}"}}
    await step(desk)
    assert (await get(database, notice.id)).state is NoticeState.BROKEN
    assert await count(database) == 0
    with pytest.raises(errors.BadDefinition, match="nobody fills"):
        await submit(desk, key="again", text={"en": "Hello", "pl": "Dzień dobry {blank}"})


async def test_what_breaks_half_way_takes_back_what_has_not_left(database: Database) -> None:
    await big_school(database, PUPILS)
    desk = gateway(database)
    notice = await submit(desk)
    await step(desk)
    async with database.write() as session:
        (await session.get_one(Pupil, runs.PORTION + 1)).forename = ""  # a name that cannot stand in a text
    await step(desk)
    broken = await get(database, notice.id)
    assert broken.state is NoticeState.BROKEN
    assert f"{runs.PORTION} had not left" in broken.trouble
    assert await count(database, state=MessageState.CANCELLED) == await count(database) == runs.PORTION
    assert await step(desk) is None


async def test_an_import_between_two_portions_neither_doubles_nor_drops_anybody(database: Database) -> None:
    """The mother of a later child is tied to the first as well, and an early family's child to a later mother."""
    await big_school(database, PUPILS, siblings=False)
    desk = gateway(database)
    await submit(desk)
    await step(desk)
    late, later = runs.PORTION + 5, runs.PORTION + 6
    async with database.write() as session:
        session.add(Guardianship(pupil_id=1, contact_id=late, parental_responsibility=True))
        session.add(Guardianship(pupil_id=later, contact_id=2, parental_responsibility=True))
        (await session.get_one(Pupil, 2)).left_on = TODAY - timedelta(days=1)
    while await step(desk):
        pass
    assert await count(database) == PUPILS
    async with database.read() as session:
        named = await session.scalar(sa.select(sa.func.count(col(About.pupil_id).distinct())))
        [text] = await session.scalars(select(Message).where(col(Message.contact_id) == late))
    assert named == PUPILS
    assert text.body.endswith(f"for P1 and P{late}.")

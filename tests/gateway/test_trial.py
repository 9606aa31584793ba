"""Trial mode at the wall: who gets something, and that nothing of it goes out later."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa
from support import desk, school
from support.desk import LOG, NOW

from channels.base import Medium
from config import sections
from gateway import errors, outbox, trial
from gateway.database import Database
from gateway.models import Audit, Message, MessageState, Trial
from gateway.models.types import core
from gateway.wiring import building

GUEST = "+447700900111"


async def begin(database: Database) -> None:
    async with database.write() as session:
        await trial.begin_if_new(session, wanted=True, log=LOG, now=NOW - timedelta(hours=1))


async def invite(database: Database, address: str = GUEST) -> None:
    async with database.write() as session:
        await trial.add_guest(session, address, "the office", actor="Mr Reilly", log=LOG, now=NOW)


async def end(database: Database) -> None:
    async with database.write() as session:
        await trial.end(session, waived=["backup"], actor="Mr Reilly", log=LOG, now=NOW)


async def state(database: Database, message_id: str) -> tuple[str, str, str]:
    async with database.read() as session:
        row = await session.get_one(Message, message_id)
        return row.state.value, row.reason, row.reason_text


async def claimed(database: Database, sender: int, *, now: datetime = NOW) -> list[str]:
    return [row["id"] for row in (await desk.claim(database, sender, now=now)).messages]


async def test_in_a_trial_only_guests_get_anything(database: Database) -> None:
    await begin(database)
    sender = await school.sender(database)
    await invite(database, "07700 900111")
    family = await school.message(database, sender, now=NOW)
    alarm = await school.message(database, sender, now=NOW, priority=0)
    guest = await school.message(database, sender, now=NOW, number=GUEST)
    assert await claimed(database, sender) == [guest]
    held = ("skipped", "trial", "Trial: not on the guest list.")
    assert [await state(database, one) for one in (family, alarm)] == [held, held]


async def test_what_was_written_in_the_trial_reaches_no_family_after_it(database: Database) -> None:
    """Neither what waits for its hour, nor what waits for a second person; what is written afterwards goes."""
    await begin(database)
    sender = await school.sender(database)
    await invite(database)
    tomorrow = NOW + timedelta(hours=20)
    waits = await school.message(database, sender, now=NOW, due=tomorrow)
    guest = await school.message(database, sender, now=NOW, due=tomorrow, number=GUEST)
    held = await school.message(database, sender, now=NOW, state=MessageState.HELD)
    await end(database)
    after = await school.message(database, sender, now=NOW + timedelta(minutes=1), due=tomorrow)
    async with database.write() as session:
        await outbox.change(session, held, MessageState.QUEUED, now=tomorrow)
    assert sorted(await claimed(database, sender, now=tomorrow + timedelta(seconds=1))) == sorted([guest, after])
    assert [(await state(database, one))[1] for one in (waits, held)] == ["trial", "trial"]


async def test_an_installation_that_has_senders_is_not_new(database: Database) -> None:
    await school.sender(database)
    await begin(database)
    async with database.read() as session:
        assert not await trial.goes_on(session)
        assert await trial.found(session) is None


async def test_it_begins_once_ends_once_and_all_of_it_is_written_down(database: Database) -> None:
    await begin(database)
    await begin(database)
    await invite(database, "Office@Oakfield.example")
    await invite(database, "office@oakfield.example")
    async with database.write() as session:
        await trial.remove_guest(session, "office@oakfield.example", actor="Mr Reilly", log=LOG, now=NOW)
    await end(database)
    with pytest.raises(errors.Conflict, match="No trial goes on"):
        await end(database)
    line = core(Audit).c
    async with database.read() as session:
        lines = (await session.execute(sa.select(line.action, line.actor, line.body).order_by(line.id))).all()
        row = await session.get_one(Trial, 1)
    assert [tuple(one) for one in lines] == [
        ("trial.began", "handbell", "{}"),
        ("trial.guest_added", "Mr Reilly", "{}"),
        ("trial.guest_removed", "Mr Reilly", "{}"),
        ("trial.ended", "Mr Reilly", '{"waived":["backup"]}'),
    ]
    assert (row.ended_at, row.ended_by) == (NOW, "Mr Reilly")


@pytest.mark.parametrize("wrong", ["12345", "nobody@", ""])
async def test_a_guest_has_a_phone_or_a_mailbox(sqlite_database: Database, wrong: str) -> None:
    with pytest.raises(errors.BadInput):
        await invite(sqlite_database, wrong)
    async with sqlite_database.read() as session:
        assert not await trial.guests(session)


async def test_a_guests_email_is_known_by_its_address(sqlite_database: Database) -> None:
    await begin(sqlite_database)
    sender = await school.sender(sqlite_database, medium=Medium.EMAIL)
    await invite(sqlite_database, "Ana <Office@Oakfield.example>")
    guest = await school.message(
        sqlite_database, sender, now=NOW, number="office@oakfield.example", medium=Medium.EMAIL
    )
    assert await claimed(sqlite_database, sender) == [guest]


@pytest.mark.parametrize(
    ("practice", "wanted", "tries"), [(False, True, True), (False, False, False), (True, True, False)]
)
async def test_a_real_school_begins_in_trial_and_the_practice_school_does_not(
    sqlite_database: Database, practice: bool, wanted: bool, tries: bool
) -> None:
    made = desk.gateway(sqlite_database)
    changed = {
        "practice": sections.Practice(enabled=practice),
        "sending": sections.Sending(trial=wanted),
        "smtp": sections.Smtp(host="127.0.0.1", from_address="office@oakfield.example"),
    }
    gateway = replace(made, settings=made.settings.model_copy(update=changed))
    for _ in range(2):  # the second start finds the senders of the first
        async with sqlite_database.write() as session:
            await building.write_senders(session, gateway)
    async with sqlite_database.read() as session:
        assert await trial.goes_on(session) is tries

"""Answers by email, and words of machines: whose they are, and which of them end a ladder."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import col, select
from support import desk, school
from support.desk import LOG, NOW

from channels import base
from channels.base import Medium
from gateway import audit, guard, ids, intake
from gateway.database import Database
from gateway.models import Conversation, Inbound, Message, MessageState, OptOut, PointKind, Reply

MARIA, IVAN, WORK = "maria@example.com", "ivan@example.com", "m.example@work.example"
OFFICE = "office@oakfield.example"
LATER = NOW + timedelta(minutes=5)


async def came(database: Database, body: str = "He is ill", *, event_id: str = "", **fields: Any) -> Inbound:
    """A mail comes in and is handled."""
    values: dict[str, Any] = {"medium": Medium.EMAIL, "sender": MARIA, "to": OFFICE, "body": body, "at": LATER}
    reply = base.Reply(**(values | {"event_id": event_id or ids.new_id()} | fields))
    async with database.write() as session:
        await intake.store(session, "mail-in", [reply], now=LATER)
    await intake.handle_waiting(database, log=LOG, now=LATER)
    async with database.read() as session:
        return (await session.scalars(select(Inbound).where(Inbound.event_id == reply.event_id))).one()


async def replies(database: Database) -> list[Reply]:
    async with database.read() as session:
        return list(await session.scalars(select(Reply).order_by(col(Reply.id))))


async def conversations(database: Database) -> dict[str, Conversation]:
    async with database.read() as session:
        return {row.address: row for row in await session.scalars(select(Conversation))}


async def parent(database: Database, name: str, address: str) -> int:
    contact = await school.contact(database, name)
    await school.point(database, contact, address, kind=PointKind.EMAIL)
    return contact


async def asked(database: Database, contact: int, address: str, run: int, **fields: Any) -> str:
    sender = await school.sender(database, medium=Medium.EMAIL, channel="smtp")
    values: dict[str, Any] = {
        "id": ids.new_id(), "run_id": run, "contact_id": contact, "sender_id": sender, "medium": Medium.EMAIL,
        "address": address, "slot": ids.new_id(), "purpose": school.Purpose.SERVICE, "keys": "12", "attempt": 1,
        "state": MessageState.ACCEPTED, "due_at": NOW, "created_at": NOW, "changed_at": NOW,
    }  # fmt: skip
    await school.add(database, Message(**(values | fields)))
    return str((values | fields)["id"])


async def still_to_tell(database: Database, contact: int, run: int) -> bool:
    """Whether a second step «only if not answered» would still go to this contact."""
    sender = await school.sender(database)
    second = await school.message(
        database, sender, now=NOW, only_if=guard.NOT_ANSWERED, run=run, contact=contact, step=1, number=school.number()
    )
    claim = await desk.claim(database, sender, now=LATER)
    return [row["id"] for row in claim.messages] == [second]


@pytest.mark.parametrize("kind", ["out_of_office", "receipt", "list", "calendar"])
async def test_a_machines_words_are_nobodys_answer(database: Database, kind: str) -> None:
    run, maria = await school.run(database, now=NOW), await parent(database, "Maria", MARIA)
    message_id = await asked(database, maria, MARIA, run)
    for body in ("1", "STOP", "I am away until Monday"):
        inbound = await came(database, body, automatic=kind, in_reply_to=message_id)
        assert (inbound.outcome, inbound.handled_at) == (f"automatic:{kind}", LATER)
        async with database.read() as session:
            [line] = await audit.lines_about(session, f"inbound:{inbound.id}")
        assert line.action == "reply.automatic"
    assert await replies(database) == []
    assert await conversations(database) == {}
    assert await still_to_tell(database, maria, run)
    async with database.read() as session:
        assert (await session.scalars(select(OptOut))).all() == []


async def test_an_answer_from_the_mailbox_that_was_asked(database: Database) -> None:
    run, maria = await school.run(database, now=NOW), await parent(database, "Maria", MARIA)
    message_id = await asked(database, maria, MARIA, run)
    await came(database, "1", sender="Maria@Example.COM", in_reply_to=message_id)
    [row] = await replies(database)
    assert (row.contact_id, row.message_id, row.run_id, row.option) == (maria, message_id, run, "1")
    assert not await still_to_tell(database, maria, run)


async def test_an_answer_from_a_mailbox_that_nobody_knows(database: Database) -> None:
    run, maria = await school.run(database, now=NOW), await parent(database, "Maria", MARIA)
    message_id = await asked(database, maria, MARIA, run)
    await came(database, "1", sender=WORK, in_reply_to=message_id)
    [row] = await replies(database)
    assert (row.contact_id, row.message_id, row.run_id, row.option) == (None, message_id, None, "")
    assert await still_to_tell(database, maria, run)
    [(address, conversation)] = (await conversations(database)).items()
    assert (address, conversation.contact_id, conversation.waiting_since) == (WORK, None, LATER)


async def test_what_the_other_parent_answers_is_his_alone(database: Database) -> None:
    run = await school.run(database, now=NOW)
    maria, ivan = await parent(database, "Maria", MARIA), await parent(database, "Ivan", IVAN)
    message_id = await asked(database, maria, MARIA, run)
    await asked(database, ivan, IVAN, run)
    await came(database, "I take her to the doctor", sender=IVAN, in_reply_to=message_id)
    [row] = await replies(database)
    assert (row.contact_id, row.message_id, row.option) == (ivan, message_id, "")
    assert await still_to_tell(database, maria, run), "she has not answered"
    assert not await still_to_tell(database, ivan, run)
    talks = await conversations(database)
    assert {address: talk.contact_id for address, talk in talks.items()} == {IVAN: ivan}, "her page has none of it"


async def test_stop_from_another_mailbox_stops_that_one(sqlite_database: Database) -> None:
    maria = await parent(sqlite_database, "Maria", MARIA)
    message_id = await asked(sqlite_database, maria, MARIA, await school.run(sqlite_database, now=NOW))
    await came(sqlite_database, "STOP", sender=WORK, in_reply_to=message_id)
    async with sqlite_database.read() as session:
        assert [stop.address for stop in await session.scalars(select(OptOut))] == [WORK]

"""What comes back is stored once, interpreted when it can be, and never lost."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlmodel import col, select
from support import school
from support.desk import LOG, NOW

from channels import base
from channels.base import Medium, Reason, Receipt, ReceiptState
from gateway import arrivals, intake, tasks
from gateway.database import Database
from gateway.models import Inbound, Message, MessageState, Reply


def receipt(message_id: str, *, event: str = "SM1:delivered", **fields: Any) -> Receipt:
    return Receipt(**{"message_id": message_id, "ref": "SM1", "state": ReceiptState.DELIVERED, "event_id": event,
                      "at": NOW, "raw": {"MessageStatus": "delivered"}} | fields)  # fmt: skip


def reply(event: str = "SM9", **fields: Any) -> base.Reply:
    return base.Reply(**{"medium": Medium.SMS, "sender": "+447700900001", "to": "+447700900999", "body": "hello",
                         "event_id": event, "at": NOW} | fields)  # fmt: skip


async def store(database: Database, *events: base.Event, channel: str = "twilio-sms") -> None:
    async with database.write() as session:
        await intake.store(session, channel, events, now=NOW)


async def handle(database: Database, *, now: datetime = NOW, limit: int = 200) -> int:
    return await intake.handle_waiting(database, log=LOG, now=now, limit=limit)


async def inbound(database: Database) -> Sequence[Inbound]:
    async with database.read() as session:
        return (await session.scalars(select(Inbound).order_by(col(Inbound.id)))).all()


async def replies(database: Database) -> Sequence[Reply]:
    async with database.read() as session:
        return (await session.scalars(select(Reply))).all()


EVENTS = [
    receipt("m"),
    receipt("m", state=ReceiptState.FAILED, reason=Reason.OPTED_OUT, code="21610"),
    receipt("m", hung_up=True, attempt=2),
    reply(),
    reply(medium=Medium.VOICE, body="", keys="2", in_reply_to="m"),
    reply(media=3),
]


@pytest.mark.parametrize("event", EVENTS)
async def test_an_event_comes_back_as_it_went_in(database: Database, event: base.Event) -> None:
    await store(database, event)
    [row] = await inbound(database)
    again = arrivals.unpacked(row.kind, row.event)
    for name in event.__dataclass_fields__.keys() - {"raw"}:
        assert getattr(again, name) == getattr(event, name)
    assert row.raw == dict(event.raw)
    assert row.handled_at is None


async def test_a_doubled_event_is_stored_once(database: Database) -> None:
    await store(database, reply(), reply())
    await store(database, reply(body="changed by somebody"))
    await store(database, reply(), channel="another")
    rows = await inbound(database)
    assert [(row.channel, row.event["body"]) for row in rows] == [("twilio-sms", "hello"), ("another", "hello")]
    assert await handle(database) == 2
    await store(database, reply())
    assert await handle(database) == 0
    assert len(await replies(database)) == 2


async def test_nothing_is_stored_of_nothing(sqlite_database: Database) -> None:
    await store(sqlite_database)
    assert await inbound(sqlite_database) == []


async def test_two_workers_handle_each_event_once(database: Database) -> None:
    await store(database, *[reply(f"SM{n}", sender=f"+4477009001{n:02d}") for n in range(20)])
    await asyncio.gather(handle(database), handle(database), handle(database))
    while any(row.handled_at is None for row in await inbound(database)):
        await handle(database, now=NOW + timedelta(minutes=1))
    assert len(await replies(database)) == 20
    assert {row.outcome for row in await inbound(database)} == {"reply"}


async def test_a_receipt_before_its_message_is_tried_again(database: Database) -> None:
    await store(database, receipt("early"))
    assert await handle(database) == 1
    [row] = await inbound(database)
    assert (row.handled_at, row.tries) == (None, 1)
    assert await handle(database) == 0, "not before it is due"
    sender = await school.sender(database)
    message_id = await school.message(database, sender, now=NOW, state=MessageState.SENDING)
    async with database.write() as session:
        stored = await session.get_one(Inbound, row.id)
        stored.event = {**stored.event, "message_id": message_id}  # the commit that it outran
    later = NOW + timedelta(seconds=5)
    assert await handle(database, now=later) == 1
    [row] = await inbound(database)
    assert (row.outcome, row.handled_at) == ("changed", later)
    async with database.read() as session:
        assert (await session.get_one(Message, message_id)).state is MessageState.DELIVERED


async def test_a_receipt_of_nobodys_is_kept_as_an_orphan(sqlite_database: Database) -> None:
    await store(sqlite_database, receipt("nobody's"))
    now, looks = NOW, 0
    while now < NOW + timedelta(minutes=7):
        looks += await handle(sqlite_database, now=now)
        now += timedelta(seconds=1)
    [row] = await inbound(sqlite_database)
    assert row.outcome == "orphan"
    assert row.handled_at is not None
    assert row.handled_at - NOW >= intake.PATIENCE
    assert looks < 20, "more and more rarely"


async def test_an_event_that_cannot_be_read_does_not_hold_up_the_others(database: Database) -> None:
    await store(database, reply("SM1"), reply("SM2"), reply("SM3"))
    async with database.write() as session:
        first = (await session.scalars(select(Inbound).order_by(col(Inbound.id)).limit(1))).one()
        first.event = {"at": "yesterday"}
    assert await handle(database) == 3
    assert [row.outcome for row in await inbound(database)] == ["", "reply", "reply"]
    now = NOW
    for _ in range(20):
        now += timedelta(minutes=1)
        await handle(database, now=now)
    [broken, *_] = await inbound(database)
    assert broken.outcome == "failed: ValueError"
    assert broken.handled_at is not None
    assert broken.tries == 5
    assert len(await replies(database)) == 2, "nothing half done is left of it"
    async with database.read() as session:
        [task] = await tasks.listed(session)
    assert (task.kind, task.urgent, "nobody has seen it" in task.what) == ("unread", True, True)
    assert task.loud_at is not None, "it may say that a child is missing"


async def test_a_crowd_is_taken_in_portions(sqlite_database: Database) -> None:
    await store(sqlite_database, *[reply(f"SM{n}") for n in range(25)])
    assert [await handle(sqlite_database, limit=10) for _ in range(4)] == [10, 10, 5, 0]

"""What we send as, kept in step with the settings."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlmodel import col, select
from support import school
from support.desk import LOG, NOW

from channels.base import Medium, Outcome, Reason, SendResult
from gateway import audit, errors, outbox, retry, senders
from gateway.database import Database
from gateway.models import Message, MessageState, Sender

FIRST = senders.Wanted("twilio-sms", Medium.SMS, "+447700900901", 1, 1)
SECOND = senders.Wanted("twilio-sms", Medium.SMS, "+447700900902", 2, 4)
MAIL = senders.Wanted("smtp", Medium.EMAIL, "office@oakfield.example", 10, 1)


async def sync(database: Database, *wanted: senders.Wanted) -> dict[str, Sender]:
    async with database.write() as session:
        await senders.sync(session, wanted, log=LOG, now=NOW)
    async with database.read() as session:
        return {row.address: row for row in await session.scalars(select(Sender))}


async def test_the_table_says_what_the_settings_say(database: Database) -> None:
    await sync(database, FIRST, MAIL)
    found = await sync(database, SECOND, MAIL)
    assert {address: (row.active, row.rate, row.burst) for address, row in found.items()} == {
        FIRST.address: (False, 1, 1),
        SECOND.address: (True, 2, 4),
        MAIL.address: (True, 10, 1),
    }
    again = await sync(database, FIRST, SECOND, MAIL)
    assert all(row.active for row in again.values())
    assert again[FIRST.address].id == found[FIRST.address].id


async def test_nothing_changed_writes_no_line(sqlite_database: Database) -> None:
    for _ in range(2):
        await sync(sqlite_database, FIRST, MAIL)
    async with sqlite_database.read() as session:
        assert len(await audit.lines_about(session, action="sender.set")) == 2


async def test_what_waits_for_a_sender_that_is_gone_is_handed_over(database: Database) -> None:
    old = (await sync(database, FIRST, MAIL))[FIRST.address].id
    assert old is not None
    states = [MessageState.QUEUED, MessageState.HELD, MessageState.DELIVERED]
    for state in states:
        await school.message(database, old, now=NOW, state=state)
    new = (await sync(database, SECOND, MAIL))[SECOND.address].id
    async with database.read() as session:
        rows = list(await session.scalars(select(Message).order_by(col(Message.id))))
        [line] = await audit.lines_about(session, action="sender.handed_over")
    assert [row.sender_id for row in rows] == [new, new, old]
    assert (line.subject, line.body) == (f"sender:{old}", '{"messages":2}')


async def test_it_is_handed_to_its_own_provider_before_another(database: Database) -> None:
    """Whose list tells whether it went out; and what it costs stays what was reckoned."""
    notify = senders.Wanted("notify-sms", Medium.SMS, "Oakfield", 1, 1)
    old = (await sync(database, notify, FIRST))[FIRST.address].id
    assert old is not None
    message_id = await school.message(database, old, now=NOW)
    new = (await sync(database, notify, SECOND))[SECOND.address].id
    async with database.read() as session:
        assert (await session.get_one(Message, message_id)).sender_id == new


async def test_what_an_older_worker_puts_back_for_a_sender_that_is_gone_goes_by_another(database: Database) -> None:
    """The new settings were read while it was on the wire: nobody claimed it until the next start of a gateway."""
    old = (await sync(database, FIRST, MAIL))[FIRST.address].id
    assert old is not None
    message_id = await school.message(database, old, now=NOW, state=MessageState.SENDING, attempt=1)
    new = (await sync(database, SECOND, MAIL))[SECOND.address].id
    async with database.write() as session:
        row = {"id": message_id, "attempt": 1, "sender_id": old, "medium": Medium.SMS, "address": "+447700900123"}
        refused = SendResult(Outcome.RETRY, reason=Reason.TEMPORARY)
        await outbox.settle(session, [outbox.Sent(row, refused)], policy=retry.Policy(), log=LOG, now=NOW)
        await senders.hand_over(session, log=LOG, now=NOW)
    async with database.read() as session:
        message = await session.get_one(Message, message_id)
    assert (message.state, message.sender_id) == (MessageState.QUEUED, new)


async def test_without_another_of_its_medium_it_waits(sqlite_database: Database) -> None:
    old = (await sync(sqlite_database, FIRST))[FIRST.address].id
    assert old is not None
    message_id = await school.message(sqlite_database, old, now=NOW)
    await sync(sqlite_database, MAIL)
    async with sqlite_database.read() as session:
        assert (await session.get_one(Message, message_id)).sender_id == old


async def test_a_hold_by_hand_opens_nothing_that_a_restore_has_closed(database: Database) -> None:
    sender_id = (await sync(database, FIRST))[FIRST.address].id
    assert sender_id is not None
    async with database.write() as session:
        row = await session.get_one(Sender, sender_id)
        row.held_until, row.held_because = NOW + timedelta(days=3650), senders.CLOSED
    async with database.write() as session:
        held = {"until": NOW + timedelta(hours=1), "because": "Snow.", "code": "", "by": "Mrs Okafor"}
        await senders.hold(session, sender_id, **held, log=LOG, now=NOW)
    async with database.write() as session:
        assert senders.is_closed(await session.get_one(Sender, sender_id))
        with pytest.raises(errors.Conflict):
            await senders.release(session, sender_id, actor="Mrs Okafor", log=LOG, now=NOW)


async def test_a_shorter_hold_by_another_leaves_whose_it_is(sqlite_database: Database) -> None:
    sender_id = (await sync(sqlite_database, FIRST))[FIRST.address].id
    assert sender_id is not None
    async with sqlite_database.write() as session:
        for hours, by in ((24, "Mrs Okafor"), (1, "Mr Reilly")):
            held = {"until": NOW + timedelta(hours=hours), "because": f"{by} says so.", "code": "", "by": by}
            await senders.hold(session, sender_id, **held, log=LOG, now=NOW)
    async with sqlite_database.read() as session:
        row = await session.get_one(Sender, sender_id)
    assert (row.held_until, row.held_by) == (NOW + timedelta(hours=24), "Mrs Okafor")


async def test_a_hold_is_ended_by_hand_once(sqlite_database: Database) -> None:
    sender_id = (await sync(sqlite_database, FIRST))[FIRST.address].id
    assert sender_id is not None
    async with sqlite_database.write() as session:
        row = await session.get_one(Sender, sender_id)
        row.held_until, row.held_because = NOW + timedelta(hours=1), "Too fast."
    for ended in (True, False):
        async with sqlite_database.write() as session:
            assert await senders.release(session, sender_id, actor="office", log=LOG, now=NOW) is ended
    async with sqlite_database.write() as session:
        assert not await senders.release(session, 999, actor="office", log=LOG, now=NOW)

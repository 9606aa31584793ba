"""Workers that read the same receipts, and settle calls to the same phones, never deadlock; where somebody does all the
same, both come through.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import datetime
from functools import partial

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlmodel import col
from support import absences, desk, lanes, school
from support.desk import LOG, NOW
from support.waiting import PATIENCE

from channels.base import (
    FindResult,
    Found,
    Medium,
    Outcome,
    Outgoing,
    Reason,
    Receipt,
    ReceiptState,
    Reply,
    SendResult,
)
from gateway import intake, outbox, retry, sweeping, turns
from gateway.absence import listening
from gateway.database import Database
from gateway.models import Attempt, CaseState, Conversation, Inbound, Message, MessageState, Sender
from gateway.understanding import library

WORKERS = 4
ROUNDS = 6


async def deadlocks(database: Database) -> int:
    """How many the server has counted in this database."""
    async with database.write() as session:
        await session.execute(sa.text("SELECT pg_stat_force_next_flush()"))
    async with database.read() as session:
        query = sa.text("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        return int(await session.scalar(query) or 0)


async def phones(database: Database, count: int) -> list[str]:
    """Phones that belong to three people each, whose rows lie in the table in no order."""
    numbers = [school.number() for _ in range(count)]
    owners = [(number, owner) for owner in range(3) for number in numbers]
    random.Random(1).shuffle(owners)
    for number, _ in owners:
        await school.point(database, await school.contact(database), number)
    return numbers


async def sent(database: Database, numbers: Sequence[str], *, state: MessageState) -> list[str]:
    """A message to each phone, that has been tried once."""
    sender = await school.sender(database)
    rows = [
        Message(
            id=school.ids.new_id(), sender_id=sender, medium=Medium.SMS, address=number, slot=school.ids.new_id(),
            purpose=school.Purpose.SERVICE, body="Oakfield: hello", state=state, due_at=NOW, created_at=NOW,
            changed_at=NOW, attempt=1,
        )
        for number in numbers
    ]  # fmt: skip
    await school.add(database, *rows)
    await school.add(database, *[Attempt(message_id=row.id, number=1, worker="w", begun_at=NOW) for row in rows])
    return [row.id for row in rows]


async def read_everything(database: Database) -> None:
    while await intake.handle_waiting(database, log=LOG, now=NOW, limit=25):
        pass


async def test_workers_that_read_receipts_of_shared_phones_do_not_deadlock(shared: Database) -> None:
    dice = random.Random(7)
    numbers = await phones(shared, 12)
    ids = await sent(shared, numbers * ROUNDS, state=MessageState.ACCEPTED)
    events: list[Receipt | Reply] = [
        Receipt(
            message_id=one, ref=f"SM{one}", state=state, event_id=f"{one}:{state}", at=NOW,
            reason=Reason.UNREACHABLE if state is ReceiptState.FAILED else None,
        )
        for number, one in enumerate(ids)
        for state in (ReceiptState.ACCEPTED, ReceiptState.FAILED if number % 2 else ReceiptState.DELIVERED)
    ]  # fmt: skip
    events += [
        Reply(medium=Medium.SMS, sender=number, to="+447700900999", body="ok", event_id=f"{n}{number}", at=NOW)
        for n in range(ROUNDS)
        for number in numbers
    ]
    dice.shuffle(events)
    async with shared.write() as session:
        await intake.store(session, "twilio-sms", events, now=NOW)
    async with AsyncExitStack() as stack, asyncio.TaskGroup() as group:
        for _ in range(WORKERS):
            worker = Database(str(shared.url.render_as_string(hide_password=False)))
            stack.push_async_callback(worker.close)
            group.create_task(read_everything(worker))
    async with shared.read() as session:
        handled = sa.select(Inbound.outcome, sa.func.count()).group_by(Inbound.outcome)
        outcomes = {row.outcome: row[1] for row in await session.execute(handled)}
    assert sum(outcomes.values()) == len(events)
    assert not [outcome for outcome in outcomes if not outcome or outcome.startswith("failed")], outcomes
    assert await deadlocks(shared) == 0


async def test_settling_and_reading_about_the_same_phones_do_not_deadlock(shared: Database) -> None:
    dice = random.Random(9)
    numbers = await phones(shared, 12)
    calls = await sent(shared, numbers * ROUNDS, state=MessageState.SENDING)
    delivered = await sent(shared, numbers * ROUNDS, state=MessageState.ACCEPTED)
    dice.shuffle(delivered)
    events = [
        Receipt(message_id=one, ref=f"SM{one}", state=ReceiptState.DELIVERED, event_id=one, at=NOW) for one in delivered
    ]
    async with shared.write() as session:
        await intake.store(session, "twilio-sms", events, now=NOW)

    async def settle(batch: Sequence[str]) -> None:
        async with shared.read() as session:
            rows = [dict((await session.get_one(Message, one)).model_dump()) for one in batch]
        result = SendResult(Outcome.REFUSED, reason=Reason.UNREACHABLE, code="30003")
        items = [outbox.Sent(row, result) for row in rows]
        async with shared.write() as session:
            await outbox.settle(session, items, policy=retry.Policy(), log=LOG, now=NOW)

    async with asyncio.TaskGroup() as group:
        for start in range(0, len(calls), 18):
            batch = calls[start : start + 18]
            dice.shuffle(batch)
            group.create_task(settle(batch))
        group.create_task(read_everything(shared))
    assert await deadlocks(shared) == 0


def taken(ids: Sequence[str]) -> list[outbox.Sent]:
    """The provider took all of these messages."""
    given = {"attempt": 1, "sender_id": 1, "medium": Medium.SMS}
    return [outbox.Sent({"id": one, **given}, SendResult(Outcome.ACCEPTED, ref=f"SM{one}")) for one in ids]


async def test_rows_that_point_to_a_message_are_written_while_it_is_settled(shared: Database) -> None:
    """An answer, an attempt, a plan's list of whom it is about: their key locks wait for nobody who settles."""
    [one] = await sent(shared, [school.number()], state=MessageState.SENDING)
    async with shared.writer.begin() as settling:
        accepted = await settling.run_sync(lambda connection: outbox.accept(connection, taken([one]), now=NOW))
        assert not accepted.others
        async with shared.write() as session:
            await session.execute(sa.text("SET LOCAL lock_timeout = '5s'"))
            session.add(Attempt(message_id=one, number=2, worker="w", begun_at=NOW))


async def expire(database: Database, *, within: str = "0") -> int:
    async with database.write() as session:
        await session.execute(sa.text(f"SET LOCAL lock_timeout = '{within}'"))
        return await outbox.expire_leases(session, policy=retry.Policy(), log=LOG, now=NOW)


async def leased(database: Database, count: int) -> list[str]:
    """Calls whose leases are over."""
    ids = await sent(database, [school.number() for _ in range(count)], state=MessageState.SENDING)
    async with database.write() as session:
        await session.execute(sa.update(Message).values(lease_until=NOW))
    return ids


async def test_leases_end_without_a_wait_for_whoever_settles_one(shared: Database) -> None:
    ids = await leased(shared, 5)
    async with shared.writer.begin() as settling:
        await settling.run_sync(lambda connection: outbox.accept(connection, taken(ids[2:3]), now=NOW))
        assert await expire(shared, within="5s") == 4
    assert await expire(shared) == 0
    async with shared.read() as session:
        states = {one: (await session.get_one(Message, one)).state for one in ids}
    assert states.pop(ids[2]) is MessageState.ACCEPTED
    assert set(states.values()) == {MessageState.UNKNOWN}


async def test_answers_are_heard_in_the_order_in_which_everybody_locks_conversations(shared: Database) -> None:
    """The later conversation's answer came first: whoever holds the earlier one may still take the later."""
    morning = await absences.Morning(shared).open()
    parents = [await morning.parent() for _ in range(2)]
    children = [await morning.child(name, parent) for name, parent in zip(("Ana", "Ben"), parents, strict=True)]
    conversations = [Conversation(medium=Medium.SMS, address=one.number, last_at=NOW) for one in parents]
    await school.add(shared, *conversations)
    await morning.mark_all(*children, code="N")
    await morning.at("09:30")
    await morning.deliver()
    first, second = [row.id for row in conversations]
    events = [
        Reply(medium=Medium.SMS, sender=one.number, to="", body="she is ill", event_id=one.number, at=morning.clock.now)
        for one in reversed(parents)
    ]
    for event in events:
        async with shared.write() as session:
            await intake.store(session, "twilio-sms", [event], now=morning.clock.now)
        await intake.handle_waiting(shared, log=LOG, now=morning.clock.now)
    morning.understanding = listening.by_words(library.load())
    async with shared.write() as session:
        await session.execute(sa.select(Conversation).where(col(Conversation.id) == first).with_for_update())
        hearing = asyncio.create_task(morning.turn())
        await waits_for_a_lock(shared)
        await session.execute(sa.select(Conversation).where(col(Conversation.id) == second).with_for_update())
    await hearing
    assert await deadlocks(shared) == 0
    assert await morning.states(*children) == [CaseState.TO_CONFIRM] * 2


async def waits_for_a_lock(database: Database) -> None:
    """Wait until somebody in this database waits for a row of somebody else's."""
    query = sa.text("SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid) "
                    "WHERE NOT granted AND datname = current_database()")  # fmt: skip
    async with asyncio.timeout(PATIENCE):
        while True:
            async with database.read() as session:
                if await session.scalar(query):
                    return
            await asyncio.sleep(0.01)


class Listed(lanes.Wire):
    """A provider in whose list everything is."""

    async def find(self, message: Outgoing, since: datetime) -> FindResult:
        return FindResult(Found.HERE, (f"ref-{message.id}",))


async def test_a_doubt_whose_decision_collided_is_decided_all_the_same(shared: Database) -> None:
    """Somebody holds its message, and then wants the lane that the sweep holds: PostgreSQL ends who waited first."""
    [one] = await sent(shared, [school.number()], state=MessageState.UNKNOWN)
    async with shared.write() as session:
        values = {"lease_until": NOW}
        await session.execute(sa.update(Message).where(col(Message.id) == one).values(values))
        sender_id = await session.scalar(sa.select(col(Message.sender_id)))
    gateway = desk.gateway(shared, channels={"twilio-sms": Listed()})
    sweep = sweeping.sweep(gateway, outgoing=lanes.build, stopping=asyncio.Event(), turned=lambda: None)
    async with shared.write() as session:
        await session.execute(sa.select(Message).where(col(Message.id) == one).with_for_update())
        looking = asyncio.create_task(sweep)
        await waits_for_a_lock(shared)
        await session.execute(sa.select(Sender).where(col(Sender.id) == sender_id).with_for_update())
    assert await looking == 1
    assert await deadlocks(shared) == 1
    async with shared.read() as session:
        assert (await session.get_one(Message, one)).state is MessageState.ACCEPTED


@pytest.mark.parametrize("said", [ReceiptState.DELIVERED, ReceiptState.FAILED])
@pytest.mark.parametrize("pause", [0.5, 1.5], ids=["the reader is ended", "the lane is ended"])
async def test_a_lane_and_a_reader_of_receipts_carry_each_other_through_a_deadlock(
    shared: Database, said: ReceiptState, pause: float
) -> None:
    """All who lock messages keep one order; this lane does not. Who has waited a second looks for a deadlock, and is
    the one that PostgreSQL ends.
    """
    first, second = sorted(await sent(shared, [school.number(), school.number()], state=MessageState.SENDING))
    reason = Reason.UNREACHABLE if said is ReceiptState.FAILED else None
    events = [Receipt(one, f"SM{one}", said, f"{one}:{said}", NOW, reason=reason) for one in (first, second)]
    async with shared.write() as session:
        await intake.store(session, "twilio-sms", events, now=NOW)
    async with shared.read() as session:
        rows = {one: (await session.get_one(Message, one)).model_dump() for one in (first, second)}
    calls = {one: [outbox.Sent(rows[one], SendResult(Outcome.ACCEPTED, ref=f"SM{one}"))] for one in rows}
    holding, tries = asyncio.Event(), list[int]()
    waiting = sa.text("SELECT count(*) FROM pg_locks WHERE NOT granted")

    def turn(connection: Connection) -> None:
        tries.append(1)
        outbox.accept(connection, calls[second], now=NOW)
        holding.set()
        if len(tries) == 1:
            while not connection.scalar(waiting):  # the reader has the first, and waits for the second
                connection.execute(sa.select(sa.func.pg_sleep(0.01)))
            connection.execute(sa.select(sa.func.pg_sleep(pause)))
        outbox.accept(connection, calls[first], now=NOW)

    async with asyncio.TaskGroup() as group:
        group.create_task(turns.again(partial(shared.at_once, turn)))
        await holding.wait()
        group.create_task(read_everything(shared))
    assert await deadlocks(shared) >= 1  # on a busy machine whoever was ended may meet the other once more
    assert len(tries) >= (2 if pause > 1 else 1)
    async with shared.read() as session:
        states = [(await session.get_one(Message, one)).state for one in (first, second)]
        outcomes = set(await session.scalars(sa.select(col(Inbound.outcome))))
    assert (states, outcomes) == ([MessageState(said.value)] * 2, {"changed"})

"""Workers that read the same receipts, and settle calls to the same phones, never deadlock."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from contextlib import AsyncExitStack

import sqlalchemy as sa
from support import school
from support.desk import LOG, NOW

from channels.base import Medium, Outcome, Reason, Receipt, ReceiptState, Reply, SendResult
from gateway import intake, outbox, retry
from gateway.database import Database
from gateway.models import Attempt, Inbound, Message, MessageState

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

"""One call to a phone at a time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from support import desk, school

from channels.base import Medium
from gateway.database import Database
from gateway.models import Message, MessageState
from gateway.outbox import engaged

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
PHONE, OTHER = "+447700900311", "+447700900312"


async def taken(database: Database, sender: int, *, after: timedelta = timedelta(0)) -> list[str]:
    claim = await desk.claim(database, sender, now=NOW + after)
    return [row["id"] for row in claim.messages]


async def call(database: Database, sender: int, number: str, **fields: object) -> str:
    return await school.message(database, sender, now=NOW, number=number, medium=Medium.VOICE, **fields)


async def become(database: Database, message_id: str, state: MessageState, at: datetime) -> None:
    async with database.write() as session:
        values = {"state": state, "changed_at": at}
        await session.execute(sa.update(Message).where(Message.id == message_id).values(values))


async def test_of_two_calls_that_are_due_the_more_urgent_rings_and_the_other_waits(database: Database) -> None:
    sender = await school.sender(database, medium=Medium.VOICE, rate=100, burst=100)
    plain = await call(database, sender, PHONE, priority=2)
    urgent = await call(database, sender, PHONE, priority=0)
    elsewhere = await call(database, sender, OTHER, priority=2)
    assert set(await taken(database, sender)) == {urgent, elsewhere}
    assert await taken(database, sender, after=engaged.AGAIN_IN) == []  # it rings still
    await become(database, urgent, MessageState.DELIVERED, NOW + engaged.AGAIN_IN)
    assert await taken(database, sender, after=2 * engaged.AGAIN_IN) == [plain]


@pytest.mark.parametrize(
    ("state", "longest"),
    [
        (MessageState.SENDING, None),
        (MessageState.ACCEPTED, engaged.LONGEST_CALL),
        (MessageState.UNKNOWN, engaged.LONGEST_DOUBT),
    ],
)
async def test_a_call_that_may_be_ringing_is_waited_for_but_not_for_ever(
    database: Database, state: MessageState, longest: timedelta | None
) -> None:
    sender = await school.sender(database, medium=Medium.VOICE, rate=100, burst=100)
    first = await call(database, sender, PHONE)
    assert await taken(database, sender) == [first]
    await become(database, first, state, NOW)
    second = await call(database, sender, PHONE)
    limit = longest or timedelta(hours=1)  # a lease ends by itself
    assert await taken(database, sender, after=limit - timedelta(seconds=1)) == []
    assert await taken(database, sender, after=limit + engaged.AGAIN_IN) == ([second] if longest else [])


@pytest.mark.parametrize("state", [MessageState.FAILED, MessageState.DELIVERED, MessageState.QUEUED])
async def test_a_call_that_is_over_or_has_not_begun_keeps_nobody_waiting(
    database: Database, state: MessageState
) -> None:
    sender = await school.sender(database, medium=Medium.VOICE, rate=100, burst=100)
    await call(database, sender, PHONE, state=state, due=NOW + timedelta(days=1))
    second = await call(database, sender, PHONE)
    assert await taken(database, sender) == [second]


async def test_texts_keep_no_phone_engaged(database: Database) -> None:
    sender = await school.sender(database, rate=100, burst=100)
    caller = await school.sender(database, medium=Medium.VOICE, rate=100, burst=100)
    texts = [await school.message(database, sender, now=NOW, number=number) for number in (PHONE, OTHER)]
    assert set(await taken(database, sender)) == set(texts)
    ringing = await call(database, caller, PHONE)
    assert await taken(database, caller) == [ringing]

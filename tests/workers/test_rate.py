"""The rate of a number holds for all workers together, counted where the messages arrive."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path

import sqlalchemy as sa
from support import lanes, school
from support.sink import Sink
from support.workers import worker

from gateway.database import Database
from gateway.models import Attempt, Message, MessageState

RATE, BURST = 40, 10
#: What the way to the sink adds: a message may be late and the next one in time, and then both fall into one second.
LATE = 0.1


async def test_four_workers_send_no_faster_than_one_may(shared: Database, shared_url: str, tmp_path: Path) -> None:
    """Their own clocks are minutes apart: they go by the database's."""
    sender = await school.sender(shared, rate=RATE, burst=BURST)
    async with Sink.listening() as sink, AsyncExitStack() as stack:
        for number, ahead in enumerate((0, 300, -300, 4)):
            log = tmp_path / f"worker-{number}"
            options = ("--ahead", str(ahead), "--name", f"w{number}")
            await stack.enter_async_context(worker(shared_url, sink, log, *options))
        ids = await lanes.queue(shared, sender, count=RATE * 6)
        await lanes.until(lambda: len(sink.ids) >= len(ids), seconds=90)
        took = max(sink.times) - min(sink.times)
    assert sorted(sink.ids) == sorted(ids), "each once"
    assert sink.worst_second() <= RATE + BURST + RATE * LATE
    async with shared.read() as session:
        workers = set(await session.scalars(sa.select(Attempt.worker)))
    assert len(workers) >= 3, "or this shows nothing of several"
    assert took <= 2 * len(ids) / RATE, "nor are they kept back for long"


async def test_a_text_of_several_parts_pays_for_each(shared: Database, shared_url: str, tmp_path: Path) -> None:
    sender = await school.sender(shared, rate=30, burst=6)
    async with Sink.listening() as sink, AsyncExitStack() as stack:
        for number in range(2):
            await stack.enter_async_context(worker(shared_url, sink, tmp_path / f"worker-{number}"))
        ids = await lanes.queue(shared, sender, count=50, parts=3)
        await lanes.until(lambda: len(sink.ids) >= len(ids), seconds=60)
    assert 3 * sink.worst_second() <= 30 + 6 + 30 * LATE
    async with shared.read() as session:
        states = set(await session.scalars(sa.select(Message.state)))
    assert states == {MessageState.ACCEPTED}

"""The rate of a number holds for all workers together, counted where the messages arrive.

A busy machine makes messages late by any time, so a second's arrivals prove nothing. What is paid for stands in the
claims, by the one clock of the database, and no message arrives before it was paid for.
"""

from __future__ import annotations

import json
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import sqlalchemy as sa
from support import lanes, school
from support.sink import Sink
from support.waiting import until
from support.workers import worker

from gateway import context
from gateway.database import Database
from gateway.models import Attempt, Audit, Message, MessageState
from gateway.models.types import core

RATE, BURST = 40, 10
WRONG = timedelta(seconds=2)  #: by so much two looks at the database's clock may differ on a busy machine


async def claims(database: Database) -> list[tuple[datetime, list[str]]]:
    """Every claim, in the order in which the lane's lock let them be made: when, and which messages."""
    line = core(Audit).c
    query = sa.select(line.at, line.body).where(line.action == "outbox.claimed").order_by(line.id)
    async with database.read() as session:
        return [(at, json.loads(body)["messages"]) for at, body in await session.execute(query)]


async def keeps(database: Database, sink: Sink, *, began: datetime, rate: int, burst: int, parts: int = 1) -> None:
    """Assert that between any two claims no more was taken than the rate gives, and each message was paid for first."""
    made = await claims(database)
    for first, (since, _) in enumerate(made):
        taken = 0
        for at, messages in made[first:]:
            taken += parts * len(messages)
            assert taken <= burst + rate * (at - since).total_seconds() + 0.001
    paid = {one: at for at, messages in made for one in messages}
    for one, arrived in zip(sink.ids, sink.times, strict=True):
        assert began - WRONG <= paid[one] <= arrived + WRONG, "they go by one clock, the database's"
    for number, arrived in enumerate(sorted(sink.times), 1):
        since = (arrived - made[0][0] + WRONG).total_seconds()
        assert parts * number <= burst + rate * since, "they arrive no faster than they are paid for"


async def test_four_workers_send_no_faster_than_one_may(shared: Database, shared_url: str, tmp_path: Path) -> None:
    """Their own clocks are minutes apart: they go by the database's."""
    sender = await school.sender(shared, rate=RATE, burst=BURST)
    began = context.utc_now()
    async with Sink.listening() as sink, AsyncExitStack() as stack:
        for number, ahead in enumerate((0, 300, -300, 4)):
            log = tmp_path / f"worker-{number}"
            options = ("--ahead", str(ahead), "--name", f"w{number}")
            await stack.enter_async_context(worker(shared_url, sink, log, *options))
        ids = await lanes.queue(shared, sender, count=RATE * 4)
        await until(lambda: len(sink.ids) >= RATE * 4)
        while await took_part(shared) < 3:  # or this shows nothing of several
            ids += await lanes.queue(shared, sender, count=1)
            await until(partial(set(ids).issubset, sink.ids))
    assert sorted(sink.ids) == sorted(ids), "each once"
    await keeps(shared, sink, began=began, rate=RATE, burst=BURST)


async def took_part(database: Database) -> int:
    async with database.read() as session:
        return len(set(await session.scalars(sa.select(Attempt.worker))))


async def test_a_text_of_several_parts_pays_for_each(shared: Database, shared_url: str, tmp_path: Path) -> None:
    sender = await school.sender(shared, rate=30, burst=6)
    began = context.utc_now()
    async with Sink.listening() as sink, AsyncExitStack() as stack:
        for number in range(2):
            await stack.enter_async_context(worker(shared_url, sink, tmp_path / f"worker-{number}"))
        ids = await lanes.queue(shared, sender, count=40, parts=3)
        await until(lambda: len(sink.ids) >= len(ids))
    await keeps(shared, sink, began=began, rate=30, burst=6, parts=3)
    async with shared.read() as session:
        states = set(await session.scalars(sa.select(Message.state)))
    assert states == {MessageState.ACCEPTED}

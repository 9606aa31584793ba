"""Handbell on the same job: texts are committed to the outbox, claimed, sent by the Twilio channel and settled."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from functools import partial

import sqlalchemy as sa

from bench import growth, texts
from bench.peers.contract import Peer
from channels.base import Outgoing
from gateway import outgoing, retry, sender
from gateway.metrics import Metrics
from gateway.models import Message, MessageState
from gateway.models.types import core

SQLITE, POSTGRESQL = "Handbell, SQLite", "Handbell, PostgreSQL"
DOES = (
    "texts are queued in bulk; before each leaves it is asked whether its person is barred, has opted out or is gone; "
    "a rate for each number, doubts told from failures, every deed in an audit log; every commit on the disk"
)
_PEOPLE = 1_000


@contextlib.asynccontextmanager
async def peer(sink: str, database_url: str) -> AsyncIterator[Peer]:
    """A lane at work in this process, which does nothing else meanwhile."""
    async with growth.shelf(database_url, 1, families=_PEOPLE) as shelf, texts.channel(sink) as wire:
        gateway = shelf.gateway()
        lane = sender.Lane(
            shelf.sender_id,
            wire,
            database=shelf.database,
            log=gateway.log,
            rules=sender.Rules(texts.CONCURRENCY, 8, timedelta(seconds=60), 1.0, retry.Policy(), gateway.timezone),
            metrics=Metrics(),
            outgoing=partial(_outgoing, sink),
            worker="bench",
            now=lambda: datetime.now(UTC),
        )
        working = asyncio.create_task(lane.run())

        async def send(count: int) -> None:
            sending = asyncio.create_task(growth.queue(shelf, count))
            sending.add_done_callback(lambda _: lane.wake())
            await sending
            await _all_accepted(shelf, working)

        try:
            yield Peer(send, [os.getpid()])
        finally:
            lane.stop()
            await working


def _outgoing(sink: str, row: outgoing.Row) -> Outgoing:
    return outgoing.build(row, callback_url=sink, unsubscribe_url=str, now=datetime.now(UTC))


async def _all_accepted(shelf: growth.Shelf, working: asyncio.Task[None]) -> None:
    t = core(Message).c
    left = sa.select(t.id).where(t.state.in_([MessageState.QUEUED, MessageState.SENDING])).limit(1)
    while not working.done():
        async with shelf.database.read() as session:
            if (await session.execute(left)).first() is None:
                return
        await asyncio.sleep(0.02)
    working.result()

"""Many workers that come and go in order, and that lose their database: each message goes out once."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

import asyncpg
import sqlalchemy as sa
from support import lanes, school
from support.sink import Sink
from support.waiting import PATIENCE, until
from support.workers import worker

from gateway.database import Database
from gateway.models import Message, MessageState

S = MessageState


async def states(database: Database) -> dict[str, int]:
    async with database.read() as session:
        query = sa.select(Message.state, sa.func.count()).group_by(Message.state)
        return {state.value: count for state, count in await session.execute(query)}


def more_than(sink: Sink, count: int) -> bool:
    return len(sink.ids) > min(count, 500)


async def settled(database: Database, count: int) -> None:
    async with asyncio.timeout(PATIENCE):
        while await states(database) != {"accepted": count}:
            await asyncio.sleep(0.1)


async def test_workers_that_are_stopped_and_started_while_they_send(
    shared: Database, shared_url: str, tmp_path: Path
) -> None:
    sender = await school.sender(shared, rate=60, burst=20)
    ids = await lanes.queue(shared, sender, count=600)
    async with Sink.listening() as sink, AsyncExitStack() as stack:
        await stack.enter_async_context(worker(shared_url, sink, tmp_path / "stays", "--name", "stays"))
        for round_ in range(2):
            async with AsyncExitStack() as come_and_go:
                for number in range(2):
                    log = tmp_path / f"{round_}-{number}"
                    await come_and_go.enter_async_context(worker(shared_url, sink, log, "--name", log.name))
                before = len(sink.ids)
                await until(partial(more_than, sink, before + 20))
            # They were told to stop in the middle of it, and ended with 0: nothing of theirs is left open.
            async with shared.read() as session:
                query = sa.text(
                    "SELECT count(*) FROM message JOIN attempt ON message_id = message.id AND number = attempt "
                    "WHERE state = 'sending' AND worker <> 'stays'"
                )
                assert await session.scalar(query) == 0
        await until(lambda: len(sink.ids) >= len(ids))
        await settled(shared, len(ids))
    assert sorted(sink.ids) == sorted(ids)


async def test_workers_whose_connections_are_cut_again_and_again(
    shared: Database, shared_url: str, tmp_path: Path
) -> None:
    sender = await school.sender(shared, rate=100, burst=50)
    ids = await lanes.queue(shared, sender, count=600)
    admin = shared.url.set(drivername="postgresql", database="postgres").render_as_string(hide_password=False)
    async with (
        Sink.listening() as sink,
        worker(shared_url, sink, tmp_path / "one", "--name", "one"),
        worker(shared_url, sink, tmp_path / "two", "--name", "two"),
    ):
        cutter = await asyncpg.connect(admin)
        try:
            for _ in range(4):
                before = len(sink.ids)
                await until(partial(more_than, sink, before + 40))
                cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1"
                await cutter.execute(cut, shared.url.database)
        finally:
            await cutter.close()
        await until(lambda: len(sink.ids) >= len(ids))
        await settled(shared, len(ids))
    assert sorted(sink.ids) == sorted(ids), "what was on the wire as the line was cut is settled, and not sent again"

"""Handbell on the same job: texts are committed to the outbox, claimed, sent by the Twilio channel and settled."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import gc
import os
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from bench import growth, texts
from bench.peers import processes
from bench.peers.contract import Peer
from channels.base import Channel, Outgoing
from gateway import bell, outgoing, retry, sender, wiring
from gateway.database import Database
from gateway.metrics import Metrics

SQLITE, POSTGRESQL, TWO_WORKERS = "Handbell, SQLite", "Handbell, PostgreSQL", "Handbell, PostgreSQL, two workers"
SIDES = (SQLITE, POSTGRESQL, TWO_WORKERS)
DOES = (
    "texts are queued in bulk; before each leaves it is asked whether its person is barred, has opted out or is gone; "
    "a rate for each number, doubts told from failures, every deed in an audit log; every commit on the disk"
)
_PEOPLE = 1_000


@contextlib.asynccontextmanager
async def peer(sink: str, database_url: str, folder: Path, *, workers: int = 1) -> AsyncIterator[Peer]:
    """A lane at work in processes of its own, so that its memory and its processor time are its own too."""
    command = [sys.executable, "-m", "bench.peers.ours", sink, database_url]
    async with contextlib.AsyncExitStack() as stack:
        first = await stack.enter_async_context(processes.loop(command, folder=folder))
        await first.send(0)  # its tables are there
        others = [
            await stack.enter_async_context(processes.loop([*command, "worker"], folder=folder))
            for _ in range(workers - 1)
        ]
        yield dataclasses.replace(first, pids=[pid for one in (first, *others) for pid in one.pids])


async def main(sink: str, database_url: str) -> None:
    """Send as many as each line of the standard input says."""
    lines = await _lines()
    with contextlib.redirect_stdout(sys.stderr):  # the standard output is for one word alone
        async with growth.shelf(database_url, 1, families=_PEOPLE) as shelf, texts.channel(sink) as wire:
            lane = _lane(shelf, wire, sink)

            async def planned() -> None:
                lane.wake()
                async with shelf.database.write() as session:
                    await bell.ring(session)

            working = asyncio.create_task(lane.run())
            while line := await lines.readline():
                run_id = await growth.queue(shelf, int(line), planned=planned)
                await growth.through(shelf.database, run_id, working)
                print("done", file=sys.__stdout__, flush=True)
            lane.stop()
            await working


async def worker(sink: str, database_url: str) -> None:
    """Work on the same lane until the standard input ends, as ``handbell-worker@2.service`` does."""
    lines = await _lines()
    async with contextlib.AsyncExitStack() as stack:
        database = Database(database_url)
        stack.push_async_callback(database.close)
        wire = await stack.enter_async_context(texts.channel(sink))
        lane = _lane(growth.Shelf(1, database, sender_id=1), wire, sink)
        working = asyncio.create_task(lane.run())
        listening = asyncio.create_task(bell.Bell(database.url, {"": lane.wake}).listen())
        await lines.read()
        listening.cancel()
        lane.stop()
        await working


async def _lines() -> asyncio.StreamReader:
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    return lines


def _lane(shelf: growth.Shelf, wire: Channel, sink: str) -> sender.Lane:
    gateway = shelf.gateway()
    return sender.Lane(
        shelf.sender_id,
        wire,
        database=shelf.database,
        log=gateway.log,
        rules=sender.Rules(
            texts.CONCURRENCY, 8, timedelta(seconds=60), 1.0, retry.Policy(), gateway.timezone, texts.AHEAD
        ),
        metrics=Metrics(),
        outgoing=partial(_outgoing, sink),
        worker=f"bench {os.getpid()}",
        now=lambda: datetime.now(UTC),
    )


def _outgoing(sink: str, row: outgoing.Row) -> Outgoing:
    return outgoing.build(row, callback_url=sink, unsubscribe_url=str, now=datetime.now(UTC))


if __name__ == "__main__":
    import uvloop

    gc.collect()  # as the daemon does at its start
    gc.freeze()
    gc.set_threshold(*wiring.COLLECTED)
    sink_url, database, *role = sys.argv[1:]
    uvloop.run(worker(sink_url, database) if role else main(sink_url, database))

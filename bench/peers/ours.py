"""Handbell on the same job: texts are committed to the outbox, claimed, sent by the Twilio channel and settled."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from bench import growth, texts
from bench.peers import processes
from bench.peers.contract import Peer
from channels.base import Channel, Outgoing
from gateway import outgoing, retry, sender, wiring
from gateway.metrics import Metrics

SQLITE, POSTGRESQL = "Handbell, SQLite", "Handbell, PostgreSQL"
DOES = (
    "texts are queued in bulk; before each leaves it is asked whether its person is barred, has opted out or is gone; "
    "a rate for each number, doubts told from failures, every deed in an audit log; every commit on the disk"
)
_PEOPLE = 1_000


@contextlib.asynccontextmanager
async def peer(sink: str, database_url: str, folder: Path) -> AsyncIterator[Peer]:
    """A lane at work in a process of its own, so that its memory and its processor time are its own too."""
    async with processes.loop([sys.executable, "-m", "bench.peers.ours", sink, database_url], folder=folder) as one:
        yield one


async def main(sink: str, database_url: str) -> None:
    """Send as many as each line of the standard input says."""
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    with contextlib.redirect_stdout(sys.stderr):  # the standard output is for one word alone
        async with growth.shelf(database_url, 1, families=_PEOPLE) as shelf, texts.channel(sink) as wire:
            lane = _lane(shelf, wire, sink)
            working = asyncio.create_task(lane.run())
            while line := await lines.readline():
                run_id = await growth.queue(shelf, int(line), planned=lane.wake)
                await growth.through(shelf.database, run_id, working)
                print("done", file=sys.__stdout__, flush=True)
            lane.stop()
            await working


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
        worker="bench",
        now=lambda: datetime.now(UTC),
    )


def _outgoing(sink: str, row: outgoing.Row) -> Outgoing:
    return outgoing.build(row, callback_url=sink, unsubscribe_url=str, now=datetime.now(UTC))


if __name__ == "__main__":
    import uvloop

    gc.collect()  # as the daemon does at its start
    gc.freeze()
    gc.set_threshold(*wiring.COLLECTED)
    uvloop.run(main(*sys.argv[1:]))

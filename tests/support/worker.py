"""A worker in a process of its own: one lane for the only sender there is, its wire a sink, its clock as told.

    python -m support.worker URL PORT [--name old] [--lease 60] [--ahead 0] [--freeze-once] [--freeze-in-claim]

It says ``ready``, and ends at SIGTERM, with 0 when it stopped in order.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from channels.base import Outgoing
from gateway import clock, context, outgoing
from gateway.database import Database
from gateway.models import Sender
from support import journal, lanes
from support.sink import Wire


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("port", type=int)
    parser.add_argument("--name", default="old")
    parser.add_argument("--lease", type=float, default=60)
    parser.add_argument("--ahead", type=float, default=0, help="by so many seconds its own clock is wrong")
    parser.add_argument("--concurrency", type=int, default=10)
    parser.add_argument("--freeze-once", action="store_true", help="stand still before the first call")
    parser.add_argument("--freeze-in-claim", action="store_true", help="stand still with the lane's row locked")
    return parser.parse_args()


def freeze_in_claim(database: Database) -> None:
    """Stand still with the lane's row locked: after the first call has been written down, before that is committed."""
    frozen = list[bool]()

    @sa.event.listens_for(database.writer.sync_engine, "after_cursor_execute")
    def _freeze(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if "INSERT INTO attempt " in statement and not frozen:
            frozen.append(True)
            os.kill(os.getpid(), signal.SIGSTOP)


async def main(asked: argparse.Namespace) -> None:
    database = Database(asked.url)
    if asked.freeze_in_claim:
        freeze_in_claim(database)
    frozen = [not asked.freeze_once]

    def build(message: outgoing.Row) -> Outgoing:
        if not frozen[0]:
            frozen[0] = True
            os.kill(os.getpid(), signal.SIGSTOP)
        return lanes.build(message)

    def wrong_clock() -> datetime:
        return context.utc_now() + timedelta(seconds=asked.ahead)

    shared = clock.Shared(wrong_clock)
    await shared.ask(database)
    async with database.read() as session:
        sender_id = (await session.scalars(sa.select(Sender.id))).one()
    lane = lanes.make(
        database,
        Wire(asked.port),
        sender_id,
        worker=asked.name,
        now=shared,
        outgoing=build,
        concurrency=asked.concurrency,
        lease=asked.lease,
    )
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, lane.stop)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await lane.run()
    await database.close()


if __name__ == "__main__":
    journal.write_plainly()
    asyncio.run(main(options()))

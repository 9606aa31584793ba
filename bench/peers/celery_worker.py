"""A Celery worker in the shape of GOV.UK Notify: a task a message reads its row, POSTs it, and writes its status.

Broker: Redis with its append-only file. Rows: PostgreSQL by SQLAlchemy's ORM, a transaction to read and one to write.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import sqlalchemy as sa
from sqlalchemy.engine import make_url

from bench import house
from bench.peers import brokers, fetching, processes
from bench.peers.contract import Peer
from gateway.database import Database

DOES = (
    "a task a message, in Redis with its append-only file, which is on the disk a second later; its row is read and "
    "its status written in PostgreSQL; no rates, no doubts, no audit"
)
_WORKERS = 4


@contextlib.asynccontextmanager
async def peer(sink: str, folder: Path, session: aiohttp.ClientSession, database_url: str) -> AsyncIterator[Peer]:
    """Redis and the worker running, on a database of their own."""
    python = await fetching.environment("celery", "celery[redis]", "requests", "sqlalchemy", "psycopg[binary]")
    shutil.copy(Path(__file__).with_name("notify_tasks.py.txt"), folder / "notify_tasks.py")
    plain = make_url(database_url).set(drivername="postgresql+psycopg").render_as_string(hide_password=False)
    celery = [str(python), "-m", "celery", "-A", "notify_tasks", "worker", "-c", str(_WORKERS), "-l", "warning"]
    database = Database(database_url)
    try:
        await _tables(database)
        async with brokers.redis(folder) as queues:
            env = {**os.environ, "DATABASE": plain, "BROKER": f"redis://127.0.0.1:{queues.port}/0", "SINK": sink}
            bringer = [str(python), str(folder / "notify_tasks.py"), house.BODY]
            async with (
                processes.running(celery, folder=folder, env=env) as worker,
                processes.loop(bringer, folder=folder, env=env) as bringing,
            ):

                async def send(count: int) -> None:
                    before = await processes.count(session, sink)
                    await bringing.send(count)
                    await processes.arrived(session, sink, before + count)
                    await _all_sent(database)

                yield Peer(send, [*queues.pids, worker.pid], fetching.python_version(python, "celery"))
    finally:
        await database.close()


async def _tables(database: Database) -> None:
    async with database.write() as session:
        await session.execute(
            sa.text(
                "CREATE TABLE notification (id SERIAL PRIMARY KEY, recipient TEXT NOT NULL, body TEXT NOT NULL, "
                "status TEXT NOT NULL, reference TEXT, sent_at TIMESTAMPTZ)"
            )
        )


async def _all_sent(database: Database) -> None:
    async with asyncio.timeout(60):
        while True:
            async with database.read() as session:
                if not await session.scalar(sa.text("SELECT count(*) FROM notification WHERE status <> 'sending'")):
                    return
            await asyncio.sleep(0.05)

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
from bench.peers import fetching, processes
from bench.peers.contract import Peer
from gateway.database import Database
from gateway.practice import setup

DOES = "a task a message; its row is read and its status written in PostgreSQL; no rates, no doubts, no audit"
_WORKERS = 4


@contextlib.asynccontextmanager
async def peer(sink: str, folder: Path, session: aiohttp.ClientSession, database_url: str) -> AsyncIterator[Peer]:
    """Redis and the worker running, on a database of their own."""
    root = await fetching.unpacked("redis-server")
    python = await fetching.environment("celery", "celery[redis]", "requests", "sqlalchemy", "psycopg[binary]")
    [port] = setup.free_ports(1)
    shutil.copy(Path(__file__).with_name("notify_tasks.py.txt"), folder / "notify_tasks.py")
    plain = make_url(database_url).set(drivername="postgresql+psycopg").render_as_string(hide_password=False)
    env = {**os.environ, "DATABASE": plain, "BROKER": f"redis://127.0.0.1:{port}/0", "SINK": sink}
    redis = [str(root / "usr/bin/redis-server"), "--port", str(port), "--bind", "127.0.0.1", "--appendonly", "yes"]
    celery = [str(python), "-m", "celery", "-A", "notify_tasks", "worker", "-c", str(_WORKERS), "-l", "warning"]
    database = Database(database_url)
    try:
        await _tables(database)
        async with processes.running(
            [*redis, "--dir", str(folder)], folder=folder, env=fetching.libraries(root)
        ) as one:
            await processes.listening(port)
            async with processes.running(celery, folder=folder, env=env) as two:

                async def send(count: int) -> None:
                    before = await processes.count(session, sink)
                    async with processes.running(
                        [str(python), "notify_tasks.py", str(count), house.BODY], folder=folder, env=env
                    ) as bringing:
                        if await bringing.wait():
                            raise RuntimeError("The tasks could not be queued.")
                    await processes.arrived(session, sink, before + count)
                    await _all_sent(database)

                await send(20)  # the worker is up when these are through
                yield Peer(send, [one.pid, two.pid])
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

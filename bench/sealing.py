"""How long a line of the audit log waits to be sealed: so long, whoever owns the database could remove it unseen.

``python -m bench.sealing`` lets several writers write so many lines a second, and seals as the daemon does.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path

import sqlalchemy as sa

from bench.crash import postgres
from gateway import audit, context, migrate
from gateway.database import Database
from gateway.models import Audit
from gateway.models.types import core

_LINES = 20  #: of one transaction
_PAUSE = 1.0  #: between two seals, as the settings have it


async def measure(url: str, *, writers: int, rate: float, seconds: float) -> tuple[int, list[float]]:
    """How many lines were written, and how long the oldest of each seal had waited, in seconds."""
    await migrate.upgrade(url)
    database, log, waited = Database(url), audit.Log(b"k" * 32), list[float]()
    ends = time.monotonic() + seconds

    async def write() -> None:
        lines = [audit.Line("bench.line", f"line:{number}", {"messages": 1}) for number in range(_LINES)]
        begun, turns = time.monotonic(), 0
        while time.monotonic() < ends:
            async with database.write() as session:
                await log.record(session, lines, now=context.utc_now())
            turns += 1
            due = begun + turns * _LINES * writers / rate if rate else 0.0
            await asyncio.sleep(max(0.0, due - time.monotonic()))

    async def seal() -> None:
        t = core(Audit).c
        while time.monotonic() < ends:
            await asyncio.sleep(_PAUSE)
            async with database.write() as session:
                oldest = await session.scalar(sa.select(sa.func.min(t.at)).where(t.link.is_(None)))
                await log.seal(session)
            if oldest is not None:
                waited.append((context.utc_now() - oldest).total_seconds())

    try:
        await asyncio.gather(seal(), *(write() for _ in range(writers)))
        while True:
            async with database.write() as session:
                if not await log.seal(session):
                    break
        async with database.read() as session:
            verdict = await log.verify(session)
        if verdict.fault:
            raise SystemExit(verdict.fault)
        return verdict.sealed, waited
    finally:
        await database.close()


async def _measured(given: argparse.Namespace, folder: Path) -> tuple[int, list[float]]:
    how = {"writers": given.writers, "rate": given.rate, "seconds": given.seconds}
    if not given.postgresql:
        return await measure(f"sqlite+aiosqlite:///{folder / 'bench.sqlite3'}", **how)
    server = postgres.Postgres(folder)
    try:
        return await measure(await server.make(), **how)
    finally:
        await server.stop()


def main() -> None:
    """Run it on a new SQLite file, or on a PostgreSQL server of its own."""
    parser = argparse.ArgumentParser(prog="python -m bench.sealing", description=__doc__)
    parser.add_argument("--postgresql", action="store_true", help="on a PostgreSQL server; else on an SQLite file")
    parser.add_argument("--writers", type=int, default=4)
    parser.add_argument("--rate", type=float, default=1200, help="lines a second, 0 for as many as the database takes")
    parser.add_argument("--seconds", type=float, default=20)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        lines, waited = asyncio.run(_measured(given, Path(folder)))
    sys.stdout.write(
        f"{lines} lines, {lines / given.seconds:.0f} a second. The oldest line of a seal had waited "
        f"{statistics.median(waited):.1f} s (half of the seals), {max(waited):.1f} s at most.\n"
    )


if __name__ == "__main__":
    main()

"""Who may have a database to themselves: one daemon an SQLite file; none while it is upgraded or restored."""

from __future__ import annotations

import asyncio
import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import make_url

from config.settings import Settings
from gateway import bell, errors, migrate


@contextmanager
def on_file(url: str, *, doing: str = "or use PostgreSQL for several") -> Iterator[None]:
    """Refuse a second one on one SQLite file: two daemons' lanes would not know of each other.

    Raises :class:`errors.NotReady`.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        yield
        return
    file = Path(f"{Path(parsed.database or '').resolve()}.lock")
    with file.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            what = f"Another Handbell is running on {parsed.database}."
            raise errors.NotReady(f"{what} Stop it first, {doing}.") from None
        yield


@contextmanager
def nobody_runs(settings: Settings) -> Iterator[None]:
    """Keep daemons out while something is done that none may see half done.

    On PostgreSQL it is only looked whether any runs: one that starts meanwhile finds tables that are not its own, and
    stops. Raises :class:`errors.NotReady`.
    """
    url = settings.database.dsn()
    if make_url(url).get_backend_name() == "sqlite":
        Path(make_url(url).database or "").resolve().parent.mkdir(parents=True, exist_ok=True)
    elif running := asyncio.run(_running(url)):
        raise errors.NotReady(f"{running} of Handbell's processes run on this database. Stop all of them first.")
    with on_file(url, doing="then say this again"):
        yield


async def _running(url: str) -> int:
    """How many daemons have a line to the database, as each listens for the bell."""
    ask = sa.text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = :us")
    async with migrate.connected(url) as connection:
        return int((await connection.execute(ask, {"us": bell.LISTENER})).scalar_one())

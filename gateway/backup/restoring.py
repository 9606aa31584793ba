"""Putting a copy into an empty place. What it becomes is closed before anybody could send from it."""

from __future__ import annotations

import os
import shutil
import tempfile
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection, make_url

from gateway import enclosure, errors, migrate
from gateway.backup import copies, engines, gap


async def place(kept: copies.Kept, url: str, *, now: datetime) -> None:
    """Put a copy where the settings say that the database is, closed, with the tables of this version.

    A step that fails leaves nothing that a daemon would start on. Raises :class:`errors.NotReady` where something is
    there already: this deletes nothing.
    """
    if enclosure.part(url)[1]:
        raise errors.NotReady(
            "One school of a trust is put back by whoever runs its PostgreSQL: docs/trust.md says how. "
            "Then say handbell backup hold, before Handbell starts."
        )
    sqlite = make_url(url).get_backend_name() == "sqlite"
    if sqlite != (kept.copy.database == engines.SQLITE):
        here = "SQLite" if sqlite else "PostgreSQL"
        raise errors.NotReady(f"This copy is not of {here}, as database.url says. Restore it where it came from.")
    if sqlite:
        await _place_file(kept, Path(make_url(url).database or ""), now=now)
    else:
        await _place_dump(kept, url, now=now)
    await migrate.upgrade(url)


async def _place_file(kept: copies.Kept, target: Path, *, now: datetime) -> None:
    for one in (target, Path(f"{target}-wal")):
        if one.exists():
            raise errors.NotReady(f"{one} is there already. Stop Handbell, and move that file away first.")
    half = target.with_name(f"{target.name}.restoring")
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        half.unlink(missing_ok=True)
        os.close(os.open(half, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        shutil.copyfile(kept.database, half)
        async with migrate.connected(f"sqlite+aiosqlite:///{half}") as connection, connection.begin():
            await connection.run_sync(lambda plain: gap.close(plain, now=now))
        with half.open("rb") as written:
            os.fsync(written.fileno())
        half.rename(target)
    except OSError as error:
        raise errors.NotReady(f"The copy cannot be put into {target.parent}: {error.strerror}.") from None
    finally:
        half.unlink(missing_ok=True)


async def _place_dump(kept: copies.Kept, url: str, *, now: datetime) -> None:
    async with migrate.connected(url) as connection:
        if await connection.run_sync(lambda plain: sa.inspect(plain).get_table_names()):
            raise errors.NotReady("The database of the settings has tables already. Make an empty one for the copy.")
    with tempfile.TemporaryDirectory(prefix="handbell-") as work:
        await engines.load(kept.database, url, Path(work))

    def close(plain: Connection) -> None:
        gap.close(plain, now=now)
        plain.execute(sa.text("INSERT INTO alembic_version (version_num) VALUES (:at)"), {"at": kept.copy.revision})

    async with migrate.connected(url) as connection, connection.begin():
        await connection.run_sync(close)

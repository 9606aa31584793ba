"""An upgrade tried on a copy, there and back, before anybody stops the school for it."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection, make_url

from gateway import errors, migrate
from gateway.backup import engines


async def rehearse(url: str) -> str:
    """Take a copy of an SQLite database to the newest tables and back again, and count the rows of those it had before.

    One that has the newest tables goes one step back and comes again. The database itself is only read. Gives a
    sentence; raises :class:`errors.NotReady` when something is lost on the way.
    """
    if make_url(url).get_backend_name() != "sqlite":
        raise errors.NotReady("On PostgreSQL restore a copy into another database, and migrate that one.")
    with tempfile.TemporaryDirectory(prefix="handbell-") as folder:
        copy = f"sqlite+aiosqlite:///{await engines.write(url, Path(folder))}"
        begun, counted = await migrate.current(copy), await _rows(copy)
        known = migrate.known()
        if begun not in known:
            raise errors.NotReady("The database is not at a revision that this version knows.")
        back = begun if begun != known[0] else known[1]
        if begun == back:
            await migrate.upgrade(copy)
            await _same(copy, counted, "upwards")
        await migrate.downgrade(copy, back)
        await _same(copy, counted, "on the way back")
        if begun != back:
            older = await _rows(copy)  # what only newer tables held is gone by now
            await migrate.upgrade(copy)
            await _same(copy, older, "upwards again")
    return (
        f"On a copy it went from revision {begun} to {known[0]} and back to {back}; "
        f"{sum(counted.values())} rows in {len(counted)} tables are as many as before. The database was only read."
    )


async def _same(url: str, before: Mapping[str, int], where: str) -> None:
    """Raise unless every table that is still there has as many rows."""
    after = await _rows(url)
    lost = {name: count - after[name] for name, count in before.items() if after.get(name, count) < count}
    if lost:
        told = ", ".join(f"{count} of {name}" for name, count in sorted(lost.items()))
        raise errors.NotReady(f"Rows were lost {where}: {told}. Nothing was changed but the copy; do not upgrade.")


async def _rows(url: str) -> dict[str, int]:
    def count(plain: Connection) -> dict[str, int]:
        names = [one for one in sa.inspect(plain).get_table_names() if one != "alembic_version"]
        tables = {one: sa.table(one) for one in names}
        return {
            name: plain.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
            for name, table in tables.items()
        }

    async with migrate.connected(url) as connection:
        return await connection.run_sync(count)

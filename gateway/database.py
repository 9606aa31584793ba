"""The database: one door for writing, one for reading, the same on SQLite and PostgreSQL.

Transactions open in the loops, the web and the command line only; inner functions take a session and never commit.
SQLite has one writer: ``write`` is a queue of one, and each transaction begins IMMEDIATE, so that nobody finds out half
way through that another process was faster.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from sqlalchemy import create_engine, event
from sqlalchemy.engine import Connection, Engine, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

Session = AsyncSession
T = TypeVar("T")

BUSY_SECONDS = 30  #: how long a writer waits for another process before «database is locked»

_SQLITE: Mapping[str, Any] = {
    "hide_parameters": True,  # or an error in the journal would quote the words of a message
    # The driver must leave BEGIN to us: left alone it begins only before the first INSERT, and never IMMEDIATE.
    "connect_args": {"timeout": BUSY_SECONDS, "isolation_level": None},
}


class Database:
    """Engines for one database URL (``sqlite+aiosqlite://…`` or ``postgresql+asyncpg://…``)."""

    def __init__(self, url: str, *, pool_size: int = 10):
        self.url = make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self._turn = asyncio.Lock()  # SQLite's two connections for writing take turns here, not by polling the file
        if self.is_sqlite:
            self.writer = self._sqlite("BEGIN IMMEDIATE", pool_size=1)
            self.reader = self._sqlite("BEGIN", "query_only=ON", pool_size=pool_size)
            self._thread = ThreadPoolExecutor(1, "database")
            self._at_once = _settled_in(create_engine(self.url.set(drivername="sqlite"), **_SQLITE), "BEGIN IMMEDIATE")
        else:
            self.writer = create_async_engine(
                self.url, pool_size=pool_size, max_overflow=5, pool_pre_ping=True, hide_parameters=True
            )
            # The same pool. Its default, READ COMMITTED, would let two SELECTs of one reader see two different moments.
            self.reader = self.writer.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)

    def _sqlite(self, begin: str, *pragmas: str, pool_size: int) -> AsyncEngine:
        pool = {"pool_size": pool_size, "max_overflow": 0, "pool_timeout": 300}
        engine = create_async_engine(self.url, **pool, **_SQLITE)
        _settled_in(engine.sync_engine, begin, *pragmas)
        return engine

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Session]:
        """One transaction that may change things: committed at the end, rolled back on any exception."""
        async with self._in_turn(), AsyncSession(self.writer, expire_on_commit=False) as session, session.begin():
            yield session

    async def at_once(self, work: Callable[[Connection], T]) -> T:
        """One transaction that is done in one piece, for what handles many rows in few statements.

        ``work`` is a plain function. On SQLite it runs in a thread of its own, so that a batch costs one change of
        threads instead of several a statement, and the loop goes on meanwhile; it must touch nothing of the loop's.
        """
        if not self.is_sqlite:
            async with self.writer.begin() as connection:
                return await connection.run_sync(work)
        async with self._in_turn():
            # Shielded: a transaction that has begun is finished in its thread, whoever stopped waiting for it.
            done = asyncio.get_running_loop().run_in_executor(self._thread, functools.partial(self._do, work))
            return await asyncio.shield(done)

    def _do(self, work: Callable[[Connection], T]) -> T:
        with self._at_once.begin() as connection:
            return work(connection)

    @asynccontextmanager
    async def _in_turn(self) -> AsyncIterator[None]:
        if not self.is_sqlite:
            yield
            return
        async with self._turn:
            yield

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Session]:
        """One consistent view, for reading only: whatever is committed meanwhile, every SELECT sees the same moment."""
        async with AsyncSession(self.reader, expire_on_commit=False) as session:
            yield session

    async def close(self) -> None:
        """Close every connection."""
        await self.writer.dispose()
        await self.reader.dispose()
        if self.is_sqlite:
            self._thread.shutdown()
            self._at_once.dispose()


def _settled_in(engine: Engine, begin: str, *pragmas: str) -> Engine:
    """Let every connection keep our promises, and each transaction begin as it must."""

    @event.listens_for(engine, "connect")
    def _settle_in(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", *pragmas):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine

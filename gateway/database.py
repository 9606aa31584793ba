"""The database: one door for writing, one for reading, the same on SQLite and PostgreSQL.

Transactions open in the loops, the web and the command line only; inner functions take a session and never commit.
SQLite has one writer: ``write`` is a queue of one, and each transaction begins IMMEDIATE, so that nobody finds out half
way through that another process was faster.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Connection, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

Session = AsyncSession

BUSY_SECONDS = 30  #: how long a writer waits for another process before «database is locked»


class Database:
    """Engines for one database URL (``sqlite+aiosqlite://…`` or ``postgresql+asyncpg://…``)."""

    def __init__(self, url: str, *, pool_size: int = 10):
        self.url = make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        if self.is_sqlite:
            self.writer = self._sqlite("BEGIN IMMEDIATE", pool_size=1)
            self.reader = self._sqlite("BEGIN", "query_only=ON", pool_size=pool_size)
        else:
            self.writer = create_async_engine(
                self.url, pool_size=pool_size, max_overflow=5, pool_pre_ping=True, hide_parameters=True
            )
            # The same pool. Its default, READ COMMITTED, would let two SELECTs of one reader see two different moments.
            self.reader = self.writer.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)

    def _sqlite(self, begin: str, *pragmas: str, pool_size: int) -> AsyncEngine:
        engine = create_async_engine(
            self.url,
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=300,
            hide_parameters=True,  # or an error in the journal would quote the words of a message
            # The driver must leave BEGIN to us: left alone it begins only before the first INSERT, and never IMMEDIATE.
            connect_args={"timeout": BUSY_SECONDS, "isolation_level": None},
        )

        @event.listens_for(engine.sync_engine, "connect")
        def _settle_in(connection: Any, _record: Any) -> None:
            cursor = connection.cursor()
            for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", *pragmas):
                cursor.execute(f"PRAGMA {pragma}")
            cursor.close()

        @event.listens_for(engine.sync_engine, "begin")
        def _begin(connection: Connection) -> None:
            connection.exec_driver_sql(begin)

        return engine

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Session]:
        """One transaction that may change things: committed at the end, rolled back on any exception."""
        async with AsyncSession(self.writer, expire_on_commit=False) as session, session.begin():
            yield session

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Session]:
        """One consistent view, for reading only: whatever is committed meanwhile, every SELECT sees the same moment."""
        async with AsyncSession(self.reader, expire_on_commit=False) as session:
            yield session

    async def close(self) -> None:
        """Close every connection."""
        await self.writer.dispose()
        await self.reader.dispose()

"""The database: one door for writing, one for reading, the same on SQLite and PostgreSQL.

Transactions open in the loops, the web and the command line only; inner functions take a session and never commit.
SQLite has one writer: ``write`` is a queue of one, and each transaction begins IMMEDIATE, so that nobody finds out half
way through that another process was faster.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any, TypeVar, cast

from sqlalchemy import create_engine, event
from sqlalchemy.engine import URL, Connection, Engine, ExceptionContext, RootTransaction
from sqlalchemy.exc import DBAPIError, InvalidatePoolError, OperationalError
from sqlalchemy.exc import TimeoutError as NoFreeConnection
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

from gateway import enclosure

Session = AsyncSession
T = TypeVar("T")

_IDLE_SECONDS = 1.0  #: how long a connection may lie in the pool and be taken for alive
BUSY_SECONDS = 30  #: how long a writer waits for another process before «database is locked»
_PROOF_SECONDS = 5.0  #: how long a connection may take to show that it works
#: How long one statement may take on PostgreSQL, its wait for another's lock among it. Ours take a thousandth of that,
#: and migrations have a connection of their own. Less than the patience with a loop that hangs (``pulse``).
STATEMENT_SECONDS = 45.0

_SQLITE: Mapping[str, Any] = {
    "hide_parameters": True,  # or an error in the journal would quote the words of a message
    # The driver must leave BEGIN to us: left alone it begins only before the first INSERT, and never IMMEDIATE.
    "connect_args": {"timeout": BUSY_SECONDS, "isolation_level": None},
}

#: A worker that is gone must not keep its rows locked for the two hours that TCP would wait by itself: a machine that
#: lost its power is known after 25 seconds, a process that stands still in the middle of a transaction after minutes.
#: Our statements are short and are asked often: the guard's is rich enough that PostgreSQL would compile it anew each
#: time, which costs more than running it. A page anywhere costs no more than the next one since there are no heads to
#: move: taken for four times as much, a batch is looked for by reading the whole table.
_POSTGRESQL: Mapping[str, str] = {
    "jit": "off",
    "random_page_cost": "1.1",
    "idle_in_transaction_session_timeout": "5min",
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
}
#: What is done in one piece waits for nothing in its middle: whoever stands still there is thrown out by the server,
#: or nobody else had the lane that it claims from.
_IN_ONE_PIECE = "SET LOCAL idle_in_transaction_session_timeout TO '10s'"


_SQLITE_TROUBLE = frozenset(
    {
        sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN,
    }
)  # fmt: skip
#: Classes of SQLSTATE: connection, resources (disk full among them), an operator's doing, the system's (PostgreSQL,
#: appendix A).
_POSTGRESQL_TROUBLE = frozenset({"08", "53", "57", "58"})


class Database:
    """Engines for one database URL (``sqlite+aiosqlite://…`` or ``postgresql+asyncpg://…``)."""

    def __init__(
        self,
        url: str,
        *,
        pool_size: int = 10,
        busy_seconds: float = BUSY_SECONDS,
        statement_seconds: float = STATEMENT_SECONDS,
        pools: Pools | None = None,
    ):
        self.url, self.school = enclosure.part(url)
        self._pools = pools
        self._busy_seconds = busy_seconds
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self._turn = asyncio.Lock()  # SQLite's two connections for writing take turns here, not by polling the file
        if self.is_sqlite:
            self.writer = self._sqlite("BEGIN IMMEDIATE", pool_size=1)
            self.reader = self._sqlite("BEGIN", "query_only=ON", pool_size=pool_size)
            self._thread = ThreadPoolExecutor(1, "database")
            # Whoever works in one piece looks once, and waits elsewhere.
            direct = create_engine(self.url.set(drivername="sqlite"), poolclass=QueuePool, **self._patient())
            self._direct = _settled_in(direct, "BEGIN IMMEDIATE", "busy_timeout=0")
        else:
            engine = pools.of(self.url) if pools else _postgresql(self.url, pool_size, statement_seconds)
            self.writer = enclosure.of(engine, self.school) if self.school else engine
            self._piecework = enclosure.given(self.writer, _IN_ONE_PIECE)
            # The same pool. Its default, READ COMMITTED, would let two SELECTs of one reader see two different moments.
            self.reader = self.writer.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)

    def _sqlite(self, begin: str, *pragmas: str, pool_size: int) -> AsyncEngine:
        pool = {"pool_size": pool_size, "max_overflow": 0, "pool_timeout": 300}
        engine = create_async_engine(self.url, **pool, **self._patient())
        _settled_in(engine.sync_engine, begin, *pragmas)
        return engine

    def _patient(self) -> dict[str, Any]:
        return {**_SQLITE, "connect_args": {**_SQLITE["connect_args"], "timeout": self._busy_seconds}}

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Session]:
        """One transaction that may change things: committed at the end, rolled back on any exception."""
        async with self._in_turn(), AsyncSession(self.writer, expire_on_commit=False) as session, session.begin():
            yield session

    async def at_once(self, work: Callable[[Connection], T]) -> T:
        """One transaction that is done in one piece, for what handles many rows in few short statements.

        ``work`` is a plain function. On SQLite its statements run right here: each takes less time than it takes to
        change threads, and to wait for the interpreter there and back. What may take long, waiting for another process
        and the commit, which waits for the disk, is done in a thread.
        """
        if not self.is_sqlite:
            async with self._piecework.begin() as elsewhere:
                return await elsewhere.run_sync(work)
        async with self._directly() as connection:
            return work(connection)

    @asynccontextmanager
    async def write_here(self) -> AsyncIterator[Session]:
        """Do what :meth:`write` does, for one who works with thousands of rows in a few short statements.

        On SQLite they run right here, as in :meth:`at_once`, and the loop stands still until the caller awaits
        something else: ``asyncio.sleep(0)`` between two stretches of work lets the others have their turn. There is
        no ``connection()`` and no stream there; ``run_sync`` gives the plain session.
        """
        if not self.is_sqlite:
            async with self.write() as session:
                yield session
            return
        async with self._directly() as connection, _Here(expire_on_commit=False) as session:
            session.sync_session.bind = connection
            yield session
            await session.flush()

    @asynccontextmanager
    async def _directly(self) -> AsyncIterator[Connection]:
        """Have a transaction on the connection whose statements run right here."""
        async with self._in_turn():
            connection = await self._connected()
            try:
                transaction = await self._begun(connection)
                yield connection
                committing = self._in_thread(_commit, connection, transaction)
            except BaseException:
                connection.close()  # and rolls back
                raise
            # Shielded: a commit that has begun is finished, whoever stopped waiting for it.
            await asyncio.shield(committing)

    async def _connected(self) -> Connection:
        """Have the connection, which stays open; opening it asks the file, and may have to wait for another process."""
        if cast(QueuePool, self._direct.pool).checkedin():
            return self._direct.connect()
        opening = self._in_thread(self._direct.connect)
        try:
            return await asyncio.shield(opening)
        except asyncio.CancelledError:
            opening.add_done_callback(_closed)
            raise

    async def _begun(self, connection: Connection) -> RootTransaction:
        try:
            return connection.begin()
        except OperationalError as error:
            if getattr(error.orig, "sqlite_errorcode", 0) & 0xFF != sqlite3.SQLITE_BUSY:  # some say why, in the rest
                raise
        waiting = self._in_thread(_begin_patiently, connection, self._busy_seconds)  # another process writes
        try:
            return await asyncio.shield(waiting)
        except asyncio.CancelledError:
            while not waiting.done():  # nobody may close what a thread still works with, however often we are told to
                with suppress(asyncio.CancelledError):
                    await asyncio.wait([waiting])
            raise

    def _in_thread(self, work: Callable[..., T], *values: Any) -> asyncio.Future[T]:
        return asyncio.get_running_loop().run_in_executor(self._thread, partial(work, *values))

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
        """Close every connection; those of a pool that others use too stay."""
        if self._pools:
            return
        await self.writer.dispose()
        await self.reader.dispose()
        if self.is_sqlite:
            self._thread.shutdown()
            self._direct.dispose()


class Pools:
    """The connections of one process to PostgreSQL, shared by all schools: a pool for each server and login."""

    def __init__(self, *, size: int = 20) -> None:
        self._size = size
        self._engines: dict[URL, AsyncEngine] = {}

    def of(self, url: URL) -> AsyncEngine:
        """The pool of an address."""
        if url not in self._engines:
            self._engines[url] = _postgresql(url, self._size, STATEMENT_SECONDS)
        return self._engines[url]

    async def close(self) -> None:
        """Close every connection."""
        for engine in self._engines.values():
            await engine.dispose()


def _postgresql(url: URL, pool_size: int, statement_seconds: float) -> AsyncEngine:
    engine = create_async_engine(
        enclosure.driver(url),
        pool_size=pool_size,
        max_overflow=5,
        hide_parameters=True,
        connect_args={
            "server_settings": dict(_POSTGRESQL),
            "command_timeout": statement_seconds,
            "connection_class": enclosure.TellingConnection,
        },
    )
    _proved(engine.sync_engine)
    _given_up(engine.sync_engine)
    return enclosure.enclose(engine)


class _Here(AsyncSession):
    """A session whose statements have nothing to wait for: its connection is a plain one."""

    async def execute(self, *values: Any, **options: Any) -> Any:
        return self.sync_session.execute(*values, **options)

    async def scalars(self, *values: Any, **options: Any) -> Any:
        return self.sync_session.scalars(*values, **options)


def is_in_trouble(error: Exception) -> bool:
    """Whether it was the database that failed (no space, locked, broken off), and not what was handed to it."""
    if isinstance(error, (OSError, NoFreeConnection)):  # a server that is not there is the driver's plain OSError
        return True
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    cause = getattr(error, "orig", None)
    code, state = getattr(cause, "sqlite_errorcode", None), str(getattr(cause, "sqlstate", None) or "")
    return (code is not None and code & 0xFF in _SQLITE_TROUBLE) or state[:2] in _POSTGRESQL_TROUBLE


def _closed(opening: asyncio.Future[Connection]) -> None:
    """Give back a connection for which nobody waits any more."""
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close()


def _commit(connection: Connection, transaction: RootTransaction) -> None:
    try:
        transaction.commit()
    finally:
        connection.close()


def _begin_patiently(connection: Connection, busy_seconds: float) -> RootTransaction:
    driver = cast(sqlite3.Connection, connection.connection.dbapi_connection)
    driver.execute(f"PRAGMA busy_timeout = {round(busy_seconds * 1000)}")
    try:
        return connection.begin()
    finally:
        driver.execute("PRAGMA busy_timeout = 0")


def _proved(engine: Engine) -> None:
    """Ask each connection that has lain idle whether it still works, before anybody relies on it.

    SQLAlchemy's ``pool_pre_ping`` asks every time, in a transaction of its own: three ways to the server and back,
    where a lane's whole turn has eight.
    """

    @event.listens_for(engine, "connect")
    @event.listens_for(engine, "checkin")
    def _worked(_connection: Any, record: ConnectionPoolEntry) -> None:
        record.info["worked_at"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def _prove(connection: Any, record: ConnectionPoolEntry, _proxy: Any) -> None:
        if time.monotonic() - record.info["worked_at"] < _IDLE_SECONDS:
            return
        try:
            connection.run_async(lambda driver: driver.execute("SELECT 1", timeout=_PROOF_SECONDS))
        except Exception as error:  # whatever it is, a new connection is the cure, and shows what else is wrong
            raise InvalidatePoolError from error


def _given_up(engine: Engine) -> None:
    """Give up a connection that did not answer in time: on a line that is cut without a word, the rollback would wait
    as long again.
    """

    @event.listens_for(engine, "handle_error")
    def _late(context: ExceptionContext) -> None:
        if isinstance(context.original_exception, TimeoutError):
            context.is_disconnect = True


def _settled_in(engine: Engine, begin: str, *pragmas: str) -> Engine:
    """Let every connection keep our promises, and each transaction begin as it must.

    ``secure_delete``: what is deleted is overwritten, or it would lie in the file until something else needs its place.
    """

    @event.listens_for(engine, "connect")
    def _settle_in(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON", *pragmas):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine

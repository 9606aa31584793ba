"""The two doors of the database keep their promises on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import Connection
from support.waiting import until

from channels.base import Medium
from gateway.database import Database
from gateway.models import OptOut, Pupil
from gateway.models.types import core

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def opt_out(number: str) -> OptOut:
    return OptOut(medium=Medium.SMS, address=number, since=NOW)


async def test_a_read_sees_one_moment(database: Database) -> None:
    numbers = sa.select(OptOut.address)
    async with database.write() as session:
        session.add(opt_out("+447700900001"))
    async with database.read() as session:
        before = list(await session.scalars(numbers))
        async with database.write() as other:
            other.add(opt_out("+447700900002"))
        assert list(await session.scalars(numbers)) == before == ["+447700900001"]
    async with database.read() as session:
        assert set(await session.scalars(numbers)) == {"+447700900001", "+447700900002"}


async def test_a_read_cannot_write(database: Database) -> None:
    async with database.read() as session:
        session.add(opt_out("+447700900001"))
        with pytest.raises(sa.exc.DBAPIError, match=r"read-?only"):
            await session.flush()


async def test_what_is_written_here_is_committed_as_a_whole_or_not_at_all(database: Database) -> None:
    async with database.write_here() as session:
        session.add(opt_out("+447700900001"))
        with pytest.raises(sa.exc.IntegrityError):
            async with session.begin_nested():
                await session.execute(sa.insert(core(OptOut)).values(opt_out("+447700900001").model_dump()))
        session.add(opt_out("+447700900002"))

    async def broken() -> None:
        async with database.write_here() as session:
            session.add(opt_out("+447700900003"))
            await session.flush()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await broken()
    async with database.read() as other:
        assert set(await other.scalars(sa.select(OptOut.address))) == {"+447700900001", "+447700900002"}


async def test_whoever_is_stopped_while_writing_here_leaves_nothing_and_blocks_nobody(database: Database) -> None:
    begun = asyncio.Event()

    async def never_done() -> None:
        async with database.write_here() as session:
            session.add(opt_out("+447700900001"))
            await session.flush()
            begun.set()
            await asyncio.sleep(3600)

    task = asyncio.create_task(never_done())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    for door in (database.write, database.write_here):
        async with door() as session:
            assert await session.scalar(sa.select(sa.func.count()).select_from(OptOut)) == 0


async def test_what_is_deleted_is_nowhere_in_the_file_whatever_sqlite_does_by_itself(sqlite_database: Database) -> None:
    """Debian's SQLite overwrites what is deleted, others do not. Nor does it lie in the log of changes beside it."""
    file, name = Path(str(sqlite_database.url.database)), "Markwardtxq"
    database = Database(f"sqlite+aiosqlite:///{file}")
    for engine in (database.writer.sync_engine, database._direct):
        event.listen(engine, "connect", _by_itself, insert=True)
    pupils = [{**Pupil(source_id=f"{n}", forename="Ana", surname=name).model_dump(), "id": n} for n in range(500)]
    for door in (database.write, database.write_here):
        async with door() as session:
            await session.execute(sa.insert(core(Pupil)), pupils)
        async with database.read() as session:
            assert await session.scalar(sa.select(sa.func.count()).select_from(core(Pupil))) == 500
        assert any(name.encode() in one.read_bytes() for one in file.parent.glob(f"{file.name}*"))
        async with door() as session:
            await session.execute(sa.delete(core(Pupil)))
        with closing(sqlite3.connect(file)) as beside:
            beside.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        for one in file.parent.glob(f"{file.name}*"):
            assert name.encode() not in one.read_bytes(), one.name
    await database.close()


def _by_itself(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA secure_delete=OFF")
    cursor.close()


async def test_a_connection_that_read_writes_again(database: Database) -> None:
    """On PostgreSQL both doors share one pool: what a reader asked of its connection ends with it."""
    for n in range(5):
        async with database.read() as session:
            await session.scalar(sa.select(sa.func.count()).select_from(OptOut))
        async with database.write() as session:
            session.add(opt_out(f"+44770090000{n}"))


async def test_postgresql_compiles_no_statement_of_ours(postgres_database: Database) -> None:
    async with postgres_database.read() as session:
        assert await session.scalar(sa.text("SHOW jit")) == "off"


@pytest.fixture
def elsewhere(sqlite_database: Database) -> Iterator[sqlite3.Connection]:
    """Another process with the same file."""
    opened = sqlite3.connect(str(sqlite_database.url.database), isolation_level=None, timeout=0)
    with closing(opened):
        yield opened


def free(elsewhere: sqlite3.Connection) -> bool:
    try:
        elsewhere.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError:
        return False
    elsewhere.execute("COMMIT")
    return True


def stop(number: str) -> sa.Insert:
    return sa.insert(OptOut).values(medium=Medium.SMS, address=number, since=NOW, how="", mandatory_too=True)


async def test_who_stops_waiting_for_another_process_leaves_nothing_open(
    sqlite_database: Database, elsewhere: sqlite3.Connection
) -> None:
    """Told twice, as a lane is whose daemon falls: the thread that waits for the file still has the connection."""

    def work(connection: Connection) -> None:
        connection.execute(stop("+447700900001"))

    await sqlite_database.at_once(lambda _: None)
    elsewhere.execute("BEGIN IMMEDIATE")
    waiting = asyncio.create_task(sqlite_database.at_once(work))
    for _ in range(2):
        await asyncio.sleep(0.05)
        waiting.cancel()
    await asyncio.sleep(0.05)
    elsewhere.execute("COMMIT")
    with suppress(asyncio.CancelledError):
        await waiting
    await until(lambda: free(elsewhere), "nobody holds the file")
    await sqlite_database.at_once(work)
    async with sqlite_database.read() as session:
        assert list(await session.scalars(sa.select(OptOut.address))) == ["+447700900001"]


async def test_the_first_turn_waits_for_another_process_as_any_other_does(
    sqlite_database: Database, elsewhere: sqlite3.Connection
) -> None:
    """Opening asks the file for its journal, and another process may have shut it altogether: a backup, a repair."""
    elsewhere.execute("PRAGMA locking_mode = EXCLUSIVE")
    elsewhere.execute("BEGIN EXCLUSIVE")
    waiting = asyncio.create_task(sqlite_database.at_once(lambda connection: connection.execute(stop("+447700900001"))))
    await asyncio.sleep(0.3)
    assert not waiting.done()
    elsewhere.execute("COMMIT")
    elsewhere.close()
    await waiting
    async with sqlite_database.read() as session:
        assert list(await session.scalars(sa.select(OptOut.address))) == ["+447700900001"]


async def test_a_turn_after_the_end_leaves_nothing_open(
    sqlite_database: Database, elsewhere: sqlite3.Connection
) -> None:
    await sqlite_database.close()
    with pytest.raises(RuntimeError):
        await sqlite_database.at_once(lambda connection: connection.execute(stop("+447700900001")))
    elsewhere.execute("BEGIN IMMEDIATE")

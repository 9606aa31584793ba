"""Many small pieces of work share a commit, and none of them can spoil another."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from channels.base import Medium
from gateway.commits import Commits
from gateway.database import Database, Session
from gateway.models import OptOut

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def keep(number: str):
    async def work(session: Session) -> str:
        session.add(OptOut(medium=Medium.SMS, address=number, since=NOW))
        await session.flush()
        return number

    return work


async def kept(database: Database) -> set[str]:
    async with database.read() as session:
        return set(await session.scalars(sa.select(OptOut.address)))


async def test_everybody_gets_the_result_of_the_own_piece(database: Database) -> None:
    commits = Commits(database)
    numbers = [f"+447700900{n:03d}" for n in range(300)]
    assert await asyncio.gather(*(commits.do(keep(number)) for number in numbers)) == numbers
    assert await kept(database) == set(numbers)


async def test_a_piece_that_fails_takes_nobody_with_it(database: Database) -> None:
    commits = Commits(database)

    async def fail(session: Session) -> None:
        session.add(OptOut(medium=Medium.SMS, address="+447700900999", since=NOW))
        await session.flush()
        raise LookupError("this piece only")

    twice = keep("+447700900001")
    results = await asyncio.gather(
        commits.do(keep("+447700900001")), commits.do(fail), commits.do(twice), commits.do(keep("+447700900002")),
        return_exceptions=True,
    )  # fmt: skip
    assert results[0] == "+447700900001"
    assert isinstance(results[1], LookupError)
    assert isinstance(results[2], sa.exc.IntegrityError)
    assert results[3] == "+447700900002"
    assert await kept(database) == {"+447700900001", "+447700900002"}


async def test_a_piece_that_fails_when_its_savepoint_ends_is_answered_once(database: Database) -> None:
    """The flush at the savepoint's end comes after the work has given its result."""
    commits = Commits(database)

    async def leave_it_to_the_savepoint(session: Session) -> str:
        session.add(OptOut(medium=Medium.SMS, address="+447700900001", since=NOW))
        return "all well, so far"

    results = await asyncio.gather(
        commits.do(keep("+447700900001")), commits.do(leave_it_to_the_savepoint), commits.do(keep("+447700900002")),
        return_exceptions=True,
    )  # fmt: skip
    assert results[0] == "+447700900001"
    assert isinstance(results[1], sa.exc.IntegrityError)
    assert results[2] == "+447700900002"
    assert await kept(database) == {"+447700900001", "+447700900002"}


async def test_nobody_waits_for_a_writer_that_was_stopped(sqlite_database: Database) -> None:
    commits = Commits(sqlite_database)

    async def stop(_session: Session) -> None:
        raise asyncio.CancelledError

    first, second = asyncio.create_task(commits.do(stop)), asyncio.create_task(commits.do(keep("+447700900001")))
    with pytest.raises(asyncio.CancelledError):
        await first
    with pytest.raises(asyncio.CancelledError):
        await second
    assert await commits.do(keep("+447700900002")) == "+447700900002"


async def test_without_a_database_everybody_is_told(sqlite_database: Database) -> None:
    async with sqlite_database.write() as session:
        await session.execute(sa.text("DROP TABLE opt_out"))
    commits = Commits(sqlite_database)
    with pytest.raises(sa.exc.OperationalError):
        await commits.do(keep("+447700900001"))


async def test_whoever_goes_away_does_not_stop_the_rest(database: Database) -> None:
    commits = Commits(database)
    gone = asyncio.create_task(commits.do(keep("+447700900001")))
    await asyncio.sleep(0)
    stays = asyncio.create_task(commits.do(keep("+447700900002")))
    await asyncio.sleep(0)
    gone.cancel()
    assert await stays == "+447700900002"

"""A line to PostgreSQL that is cut without a word, as a firewall does it: nobody waits for it for ever."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from gateway import bulk
from gateway.database import Database

ONE = sa.select(sa.literal_column("1"))
PATIENCE = 30.0  #: far less than the server's own, or the machine's


def by_hand(connection: Connection) -> None:
    bulk.run(connection, ONE, {})


def by_sqlalchemy(connection: Connection) -> None:
    connection.execute(ONE)


def many(connection: Connection) -> None:
    connection.exec_driver_sql("SELECT $1::integer", [(1,), (2,)])


@pytest.fixture
async def line(shared_tcp: tuple[Database, asyncio.Event]) -> AsyncIterator[tuple[Database, asyncio.Event]]:
    """What is said while the event is set is lost. A statement may take so long on a busy machine."""
    there, silent = shared_tcp
    database = Database(there.url.render_as_string(hide_password=False), statement_seconds=2.5)
    yield database, silent
    silent.clear()
    await database.close()


async def lost(silent: asyncio.Event, work: Callable[[], Awaitable[None]]) -> None:
    """Do work whose first words are lost."""
    silent.set()
    task = asyncio.ensure_future(work())
    await asyncio.sleep(0.3)
    silent.clear()
    async with asyncio.timeout(PATIENCE):
        await task


async def test_a_connection_that_lay_idle_is_replaced(line: tuple[Database, asyncio.Event]) -> None:
    database, silent = line
    await database.at_once(by_hand)
    await asyncio.sleep(1.2)  # it is not taken for alive any more
    await lost(silent, lambda: database.at_once(by_hand))


@pytest.mark.parametrize("work", [by_hand, by_sqlalchemy, many])
async def test_a_statement_without_an_answer_ends_and_its_connection_with_it(
    line: tuple[Database, asyncio.Event], work: Callable[[Connection], None]
) -> None:
    database, silent = line
    for _ in range(2):
        await database.at_once(by_hand)
        with pytest.raises(TimeoutError):
            await lost(silent, lambda: database.at_once(work))
    await database.at_once(work)


async def test_a_commit_without_an_answer_ends(line: tuple[Database, asyncio.Event]) -> None:
    database, silent = line

    async def write() -> None:
        silent.clear()
        async with database.write() as session:
            await session.execute(ONE)
            silent.set()

    with pytest.raises(TimeoutError):
        await lost(silent, write)
    await database.at_once(by_hand)

"""The bell: heard in every process after the commit, never before, and again after the server was away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import asyncpg
from structlog.testing import capture_logs
from support.waiting import until

from gateway import bell
from gateway.database import Database


class Rings:
    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> None:
        self.count += 1


@asynccontextmanager
async def listening(database: Database, rings: Rings, *, beat: float = 20) -> AsyncIterator[bell.Bell]:
    ear = bell.Bell(database.url, {"": rings}, beat=beat)
    task = asyncio.create_task(ear.listen())
    try:
        await until(lambda: ear.heard)
        yield ear
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def throw_out(database: Database, *, let_in: bool) -> None:
    """Shut the door of the database and end every connection to it, from another one; or open it again."""
    admin = database.url.set(drivername="postgresql", database="postgres").render_as_string(hide_password=False)
    connection = await asyncpg.connect(admin)
    try:
        name = database.url.database
        await connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS {str(let_in).lower()}')
        if not let_in:
            await connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name)
    finally:
        await connection.close()


async def test_every_listener_hears_it_once_it_is_committed(shared: Database) -> None:
    first, second = Rings(), Rings()
    async with listening(shared, first), listening(shared, second):
        before = first.count, second.count
        async with shared.write() as session:
            await bell.ring(session)
            await bell.ring(session)
            await asyncio.sleep(0.3)
            assert (first.count, second.count) == before, "what is not committed is nobody's business"
        await until(lambda: first.count > before[0] and second.count > before[1])
        await asyncio.sleep(0.2)
        assert (first.count, second.count) == (before[0] + 1, before[1] + 1), "one transaction rings once"


async def test_what_is_rolled_back_rings_nowhere(shared: Database) -> None:
    rings = Rings()
    async with listening(shared, rings):
        before = rings.count
        async with shared.write() as session:
            await bell.ring(session)
            await session.rollback()
        await asyncio.sleep(0.3)
        assert rings.count == before


async def test_it_comes_back_after_the_server_was_away_and_rings_for_what_was_missed(shared: Database) -> None:
    rings = Rings()
    with capture_logs() as lines:
        async with listening(shared, rings) as ear:
            await throw_out(shared, let_in=False)
            await until(lambda: not ear.heard)
            await asyncio.sleep(1.5)  # it tries, and is refused
            before = rings.count
            await throw_out(shared, let_in=True)
            await until(lambda: ear.heard)
            assert rings.count == before + 1
            async with shared.write() as session:
                await bell.ring(session)
            await until(lambda: rings.count == before + 2)
    assert [line["event"] for line in lines] == ["bell.listening", "bell.deaf", "bell.listening"], "it says so once"


async def test_a_line_that_is_cut_without_a_word_is_noticed(shared_tcp: tuple[Database, asyncio.Event]) -> None:
    """A firewall forgets the connection: no answer comes, and no end of it either."""
    database, silent = shared_tcp
    rings = Rings()
    async with listening(database, rings, beat=0.2) as ear:
        silent.set()
        await until(lambda: not ear.heard)
        silent.clear()
        await until(lambda: ear.heard)


async def test_on_sqlite_nothing_is_rung(sqlite_database: Database) -> None:
    async with sqlite_database.write() as session:
        await bell.ring(session)

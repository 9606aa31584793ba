"""Several workers need a server that they share: everything here runs on PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress

import pytest
from support import closing, databases

from gateway.database import Database


@pytest.fixture
def shared_url(postgres: databases.Postgres, postgres_template: str) -> Iterator[str]:
    """The URL of a fresh PostgreSQL database with every table in it."""
    with databases.postgres_copy(postgres, postgres_template) as url:
        yield url


@pytest.fixture
async def shared(shared_url: str) -> AsyncIterator[Database]:
    """The same, open."""
    opened = Database(shared_url)
    yield opened
    await opened.close()


@pytest.fixture
async def shared_tcp(shared: Database) -> AsyncIterator[tuple[Database, asyncio.Event]]:
    """The same behind a line by TCP that carries nothing while the event is set, and does not say so either."""
    silent, tasks = asyncio.Event(), set[asyncio.Task[None]]()
    folder = shared.url.query.get("host")

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65536):
                if not silent.is_set():
                    writer.write(data)
        writer.close()

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if isinstance(folder, str):
            server = await asyncio.open_unix_connection(f"{folder}/.s.PGSQL.{shared.url.port or 5432}")
        else:
            server = await asyncio.open_connection(shared.url.host, shared.url.port or 5432)
        for pair in ((reader, server[1]), (server[0], writer)):
            tasks.add(asyncio.create_task(carry(*pair)))

    async with await asyncio.start_server(connect, "127.0.0.1", 0) as line:
        port = line.sockets[0].getsockname()[1]
        url = shared.url.set(host="127.0.0.1", port=port, query={})
        opened = Database(url.render_as_string(hide_password=False))
        yield opened, silent
        await opened.close()
        await closing.close(line)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

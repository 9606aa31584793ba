"""Several workers need a server that they share: everything here runs on PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
from support import databases

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

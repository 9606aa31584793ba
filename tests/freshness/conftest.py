"""A family and its school, on both databases, or on SQLite alone."""

from __future__ import annotations

import pytest
from support.household import House, build

from gateway.database import Database


@pytest.fixture
async def house(database: Database) -> House:
    return await build(database)


@pytest.fixture
async def sqlite_house(sqlite_database: Database) -> House:
    return await build(sqlite_database)

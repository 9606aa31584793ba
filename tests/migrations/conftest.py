"""Databases without a table in them."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import databases


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite+aiosqlite:///{tmp_path / 'state' / 'handbell.sqlite3'}"
        return
    server: databases.Postgres = request.getfixturevalue("postgres")
    name = f"m_{uuid.uuid4().hex}"
    databases.run(server.execute(f'CREATE DATABASE "{name}"'))
    yield server.of(name)
    databases.run(server.execute(f'DROP DATABASE "{name}" WITH (FORCE)'))

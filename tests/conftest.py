"""What every test may ask for. Databases are real: each test that asks for one runs on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from support import databases

from gateway import migrate
from gateway.database import Database


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sqlite") / "template.sqlite"
    databases.run(migrate.upgrade(f"sqlite+aiosqlite:///{path}"))
    return path


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[databases.Postgres]:
    with databases.postgres_server(tmp_path_factory.mktemp("pg")) as server:
        yield server


@pytest.fixture(scope="session")
def postgres_template(postgres: databases.Postgres) -> str:
    async def prepare() -> None:
        await postgres.execute("DROP DATABASE IF EXISTS handbell_template")
        await postgres.execute("CREATE DATABASE handbell_template")
        await migrate.upgrade(postgres.of("handbell_template"))

    databases.run(prepare())
    return "handbell_template"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a fresh database with every table in it."""
    if request.param == "sqlite":
        with databases.sqlite_copy(request.getfixturevalue("sqlite_template"), tmp_path) as url:
            yield url
    else:
        server, template = request.getfixturevalue("postgres"), request.getfixturevalue("postgres_template")
        with databases.postgres_copy(server, template) as url:
            yield url


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A fresh database, open."""
    opened = Database(database_url)
    yield opened
    await opened.close()


@pytest.fixture
async def sqlite_database(sqlite_template: Path, tmp_path: Path) -> AsyncIterator[Database]:
    """A fresh SQLite database, for rules that do not depend on which one it is."""
    with databases.sqlite_copy(sqlite_template, tmp_path) as url:
        opened = Database(url)
        yield opened
        await opened.close()

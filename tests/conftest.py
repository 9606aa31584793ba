"""What every test may ask for. Databases are real: each test that asks for one runs on SQLite and on PostgreSQL."""

from __future__ import annotations

import gc
import os
import tempfile
import uuid
from collections.abc import AsyncIterator, Generator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import hypothesis
import pytest
from support import databases, journal
from support.databases import Fresh

from gateway import migrate
from gateway.database import Database
from gateway.practice import setup

# On a busy machine an example may take any time, and a test says the same of the same code whenever it is run. Look for
# more with: pytest --hypothesis-profile=default
hypothesis.settings.register_profile(
    "suite",
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("suite")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Spare the garbage collector the thousands of tests, which it would look through again and again.

    It comes round more often then, so that what a test has left open is found nearer to that test.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()


@pytest.fixture(scope="session", autouse=True)
def plain_and_quick() -> None:
    """No painted tracebacks, nothing compiled twice, and no secrets of whoever starts the tests.

    Handbell reads every credential that systemd hands in, and they stand above all that a test sets.
    """
    os.environ.pop("CREDENTIALS_DIRECTORY", None)
    journal.write_plainly()
    databases.compile_once()


@pytest.fixture
def unused_tcp_port() -> int:
    """A port that the system gives to nobody else meanwhile."""
    [port] = setup.free_ports(1)
    return port


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sqlite") / "template.sqlite"
    databases.run(migrate.upgrade(f"sqlite+aiosqlite:///{path}"))
    return path


@pytest.fixture(scope="session")
def postgres() -> Iterator[databases.Postgres]:
    # Not in pytest's own folder: another session's clean-up would take it away from under the server.
    with (
        tempfile.TemporaryDirectory(prefix="handbell-postgres-") as folder,
        databases.postgres_server(Path(folder)) as server,
    ):
        databases.run(databases.spare_the_disk(server))
        yield server


@pytest.fixture(scope="session")
def postgres_template(postgres: databases.Postgres) -> Iterator[str]:
    name = f"handbell_{uuid.uuid4().hex}"

    async def prepare() -> None:
        await postgres.execute(f'CREATE DATABASE "{name}"')
        await migrate.upgrade(postgres.of(name))

    databases.run(prepare())
    yield name
    databases.run(postgres.execute(f'DROP DATABASE "{name}" WITH (FORCE)'))


@pytest.fixture(scope="session")
def postgres_shelf(postgres: databases.Postgres, postgres_template: str) -> databases.Shelf:
    return databases.Shelf(postgres, postgres_template)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a fresh database with every table in it."""
    if request.param == "sqlite":
        with databases.sqlite_copy(request.getfixturevalue("sqlite_template"), tmp_path) as url:
            yield url
    else:
        with request.getfixturevalue("postgres_shelf").database() as url:
            yield url


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A fresh database, open."""
    opened = Database(database_url)
    yield opened
    await opened.close()


@pytest.fixture
async def postgres_database(postgres_shelf: databases.Shelf) -> AsyncIterator[Database]:
    """A fresh PostgreSQL database, for rules that are its own; with one connection, so that the next is the same."""
    with postgres_shelf.database() as url:
        opened = Database(url, pool_size=1)
        yield opened
        await opened.close()


@pytest.fixture(scope="session")
def fresh(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Fresh:
    """Open a fresh SQLite database: for each example of a property, say."""
    folder = tmp_path_factory.mktemp("fresh")

    @asynccontextmanager
    async def one() -> AsyncIterator[Database]:
        with databases.sqlite_copy(sqlite_template, folder) as url:
            opened = Database(url)
            try:
                yield opened
            finally:
                await opened.close()

    return one


@pytest.fixture
async def sqlite_database(fresh: Fresh) -> AsyncIterator[Database]:
    """A fresh SQLite database, for rules that do not depend on which one it is."""
    async with fresh() as opened:
        yield opened

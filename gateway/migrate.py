"""Bringing the database to the tables of this version, by Alembic. The steps are in ``gateway/migrations``."""

from __future__ import annotations

import io
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import event, exc
from sqlalchemy.engine import URL, Connection, make_url
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway import enclosure, errors

FOLDER = Path(__file__).parent / "migrations"

#: Any number will do, as long as it is ours: two processes that migrate one school at once take turns (PostgreSQL).
_LOCK = 4_851_001

#: Seconds that one who upgrades waits for another who does: longer than any of our steps takes on a slow machine.
_PATIENT = {"isolation_level": None, "timeout": 120}


async def upgrade(url: str) -> None:
    """Bring the database to the newest tables; one that has them already is left as it is.

    All steps are one transaction, on SQLite too: either everything is done or nothing.
    Raises :class:`errors.NotReady` when the database cannot be reached.
    """
    _make_file(make_url(url))
    async with connected(url) as connection, connection.begin():
        await run(connection, lambda config: command.upgrade(config, "head"))


async def downgrade(url: str, revision: str) -> None:
    """Bring the database back to an older revision: what only newer tables hold is lost. One transaction, too.

    Raises :class:`errors.NotReady` when the database cannot be reached, :class:`errors.NotFound` for no such revision.
    """
    must_know(revision)
    async with connected(url) as connection, connection.begin():
        await run(connection, lambda config: command.downgrade(config, revision))


async def current(url: str) -> str:
    """The revision that the database is at, ``""`` when it has never been migrated.

    Raises :class:`errors.NotReady` when the database cannot be reached.
    """
    async with connected(url) as connection:
        return await connection.run_sync(_revision) or ""


async def at(url: str) -> str:
    """Do what :func:`current` does; ``""`` too for a file that is not there, and none is made."""
    file = _file(make_url(url))
    return "" if file is not None and not file.exists() else await current(url)


async def check(url: str) -> None:
    """Raise :class:`errors.NotReady` unless the database has exactly the tables of this version."""
    parsed = make_url(url)
    file = _file(parsed)
    if file is not None and not file.exists():
        raise errors.NotReady(f"There is no database {file} yet: run handbell migrate.")
    revision = await current(url)
    if not revision:
        raise errors.NotReady("The database has no tables of Handbell yet: run handbell migrate.")
    if revision == head():
        return
    if revision not in known():
        raise errors.NotReady(
            f"The database is of a newer Handbell (revision {revision}): install that version again, or a later one."
        )
    raise errors.NotReady(f"The database is at revision {revision}, not {head()}: copy it, then run handbell migrate.")


def head() -> str:
    """The newest revision of this version."""
    return ScriptDirectory.from_config(configuration()).get_current_head() or ""


def must_know(revision: str) -> None:
    """Raise :class:`errors.NotFound` for a revision that this version does not have."""
    if revision not in known():
        raise errors.NotFound(f"There is no revision “{revision}”: they are {', '.join(reversed(known()))}.")


def known() -> list[str]:
    """Every revision that this version knows, the newest first."""
    return [script.revision for script in ScriptDirectory.from_config(configuration()).walk_revisions()]


def sql(url: str) -> str:
    """The SQL of all steps from an empty database on, for whoever may not let a program change theirs."""
    written = io.StringIO()
    config = configuration(written)
    config.attributes["dialect"] = make_url(url).get_backend_name()
    command.upgrade(config, "head", sql=True)
    return written.getvalue()


def configuration(written: io.StringIO | None = None) -> Config:
    """Alembic's settings. There is no alembic.ini, so that an installed wheel migrates from any folder."""
    config = Config(output_buffer=written) if written else Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    config.set_main_option("path_separator", "os")
    return config


async def run(connection: AsyncConnection, work: Callable[[Config], object]) -> None:
    """Let an Alembic command work on this connection, in the caller's transaction."""

    def with_config(plain: Connection) -> None:
        config = configuration()
        config.attributes["connection"] = plain
        work(config)

    if connection.dialect.name == "postgresql":
        own = sa.text("SELECT pg_advisory_xact_lock(:lock, hashtext(current_schema()))")
        await connection.execute(own, {"lock": _LOCK})
    await connection.run_sync(with_config)


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[AsyncConnection]:
    """A connection for migrating: on SQLite foreign keys are off, or rebuilding a table would empty its children.

    Raises :class:`errors.NotReady` when the database cannot be reached.
    """
    parsed = make_url(url)
    sqlite = parsed.get_backend_name() == "sqlite"
    # The driver must leave BEGIN to us, or each CREATE TABLE would be a transaction of its own.
    engine = enclosure.alone(parsed, connect_args=_PATIENT if sqlite else {})
    if sqlite:
        event.listen(engine.sync_engine, "begin", _begin_immediate)
    try:
        connection = await engine.connect()
    except (OSError, exc.SQLAlchemyError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        await engine.dispose()
        raise errors.NotReady(_unreachable(parsed, error)) from None
    try:
        yield connection
    finally:
        await connection.close()
        await engine.dispose()


def _begin_immediate(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _unreachable(url: URL, error: Exception) -> str:
    original = getattr(error, "orig", None) or error
    where = _file(url) or f"{url.host or 'this machine'} ({url.database})"
    return f"The database {where} cannot be reached: {original}. Look at database.url, and whether it is running."


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _file(url: URL) -> Path | None:
    """The file of an SQLite database."""
    if url.get_backend_name() != "sqlite" or not url.database or url.database == ":memory:":
        return None
    return Path(url.database)


def _make_file(url: URL) -> None:
    """Make the file of a new SQLite database ours alone: it will hold what a school knows of its families.

    Raises :class:`errors.NotReady` when it cannot be made.
    """
    file = _file(url)
    if file is None or file.exists():
        return
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(file, os.O_CREAT | os.O_WRONLY, 0o600))
    except OSError as error:
        raise errors.NotReady(f"The database {file} cannot be made: {error.strerror}. Look at database.url.") from None

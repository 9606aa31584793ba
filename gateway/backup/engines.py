"""The two databases as files: SQLite's online backup, and PostgreSQL's pg_dump and pg_restore."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path
from types import MappingProxyType
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import URL, Connection, make_url
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.pool import NullPool

from gateway import enclosure, errors, migrate
from gateway.database import Session

SQLITE, POSTGRESQL = "handbell.sqlite3", "handbell.pgdump"  #: what the file of a copy is called

#: A revision is written last, so that no daemon takes a database for whole whose messages are not held yet.
_REVISION = "TABLE DATA public alembic_version"


async def write(url: str, folder: Path) -> Path:
    """Write the database into a file of the folder, as it is at one moment, while others go on writing. Gives the file.

    Raises :class:`errors.NotReady` when it cannot be read, or a program is missing.
    """
    parsed, school = enclosure.part(url)
    if parsed.get_backend_name() == "sqlite":
        target = folder / SQLITE
        await asyncio.to_thread(_copy, Path(parsed.database or ""), target)
        return target
    target = folder / POSTGRESQL
    _own(target)
    one = (f"--schema={enclosure.name(school)}",) if school else ()
    options = ("--format=custom", "--no-owner", "--no-privileges", f"--file={target}", *one)
    # From its first statement on, which calls set_config already: --role would come later.
    role = {"PGOPTIONS": f"-c role={await _copier(parsed, school)}"} if school else {}
    await asyncio.to_thread(_run, "pg_dump", options, parsed, role)
    return target


async def _copier(url: URL, school: str) -> str:
    """As whom a school is copied: as itself, while an older Handbell's walls have nobody else for that.

    An upgrade copies before it changes anything, and the walls are brought up to date with the tables.
    """
    own, copier = enclosure.name(school), enclosure.copier(url.database or "")
    query = sa.text(
        "SELECT 1 FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.roleid JOIN pg_roles c ON c.oid = m.member"
        " WHERE r.rolname = :own AND c.rolname = :copier"
    )
    async with migrate.connected(url.render_as_string(hide_password=False)) as connection:
        return copier if await connection.scalar(query, {"own": own, "copier": copier}) else own


async def load(file: Path, url: str, work: Path) -> None:
    """Read the dump of a PostgreSQL database into an empty one, all but the revision it was at.

    ``work`` is a folder for what is needed in between. Raises :class:`errors.NotReady`.
    """
    parsed, listed = make_url(url), work / "contents"
    contents = await asyncio.to_thread(_run, "pg_restore", ("--list", str(file)), parsed)
    listed.write_text("\n".join(line for line in contents.splitlines() if _REVISION not in line))
    options = ("--exit-on-error", "--single-transaction", "--no-owner", "--no-privileges", f"--use-list={listed}")
    await asyncio.to_thread(_run, "pg_restore", (*options, f"--dbname={parsed.database}", str(file)), parsed)


async def prove_dump(file: Path, url: str) -> None:
    """Raise :class:`errors.NotReady` unless pg_restore can read what is in a dump."""
    await asyncio.to_thread(_run, "pg_restore", ("--list", str(file)), enclosure.part(url)[0])


@asynccontextmanager
async def reading(file: Path) -> AsyncIterator[Session]:
    """A session that reads the SQLite file of a copy and leaves it as it is, to the byte."""
    address = f"sqlite+aiosqlite:///file:{quote(str(file))}?immutable=1&mode=ro&uri=true"
    engine = create_async_engine(address, poolclass=NullPool)

    @event.listens_for(engine.sync_engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("PRAGMA query_only=ON")

    try:
        async with AsyncSession(engine) as session:
            yield session
    finally:
        await engine.dispose()


def _copy(source: Path, target: Path) -> None:
    if not source.exists():
        raise errors.NotReady(f"There is no database {source} that could be copied.")
    _own(target)
    try:
        with closing(sqlite3.connect(source, timeout=30)) as live, closing(sqlite3.connect(target)) as copy:
            live.backup(copy)  # in one step: a reader keeps no writer waiting, and sees one moment
            copy.execute("PRAGMA journal_mode=DELETE")  # one file, with nothing beside it
    except sqlite3.Error as error:
        raise errors.NotReady(f"The database {source} cannot be copied: {error}.") from None


def _own(file: Path) -> None:
    """Make a file that nobody else may read, before anything is written into it."""
    os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


def _run(program: str, options: Sequence[str], url: URL, more: Mapping[str, str] = MappingProxyType({})) -> str:
    found = shutil.which(program)
    if found is None:
        raise errors.NotReady(f"There is no program {program}: install the package postgresql-client.")
    import subprocess

    # Everything about the server by its environment: a command line can be read by every account of the machine.
    done = subprocess.run(  # noqa: S603 - a program of PostgreSQL's, and options of ours
        [found, *options], env={**os.environ, **_server(url), **more}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or ["it does not say why"]
        raise errors.NotReady(f"{program} failed: {last[0]}")
    return done.stdout


def _server(url: URL) -> Mapping[str, str]:
    query = {name: str(value) for name, value in url.query.items()}
    given = {
        "PGHOST": url.host or query.get("host", ""),
        "PGPORT": str(url.port or query.get("port", "")),
        "PGUSER": url.username or query.get("user", ""),
        "PGPASSWORD": url.password or query.get("password", ""),
        "PGDATABASE": url.database or "",
        "PGSSLMODE": query.get("ssl", ""),
        "PGPASSFILE": query.get("passfile", ""),
        **{variable: query[name] for name, variable in enclosure.TLS.items() if name in query},
    }
    return {name: value for name, value in given.items() if value}

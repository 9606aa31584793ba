"""Several schools in one PostgreSQL database: each has a schema and a role (no login) of its own, which owns it.

Whose a transaction is, is told to the server in one breath with its BEGIN, and ends with it: no connection of the pool
remembers a school. The login itself has no right to any school's tables, and they are not on its search path, so that
whatever is not told whose it is fails.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import asyncpg
from sqlalchemy import event
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

QUERY = "school"  #: the part of a database's address that names the school; no driver ever sees it
#: PostgreSQL's own names for a secure connection, as an address may have them, and as its programs read them.
TLS = {name: f"PG{name.upper()}" for name in ("sslmode", "sslrootcert", "sslcert", "sslkey", "sslcrl")}
TRUST = "handbell_trust"  #: the schema of what the schools share
_BOUNDS = "handbell_bounds"  #: the option of an engine that :func:`given` sets


def address(url: str, school: str) -> str:
    """The address of one school's tables."""
    return make_url(url).update_query_dict({QUERY: school}).render_as_string(hide_password=False)


def part(url: str | URL) -> tuple[URL, str]:
    """An address as the driver takes it, and whose tables are meant; ``""`` where the database is one school's."""
    whole = make_url(url)
    return whole.difference_update_query([QUERY]), str(whole.query.get(QUERY, ""))


def driver(url: URL) -> URL:
    """An address for asyncpg, which knows PostgreSQL's names for a secure connection in an address of its own alone."""
    if not (tls := {name: value for name, value in url.query.items() if name in TLS}):
        return url
    return url.difference_update_query(tls).update_query_dict({"dsn": f"postgresql://?{urlencode(tls)}"})


def name(school: str) -> str:
    """How a school's schema is called, and the role that owns it. Its key holds letters, digits and ``_`` alone."""
    return f"handbell_{school}"


def copier(database: str) -> str:
    """How the role is called that copies the schools of a database, by ``pg_dump``, and does nothing else."""
    return f"copies_of_{database}"


def settle_in(school: str, *, local: bool) -> str:
    """The SQL that makes a transaction, or a whole connection, one school's.

    ``pg_temp`` comes last: it would come first unasked, and a temporary table could stand before a school's.
    """
    scope = "LOCAL " if local else ""
    return f'SET {scope}ROLE "{name(school)}"; SET {scope}search_path TO "{name(school)}", pg_temp'


class TellingConnection(asyncpg.Connection):
    """A connection that tells the server of each transaction what is to be true of it, in one breath with its BEGIN."""

    told: str = ""

    async def execute(self, query: str, *args: Any, timeout: float | None = None) -> str:  # noqa: ASYNC109 - asyncpg's
        """Run a statement; asyncpg begins its transactions by this very method."""
        if not self.told or not query.startswith("BEGIN"):
            return await super().execute(query, *args, timeout=timeout)
        try:
            return await super().execute(f"{query} {self.told}", timeout=timeout)
        except BaseException:
            self.terminate()  # it may have begun as nobody's; the pool makes a new one
            raise


def enclose(engine: AsyncEngine) -> AsyncEngine:
    """Let each transaction of the engine be that school's whose :func:`of` it was begun by, and in the bounds that
    were :func:`given`. Its connections are :class:`TellingConnection`.
    """

    @event.listens_for(engine.sync_engine, "begin")
    def _tell(connection: Connection) -> None:
        driver: Any = connection.connection.driver_connection
        school = whose(connection)
        bounds = connection.get_execution_options().get(_BOUNDS, "")
        driver.told = "; ".join(filter(None, (school and settle_in(school, local=True), bounds)))

    return engine


def given(engine: AsyncEngine, bounds: str) -> AsyncEngine:
    """The same pool, for transactions that begin with this SQL. Not by ``set_config``: a school's role may be kept from
    it (docs/trust.md).
    """
    return engine.execution_options(**{_BOUNDS: bounds})


def of(engine: AsyncEngine, school: str) -> AsyncEngine:
    """The same pool, for one school."""
    return engine.execution_options(**{QUERY: school})


def whose(bind: Engine | Connection) -> str:
    """Which school's transactions these are; ``""`` where the database is one school's."""
    return str(bind.get_execution_options().get(QUERY, ""))


def alone(url: str | URL, **options: Any) -> AsyncEngine:
    """An engine without a pool for migrations and the bell, whose connections are one school's from the start."""
    plain, school = part(url)
    engine = create_async_engine(driver(plain), poolclass=NullPool, **options)
    if school:

        @event.listens_for(engine.sync_engine, "connect")
        def _settle_in(connection: Any, _record: Any) -> None:
            connection.run_async(lambda driver: driver.execute(settle_in(school, local=False)))

    return engine

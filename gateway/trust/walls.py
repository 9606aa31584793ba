"""The walls of a school in PostgreSQL: a role without a login, a schema that it owns, and what all schools share.

Where rows of several schools lie together, row-level security is the wall: forced, so that the owner is held by it too.
A school sees rows that name it, by the role that its transactions have; nothing that a program says can change that.
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway import enclosure, errors, migrate
from gateway.database import Session
from gateway.trust import tables

_LOCK: Final = 4_851_002  #: two who build walls at once take turns

#: What the schools share. Schools are named by their role here: the policies compare it with who asks.
#: ``visitor`` is what somebody with an account at one school (``home``) may do at another one (``school``).
#: Sign-ins there that had begun when home ended theirs (``ended_at``) hold no more.
#: ``pass`` is their way there: good once, for a minute, known by its SHA-256 alone; ``codes``: home asked for one.
_SHARED: Final = f"""
CREATE SCHEMA IF NOT EXISTS "{enclosure.TRUST}";
CREATE TABLE IF NOT EXISTS "{enclosure.TRUST}".school (
    key text PRIMARY KEY, role text NOT NULL UNIQUE, name text NOT NULL, office_url text NOT NULL DEFAULT '',
    added_at timestamptz NOT NULL DEFAULT now(), retired_at timestamptz
);
CREATE TABLE IF NOT EXISTS "{enclosure.TRUST}".visitor (
    home text NOT NULL REFERENCES "{enclosure.TRUST}".school (role),
    school text NOT NULL REFERENCES "{enclosure.TRUST}".school (role) CHECK (school <> home),
    email text NOT NULL, name text NOT NULL, role text NOT NULL, given_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (home, email, school), UNIQUE (school, email)
);
CREATE TABLE IF NOT EXISTS "{enclosure.TRUST}".pass (
    digest text PRIMARY KEY, home text NOT NULL, school text NOT NULL, email text NOT NULL,
    ends_at timestamptz NOT NULL,
    FOREIGN KEY (home, email, school) REFERENCES "{enclosure.TRUST}".visitor ON DELETE CASCADE
);
ALTER TABLE "{enclosure.TRUST}".visitor ADD COLUMN IF NOT EXISTS ended_at timestamptz;
ALTER TABLE "{enclosure.TRUST}".pass ADD COLUMN IF NOT EXISTS codes boolean NOT NULL DEFAULT false;
"""
#: Who sees and changes which rows, by table: the command for the policy (and its columns), and its condition.
_POLICIES: Final = {
    "school": (("SELECT", "role = current_user OR {shares}"),),
    "visitor": (
        ("SELECT", "current_user IN (home, school)"),
        ("UPDATE (ended_at)", "current_user = home"),
        ("DELETE", "current_user = home"),
    ),
    "pass": (
        ("SELECT", "current_user IN (home, school)"),
        ("INSERT", "current_user = home"),
        ("DELETE", "current_user IN (home, school)"),
    ),
}
_SHARES: Final = f"""EXISTS (SELECT FROM "{enclosure.TRUST}".visitor v
    WHERE (v.home = current_user AND v.school = school.role) OR (v.school = current_user AND v.home = school.role))"""


async def build(connection: AsyncConnection, school: str) -> None:
    """Make a school's role and schema, and what all schools share, as far as they are not there. The login's right.

    Raises :class:`errors.NotReady` where the login may not.
    """
    try:
        await _build(connection, school)
    except DBAPIError as error:
        if str(getattr(error.orig, "sqlstate", "")) != "42501":  # insufficient_privilege
            raise
        what = f"PostgreSQL does not let this login make the walls of {school}: {_said(error)}."
        cure = "The login needs CREATEROLE, and must own the database: docs/trust.md has the two statements."
        raise errors.NotReady(f"{what} {cure}") from None


async def _build(connection: AsyncConnection, school: str) -> None:
    own = enclosure.name(school)
    await connection.execute(sa.text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    await _share(connection)
    copier = enclosure.copier(await connection.scalar(sa.text("SELECT current_database()")))
    await _role(connection, own, "NOINHERIT")
    # pg_dump calls set_config, which no school's role may: each copy is made as a role of its own.
    await _role(connection, copier, "INHERIT")
    await _do(connection, f'GRANT "{own}" TO "{copier}" WITH INHERIT TRUE, SET FALSE')
    await _do(connection, f'CREATE SCHEMA IF NOT EXISTS "{own}" AUTHORIZATION "{own}"')
    # Of all schools: a column that is new is nobody's yet, and the others are migrated later, or not at all today.
    roles = sa.table("pg_roles", sa.column("rolname"))
    others = sa.select(tables.SCHOOL.c.role).where(tables.SCHOOL.c.role.in_(sa.select(roles.c.rolname)))
    for role in sorted({own, *await connection.scalars(others)}):
        await _do(connection, f'GRANT USAGE ON SCHEMA "{enclosure.TRUST}" TO "{role}"')
        for table, policies in _POLICIES.items():
            await _do(connection, f'GRANT {_rights(policies)} ON "{enclosure.TRUST}"."{table}" TO "{role}"')


async def _role(connection: AsyncConnection, name: str, inherits: str) -> None:
    if not await connection.scalar(sa.text("SELECT 1 FROM pg_roles WHERE rolname = :name"), {"name": name}):
        await _do(connection, f'CREATE ROLE "{name}" NOLOGIN {inherits}')
    # May become it, but has none of its rights meanwhile: whatever is not told whose it is must fail.
    await _do(connection, f'GRANT "{name}" TO CURRENT_USER WITH INHERIT FALSE, SET TRUE')


async def _share(connection: AsyncConnection) -> None:
    """Make what all schools share, and its policies."""
    for statement in _SHARED.split(";\n"):
        await _do(connection, statement)
    # Or a school could lay a table of its own over one, for as long as a connection lives.
    database = await connection.scalar(sa.text("SELECT quote_ident(current_database())"))
    await _do(connection, f"REVOKE TEMPORARY ON DATABASE {database} FROM PUBLIC")
    for table, policies in _POLICIES.items():
        of = f'"{enclosure.TRUST}"."{table}"'
        await _do(connection, f"ALTER TABLE {of} ENABLE ROW LEVEL SECURITY")
        await _do(connection, f"ALTER TABLE {of} FORCE ROW LEVEL SECURITY")
        await _policy(connection, of, "upkeep", "FOR ALL TO CURRENT_USER USING (true)")
        for command, condition in policies:
            deed, check = command.split()[0], "WITH CHECK" if command == "INSERT" else "USING"
            await _policy(connection, of, deed.lower(), f"FOR {deed} {check} ({condition.format(shares=_SHARES)})")


async def _policy(connection: AsyncConnection, of: str, name: str, rule: str) -> None:
    await _do(connection, f'DROP POLICY IF EXISTS "{name}" ON {of}')
    await _do(connection, f'CREATE POLICY "{name}" ON {of} {rule}')


def _rights(policies: tuple[tuple[str, str], ...]) -> str:
    return ", ".join(command for command, _ in policies)


async def _do(connection: AsyncConnection, statement: str) -> None:
    if statement.strip():
        await connection.exec_driver_sql(statement)


def _said(error: DBAPIError) -> str:
    return str(error.orig).partition("\n")[0].rpartition(">: ")[2].rstrip(".")


async def check(session: Session) -> None:
    """Raise :class:`errors.NotReady` unless what the schools share has all the columns that this version asks for."""
    query = sa.text("SELECT attname FROM pg_attribute WHERE attrelid = to_regclass(:table) AND attnum > 0")
    for table in (tables.SCHOOL, tables.VISITOR, tables.PASS):
        found = set(await session.scalars(query, {"table": f"{enclosure.TRUST}.{table.name}"}))
        if not found >= {column.name for column in table.c}:
            what = f"What the schools share is of an older Handbell ({table.name})."
            raise errors.NotReady(f"{what} Run handbell migrate --all.")


async def stand(url: str) -> bool:
    """Whether a school's walls stand.

    Raises :class:`errors.NotReady` when the database cannot be reached.
    """
    plain, school = enclosure.part(url)
    async with migrate.connected(plain.render_as_string(hide_password=False)) as connection:
        query = sa.text("SELECT 1 FROM pg_namespace WHERE nspname = :own")
        return bool(await connection.scalar(query, {"own": enclosure.name(school)}))

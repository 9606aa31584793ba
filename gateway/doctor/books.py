"""The database: is it reachable and up to date, does its clock agree with ours, is the audit log whole?"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import exc
from sqlmodel import col, select

from gateway import chain as links
from gateway import context, enclosure, errors, migrate
from gateway.doctor.findings import Finding
from gateway.models import ApiToken, Audit

QUICK_LINES = 1000  #: of the audit log; ``handbell audit verify`` looks at all of it
_CLOCK_SECONDS = 2.0


async def reachable(gateway: context.Gateway) -> list[Finding]:
    """Whether the database can be written to and has the tables of today."""
    name = gateway.database.url.render_as_string(hide_password=True)
    try:
        await migrate.check(gateway.settings.database.dsn())
        async with gateway.database.write() as session:
            # Changes nothing, but only where something could be changed.
            await session.execute(sa.delete(ApiToken).where(col(ApiToken.id) < 0))
    except errors.NotReady as error:
        return [Finding("database", "bad", str(error))]
    except exc.DBAPIError as error:
        cure = "Look at the rights of the file or of the database's user."
        return [Finding("database", "bad", f"{name} cannot be written: {error.orig}.", cure)]
    return [Finding("database", "ok", f"{name} is reachable, writable and up to date (revision {migrate.head()}).")]


async def walls(gateway: context.Gateway) -> list[Finding]:
    """Whether PostgreSQL keeps a trust's schools apart: a login that may do everything would be held by no wall."""
    if not gateway.database.school:
        return []
    role = enclosure.name(gateway.database.school)
    query = sa.text(  # the schema by its name: for a role that may not use it, current_schema() is another one
        "SELECT r.rolsuper OR r.rolbypassrls, n.nspowner = CURRENT_USER::regrole,"
        " has_schema_privilege(session_user, n.oid, 'USAGE'),"
        " has_function_privilege('pg_catalog.set_config(text, text, boolean)', 'EXECUTE')"
        " FROM pg_roles r LEFT JOIN pg_namespace n ON n.nspname = :own WHERE r.rolname = session_user"
    )
    async with gateway.database.read() as session:
        may_all, owned, inherits, turns = (await session.execute(query, {"own": role})).one()
    if may_all:
        sentence = "The database's login may do everything, so that the second wall between schools has a door."
        return [
            Finding("walls", "warn", sentence, "Give Handbell a login without SUPERUSER and BYPASSRLS: docs/trust.md.")
        ]
    if not owned:
        cure = f"Run handbell school add {gateway.database.school}."
        return [Finding("walls", "bad", "This school's schema belongs to somebody else.", cure)]
    if inherits:
        sentence = "The database's login has the rights of this school's role all the time, not only as that school."
        return [Finding("walls", "warn", sentence, f"Whoever granted it {role} does so WITH INHERIT FALSE instead.")]
    if turns:
        sentence = "A statement may say by set_config whose it is: whoever gets words of theirs into one crosses over."
        return [Finding("walls", "warn", sentence, "A superuser says the two statements of docs/trust.md.")]
    return [Finding("walls", "ok", "The school has a schema and a role of its own, and the login no rights to either.")]


async def clock(gateway: context.Gateway) -> list[Finding]:
    """The clock against the database's own, less the time that asking took."""
    begun = time.monotonic()
    now = sa.func.strftime("%Y-%m-%dT%H:%M:%fZ", "now") if gateway.database.is_sqlite else sa.func.now()
    async with gateway.database.read() as session:
        theirs: Any = await session.scalar(sa.select(now))
    ours, took = gateway.now(), time.monotonic() - begun
    moment = datetime.fromisoformat(theirs) if isinstance(theirs, str) else theirs.astimezone(UTC)
    apart = max(0.0, abs((ours - moment).total_seconds()) - took)
    if gateway.settings.practice.enabled and apart > _CLOCK_SECONDS:
        return [Finding("clock", "ok", f"It is practice, and its clock was put on by {apart / 60:.0f} minutes.")]
    if apart <= _CLOCK_SECONDS:
        return [Finding("clock", "ok", "The clock agrees with the database's.")]
    sentence = f"The clock is {apart:.0f} seconds apart from the database's."
    return [Finding("clock", "bad", sentence, "Let both machines set their clocks by NTP.")]


async def chain(gateway: context.Gateway, *, lines: int = QUICK_LINES) -> list[Finding]:
    """The newest lines of the audit log: each chains to the one before, and the last is the end that we signed."""
    query = select(Audit).where(col(Audit.link).is_not(None)).order_by(col(Audit.link).desc()).limit(lines + 1)
    seen = gateway.mark.kept()  # before the log is read, as that goes on meanwhile
    async with gateway.database.read() as session:
        rows = list((await session.scalars(query)).all())[::-1]
        last = (rows[-1].link or 0, rows[-1].hash) if rows else (0, links.GENESIS)
        removed = await links.fault_of_seen(session, gateway.log, seen) if seen else ""
        fault = await links.fault_of_end(session, gateway.log, link=last[0], newest=last[1])
    if removed:
        return [Finding("audit log", "bad", removed)]
    cure = "Run handbell audit verify, and compare with a copy of the database. Was audit.key changed?"
    begins_at_first = bool(rows) and rows[0].link == 1
    before = links.GENESIS if begins_at_first or not rows else rows[0].hash
    for row in rows if begins_at_first else rows[1:]:
        before = links.chained(before, row.mac)
        if gateway.log.mac_of(row) != row.mac or before != row.hash:
            return [Finding("audit log", "bad", f"Line {row.link} (row {row.id}) was changed, or its key was.", cure)]
    if fault:
        return [Finding("audit log", "bad", fault, cure)]
    if rows and gateway.mark.is_missing:
        sentence = "Nothing on this machine remembers where the audit log ended last."
        cure = f"Start Handbell; it must be able to write into {gateway.settings.database.state_dir}."
        return [Finding("audit log", "warn", sentence, cure)]
    return [Finding("audit log", "ok", f"The newest {len(rows)} lines are as they were written.")]

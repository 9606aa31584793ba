"""Schools of a trust: made, retired, and who of one may come to another."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from config.settings import Settings
from gateway import audit, context, enclosure, errors
from gateway.accounts import staff
from gateway.models import Account
from gateway.roles import Role
from gateway.trust import register, tables
from gateway.wiring import building


async def add_school(settings: Settings, *, by: str) -> None:
    """Make a school's place in the database, or bring it to the tables of this version. Safe to repeat.

    Raises :class:`errors.NotReady` when the database cannot be reached, or the login may not.
    """
    key, web = settings.school_key, settings.web
    async with register.opened(settings.database.dsn()) as connection:
        was = {one.key for one in await register.listed(connection) if one.retired_at is None}
        office = web.office_url or web.public_base_url
        await register.add(connection, key, name=settings.school.name, office_url=office.rstrip("/"))
    await building.set_up(settings)
    if key not in was:
        async with _gateway(settings) as gateway:
            await _note(gateway, "school.added", by=by)


async def retire_school(settings: Settings, *, by: str) -> None:
    """Take a school off the trust's list, and write it in its own log.

    Raises :class:`errors.NotFound`.
    """
    async with register.opened(settings.database.dsn()) as connection:
        await register.retire(connection, settings.school_key)
    async with _gateway(settings) as gateway:
        await _note(gateway, "school.retired", by=by)


async def let_in(home: Settings, to: Settings, *, email: str, role: Role, by: str) -> str:
    """Let somebody with an account at ``home`` come to another school. Gives their name.

    Raises :class:`errors.NotFound` for somebody who is not there, :class:`errors.Conflict` for one who may not.
    """
    account = await _account(home, email)
    if role is Role.TEACHER:
        raise errors.Conflict("A teacher has forms of their own: give them an account at that school instead.")
    row = {
        "home": enclosure.name(home.school_key), "school": enclosure.name(to.school_key),
        "email": account.email, "name": account.name, "role": role.value,
    }  # fmt: skip
    async with register.opened(home.database.dsn()) as connection:
        listed = {one.key for one in await register.listed(connection) if one.retired_at is None}
        if missing := {home.school_key, to.school_key} - listed:
            what = f"{', '.join(sorted(missing))} is not among the schools of {home.school.name}'s database."
            raise errors.Conflict(f"{what} Run handbell school add.")
        if not account.password and await register.comes_from_elsewhere(connection, home.school_key, account.email):
            what = f"{account.name} comes to {home.school_key} from another school."
            raise errors.Conflict(f"{what} Let them in from there, or keeping them out here would leave them in.")
        new = postgresql.insert(tables.VISITOR).values(row)
        kept = {"role": new.excluded.role, "name": new.excluded.name}
        await connection.execute(new.on_conflict_do_update(index_elements=["home", "email", "school"], set_=kept))
    async with _gateway(to) as gateway:
        await _note(gateway, "visitor.let_in", by=by, name=account.name, role=role.value)
    return account.name


async def keep_out(home: Settings, to: Settings, *, email: str, by: str) -> None:
    """Take the right to come to another school away; whatever they have open there ends.

    Raises :class:`errors.NotFound` for somebody who has no such right.
    """
    t = tables.VISITOR.c
    gone = sa.delete(tables.VISITOR).where(
        t.home == enclosure.name(home.school_key),
        t.school == enclosure.name(to.school_key),
        t.email == email.strip().casefold(),
    )
    async with register.opened(home.database.dsn()) as connection:
        name = await connection.scalar(gone.returning(t.name))
    if name is None:
        raise errors.NotFound(f"{email} of {home.school.name} may not come to {to.school.name} as it is.")
    async with _gateway(to) as gateway:
        await _note(gateway, "visitor.kept_out", by=by, name=name)


async def _account(home: Settings, email: str) -> Account:
    async with _gateway(home) as gateway, gateway.database.read() as session:
        found = await staff.one(session, email)
    if found.disabled_at is not None:
        raise errors.Conflict(f"{found.name} may not come in at {home.school.name} any more.")
    return found


async def _note(gateway: context.Gateway, action: str, *, by: str, **facts: str) -> None:
    line = audit.Line(action, f"school:{gateway.settings.school_key}", dict(facts), actor=by)
    async with gateway.database.write() as session:
        await gateway.log.record(session, line, now=gateway.now())


@asynccontextmanager
async def _gateway(settings: Settings) -> AsyncIterator[context.Gateway]:
    gateway = building.build(settings)
    try:
        yield gateway
        await building.seal(gateway)
    finally:
        await gateway.database.close()

"""Links by which somebody comes in and chooses a password: they work once, for a while, and only a hash is kept.

The very first person comes in by a link of the daemon's, which works only while nobody is there.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa
from sqlmodel import col, select

from gateway import errors, secrecy
from gateway.accounts.means import Means
from gateway.database import Session
from gateway.models import Account, AccountLink
from gateway.models.types import core
from gateway.trust import visiting

FIRST_FOR: Final = timedelta(hours=24)
FOR: Final = timedelta(hours=72)  #: over a weekend
_SENTENCE: Final = "This link has been used, or is too old. Ask whoever gave it to you for a new one."
_table = core(AccountLink)


async def first(session: Session, *, means: Means) -> str:
    """A link for the very first person; what stands behind ``/first-run/``."""
    return await _make(session, None, FIRST_FOR, means=means)


async def make(session: Session, account: Account, *, means: Means) -> str:
    """A link for somebody who is on file; what stands behind ``/new-password/``. Earlier ones work no more.

    Raises :class:`errors.Conflict` for somebody who may not come in, or signs in at another school.
    """
    await _check_is_ours(session, account)
    if account.disabled_at is not None:
        raise errors.Conflict(f"{account.name} may not come in. Let them in again first.")
    await forget(session, account.id)
    return await _make(session, account.id, FOR, means=means)


async def _make(session: Session, account_id: str | None, span: timedelta, *, means: Means) -> str:
    value = secrecy.fresh()
    expires = means.now + span
    row = AccountLink(digest=secrecy.digest(value), account_id=account_id, made_at=means.now, expires_at=expires)
    session.add(row)
    await session.execute(sa.delete(_table).where(_table.c.expires_at <= means.now))
    await session.flush()
    await means.record(session, "staff.link_made", account_id or "", first=account_id is None)
    return value


async def look(session: Session, value: str, *, first: bool, now: datetime) -> Account | None:
    """Whose a link is, None for the very first person's; it can still be used afterwards.

    Raises :class:`errors.NotFound` for one that opens nothing, :class:`errors.Conflict` where they have come to sign in
    at another school since.
    """
    row = await session.get(AccountLink, secrecy.digest(value))
    if row is None or row.expires_at <= now or (row.account_id is None) != first:
        raise errors.NotFound(_SENTENCE)
    if row.account_id is None:
        return None
    account = await session.get_one(Account, row.account_id)
    await _check_is_ours(session, account)
    return account


async def use(session: Session, value: str, *, first: bool, now: datetime) -> Account | None:
    """Use a link up: of two who come at once, one is refused. With the first of its kind all of them are gone.

    Raises what :func:`look` does.
    """
    account = await look(session, value, first=first, now=now)
    whose = _table.c.account_id.is_(None) if account is None else _table.c.account_id == account.id
    gone = await session.scalars(sa.delete(_table).where(whose).returning(_table.c.digest))
    anybody = account is None and await session.scalar(select(Account.id).limit(1)) is not None
    if secrecy.digest(value) not in set(gone.all()) or anybody:
        raise errors.NotFound(_SENTENCE)
    return account


async def forget(session: Session, account_id: str) -> None:
    """Let no link of somebody's work any more."""
    await session.execute(sa.delete(_table).where(_table.c.account_id == account_id))


async def is_waiting(session: Session, account_id: str, *, now: datetime) -> bool:
    """Whether somebody has a link that they have not used."""
    query = select(AccountLink.digest).where(col(AccountLink.account_id) == account_id)
    return await session.scalar(query.where(col(AccountLink.expires_at) > now)) is not None


async def _check_is_ours(session: Session, account: Account) -> None:
    """Raise :class:`errors.Conflict` for somebody who comes from another school of the trust: a password here would let
    them in when they are kept out.
    """
    if not account.password and (home := await visiting.home(session, account.email)):
        what = f"{account.name} comes from {home}: their password is there, and {home} gives them a new one."
        raise errors.Conflict(f"{what} Who comes to work here is kept out as a guest first (handbell school keep-out).")

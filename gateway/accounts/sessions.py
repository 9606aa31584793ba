"""Browsers that are signed in. A cookie holds 256 random bits; the database their hash, so that its copy opens nothing.

A session ends when nobody has done anything for a while, when it is old, and at once when it is ended: by its person,
by IT, and with a new password, another role or the end of the account. What is ended so ends at the other schools of a
trust, too: nobody knows from which browser somebody went there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa
from sqlmodel import col, select

from gateway import errors, secrecy
from gateway.accounts.means import Means
from gateway.database import Session
from gateway.models import Account, AccountSession
from gateway.models.types import core
from gateway.trust import visiting

CODE_WITHIN: Final = timedelta(minutes=5)  #: so long the password is good while the code of the phone is looked for
SEEN_EVERY: Final = timedelta(seconds=20)  #: that somebody was there is written down no more often
_table = core(AccountSession)


@dataclass(frozen=True, slots=True)
class Spans:
    """How long a session lives: ``idle`` after the last deed, ``most`` after it began."""

    idle: timedelta
    most: timedelta

    def ends(self, one: AccountSession) -> datetime:
        """When it ends if nobody does anything more."""
        return min(one.seen_at + self.idle, one.ends_at)


@dataclass(frozen=True, slots=True)
class Found:
    """A session and whose it is; ``over`` says that it has ended by itself."""

    row: AccountSession
    account: Account
    over: bool


async def begin(
    session: Session,
    account: Account,
    session_id: str,
    *,
    spans: Spans,
    browser: str = "",
    waits_for_code: bool = False,
    means: Means,
) -> str:
    """Sign a browser in, and give the value of its cookie, this once."""
    await sweep(session, spans=spans, means=means)
    value, now = secrecy.fresh(), means.now
    ends = now + (CODE_WITHIN if waits_for_code else spans.most)
    session.add(
        AccountSession(
            id=session_id,
            account_id=account.id,
            digest=secrecy.digest(value),
            browser=browser,
            created_at=now,
            seen_at=now,
            ends_at=ends,
            waits_for_code=waits_for_code,
        )
    )
    if not waits_for_code:
        account.signed_in_at = now
        session.add(account)
    await session.flush()
    action = "session.waits_for_code" if waits_for_code else "session.began"
    await means.record(session, action, account.id, session=session_id)
    return value


async def find(session: Session, value: str, *, spans: Spans, now: datetime) -> Found | None:
    """The session of a cookie; None for a value that is none, and for somebody who may no longer come in."""
    query = (
        select(AccountSession, Account)
        .join(Account, col(Account.id) == col(AccountSession.account_id))
        .where(col(AccountSession.digest) == secrecy.digest(value), col(Account.disabled_at).is_(None))
    )
    found = (await session.execute(query)).one_or_none()
    if found is None:
        return None
    row, account = found
    return Found(row, account, over=spans.ends(row) <= now)


async def touch(session: Session, session_id: str, *, now: datetime) -> None:
    """Note that somebody was there."""
    await session.execute(sa.update(_table).where(_table.c.id == session_id).values(seen_at=now))


async def put_on(session: Session, span: timedelta) -> None:
    """Practice mode has put its clock on: nobody was away for that, and nobody is signed out by it."""
    for one in await session.scalars(select(AccountSession)):
        one.seen_at, one.ends_at = one.seen_at + span, one.ends_at + span
        session.add(one)


async def hide_names(session: Session, account_id: str, session_id: str, *, hide: bool, means: Means) -> None:
    """Show names as initials on this browser's pages, or whole again. By its line the other windows learn of it."""
    await session.execute(sa.update(_table).where(_table.c.id == session_id).values(hide_names=hide))
    action = "session.names_hidden" if hide else "session.names_shown"
    await means.record(session, action, account_id, session=session_id)


async def listed(session: Session, account_id: str, *, spans: Spans, now: datetime) -> Sequence[AccountSession]:
    """Where somebody is signed in, the last used first."""
    query = select(AccountSession).where(
        col(AccountSession.account_id) == account_id, col(AccountSession.waits_for_code).is_(False)
    )
    rows = await session.scalars(query.order_by(col(AccountSession.seen_at).desc(), col(AccountSession.id)))
    return [one for one in rows if spans.ends(one) > now]


async def end(session: Session, account_id: str, session_id: str, *, why: str, means: Means) -> None:
    """End one session of somebody's.

    Raises :class:`errors.NotFound`.
    """
    mine = sa.delete(_table).where(_table.c.id == session_id, _table.c.account_id == account_id)
    gone = (await session.execute(mine.returning(_table.c.waits_for_code))).one_or_none()
    if gone is None:
        raise errors.NotFound("This sign-in has ended already.")
    if not gone.waits_for_code:  # else it opened nothing
        await visiting.end(session, account_id, now=means.now)
    await means.record(session, "session.ended", account_id, session=session_id, why=why)


async def end_all(session: Session, account_id: str, *, why: str, but: str = "", means: Means) -> int:
    """End every session of somebody's, ``but`` one. Gives how many."""
    theirs = sa.delete(_table).where(_table.c.account_id == account_id, _table.c.id != but)
    gone = list(await session.scalars(theirs.returning(_table.c.id)))
    await visiting.end(session, account_id, now=means.now)
    if gone:
        await means.record(session, "session.ended", account_id, sessions=len(gone), why=why)
    return len(gone)


async def sweep(session: Session, *, spans: Spans, means: Means) -> None:
    """Delete the sessions that have ended by themselves, each with a line in the log."""
    over = sa.delete(_table).where(sa.or_(_table.c.ends_at <= means.now, _table.c.seen_at <= means.now - spans.idle))
    for session_id, account_id, ends_at in await session.execute(
        over.returning(_table.c.id, _table.c.account_id, _table.c.ends_at)
    ):
        why = "old" if ends_at <= means.now else "idle"
        await means.record(session, "session.ended", account_id, session=session_id, why=why)

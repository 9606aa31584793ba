"""How long somebody waits after failures: longer each time, and never for good.

Three things are counted. A *name* that is typed in, known or not, so that nothing shows who has an account. An
*address* that tries many names. And a *browser* that somebody has signed in from before, instead of both: whoever
guesses at a teacher's password from elsewhere cannot keep her out of her own browser (OWASP, "Device Cookies").
A try is counted before the password is looked at, so that a thousand at once are a thousand, not one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa
from sqlmodel import col, select

from gateway import secrecy, upsert
from gateway.database import Session
from gateway.models import SignInTry
from gateway.models.types import core

_FORGOTTEN: Final = timedelta(days=1)  #: after so long without a failure nothing is held against anybody
_table = core(SignInTry)


@dataclass(frozen=True, slots=True)
class Counted:
    """What is counted, how many failures are free, the longest wait in seconds, and whether it is many people's."""

    key: str
    free: int
    longest: int
    shared: bool = False


def name(typed: str) -> Counted:
    """A name as it was typed in. Not kept as such: people type passwords into the wrong field."""
    return Counted(secrecy.digest(f"name {typed.strip().casefold()}"), 5, 900)


def address(of: str) -> Counted:
    """Where a request came from. Behind a proxy that is everybody's, so it is patient, and soon good again."""
    return Counted(secrecy.digest(f"address {of}"), 50, 60, shared=True)


def browser(nonce: str) -> Counted:
    """A browser that somebody has signed in from before."""
    return Counted(secrecy.digest(f"browser {nonce}"), 8, 900)


def code(account_id: str) -> Counted:
    """The six digits of a person's phone: whoever guesses them knows the password already."""
    return Counted(secrecy.digest(f"code {account_id}"), 5, 900)


async def count(session: Session, what: Sequence[Counted], *, now: datetime) -> int:
    """Count a try. Gives the seconds to wait where it is too early for one: then nothing is counted."""
    fresh = [{"key": one.key, "failures": 0, "last_at": now} for one in what]
    await upsert.insert(session, _table, fresh, key=["key"])
    keys = sorted(one.key for one in what)  # always in one order, or two would wait for each other
    query = select(SignInTry).where(col(SignInTry.key).in_(keys)).order_by(col(SignInTry.key)).with_for_update()
    rows = {row.key: row for row in await session.scalars(query)}
    for row in rows.values():
        if row.last_at < now - _FORGOTTEN:
            row.failures = 0
        row.last_at = min(row.last_at, now)  # a clock that was set back keeps nobody waiting until it has caught up
    if wait := max(_wait(one, rows[one.key], now) for one in what):
        return wait
    for row in rows.values():
        row.failures, row.last_at = row.failures + 1, now
    await session.flush()
    return 0


async def forgive(session: Session, what: Sequence[Counted], *, now: datetime) -> None:
    """Take back what was held against them: it was the person. Of an address, which is many people's, only this try."""
    keys = [one.key for one in what]
    less = sa.case((_table.c.failures > 1, _table.c.failures - 1), else_=0)
    shared = [one.key for one in what if one.shared]
    value = sa.case((_table.c.key.in_(shared), less), else_=0)
    await session.execute(sa.update(_table).where(_table.c.key.in_(keys)).values(failures=value))
    await session.execute(sa.delete(_table).where(_table.c.last_at < now - _FORGOTTEN))


def _wait(one: Counted, row: SignInTry, now: datetime) -> int:
    """The wait doubles with each failure: 2 seconds, 4, 8 …"""
    over = row.failures - one.free
    if over < 0:
        return 0
    delay = min(2 << min(over, 15), one.longest)
    return math.ceil(max(delay - (now - row.last_at).total_seconds(), 0.0))

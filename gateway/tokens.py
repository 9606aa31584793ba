"""Tokens of the HTTP API.

Only their SHA-256 is kept: 256 random bits need no salt and no slow hash.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import col, select

from gateway import audit, errors
from gateway.database import Session
from gateway.models import ApiToken, Audit

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,59}")


async def create(
    session: Session, name: str, *, log: audit.Log, now: datetime, actor: str = "handbell", read_only: bool = False
) -> str:
    """Make a token and give it, this once: it cannot be read again. Whatever it does is written down under ``name``.

    One that is ``read_only`` may look at everything and change nothing. Raises :class:`errors.BadInput` for a name that
    cannot be one, :class:`errors.Conflict` for one that is taken.
    """
    if not _NAME.fullmatch(name):
        problem = errors.Problem(
            f"“{name}” cannot be the name of a token.", "Use up to 60 letters, digits, spaces, dots and dashes."
        )
        raise errors.BadInput([problem])
    if await session.scalar(select(ApiToken.id).where(ApiToken.name == name)):
        raise errors.Conflict(f"There is, or was, a token “{name}” already. Choose another name.")
    token = f"hb_{secrets.token_urlsafe(32)}"
    row = ApiToken(name=name, digest=digest(token), created_at=now, read_only=read_only)
    session.add(row)
    await session.flush()
    facts = {"name": name, "read_only": read_only}
    await log.record(session, audit.Line("token.created", f"token:{row.id}", facts, actor), now=now)
    return token


async def revoke(session: Session, name: str, *, log: audit.Log, now: datetime, actor: str = "handbell") -> None:
    """Let a token open nothing any more.

    Raises :class:`errors.NotFound`, or :class:`errors.Conflict` when it was revoked before.
    """
    row = (await session.scalars(select(ApiToken).where(ApiToken.name == name))).one_or_none()
    if row is None:
        raise errors.NotFound(f"There is no token “{name}”.")
    if row.revoked_at is not None:
        raise errors.Conflict(f"The token “{name}” was revoked already.")
    row.revoked_at = now
    session.add(row)
    await log.record(session, audit.Line("token.revoked", f"token:{row.id}", {"name": name}, actor), now=now)


async def maker(session: Session, name: str) -> str:
    """Who made a token, as they sign; ``""`` where there is none of that name."""
    made = select(Audit.actor).join(
        ApiToken, col(Audit.subject) == sa.literal("token:") + sa.cast(ApiToken.id, sa.Text)
    )
    found = await session.scalars(made.where(ApiToken.name == name, Audit.action == "token.created").limit(1))
    return found.first() or ""


async def check(session: Session, token: str) -> ApiToken | None:
    """The row of a token that is ours and not revoked."""
    # The look-up is by digest: its timing tells of a hash that nobody can choose, and of nothing else.
    row = (await session.scalars(select(ApiToken).where(ApiToken.digest == digest(token)))).one_or_none()
    return row if row is not None and row.revoked_at is None else None


def digest(token: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


async def listed(session: Session) -> Sequence[ApiToken]:
    """Every token there is or was, by name."""
    return (await session.scalars(select(ApiToken).order_by(col(ApiToken.name)))).all()

"""People who work at several schools: an account at one of them (their home), and a right to come to others.

They sign in at home, and a pass brings them over: good once, for a minute. There they have an account without a
password, made when they first come, so that the school's own audit log has their name. It opens only while the right
stands: :func:`holds` is asked at each of their requests. What is ended at home is ended there by a moment in the row of
that right, which home alone may write. Each statement here is one school's; its role sees and changes
what is its own business, whatever the statement says (``walls``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from gateway import enclosure, errors, secrecy
from gateway.database import Session
from gateway.models import Account
from gateway.models.types import core
from gateway.roles import Role
from gateway.trust import tables

WITHIN: Final = timedelta(minutes=1)  #: so long a pass is good

_school, _visitor, _pass = tables.SCHOOL, tables.VISITOR, tables.PASS


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A school that somebody may come to, and as what."""

    key: str
    name: str
    office_url: str
    role: Role


@dataclass(frozen=True, slots=True)
class Guest:
    """Somebody who comes from another school, ``home`` by its name, where they are asked for ``codes`` or are not."""

    email: str
    name: str
    role: Role
    home: str
    codes: bool


async def elsewhere(session: Session, email: str) -> Sequence[Elsewhere]:
    """The schools that somebody of this one may come to."""
    query = (
        sa.select(_school.c.key, _school.c.name, _school.c.office_url, _visitor.c.role)
        .join(_visitor, _visitor.c.school == _school.c.role)
        .where(_visitor.c.email == email, _visitor.c.home == sa.func.current_user())
        .order_by(_school.c.name)
    )
    return [Elsewhere(key, name, url, Role(role)) for key, name, url, role in await session.execute(query)]


async def give_pass(session: Session, email: str, key: str, *, codes: bool, now: datetime) -> tuple[Elsewhere, str]:
    """Give somebody of this school a pass to another one, this once; ``codes`` says whether they signed in with one.

    Raises :class:`errors.NotFound` where they may not come there.
    """
    to = next((one for one in await elsewhere(session, email) if one.key == key), None)
    if to is None:
        raise errors.NotFound("You cannot go to this school from here. Ask your trust's IT.")
    value = secrecy.fresh()
    await session.execute(sa.delete(_pass).where(_pass.c.ends_at <= now))
    row = {"home": sa.func.current_user(), "school": enclosure.name(key), "email": email, "ends_at": now + WITHIN}
    await session.execute(sa.insert(_pass).values(digest=secrecy.digest(value), codes=codes, **row))
    return to, value


async def look(session: Session, value: str, *, now: datetime) -> Guest:
    """Whose a pass to this school is, without using it.

    Raises :class:`errors.NotFound` for one that opens nothing.
    """
    return await _guest(session, _good(secrecy.digest(value), now))


async def take_pass(session: Session, value: str, *, now: datetime) -> Guest:
    """Use a pass to this school up, and say who comes.

    Raises :class:`errors.NotFound` for one that opens nothing.
    """
    good = _good(secrecy.digest(value), now)
    guest = await _guest(session, good)
    used = await session.execute(sa.delete(_pass).where(*good).returning(_pass.c.digest))
    if used.first() is None:
        raise errors.NotFound(_USED_UP)
    return guest


async def holds(session: Session, email: str, role: Role, *, begun: datetime | None = None) -> bool:
    """Whether somebody from elsewhere may still be here, as what they came in, by a sign-in that has ``begun`` so."""
    query = sa.select(sa.literal(1)).where(
        _visitor.c.email == email, _visitor.c.role == role.value, _visitor.c.school == sa.func.current_user()
    )
    if begun:
        query = query.where(sa.or_(_visitor.c.ended_at.is_(None), _visitor.c.ended_at < begun))
    return await session.scalar(query) is not None


async def home(session: Session, email: str) -> str:
    """The name of the school from which somebody may come to this one; ``""`` for everybody else."""
    if not enclosure.whose(session.get_bind()):
        return ""
    query = (
        sa.select(_school.c.name)
        .join(_visitor, _visitor.c.home == _school.c.role)
        .where(_visitor.c.email == email, _visitor.c.school == sa.func.current_user())
    )
    return await session.scalar(query) or ""


async def end(session: Session, account_id: str, *, now: datetime) -> None:
    """End whatever somebody of this school has open at others by now, and the passes that they have in hand."""
    if not enclosure.whose(session.get_bind()):
        return
    account = core(Account).c
    email = sa.select(account.email).where(account.id == account_id).scalar_subquery()
    mine = [[t.c.home == sa.func.current_user(), t.c.email == email] for t in (_pass, _visitor)]
    await session.execute(sa.delete(_pass).where(*mine[0]))
    await session.execute(sa.update(_visitor).where(*mine[1]).values(ended_at=now))


async def stay_home(session: Session, email: str) -> None:
    """Let somebody of this school go nowhere any more: they have left, or may not come in here."""
    if enclosure.whose(session.get_bind()):
        await session.execute(
            sa.delete(_visitor).where(_visitor.c.email == email, _visitor.c.home == sa.func.current_user())
        )


_USED_UP: Final = "This way in is used up, or older than a minute. Go to your own school and choose this one again."


def _good(digest: str, now: datetime) -> list[Any]:
    return [_pass.c.digest == digest, _pass.c.ends_at > now, _pass.c.school == sa.func.current_user()]


async def _guest(session: Session, good: Sequence[Any]) -> Guest:
    query = (
        sa.select(_visitor.c.email, _visitor.c.name, _visitor.c.role, _pass.c.codes, _school.c.name.label("home"))
        .join(
            _pass,
            sa.and_(
                _pass.c.home == _visitor.c.home,
                _pass.c.email == _visitor.c.email,
                _pass.c.school == _visitor.c.school,
            ),
        )
        .join(_school, _school.c.role == _visitor.c.home)
        .where(*good)
    )
    row = (await session.execute(query)).one_or_none()
    if row is None:
        raise errors.NotFound(_USED_UP)
    return Guest(row.email, row.name, Role(row.role), row.home, row.codes)

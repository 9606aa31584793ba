"""A snow day: everything that was to go out today stays where it is until somebody lets it go.

Absence checks and alarms go on, and so does what a person sends now: that the school is closed must reach families.
What is under way already is held as well, as far as it has not left: each notice is paused, as on its own page.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa
from sqlmodel import col, select

from gateway import audit, bell, context, errors, notices
from gateway.database import Session
from gateway.good_news import hours
from gateway.models import DayHold, Message, MessageState, Notice, NoticeState, Praise, Purpose, Run
from gateway.models.types import core
from scheduler import calendar

_URGENT: Final = [purpose for purpose in Purpose if purpose.urgent]


@dataclass(frozen=True, slots=True)
class Held:
    """What is held: how many announcements and reminders, and how many praises."""

    hold: DayHold
    notices: int
    praises: int


async def current(session: Session) -> Held | None:
    """The hold that nobody has ended yet."""
    query = select(DayHold).where(col(DayHold.ended_at).is_(None)).order_by(col(DayHold.id).desc()).limit(1)
    hold = (await session.scalars(query)).one_or_none()
    return _held(hold) if hold else None


async def hold(session: Session, gateway: context.Gateway, *, by: str) -> Held:
    """Hold whatever is to go out by the end of today.

    Raises :class:`errors.Conflict` where it is held already.
    """
    if await current(session) is not None:
        raise errors.Conflict("Everything is held already.")
    now = gateway.now()
    tomorrow = datetime.combine(gateway.today() + timedelta(days=1), datetime.min.time())
    ends = calendar.to_utc(tomorrow, gateway.timezone)
    made = DayHold(at=now, by=by, until=ends)
    for notice in await _going(session, ends):
        await notices.pause(session, gateway, notice.id, by=by)
        made.notices.append(notice.id)
    made.praises = await _praises(session, gateway, ends)
    session.add(made)
    await session.flush()
    facts = {"notices": made.notices, "praises": len(made.praises)}
    await gateway.log.record(session, audit.Line("day.held", f"hold:{made.id}", facts, by), now=now)
    return _held(made)


async def release(session: Session, gateway: context.Gateway, *, by: str) -> Held:
    """Let it go: what is held goes on, as far as it is still worth saying.

    Raises :class:`errors.Conflict` where nothing is held.
    """
    found = await current(session)
    if found is None:
        raise errors.Conflict("Nothing is held.")
    made, now, praise = found.hold, gateway.now(), core(Praise).c
    for notice_id in made.notices:
        notice = await session.get(Notice, notice_id)
        if notice and notice.paused_at and notice.state is not NoticeState.CANCELLED:  # nobody has let it go by itself
            await notices.resume(session, gateway, notice_id, by=by)
    today = hours.begins(gateway, gateway.today())
    if now < min(today, made.until):
        waits = sa.and_(praise.id.in_(made.praises), praise.run_id.is_(None), praise.withdrawn_at.is_(None))
        await session.execute(sa.update(core(Praise)).where(waits).values(due_at=today))
    made.ended_at, made.ended_by = now, by
    session.add(made)
    await gateway.log.record(session, audit.Line("day.released", f"hold:{made.id}", {}, by), now=now)
    await bell.ring(session)
    return found


async def _going(session: Session, ends: datetime) -> list[Notice]:
    """What is due by then, and what is going out already. What waits for a second person does not go by itself."""
    under_way = sa.select(col(Run.notice_id)).join(Message, col(Message.run_id) == col(Run.id))
    under_way = under_way.where(col(Message.state) == MessageState.QUEUED)
    due = sa.and_(col(Notice.state) == NoticeState.SCHEDULED, col(Notice.next_fire_at) < ends)
    moves = sa.and_(col(Notice.state).in_((NoticeState.SCHEDULED, NoticeState.DONE)), col(Notice.id).in_(under_way))
    query = (
        select(Notice)
        .where(sa.or_(due, moves), col(Notice.purpose).not_in(_URGENT), col(Notice.paused_at).is_(None))
        .order_by(col(Notice.id))
    )
    return list(await session.scalars(query))


async def _praises(session: Session, gateway: context.Gateway, ends: datetime) -> list[int]:
    """Good news of today waits for the next school day."""
    t = core(Praise).c
    due = sa.and_(t.run_id.is_(None), t.withdrawn_at.is_(None), t.due_at < ends)
    days = gateway.year.days.days_after(gateway.today())
    later = hours.begins(gateway, next(days, gateway.today() + timedelta(days=1)))
    held = sa.update(core(Praise)).where(due).values(due_at=later).returning(t.id)
    return sorted(await session.scalars(held))


def _held(hold: DayHold) -> Held:
    return Held(hold, len(hold.notices), len(hold.praises))

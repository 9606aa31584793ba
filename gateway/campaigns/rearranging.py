"""When the calendar has changed: every campaign is laid out by the new days."""

from __future__ import annotations

import sqlalchemy as sa
from sqlmodel import col, select

from gateway import audit, context
from gateway.calendars import book, deeds
from gateway.campaigns import deciding
from gateway.database import Session
from gateway.definitions import reading
from gateway.models import Campaign, Notice, NoticeState, SchoolCalendar
from gateway.models.types import core

_WAITING = (NoticeState.SCHEDULED, NoticeState.HELD)


async def is_due(session: Session, gateway: context.Gateway) -> bool:
    """Whether campaigns were last laid out by another calendar than the one of now."""
    calendars, t = await gateway.calendars.look(session), core(SchoolCalendar).c
    laid_out = await session.scalar(sa.select(t.digest).where(t.id == book.ONLY))
    return laid_out != calendars.digest


async def rearrange(session: Session, gateway: context.Gateway) -> int:
    """Lay every campaign out anew, in the caller's transaction. Gives how many fire at another time now.

    One that is due already, or whose messages are being planned, is left: it looks at the calendar itself.
    """
    await deeds.changed(session)  # holds the calendar, so that one process does this
    digest = (await gateway.calendars.look(session)).digest
    now, moved = gateway.now(), 0
    query = (
        select(Notice)
        .join(Campaign, col(Campaign.notice_id) == col(Notice.id))
        .where(
            col(Notice.state).in_(_WAITING), sa.or_(col(Notice.next_fire_at) > now, col(Notice.next_fire_at).is_(None))
        )
        .order_by(col(Notice.id))
        .with_for_update(of=core(Notice))
    )
    for notice in list(await session.scalars(query)):
        before = notice.next_fire_at
        await deciding.lay_out(session, gateway, notice, reading.stored(notice.definition))
        moved += notice.next_fire_at != before
    await session.execute(sa.update(SchoolCalendar).where(col(SchoolCalendar.id) == book.ONLY).values(digest=digest))
    if moved:
        await gateway.log.record(session, audit.Line("campaign.rearranged", "calendar", {"moved": moved}), now=now)
    return moved

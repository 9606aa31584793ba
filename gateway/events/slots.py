"""The times at which families may come, and their places. One too many is never given away.

A place is taken by one UPDATE that looks and counts in one, so of two who answer in the same moment one gets it; and
should anybody ever forget that, the database refuses to count beyond the capacity.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select

from config import sections
from gateway import errors, planner
from gateway.database import Session
from gateway.definitions import event_times, model
from gateway.models import EventSlot, SchoolEvent
from gateway.models.types import core

SLOTS = core(EventSlot)
_SATURDAY = 5


def made_of(details: model.EventDetails, timezone: ZoneInfo) -> list[EventSlot]:
    """The slots of a definition, of no event yet; an event without sessions is one slot as long as itself."""
    if not details.sessions:
        ends = planner.moment(details.ends, timezone) if details.ends else None
        return [EventSlot(event_id=0, starts_at=planner.moment(details.starts, timezone), ends_at=ends,
                          capacity=details.capacity, forms=[])]  # fmt: skip
    return [
        EventSlot(
            event_id=0,
            starts_at=planner.moment(starts, timezone),
            ends_at=planner.moment(ends, timezone),
            host=one.host,
            place=one.place,
            forms=list(one.forms),
            capacity=one.capacity,
            again=one.again,
        )
        for one in details.sessions
        for starts, ends in event_times.of(one)
    ]


async def keep(session: Session, event: SchoolEvent, details: model.EventDetails, timezone: ZoneInfo) -> None:
    """Write an event's slots down."""
    for slot in made_of(details, timezone):
        slot.event_id = event.id or 0
        session.add(slot)
    await session.flush()


async def of_event(session: Session, event_id: int | None) -> Sequence[EventSlot]:
    """Every slot of an event, by time."""
    query = select(EventSlot).where(EventSlot.event_id == event_id)
    query = query.order_by(col(EventSlot.starts_at), col(EventSlot.host), col(EventSlot.id))
    return (await session.scalars(query.execution_options(populate_existing=True))).all()


def moved(at: datetime, by: timedelta, timezone: ZoneInfo) -> datetime:
    """A moment that is moved on the school's clock."""
    return planner.moment(planner.local(at, timezone) + by, timezone)


async def move(
    session: Session,
    found: Sequence[EventSlot],
    by: timedelta,
    ends: datetime | None,
    *,
    timezone: ZoneInfo,
    has_times: bool,
) -> None:
    """Let an event's times go along with it, but for those that are kept for another day.

    Raises :class:`errors.BadInput` where one would come upon such a time of the same host.
    """
    # The last first where it moves on, so that no time takes the place of another on its way.
    for slot in sorted(found, key=lambda one: one.starts_at, reverse=by > timedelta(0)):
        if slot.again:
            continue
        slot.starts_at = moved(slot.starts_at, by, timezone)
        if has_times:
            slot.ends_at = moved(slot.ends_at, by, timezone) if slot.ends_at else None
        else:
            slot.ends_at = ends
        session.add(slot)
        await flush(session)


async def flush(session: Session) -> None:
    """Write times down. Raises :class:`errors.BadInput` where one host would have two at one moment."""
    try:
        async with session.begin_nested():
            await session.flush()
    except IntegrityError:
        raise errors.BadInput([event_times.TWICE]) from None


async def take(session: Session, slot_id: int) -> bool:
    """Take a place, if there is one left."""
    taken = (
        sa.update(SLOTS)
        .where(SLOTS.c.id == slot_id, sa.or_(SLOTS.c.capacity.is_(None), SLOTS.c.taken < SLOTS.c.capacity))
        .values(taken=SLOTS.c.taken + 1)
        .returning(SLOTS.c.id)
    )
    return (await session.execute(taken)).first() is not None


async def give_back(session: Session, slot_id: int) -> None:
    """Somebody else may have this place."""
    await session.execute(sa.update(SLOTS).where(SLOTS.c.id == slot_id).values(taken=SLOTS.c.taken - 1))


def is_free(slot: EventSlot) -> bool:
    """Whether there is a place left, as far as is known."""
    return slot.capacity is None or slot.taken < slot.capacity


def is_for(slot: EventSlot, form: str) -> bool:
    """Whether families of a form may choose it."""
    return not slot.forms or form.casefold() in {one.casefold() for one in slot.forms}


def is_out_of_hours(slot: EventSlot, hours: sections.Events, timezone: ZoneInfo) -> bool:
    """Whether somebody who works ordinary hours can come without asking for leave."""
    local = slot.starts_at.astimezone(timezone)
    opens, closes = time.fromisoformat(hours.work_begins), time.fromisoformat(hours.work_ends)
    return local.weekday() >= _SATURDAY or not opens <= local.time() < closes


def days(found: Sequence[EventSlot], timezone: ZoneInfo) -> set[date]:
    """The days on which they are."""
    return {slot.starts_at.astimezone(timezone).date() for slot in found}

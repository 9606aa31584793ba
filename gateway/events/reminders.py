"""When families are reminded: so long before the first time of each day on which there are any.

An evening has one reminder, an event of several days one for each, as have the new times of those who were missed: so
nobody is reminded of Thursday's time on Monday.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

from gateway import context, planner
from gateway.database import Session
from gateway.events import announcing, slots
from gateway.events.tellings import Happening, Kind
from gateway.models import EventSlot, NoticeState, SchoolEvent

_LIVE = (NoticeState.SCHEDULED, NoticeState.CANCELLED)  #: to come, or taken back: that holds for its new day


async def lay_out(
    session: Session, gateway: context.Gateway, happening: Happening, *, moved: timedelta = timedelta(0)
) -> None:
    """Let there be one for each day to come, and none for a day that has no times any more.

    Not where its moment has gone by, as then families have just been told of the time. ``moved`` is by how much the
    event has been moved on the school's clock: what is to come goes along.
    """
    days = _days(gateway, happening.event, await slots.of_event(session, happening.event.id))
    there = set[date]()
    for notice, definition in await announcing.of(session, happening.event, Kind.REMINDER):
        if definition.event is None:
            continue
        starts = definition.event.starts + (moved if notice.state in _LIVE else timedelta(0))
        first = days.get(starts.date())
        under_way = notice.next_fire_at is not None and notice.next_fire_at <= gateway.now() and not moved
        if notice.state is NoticeState.SCHEDULED and not under_way:
            notice.next_fire_at = _moment(gateway, happening, first) if first else None
            notice.state = NoticeState.SCHEDULED if notice.next_fire_at else NoticeState.DONE
        if notice.state in _LIVE:
            own = definition.event.model_copy(update={"starts": first or starts})
            notice.definition = announcing.stored(definition.model_copy(update={"event": own}))
        session.add(notice)
        there.add(starts.date())
    await session.flush()
    for day, first in sorted(days.items()):
        at = _moment(gateway, happening, first)
        if day not in there and at is not None:
            await announcing.add(session, gateway, happening, Kind.REMINDER, fire_at=at, starts=first)


def _moment(gateway: context.Gateway, happening: Happening, first: datetime) -> datetime | None:
    """When families are reminded of the first time of a day, None for not at all."""
    before = happening.details.remind
    at = planner.moment(first, gateway.timezone) - before
    return at if before and at > gateway.now() else None


def _days(gateway: context.Gateway, event: SchoolEvent, found: Sequence[EventSlot]) -> Mapping[date, datetime]:
    """The days of times to come, each with its first time on the school's clock; of new times once it has begun."""
    now = gateway.now()
    ahead = [one for one in found if one.starts_at > now and (not one.again or event.starts_at <= now)]
    first: dict[date, datetime] = {}
    for one in ahead:
        local = planner.local(one.starts_at, gateway.timezone)
        first[local.date()] = min(local, first.get(local.date(), local))
    return first

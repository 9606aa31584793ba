"""When a notice fires."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from gateway import context, planner
from gateway.definitions import model
from scheduler import calendar


def first(definition: model.Definition, *, now: datetime, timezone: ZoneInfo) -> datetime | None:
    """When the notice fires first: now, without a schedule; None when its schedule never fires."""
    schedule = definition.schedule
    if schedule.at:
        return planner.moment(schedule.at, timezone)
    return following(schedule, now, timezone) if schedule.cron else now


def following(schedule: model.Schedule, after: datetime, timezone: ZoneInfo) -> datetime | None:
    """The firing after a moment; None when there is none, as for everything that fires once."""
    if not schedule.cron:
        return None
    until = planner.moment(schedule.until, timezone) if schedule.until else None
    return calendar.next_fire(calendar.Cron(schedule.cron), after, timezone, until=until)


def latest(schedule: model.Schedule, due: datetime, gateway: context.Gateway) -> datetime:
    """The last firing that is due by now, when ``due`` is the first: the ones between were missed, and are over."""
    if not schedule.cron:
        return due
    until = planner.moment(schedule.until, gateway.timezone) if schedule.until else None
    before = due - timedelta(microseconds=1)
    fires = calendar.due(calendar.Cron(schedule.cron), before, gateway.now(), gateway.timezone, until=until)
    return fires[-1] if fires else due

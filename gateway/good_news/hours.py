"""When good news leaves: at a kind hour of a school day, and not late in the evening."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

from gateway import context
from scheduler import calendar

#: How long praise that is on its way is still good news: it may wait for a lane, or for a family's digest. Longer than
#: any school holiday but the summer's.
STILL_NEWS = timedelta(days=21)


def begins(gateway: context.Gateway, day: date) -> datetime:
    """The kind hour of a day, as a UTC moment."""
    return _at(gateway, day, gateway.settings.good_news.hour)


def ends(gateway: context.Gateway, day: date) -> datetime:
    """From when on it is too late on that day; where the settings have that before the kind hour, an hour after it."""
    first, last = begins(gateway, day), _at(gateway, day, gateway.settings.good_news.latest)
    return last if last > first else first + timedelta(hours=1)


def is_open(gateway: context.Gateway) -> bool:
    """Whether good news may leave now."""
    today = gateway.today()
    if not gateway.year.days.is_school_day(today):
        return False
    return begins(gateway, today) <= gateway.now() < ends(gateway, today)


def until(gateway: context.Gateway) -> datetime:
    """Until when praise that goes now is worth saying, in the school's own time without a zone."""
    return (gateway.now() + STILL_NEWS).astimezone(gateway.timezone).replace(tzinfo=None)


def following(gateway: context.Gateway) -> datetime:
    """The next kind hour: today's, if it is still to come. Without a school day in the calendar, tomorrow's."""
    today, days = gateway.today(), gateway.year.days
    if days.is_school_day(today) and gateway.now() < begins(gateway, today):
        return begins(gateway, today)
    return begins(gateway, next(days.days_after(today), today + timedelta(days=1)))


def term_began(gateway: context.Gateway) -> date | None:
    """The first day of the term that it is, None where the calendar knows no terms."""
    today = gateway.today()
    return next((first for first, last in gateway.year.days.terms if first <= today <= last), None)


def year_began(gateway: context.Gateway) -> date:
    """The first day of the school year, from September."""
    today = gateway.today()
    return date(today.year if today.month >= 9 else today.year - 1, 9, 1)


def counted_from(gateway: context.Gateway) -> date:
    """From which day on good and bad are counted: the first of the term, or of the school year."""
    return term_began(gateway) or year_began(gateway)


def _at(gateway: context.Gateway, day: date, clock: str) -> datetime:
    return calendar.to_utc(datetime.combine(day, time.fromisoformat(clock)), gateway.timezone)

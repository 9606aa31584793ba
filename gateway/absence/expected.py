"""Whom a register is expected of: where several schools share one roof, each by its own days and hours."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from gateway.calendars import schooldays
from gateway.models import DaySession, Pupil
from gateway.models.types import core

_year = core(Pupil).c.year


def anybody(year: schooldays.SchoolYear, day: date) -> bool:
    """Whether any pupil comes on a day."""
    return bool(_open(year, day))


def moments(year: schooldays.SchoolYear, day: date, which: DaySession, timezone: ZoneInfo) -> list[schooldays.Moments]:
    """The moments of a session at each school that is open on a day, the earliest check first."""
    found = {one.moments(day, which, timezone) for one in _open(year, day)}
    return sorted(found, key=lambda one: one.check)


def first(year: schooldays.SchoolYear, day: date, which: DaySession, timezone: ZoneInfo) -> schooldays.Moments:
    """The moments of a session at the school that begins with it; of all of them where none is open."""
    return next(iter(moments(year, day, which, timezone)), year.moments(day, which, timezone))


def clause(year: schooldays.SchoolYear, day: date) -> sa.ColumnElement[bool]:
    """Pupils whose own school is open on a day."""
    return _where(year, lambda one: one.days.is_school_day(day))


def by_now(
    year: schooldays.SchoolYear, day: date, which: DaySession, timezone: ZoneInfo, *, now: datetime
) -> sa.ColumnElement[bool]:
    """Pupils whose register of a session should be here: it has closed at their own school, which is not over yet."""

    def is_due(one: schooldays.SchoolYear) -> bool:
        begun = one.days.is_school_day(day) and one.moments(day, which, timezone).check <= now
        return begun and now < max(one.moments(day, session, timezone).until for session in one.sessions)

    return _where(year, is_due)


def _open(year: schooldays.SchoolYear, day: date) -> list[schooldays.SchoolYear]:
    return [one for one in (year, *year.others.values()) if one.days.is_school_day(day)]


def _where(year: schooldays.SchoolYear, wanted: Callable[[schooldays.SchoolYear], bool]) -> sa.ColumnElement[bool]:
    own = {name: wanted(one) for name, one in year.others.items()}
    group = sa.func.lower(_year)
    if wanted(year):
        return group.not_in([name for name, is_wanted in own.items() if not is_wanted])
    return group.in_([name for name, is_wanted in own.items() if is_wanted])

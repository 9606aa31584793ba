"""Whom a register is expected of on a day: where several schools share one roof, not of those that are closed."""

from __future__ import annotations

from datetime import date

import sqlalchemy as sa

from gateway.calendars import schooldays
from gateway.models import Pupil
from gateway.models.types import core

_year = core(Pupil).c.year


def anybody(year: schooldays.SchoolYear, day: date) -> bool:
    """Whether any pupil comes on a day."""
    return year.days.is_school_day(day) or any(one.days.is_school_day(day) for one in year.others.values())


def clause(year: schooldays.SchoolYear, day: date) -> sa.ColumnElement[bool]:
    """Pupils whose own school is open on a day."""
    own = {name: one.days.is_school_day(day) for name, one in year.others.items()}
    group = sa.func.lower(_year)
    if year.days.is_school_day(day):
        return group.not_in([name for name, comes in own.items() if not comes])
    return group.in_([name for name, comes in own.items() if comes])

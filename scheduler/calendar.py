"""When a rule fires. Pure functions on local dates and times; instants come in and go out as aware UTC.

Rules are written in the school's wall-clock time and a **wall time fires once**:

- on the night the clocks go back, a time that the clock shows twice fires at its first showing only;
- in spring, a time that the clock leaps over fires at the first instant after the leap, and is never skipped.

So a rule for every five minutes rests for the repeated hour in autumn. That is the price of one simple promise, paid at
one o'clock on a Sunday morning.

A cron text has five fields: minute, hour, day of the month, month, day of the week. In the last, ``1-5`` is Monday to
Friday, and 0 and 7 are both Sunday, as in Debian's cron (APScheduler counts Monday as 0, which is why its own parser is
not used). Where both days are given, either of them fires, unless one begins with a star. ``L`` is the month's last
day, ``LW`` its last weekday, ``5#2`` the second Friday, ``5L`` the last one.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import takewhile

import cronsim

SchoolDays = Callable[[date], bool]

_FIELDS = ("minute", "hour", "day of the month", "month", "day of the week")
#: Which value each field may hold, for the sentence that explains it.
_RANGES = (
    "0 to 59",
    "0 to 23",
    "1 to 31, or L",
    "1 to 12, or JAN to DEC",
    "0 to 7, or SUN to SAT; 1-5 is Monday to Friday",
)
#: How far we look for a school day: no calendar is known further, and 29 February comes every eight years at the worst.
_HORIZON = timedelta(days=9 * 366)


class BadRule(ValueError):
    """The rule cannot fire; ``str()`` is a sentence that names the field."""


@dataclass(frozen=True, slots=True)
class At:
    """Once, at a local date and time (naive)."""

    local: datetime

    def __post_init__(self) -> None:
        if self.local.tzinfo is not None:
            raise BadRule("A single date is given in the school's own time, without a time zone.")


@dataclass(frozen=True, slots=True)
class Cron:
    """Again and again, by a cron text of five fields."""

    text: str

    def __post_init__(self) -> None:
        _check_cron(self.text)


Rule = At | Cron


def to_utc(local: datetime, tz: tzinfo) -> datetime:
    """Give the instant at which the clock shows a naive local time.

    A time shown twice is its first showing; a time leapt over is the first instant after the leap.
    """
    instant = local.replace(tzinfo=tz, fold=0).astimezone(UTC)
    if instant.astimezone(tz).replace(tzinfo=None) == local:
        return instant
    # Within a gap fold=0 counts with the offset before it and fold=1 with the one after it (PEP 495): the leap lies
    # between the two, and the clock stands still at neither. Halve until the instant of the leap is known.
    low, high = local.replace(tzinfo=tz, fold=1).astimezone(UTC), instant
    while high - low > timedelta(microseconds=1):
        middle = low + (high - low) / 2
        if middle.astimezone(tz).replace(tzinfo=None) < local:
            low = middle
        else:
            high = middle
    return high


def next_fire(
    rule: Rule, after: datetime, tz: tzinfo, *, until: datetime | None = None, school_days: SchoolDays | None = None
) -> datetime | None:
    """Give the first firing later than ``after`` and no later than ``until``, or None when there is none.

    ``after``, ``until`` and the result are aware UTC. With ``school_days``, only local dates that it accepts count.
    """
    return next(_fires(rule, after, tz, until=until, school_days=school_days), None)


def due(
    rule: Rule,
    last: datetime,
    now: datetime,
    tz: tzinfo,
    *,
    until: datetime | None = None,
    school_days: SchoolDays | None = None,
    coalesce: bool = True,
) -> list[datetime]:
    """Give the firings later than ``last`` and no later than ``now``, oldest first.

    Coalesced, they are the latest one alone: what was missed is made up once, however long the gateway was off.
    Otherwise they are all of them, for a caller who writes down each that has expired.
    """
    end = now if until is None else min(now, until)
    if not coalesce:
        return list(_fires(rule, last, tz, until=end, school_days=school_days))
    # Widening looks back from the end keep a rule for every minute from being counted through a year of silence.
    for days in (1, 32, 366, None):
        start = last if days is None else max(last, end - timedelta(days=days))
        latest = deque(_fires(rule, start, tz, until=end, school_days=school_days), maxlen=1)
        if latest:
            return list(latest)
        if start == last:
            break
    return []


def _fires(
    rule: Rule, after: datetime, tz: tzinfo, *, until: datetime | None, school_days: SchoolDays | None
) -> Iterator[datetime]:
    """Give every firing later than ``after``, each instant once."""
    if after.tzinfo is None or (until is not None and until.tzinfo is None):
        raise ValueError("Instants must be aware: give them in UTC.")
    local_after = after.astimezone(tz).replace(tzinfo=None)
    if isinstance(rule, At):
        walls = iter([rule.local] if school_days is None or school_days(rule.local.date()) else [])
    else:
        walls = _walls(rule.text, local_after, school_days)
    before = after.astimezone(UTC)
    for instant in takewhile(lambda at: until is None or at <= until, (to_utc(wall, tz) for wall in walls)):
        # In the repeated hour the clock is behind what has fired already; and all times of a gap are one instant.
        if instant > before:
            yield instant
            before = instant


def _walls(text: str, after: datetime, school_days: SchoolDays | None) -> Iterator[datetime]:
    """Give the local times later than ``after`` that a cron text names, on school days if so wished."""
    times = cronsim.CronSim(text, after)
    for wall in times:
        if school_days is None or school_days(wall.date()):
            yield wall
        elif wall - after > _HORIZON:
            return
        else:
            # Nothing else of this date need be looked at.
            times.dt = datetime.combine(wall.date(), time.max).replace(microsecond=0)


def _check_cron(text: str) -> None:
    fields = text.split()
    if len(fields) != len(_FIELDS):
        raise BadRule(
            f"A cron text has five fields ({', '.join(_FIELDS)}), but {text!r} has {len(fields)}: "
            "30 8 * * 1-5 is half past eight, Monday to Friday."
        )
    for number, field in enumerate(fields):
        alone = ["*"] * len(fields)
        alone[number] = field
        if not re.fullmatch(r"[A-Za-z0-9*,/#-]+", field) or not _parses(" ".join(alone)):
            raise BadRule(f"The {_FIELDS[number]} {field!r} of {text!r} cannot be read: it may be {_RANGES[number]}.")
    if not _parses(text) or next(cronsim.CronSim(text, datetime(2000, 1, 1)), None) is None:  # noqa: DTZ001 - local time
        raise BadRule(f"The days of {text!r} never come: no such day of the month exists in those months.")


def _parses(text: str) -> bool:
    try:
        cronsim.CronSim(text, datetime(2000, 1, 1))  # noqa: DTZ001 - local time has no zone here
    except cronsim.CronSimError:
        return False
    return True

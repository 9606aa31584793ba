"""The days of a repeating event, found by walking through the days and asking of each whether the rule names it.

Slower than following the rule, and it ends: a rule may name a day that never comes (30 February) or every second since
1970, and those who follow it never come back. What no school's holidays need (BYSETPOS, BYWEEKNO, hours) is refused.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import islice
from typing import Any

_DAY = timedelta(days=1)
_KNOWN = {"FREQ", "INTERVAL", "COUNT", "UNTIL", "BYDAY", "BYMONTH", "BYMONTHDAY", "WKST"}
_WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
LONGEST = 20 * 366  #: days from the first one on that are walked through


class NotUnderstood(ValueError):
    """The rule says what is not read here; ``str()`` is a sentence."""


def days(rule: Mapping[str, Sequence[Any]], first: date, until: date) -> Iterator[date]:
    """The days of an RRULE (RFC 5545, 3.3.10) from ``first`` on and no later than ``until``; ``first`` is one of them.

    Raises :class:`NotUnderstood`.
    """
    wanted = dict[str, list[Any]]()
    for name, given in rule.items():
        wanted[name.upper()] = list(given) if isinstance(given, list | tuple) else [given]
    if unknown := sorted(set(wanted) - _KNOWN):
        raise NotUnderstood(f"its repetition has {unknown[0]}, which is not read here.")
    frequency, interval = str(wanted["FREQ"][0]).upper(), int(wanted.get("INTERVAL", [1])[0])
    if frequency not in ("DAILY", "WEEKLY", "MONTHLY", "YEARLY") or interval < 1:
        raise NotUnderstood("it repeats more often than daily.")
    if frequency == "WEEKLY" and "BYMONTHDAY" in wanted:
        raise NotUnderstood("it repeats weekly and names days of the month (RFC 5545 forbids that).")
    end = min(until, *(_day(given) for given in wanted.get("UNTIL", [])), first + LONGEST * _DAY)
    every = (first + number * _DAY for number in range((end - first).days + 1))
    found = (day for day in every if day == first or _names(wanted, frequency, interval, first, day))
    count = wanted.get("COUNT", [None])[0]
    yield from found if count is None else islice(found, max(0, int(count)))


def _day(given: Any) -> date:
    return given.date() if isinstance(given, datetime) else given


def _names(rule: Mapping[str, Sequence[Any]], frequency: str, interval: int, first: date, day: date) -> bool:
    months, month_days, weekdays = rule.get("BYMONTH"), rule.get("BYMONTHDAY"), rule.get("BYDAY")
    if months is not None and day.month not in map(int, months):
        return False
    if month_days is not None and not _among(day.day, _longest(day), map(int, month_days)):
        return False
    if weekdays is not None and not any(_is(day, str(one).upper(), frequency, rule) for one in weekdays):
        return False
    match frequency:
        case "DAILY":
            return (day - first).days % interval == 0
        case "WEEKLY":
            start = _WEEKDAYS.index(str(rule.get("WKST", ["MO"])[0]).upper())
            weeks = (_monday(day, start) - _monday(first, start)).days // 7
            return weeks % interval == 0 and (weekdays is not None or day.weekday() == first.weekday())
        case "MONTHLY":
            away = (day.year - first.year) * 12 + day.month - first.month
            return away % interval == 0 and (bool(weekdays or month_days) or day.day == first.day)
    if (day.year - first.year) % interval:
        return False
    if month_days or weekdays:
        return bool(months) or bool(weekdays) or bool(month_days)
    return day.day == first.day and (months is not None or day.month == first.month)


def _monday(day: date, start: int) -> date:
    return day - ((day.weekday() - start) % 7) * _DAY


def _longest(day: date) -> int:
    return calendar.monthrange(day.year, day.month)[1]


def _among(place: int, size: int, wanted: Any) -> bool:
    return any(place == (one if one > 0 else size + 1 + one) for one in wanted)


def _is(day: date, wanted: str, frequency: str, rule: Mapping[str, Sequence[Any]]) -> bool:
    """Whether a day is MO, or 1MO or -1MO of its month, or of its year where no month is named."""
    if wanted[-2:] not in _WEEKDAYS:
        raise NotUnderstood(f"its repetition names a day {wanted}.")
    if day.weekday() != _WEEKDAYS.index(wanted[-2:]):
        return False
    if len(wanted) == 2:
        return True
    ordinal = int(wanted[:-2])
    if frequency == "YEARLY" and "BYMONTH" not in rule:
        place, size = day.timetuple().tm_yday, 366 if calendar.isleap(day.year) else 365
    elif frequency in ("MONTHLY", "YEARLY"):
        place, size = day.day, _longest(day)
    else:
        raise NotUnderstood(f"its repetition names {wanted}, which only a month or a year has.")
    return (place - 1) // 7 + 1 == ordinal if ordinal > 0 else (size - place) // 7 + 1 == -ordinal

"""When, in the words of a school: "7 days before", "the evening before", "first Friday of term at 8.00".

A phrase is an offset, an anchor and a time of day, of which any but all may be left out: ``7 days before`` ``the last
school day of term`` ``at 9.00``. Without an anchor it counts from a date that is given beside it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from scheduler import calendar, terms

MORNING, DAY, AFTERNOON, EVENING = time(7, 30), time(9), time(15, 30), time(18)  #: where a phrase names no time
_CLOCKS = {"morning": MORNING, "day": DAY, "afternoon": AFTERNOON, "evening": EVENING, "night": EVENING, "week": DAY}
_ORDINALS = {"first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "last": -1}
_NUMBERS = {word: number for number, word in enumerate(("one", "two", "three", "four", "five", "six", "seven"), 1)}
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_FARTHEST = timedelta(days=3 * 366)  #: weeks and months are looked at so far
_MOST = 400  #: of anything, before or after

_OFFSET = (
    r"(?:(?P<count>\d{1,3}|an?|"
    + "|".join(_NUMBERS)
    + r") (?P<unit>minute|hour|school day|day|week)s? (?P<way>before|after)"
    r"|(?:the )?(?P<part>morning|day|afternoon|evening|night|week) (?P<side>before|after)"
    r"|(?:(?:on|in) )?the (?P<same>morning|day|afternoon|evening)(?: of)?)"
)
_ANCHOR = (
    r"(?:on )?(?:the )?(?P<ordinal>" + "|".join(_ORDINALS) + r") (?P<which>school day|day|" + "|".join(_WEEKDAYS) + r")"
    r" (?:of|in) (?:the |a |each |every )?(?P<span>term|half[- ]term|month|week)"
)
_AT = r"(?:at )?(?P<hour>\d{1,2})(?:[.:](?P<minute>\d\d))? ?(?P<half>am|pm)?"
_PHRASE = re.compile(rf"(?:{_OFFSET})?(?: ?{_ANCHOR})?(?: {_AT})?")


@dataclass(frozen=True, slots=True)
class Anchor:
    """A day of every term, half-term, month or week: the ``ordinal``-th, or the last one for -1.

    ``which`` is ``day``, ``school day`` or the name of a weekday. A Friday of the term is a Friday whether there is
    school on it or not; what becomes of it then is another rule's business.
    """

    ordinal: int
    which: str
    span: str


@dataclass(frozen=True, slots=True)
class Phrase:
    """So many ``unit`` after the anchor (before it, where ``count`` is negative), at ``clock``.

    ``anchor`` None is the date that is given beside the phrase. Hours and minutes count from its time of day.
    """

    text: str
    count: int = 0
    unit: str = "day"
    anchor: Anchor | None = None
    clock: time | None = None


def read(text: str) -> Phrase:
    """Read a phrase.

    Raises :class:`calendar.BadRule` with a sentence that shows what may be written.
    """
    words = " ".join(text.casefold().split())
    found = _PHRASE.fullmatch(words)
    if not found or not (found["count"] or found["part"] or found["same"] or found["ordinal"]):
        raise calendar.BadRule(
            f"“{text}” is no time that Handbell can read: write “7 days before”, “the evening before”, “on the morning "
            "at 7.30”, “2 hours before”, “first Friday of term at 8.00” or “last school day of term”."
        )
    anchor = None
    if found["ordinal"]:
        anchor = Anchor(_ORDINALS[found["ordinal"]], found["which"], found["span"].replace(" ", "-"))
    count, unit, usual = _offset(found)
    if unit in ("hour", "minute"):
        if anchor or found["hour"]:
            raise calendar.BadRule(f"“{text}”: hours and minutes count from the time of a date, and need no other.")
        return Phrase(text, count, unit)
    return Phrase(text, count, unit, anchor, _clock(found, text) or usual)


def _offset(found: re.Match[str]) -> tuple[int, str, time]:
    """How many of what after the anchor, and at which time of day where none is named."""
    if found["part"] or found["same"]:
        away = {"before": -1, "after": 1, None: 0}[found["side"]]
        word = found["part"] or found["same"]
        return away, "week" if word == "week" else "day", _CLOCKS[word]
    if not found["count"]:
        return 0, "day", DAY
    number = int(found["count"]) if found["count"].isdigit() else _NUMBERS.get(found["count"], 1)
    if number > _MOST:
        raise calendar.BadRule(f"{number} {found['unit']}s is too far away: {_MOST} is the most.")
    return -number if found["way"] == "before" else number, found["unit"], DAY


def _clock(found: re.Match[str], text: str) -> time | None:
    if not found["hour"]:
        return None
    hour, minute, half = int(found["hour"]), int(found["minute"] or 0), found["half"]
    if half and not 1 <= hour <= 12:
        raise calendar.BadRule(f"“{text}”: {hour} {half} is no time of day.")
    hour = hour % 12 + (12 if half == "pm" else 0) if half else hour
    if hour > 23 or minute > 59:
        raise calendar.BadRule(f"“{text}”: {hour}.{minute:02} is no time of day.")
    return time(hour, minute)


def walls(phrase: Phrase, given: datetime | None, after: date, days: terms.Terms) -> Iterator[tuple[datetime, str]]:
    """The local times that a phrase names on ``after`` and later, in order, each with what its anchor is known by.

    The name stays the same when the calendar moves the day within its term: a campaign that went out on the first
    school day goes out once in that term, whatever is closed afterwards.
    """
    for anchored, name in _anchors(phrase, given, after, days):
        wall = _away(anchored, phrase, days)
        if wall is not None and wall.date() >= after:
            yield wall, name


def _anchors(phrase: Phrase, given: datetime | None, after: date, days: terms.Terms) -> Iterator[tuple[datetime, str]]:
    anchor = phrase.anchor
    if anchor is None:
        if given is not None:
            yield given, f"{given:%Y-%m-%d}"
        return
    # An offset may lead out of the span that its anchor is in: look at those around it too.
    room = timedelta(days=7 * abs(phrase.count) + 60)
    for first, last in _spans(anchor.span, after - room, days):
        day = _day_of(anchor, first, last, days)
        if day is not None:
            name = f"{first:%Y-%m}" if anchor.span in ("term", "half-term") else f"{first:%Y-%m-%d}"
            yield datetime.combine(day, time()), name


def _spans(span: str, after: date, days: terms.Terms) -> Iterator[tuple[date, date]]:
    if span in ("term", "half-term"):
        known = sorted(days.whole or days.terms) if span == "term" else sorted(days.terms)
        yield from (one for one in known if one[1] >= after)
        return
    first = after.replace(day=1) if span == "month" else after - timedelta(days=after.weekday())
    farthest = min(after + _FARTHEST, days.ends) if days.terms else after + _FARTHEST
    while first <= farthest:
        following = (first + timedelta(days=32)).replace(day=1) if span == "month" else first + timedelta(days=7)
        yield first, following - timedelta(days=1)
        first = following


def _day_of(anchor: Anchor, first: date, last: date, days: terms.Terms) -> date | None:
    every = (first + timedelta(days=number) for number in range((last - first).days + 1))
    if anchor.which == "school day":
        found = [day for day in every if days.is_school_day(day)]
    elif anchor.which == "day":
        found = list(every)
    else:
        found = [day for day in every if day.weekday() == _WEEKDAYS.index(anchor.which)]
    place = anchor.ordinal - 1 if anchor.ordinal > 0 else len(found) - 1
    return found[place] if 0 <= place < len(found) else None


def _away(anchored: datetime, phrase: Phrase, days: terms.Terms) -> datetime | None:
    if phrase.unit in ("hour", "minute"):
        return anchored + phrase.count * timedelta(**{f"{phrase.unit}s": 1})
    day: date | None = anchored.date()
    if phrase.unit == "school day":
        day = _school_days_away(anchored.date(), phrase.count, days)
    else:
        day = anchored.date() + phrase.count * timedelta(**{f"{phrase.unit}s": 1})
    return datetime.combine(day, phrase.clock or DAY) if day is not None else None


def _school_days_away(day: date, count: int, days: terms.Terms) -> date | None:
    found: date | None = day
    for _ in range(abs(count)):
        if found is None:
            return None
        step = timedelta(days=1 if count > 0 else -1)
        found = days.next_from(found + step) if count > 0 else days.last_until(found + step)
    return found


_EVERY = re.compile(r"(?:(?P<count>\d{1,3}|" + "|".join(_NUMBERS) + r") )?(?P<unit>day|week|month)s?")


def read_every(text: str) -> tuple[int, str]:
    """Read ``2 weeks``, ``week`` or ``three months`` as a number and a unit.

    Raises :class:`calendar.BadRule`.
    """
    found = _EVERY.fullmatch(" ".join(text.casefold().split()))
    if not found or found["count"] == "0":
        raise calendar.BadRule(f"“{text}” cannot be read: write “2 weeks”, “10 days” or “month”.")
    count = found["count"] or "1"
    return int(count) if count.isdigit() else _NUMBERS[count], found["unit"]

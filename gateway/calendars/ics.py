"""A school's .ics file: which of its events say something about school days, by their titles.

What cannot be read is named by its UID or its line and left out; nothing else of it is kept.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import cache
from importlib import resources
from itertools import islice
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import icalendar

from gateway import errors
from gateway.calendars import document, recurring

LARGEST = 5 * 2**20  #: bytes; ten years of a busy school have a tenth of that
_MOST_EVENTS = 20_000
_MOST_PROBLEMS = 100
_MOST_TIMES = 400  #: one event that repeats
_BACK, _AHEAD = timedelta(days=400), timedelta(days=3 * 366)
_DAY = timedelta(days=1)
_LONGEST_HOLIDAY = timedelta(days=75)
#: What a title may say of school days, in the order in which it is asked; ``other`` of them says nothing.
_KINDS = ("other", "closed", "unclear", "begins", "ends", "holiday", "term")
_HALF_A_DAY = timedelta(hours=4)  #: an event with a time that closes a school is as long at least


@dataclass(frozen=True, slots=True)
class Found:
    """What a file says. ``understood`` is how many events had something to say, ``events`` how many there are."""

    terms: list[document.Term] = field(default_factory=list[document.Term])
    closed: list[document.Closed] = field(default_factory=list[document.Closed])
    problems: list[str] = field(default_factory=list[str])
    understood: int = 0
    events: int = 0

    def plain(self) -> dict[str, Any]:
        """What of it belongs to the calendar, as JSON."""
        school = document.School(terms=self.terms, closed=self.closed)
        return school.model_dump(mode="json", exclude_defaults=True)


#: The library gives a union of everything that a property may be; what is no date fails where it is used, and is told.
Event = Mapping[str, Any]


class _Span(NamedTuple):
    """Days of one event, both inclusive, and what it means."""

    first: date
    last: date
    kind: str
    title: str
    uid: str


def read(content: bytes, *, timezone: ZoneInfo, today: date, late: Callable[[], bool] = lambda: False) -> Found:
    """Read a file. ``late`` is asked again and again, and a Yes ends the reading.

    Raises :class:`errors.BadInput` for what is no calendar, is too large, or takes too long.
    """
    if len(content) > LARGEST:
        raise _bad(f"it is larger than {LARGEST // 2**20} MB.", "Export fewer years of it.")
    calendars = _parsed(content)
    events: list[Event] = list(islice((event for one in calendars for event in one.walk("VEVENT")), _MOST_EVENTS + 1))
    if len(events) > _MOST_EVENTS:
        raise _bad(f"it has more than {_MOST_EVENTS:,} events.", "Export fewer years of it.")
    problems: list[str] = []
    spans: list[_Span] = []
    instead = set(_instead(events, timezone, problems))
    for event in events:
        if late():
            raise _bad("it takes too long to read.", "Export fewer years of it.")
        try:
            spans += _spans(event, instead, timezone=timezone, today=today)
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
            problems.append(f"The event {_uid(event)} cannot be read: {_words(error)}")
    return _sorted_out(spans, problems, events=len(events), today=today)


def _instead(events: Iterable[Event], timezone: ZoneInfo, problems: list[str]) -> Iterator[tuple[str, date]]:
    """Days of repeating events instead of which there is another one."""
    for event in events:
        if _replaces(event):
            try:
                yield _uid(event), _local(_moment(event["RECURRENCE-ID"].dt), timezone)
            except (ValueError, TypeError, AttributeError, OverflowError):
                problems.append(f"The event {_uid(event)} does not say instead of which day it stands.")


def _parsed(content: bytes) -> list[icalendar.Calendar]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("cp1252", "replace")
    if "BEGIN:VCALENDAR" not in text[:2000].upper():
        raise _bad("it is no calendar: it does not begin with BEGIN:VCALENDAR.", "Is it the address of a page?")
    try:
        found = icalendar.Calendar.from_ical(text, multiple=True)
        return [one for one in found if isinstance(one, icalendar.Calendar)]
    except (ValueError, KeyError, IndexError, TypeError, RecursionError):
        line = _bad_line(text)
        where = f"line {line} cannot be read." if line else "it ends before its time, or its parts do not fit."
        raise _bad(where, "Fetch or export it again.", line) from None


def _bad_line(text: str) -> int:
    """The first line that is neither a name with a value nor the rest of the one before; 0 when all are."""
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip() and line[0] not in " \t" and not re.match(r"[A-Za-z0-9-]+[;:]", line):
            return number
    return 0


def _spans(event: Event, instead: set[tuple[str, date]], *, timezone: ZoneInfo, today: date) -> list[_Span]:
    title = " ".join(str(event.get("SUMMARY", "")).split())[:200]
    kind = meaning(title)
    if not kind or str(event.get("STATUS", "")).upper() == "CANCELLED":
        return []
    first, last = _days(event, timezone)
    if _timed(event) and kind in ("closed", "holiday") and _length(event) < _HALF_A_DAY:
        return []  # an early end, or a meeting about it
    begin, end = today - _BACK, today + _AHEAD
    firsts: Iterable[date] = [first]
    if "RRULE" in event:
        rule = event["RRULE"]
        firsts = recurring.days(rule[0] if isinstance(rule, list) else rule, first, end)
    left_out = {_local(one.dt, timezone) for one in _dates(event, "EXDATE")}
    if not _replaces(event):
        left_out |= {day for uid, day in instead if uid == _uid(event)}
    firsts = [*islice(firsts, _MOST_TIMES), *(_local(one.dt, timezone) for one in _dates(event, "RDATE"))]
    found = [_Span(day, day + (last - first), kind, title, _uid(event)) for day in firsts if day not in left_out]
    return [span for span in found if span.last >= begin and span.first <= end]


@cache
def _titles() -> Mapping[str, list[re.Pattern[str]]]:
    text = (resources.files("gateway.calendars") / "titles.toml").read_text("utf-8")
    return {kind: [re.compile(one) for one in listed] for kind, listed in tomllib.loads(text).items()}


def meaning(title: str) -> str:
    """What an event's title says of school days: closed, begins, ends, holiday, term, or ``""`` for nothing.

    ``unclear`` is one that may say something, of which only a person knows what: on which side of a half-term a day
    lies, and what holds for some year groups only.
    """
    small = title.casefold().replace("\u2019", "'")

    def says(kind: str) -> bool:
        return any(one.search(small) for one in _titles()[kind])

    kind = next((kind for kind in _KINDS if says(kind)), "other")
    if kind == "other":
        return ""
    return "unclear" if says("some") else kind


def _days(event: Event, timezone: ZoneInfo) -> tuple[date, date]:
    """First and last day of an event; its end is the first moment after it (RFC 5545, 3.6.1)."""
    starts = event["DTSTART"].dt
    first, ends = _local(starts, timezone), _ends(event, starts)
    last = _local(ends, timezone)
    at_midnight = not isinstance(ends, datetime) or _wall(ends, timezone).time() == time()
    if at_midnight and last > first:
        last -= _DAY
    if last < first:
        raise ValueError("it ends before it begins.")
    return first, last


def _ends(event: Event, starts: date | datetime) -> date | datetime:
    if "DTEND" in event:
        ends = event["DTEND"].dt
        if isinstance(ends, datetime) != isinstance(starts, datetime):
            raise ValueError("its beginning has a time and its end has none, or the other way round.")
        return _moment(ends)
    if "DURATION" in event:
        return starts + timedelta(seconds=event["DURATION"].dt.total_seconds())
    return starts if isinstance(starts, datetime) else starts + _DAY


def _length(event: Event) -> timedelta:
    starts = event["DTSTART"].dt
    length: timedelta = _ends(event, starts) - starts
    return length


def _moment(given: Any) -> date | datetime:
    if not isinstance(given, date):
        raise TypeError("it is no date")
    return given


def _timed(event: Event) -> bool:
    return isinstance(event["DTSTART"].dt, datetime)


def _local(moment: date | datetime, timezone: ZoneInfo) -> date:
    return _wall(moment, timezone).date() if isinstance(moment, datetime) else moment


def _wall(moment: datetime, timezone: ZoneInfo) -> datetime:
    """What the school's clock shows; a time without a zone is on it already (RFC 5545, 3.3.5), not on the machine's."""
    return moment.astimezone(timezone) if moment.tzinfo else moment


def _dates(event: Event, name: str) -> list[Any]:
    given = event.get(name, [])
    return [one for listed in (given if isinstance(given, list) else [given]) for one in listed.dts]


def _replaces(event: Event) -> bool:
    return "RECURRENCE-ID" in event


def _uid(event: Event) -> str:
    return str(event.get("UID", "")).strip()[:80] or "without a UID"


def _words(error: Exception) -> str:
    if isinstance(error, recurring.NotUnderstood) or type(error) is ValueError:
        return str(error)[:200]
    return "its dates are missing or wrong."


def _sorted_out(spans: list[_Span], problems: list[str], *, events: int, today: date) -> Found:
    problems += [
        f"The event {span.uid} (“{span.title}”) may mean that there is school or that there is none: nobody can tell."
        for span in sorted(spans)
        if span.kind == "unclear" and span.last >= today
    ]
    closed = [
        document.Closed(first=span.first, last=span.last, why=span.title)
        for span in sorted(spans)
        if span.kind in ("closed", "holiday") and _holds(span, problems)
    ]
    terms = _terms(sorted(spans), problems, today)
    understood = sum(span.kind != "unclear" for span in spans)
    return Found(terms, closed, problems[:_MOST_PROBLEMS], understood=understood, events=events)


def _holds(span: _Span, problems: list[str]) -> bool:
    """Whether a closure is as long as closures are. A holiday of one day is where one begins or ends: nobody knows."""
    if span.last - span.first >= _LONGEST_HOLIDAY:
        problems.append(f"The event {span.uid} (“{span.title}”) closes school for longer than any holiday.")
        return False
    if span.kind == "holiday" and span.first == span.last:
        problems.append(f"The event {span.uid} (“{span.title}”) names one day: a holiday begins or ends there.")
        return False
    return True


def _terms(spans: Sequence[_Span], problems: list[str], today: date) -> list[document.Term]:
    """Terms that are given whole, else those between a first and a last day of school.

    Where one of two is missing the longer stretch is a term: rather a register too many than a child nobody looks for.
    """
    whole = [span for span in spans if span.kind == "term" and 10 * _DAY <= span.last - span.first < document.A_YEAR]
    if whole:
        return [document.Term(name=one.title[:80], first=one.first, last=one.last) for one in whole]
    found: list[document.Term] = []
    opened: _Span | None = None
    for span in spans:
        if span.kind == "begins":
            if opened is not None and span.first > opened.first:
                problems.append(f"The event {opened.uid} (“{opened.title}”): the end of this term is missing.")
            if opened is None or span.first - opened.first > document.LONGEST:
                opened = span
        elif span.kind == "ends" and opened is not None and span.last - opened.first < document.A_YEAR:
            found.append(document.Term(name=opened.title[:80], first=opened.first, last=span.last))
            opened = None
        elif span.kind == "ends" and not (found and found[-1].last == span.last):
            problems.append(f"The event {span.uid} (“{span.title}”): the beginning of this term is missing.")
            _begun_before(found, span, today)
    if opened is not None:
        problems.append(f"The event {opened.uid} (“{opened.title}”): the end of this term is missing.")
    return found


def _begun_before(found: list[document.Term], span: _Span, today: date) -> None:
    """A second end of a term is its later one; and many a feed forgets what is over, as when this term began."""
    if found and span.last - found[-1].first <= document.LONGEST:
        found[-1] = document.Term(name=found[-1].name, first=found[-1].first, last=span.last)
    elif not found and span.last >= today and span.last - today <= document.LONGEST:
        found.append(document.Term(name=span.title[:80], first=today - today.weekday() * _DAY, last=span.last))


def _bad(what: str, cure: str, line: int = 0) -> errors.BadInput:
    return errors.BadInput([errors.Problem(what, cure, line=line)])

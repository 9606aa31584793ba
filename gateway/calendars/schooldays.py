"""When school is: terms, closed days, and the two sessions of a day with the moments of their registers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from zoneinfo import ZoneInfo

from gateway.calendars import bank_holidays, document
from gateway.models import DaySession
from gateway.registers import files
from scheduler import calendar, terms

_HALF_TERM = timedelta(days=30)  #: two stretches of one name with more between them are of different years


@dataclass(frozen=True, slots=True)
class Moments:
    """The moments of a session on one day, aware and in UTC."""

    begins: datetime
    closes: datetime
    check: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class SchoolYear:
    """The school's days and hours."""

    days: terms.Terms
    sessions: Mapping[DaySession, document.Times]
    office: document.Office | None = None
    others: Mapping[str, SchoolYear] = field(default_factory=dict[str, "SchoolYear"])  #: of year groups, casefolded

    def moments(self, day: date, session: DaySession, timezone: ZoneInfo) -> Moments:
        """When a session begins, closes, is checked and ends on a day."""
        times = self.sessions[session]

        def at(clock: time) -> datetime:
            return calendar.to_utc(datetime.combine(day, clock), timezone)

        closes = at(times.closes)
        return Moments(at(times.begins), closes, closes + times.check_after, at(times.until))

    def ends(self, day: date, timezone: ZoneInfo) -> datetime:
        """When the last session of a day ends, at whichever school: until then somebody looks for a child."""
        schools = [self, *self.others.values()]
        return max(one.moments(day, session, timezone).until for one in schools for session in one.sessions)

    def of_year_group(self, name: str) -> SchoolYear:
        """The days and hours of a year group: those of its own school where several are under one roof."""
        return self.others.get(name.casefold(), self)


def load(path: Path | None) -> SchoolYear:
    """Read the school's calendar; without one every weekday is a school day, with ordinary hours.

    Raises :class:`errors.BadInput` with the place and cure of every mistake.
    """
    return of(read(path))


def read(path: Path | None) -> document.Calendar:
    """Read a calendar's file; the one of Handbell for None.

    Raises :class:`errors.BadInput` with the place and cure of every mistake.
    """
    return _usual() if path is None else _read(path)


@cache
def _usual() -> document.Calendar:
    return _read(resources.files("gateway.calendars") / "calendar.toml")


def _read(path: Path | Traversable) -> document.Calendar:
    return files.read(path, document.Calendar)


def of(
    written: document.Calendar,
    school: str = "",
    *,
    also: Iterable[document.Closed] = (),
    feeds: Mapping[str, document.School] | None = None,
) -> SchoolYear:
    """The year of one school, or of those that do nothing otherwise.

    ``also`` are closures of the day, ``feeds`` what .ics feeds say by school, ``""`` for all: where a feed names terms
    they hold instead of the written ones of the same school year, and its closed days are added.
    """
    none, told = document.School(), feeds or {}
    own = written.schools.get(school, none)
    own_feed, feed = told.get(school, none) if school else none, told.get("", none)
    listed = _instead(own_feed.terms, own.terms) or _instead(feed.terms, written.terms)
    days = dict(bank_holidays.of(written.bank_holidays))
    for closed in (*written.closed, *feed.closed, *own.closed, *own_feed.closed, *also):
        days |= dict.fromkeys(closed.days(), closed.why)
    sessions = own.sessions or written.sessions
    return SchoolYear(
        terms.Terms(
            tuple(sorted((term.first, term.last) for term in listed)),
            days,
            frozenset(written.weekdays if own.weekdays is None else own.weekdays),
            tuple(_whole(listed)),
        ),
        {DaySession.AM: sessions.am, DaySession.PM: sessions.pm},
        written.office,
    )


def _instead(told: Sequence[document.Term], written: Sequence[document.Term]) -> list[document.Term]:
    """What a feed says of terms, and the written ones of school years of which it says nothing."""
    years = {_school_year(term) for term in told}
    return [*told, *(term for term in written if _school_year(term) not in years)]


def _school_year(term: document.Term) -> int:
    """The year in whose late summer it began."""
    return term.first.year - (term.first.month < 8)


def _whole(listed: Iterable[document.Term]) -> Iterable[tuple[date, date]]:
    """Terms with their half-terms in them: stretches that follow each other under one name, up to a comma."""
    name, first, last = "", date.min, date.min
    for term in sorted(listed, key=lambda term: term.first):
        called = term.name.partition(",")[0].strip().casefold()
        if called and called == name and term.first - last < _HALF_TERM:
            last = term.last
            continue
        if last > date.min:
            yield first, last
        name, first, last = called, term.first, term.last
    if last > date.min:
        yield first, last

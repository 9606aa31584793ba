"""By when somebody answers: a span of office hours, counted over the school's days."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from config.settings import Settings
from gateway.calendars import schooldays
from scheduler import calendar, terms

KINDS: Final = ("absence", "question", "complaint")
_ROUND: Final = timedelta(minutes=5)  #: "by 3.35 pm": nobody promises 3.32


@dataclass(frozen=True, slots=True)
class Hours:
    """When the office works, on the school's clock."""

    opens: time
    closes: time
    days: terms.Terms
    timezone: ZoneInfo

    @property
    def day(self) -> timedelta:
        """How long a school day is."""
        start = date(2000, 1, 3)
        return datetime.combine(start, self.closes) - datetime.combine(start, self.opens)

    def stretches(self, after: datetime) -> Iterator[tuple[datetime, datetime]]:
        """The office hours that are not over at a moment, in order, as aware UTC.

        Of a calendar that has come to its end, every weekday counts: a family must not wait for ever.
        """
        today = after.astimezone(self.timezone).date()
        last = today - timedelta(days=1)
        for days in (self.days, terms.Terms(weekdays=self.days.weekdays)):
            for day in days.days_after(last):
                last = day
                opens, closes = (
                    calendar.to_utc(datetime.combine(day, clock), self.timezone) for clock in (self.opens, self.closes)
                )
                if after < closes:
                    yield max(opens, after), closes


@dataclass(frozen=True, slots=True)
class Rules:
    """What the school promises."""

    hours: Hours
    within: dict[str, timedelta]

    def due(self, kind: str, at: datetime) -> datetime:
        """By when somebody answers what came at a moment (aware); gives aware UTC."""
        return due(self.hours, self.within[kind], at)


def due(hours: Hours, span: timedelta, at: datetime) -> datetime:
    """The moment at which so much working time has passed, rounded up to five minutes; never outside office hours."""
    left, end = span, at.astimezone(UTC)
    for begins, ends in hours.stretches(end):
        if left <= ends - begins:
            return min(_rounded(begins + left), ends)
        left -= ends - begins
    raise ValueError("the office hours of a calendar never end")


def _rounded(moment: datetime) -> datetime:
    whole = moment.replace(minute=0, second=0, microsecond=0)
    return whole - (whole - moment) // _ROUND * _ROUND


def load(settings: Settings, year: schooldays.SchoolYear | None = None) -> Rules:
    """The school's promise; ``year`` is the calendar where it is known already, newer than its file.

    Raises :class:`errors.BadInput` where its calendar cannot be read.
    """
    section, known = settings.desk, year or schooldays.load(settings.calendar_file)
    hours = Hours(
        known.office.opens if known.office else time.fromisoformat(section.opens),
        known.office.closes if known.office else time.fromisoformat(section.closes),
        known.days,
        ZoneInfo(settings.school.timezone),
    )
    within = {kind: _span(getattr(section, f"{kind}_within"), hours.day) for kind in KINDS}
    return Rules(hours, within)


def _span(text: str, day: timedelta) -> timedelta:
    units = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": day}
    return int(text[:-1]) * units[text[-1]]

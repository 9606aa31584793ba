"""Which days are school days: weekdays within terms, but for half-terms, INSET days and bank holidays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

_DAY = timedelta(days=1)
_HORIZON = 400  #: days; nobody plans school further ahead than a year


@dataclass(frozen=True, slots=True)
class Terms:
    """The school's year. ``terms`` are first and last days, both inclusive; without any, every weekday counts.

    ``closed`` are single days on which nobody comes, each with the reason; ``weekdays`` from 0, which is Monday.
    ``whole`` are the terms with their half-terms in them, where ``terms`` are the stretches before and after those.
    """

    terms: Sequence[tuple[date, date]] = ()
    closed: Mapping[date, str] = field(default_factory=dict[date, str])
    weekdays: frozenset[int] = frozenset(range(5))
    whole: Sequence[tuple[date, date]] = ()

    @property
    def ends(self) -> date:
        """The last day that the calendar knows of; without terms it knows every day."""
        return max((last for _, last in self.terms), default=date.max)

    def is_school_day(self, day: date) -> bool:
        """Whether pupils come on this day."""
        if day.weekday() not in self.weekdays or day in self.closed:
            return False
        return not self.terms or any(first <= day <= last for first, last in self.terms)

    def why_not(self, day: date) -> str:
        """Why it is no school day, in a few words; ``""`` for a school day."""
        if self.is_school_day(day):
            return ""
        if day in self.closed:
            return self.closed[day]
        return "outside term" if day.weekday() in self.weekdays else "no school on this weekday"

    def next_from(self, day: date) -> date | None:
        """The first school day from this day on; None where none is known within a year and a bit."""
        return day if self.is_school_day(day) else next(self.days_after(day), None)

    def last_until(self, day: date) -> date | None:
        """The last school day up to this day; None where there is none within a year and a bit."""
        earlier = (day - number * _DAY for number in range(_HORIZON))
        return next((one for one in earlier if self.is_school_day(one)), None)

    def days_after(self, day: date) -> Iterator[date]:
        """The school days later than ``day``, in order, for a year and a bit."""
        for number in range(1, _HORIZON):
            later = day + number * _DAY
            if self.is_school_day(later):
                yield later

    def count(self, after: date, until: date) -> int:
        """How many school days there are later than ``after`` and no later than ``until``."""
        return sum(self.is_school_day(after + number * _DAY) for number in range(1, (until - after).days + 1))

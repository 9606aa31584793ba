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
    """

    terms: Sequence[tuple[date, date]] = ()
    closed: Mapping[date, str] = field(default_factory=dict[date, str])
    weekdays: frozenset[int] = frozenset(range(5))

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

    def days_after(self, day: date) -> Iterator[date]:
        """The school days later than ``day``, in order, for a year and a bit."""
        for number in range(1, _HORIZON):
            later = day + number * _DAY
            if self.is_school_day(later):
                yield later

    def count(self, after: date, until: date) -> int:
        """How many school days there are later than ``after`` and no later than ``until``."""
        return sum(self.is_school_day(after + number * _DAY) for number in range(1, (until - after).days + 1))

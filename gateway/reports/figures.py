"""The shapes of a report: tables of texts and numbers, each with what it says in a sentence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from gateway import errors
from scheduler import calendar

FEWEST = 5  #: people in a row of their own: of fewer, somebody who knows the school could say who they are
OTHERS = "others, fewer than five each"

Cell = str | int | float


@dataclass(frozen=True, slots=True)
class Table:
    """One table. ``drawn`` names the column that is drawn as bars, ``""`` for none; ``note`` says how it was counted.

    A number with a fraction is a share from 0 to 1, or None where there is nothing to have a share of.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell | None]]
    note: str = ""
    drawn: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """What was counted; ``says`` are the sentences that somebody in a hurry reads."""

    key: str
    title: str
    says: Sequence[str]
    tables: Sequence[Table]


@dataclass(frozen=True, slots=True)
class Period:
    """The days that a report is about, both inclusive, on the school's clock."""

    first: date
    last: date
    timezone: ZoneInfo

    @property
    def begins(self) -> datetime:
        """Its first moment, aware UTC."""
        return _midnight(self.first, self.timezone)

    @property
    def ends(self) -> datetime:
        """The first moment after it, aware UTC."""
        return _midnight(self.last + timedelta(days=1), self.timezone)

    def __str__(self) -> str:
        return f"{self.first:%d/%m/%Y} to {self.last:%d/%m/%Y}"


def period(first: date | None, last: date | None, *, today: date, timezone: ZoneInfo) -> Period:
    """The days asked for: without a first one those since 1 September, without a last one those until today.

    Raises :class:`errors.BadInput`.
    """
    until = last or today
    since = first or date(until.year if until.month >= 9 else until.year - 1, 9, 1)
    if since > until:
        what = f"{since:%d/%m/%Y} is later than {until:%d/%m/%Y}."
        raise errors.BadInput([errors.Problem(what, "Give the first day first.")])
    return Period(since, until, timezone)


def share(part: int, whole: int) -> float | None:
    """Which share of a whole a part is, None of nothing."""
    return part / whole if whole else None


def gathered(rows: Iterable[Sequence[int | str]]) -> list[list[int | str]]:
    """Rows of a name, how many people it is of, and counts; those of few people are added up in one row at the end.

    Where that one would be of few, too, the smallest of the others goes into it: it could be told from the sum.
    """
    rows = list(rows)
    few = [row for row in rows if _people(row) < FEWEST]
    kept = [list(row) for row in rows if _people(row) >= FEWEST]
    if not few:
        return kept
    if kept and sum(map(_people, few)) < FEWEST:
        smallest = min(kept, key=_people)
        kept.remove(smallest)
        few = [*few, smallest]
    sums = [sum(int(value) for value in column) for column in list(zip(*few, strict=True))[1:]]
    return [*kept, [OTHERS, *sums]]


def _people(row: Sequence[int | str]) -> int:
    return int(row[1])


def _midnight(day: date, timezone: ZoneInfo) -> datetime:
    return calendar.to_utc(datetime.combine(day, time()), timezone)

"""The shapes of a report: tables of texts and numbers, each with what it says in a sentence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

from gateway import errors
from scheduler import calendar

FEWEST = 5  #: people in a row of their own: of fewer, somebody who knows the school could say who they are
OTHERS = "others, fewer than five each"

Cell = str | int | float
T = TypeVar("T")


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
    """What was counted; ``says`` are the sentences that somebody in a hurry reads, ``numbers`` single ones by name."""

    key: str
    title: str
    says: Sequence[str]
    tables: Sequence[Table]
    numbers: Mapping[str, Cell | None] = field(default_factory=dict[str, "Cell | None"])

    def table(self, title: str) -> Table:
        """One table by its title. Raises :class:`KeyError`."""
        return {one.title: one for one in self.tables}[title]


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
    listed = list(rows)
    few = _few([int(row[1]) for row in listed])
    kept = [list(row) for place, row in enumerate(listed) if place not in few]
    if not few:
        return kept
    sums = [sum(int(value) for value in column) for column in list(zip(*(listed[n] for n in few), strict=True))[1:]]
    return [*kept, [OTHERS, *sums]]


def together(groups: Mapping[str, Sequence[T]]) -> dict[str, list[T]]:
    """Groups by name, for what cannot be added up, as a median: few are put together as in :func:`gathered`."""
    listed = [(name, each) for name, each in groups.items() if each]
    few = _few([len(each) for _, each in listed])
    kept = {name: list(each) for place, (name, each) in enumerate(listed) if place not in few}
    return kept | ({OTHERS: [one for place in few for one in listed[place][1]]} if few else {})


def _few(sizes: Sequence[int]) -> list[int]:
    """The places of those that do not stand by themselves."""
    few = [place for place, size in enumerate(sizes) if size < FEWEST]
    kept = [place for place, size in enumerate(sizes) if size >= FEWEST]
    if few and kept and sum(sizes[place] for place in few) < FEWEST:
        few.append(min(kept, key=sizes.__getitem__))
    return few


def _midnight(day: date, timezone: ZoneInfo) -> datetime:
    return calendar.to_utc(datetime.combine(day, time()), timezone)

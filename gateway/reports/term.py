"""A school's term on one page: which terms there are, the figures that stand above, and the classes side by side.

Everything is taken from the reports (:mod:`gateway.reports.counting`): nothing is counted here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, NamedTuple

from gateway import context
from gateway.database import Session
from gateway.reports import counting, figures
from scheduler import terms

_SEASONS: Final = ((1, "spring"), (4, "summer"), (8, "autumn"))
REPORTS: Final = ("reach", "updates", "answers", "good-news", "absences")


class Term(NamedTuple):
    """A term, or a whole school year, by the key of its address."""

    key: str
    name: str
    first: date
    last: date


@dataclass(frozen=True, slots=True)
class Class:
    """A form: which share was reached, updates a child, good news, and the weeks that one child has waited for it."""

    name: str
    children: int
    reached: figures.Cell | None
    updates: figures.Cell | None
    good: int | None
    wait: figures.Cell | None


@dataclass(frozen=True, slots=True)
class Overview:
    """What was counted of a term, and when."""

    term: Term
    period: figures.Period
    counted_at: datetime
    reports: Mapping[str, figures.Report]

    def number(self, report: str, name: str) -> figures.Cell | None:
        """One of the single numbers."""
        return self.reports[report].numbers.get(name)

    def shares(self, report: str, title: str, part: int, whole: int) -> list[tuple[str, float]]:
        """The names of a table's rows with the share of two of its columns, the highest first."""
        found = [
            (str(row[0]), figures.share(_whole(row[part]), _whole(row[whole])))
            for row in self.reports[report].table(title).rows
        ]
        return sorted(((name, share) for name, share in found if share is not None), key=lambda one: -one[1])

    def classes(self) -> list[Class]:
        """The forms side by side; those of few children are together in one row, as in the reports."""
        reach = _by_name(self.reports["reach"].table("Children by form"))
        updates = _by_name(self.reports["updates"].table("Updates by form"))
        good = _by_name(self.reports["good-news"].table("Good news by form"))
        waits = _by_name(self.reports["good-news"].table("Longest wait by form"))
        return [
            Class(
                name, _whole(row[1]), row[-1], updates[name][-1] if name in updates else None,
                _whole(good[name][3]) if name in good else None, waits[name][2] if name in waits else None,
            )
            for name, row in reach.items()
        ]  # fmt: skip


async def read(session: Session, gateway: context.Gateway, term: Term) -> Overview:
    """Count a term, up to today where it goes on."""
    last = min(term.last, gateway.today())
    period = figures.period(term.first, last, today=gateway.today(), timezone=gateway.timezone)
    reports = {name: await counting.read(session, gateway, name, period) for name in REPORTS}
    return Overview(term, period, gateway.now(), reports)


def begun(year: terms.Terms, today: date) -> list[Term]:
    """The terms that have begun, the newest first, and after them the school years."""
    found = dict[str, Term]()
    for first, last in sorted(year.whole or year.terms):
        if first <= today:
            season = next(name for month, name in reversed(_SEASONS) if first.month >= month)
            key, name = f"{first.year}-{season}", f"{season.capitalize()} {first.year}"
            found[key] = Term(key, name, found[key].first if key in found else first, last)
    years = list(_years([term.first for term in found.values()] or [today]))
    return [*sorted(found.values(), key=lambda term: term.first, reverse=True), *reversed(years)]


def _years(days: Sequence[date]) -> Iterator[Term]:
    for begins in sorted({day.year - (day.month < 8) for day in days}):
        name = f"School year {begins}/{(begins + 1) % 100:02}"
        yield Term(str(begins), name, date(begins, 9, 1), date(begins + 1, 8, 31))


def _by_name(table: figures.Table) -> dict[str, Sequence[figures.Cell | None]]:
    return {str(row[0]): row for row in table.rows}


def _whole(cell: figures.Cell | None) -> int:
    return cell if isinstance(cell, int) else 0

"""Good news beside bad, by form and group, and for how long children have had none.

The counts are those of ``handbell balance``, which the office sees child by child; here nobody is named, no teacher
either.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Final

from gateway import context
from gateway.database import Session
from gateway.good_news import balance
from gateway.reports import figures

#: Groups by which fairness is looked at. Other groups are often called after a teacher, and nobody is named here.
_GROUPS: Final = frozenset({"sen", "send", "eal", "fsm", "pp", "pupil premium", "cla", "lac"})
_AGES: Final = ((14, "two weeks or less"), (42, "up to six weeks"), (91, "up to a term"), (365, "up to a year"))


async def read(session: Session, gateway: context.Gateway, period: figures.Period) -> figures.Report:
    """Count good and bad news of the children on roll on the last of these days."""
    found = await balance.of(session, gateway, balance.Wanted(period.first, until=period.last))
    children = found.children
    without = sum(not one.good for one in children)
    good, bad = sum(one.good for one in children), sum(one.bad for one in children)
    says = [f"{without} of {len(children)} children had no good news in these days."] if children else []
    says.append(f"Families heard good news of a child {good} times, and bad news {bad} times.")
    tables = [
        _lines("Good news by form", "form", found.by_form()),
        _lines("Good news by group", "group", (one for one in found.by_group() if one.name.casefold() in _GROUPS)),
        _ages(children, period.last),
        _waits(children, period.last),
    ]
    return figures.Report("good-news", "Good news", says, tables)


def _lines(title: str, kind: str, lines: Iterable[balance.Line]) -> figures.Table:
    columns = (kind, "children", "without good news", "good news", "bad news", "good to bad", "with good news")
    counted = figures.gathered((one.name or f"no {kind}", one.pupils, one.without, one.good, one.bad) for one in lines)
    shown = [[*row, balance.ratio(int(row[3]), int(row[4])), _with(row)] for row in counted]
    note = (
        "A notice counts once for a child, when it has left for anybody of the family or was posted. Bad news are "
        "absences that are asked about, and notices marked as worrying."
    )
    more = " A child of two counts in both; SEN, EAL, FSM and the like, where imported." if kind == "group" else ""
    return figures.Table(title, columns, shown, note + more, drawn="with good news")


def _with(row: Sequence[int | str]) -> float | None:
    return figures.share(int(row[1]) - int(row[2]), int(row[1]))


def _ages(children: Sequence[balance.Child], last: date) -> figures.Table:
    ages: dict[str, list[balance.Child]] = {name: [] for name in (*(name for _, name in _AGES), "longer", "never")}
    for one in children:
        ages[_age(one.last_good, last)].append(one)
    shown = [
        [name, len(each), figures.share(len(each), len(children))] for name, each in figures.together(ages).items()
    ]
    note = "Since the last good news, at any time, until the last of these days."
    return figures.Table("How long ago", ("last good news", "children", "of all"), shown, note, drawn="of all")


def _waits(children: Sequence[balance.Child], last: date) -> figures.Table:
    """How long the child of each form has waited who has waited for longest; it is not said which that is."""
    by_form = dict[str, list[balance.Child]]()
    for one in sorted(children, key=lambda one: one.pupil.form):
        by_form.setdefault(one.pupil.form or "no form", []).append(one)
    shown = [[form, len(each), _longest(each, last)] for form, each in figures.together(by_form).items()]
    return figures.Table("Longest wait by form", ("form", "children", "weeks without good news"), shown)


def _longest(children: Sequence[balance.Child], last: date) -> figures.Cell:
    waits = [(last - one.last_good).days // 7 for one in children if one.last_good]
    return "never any" if len(waits) < len(children) else max(waits)


def _age(last_good: date | None, last: date) -> str:
    if last_good is None:
        return "never"
    return next((name for most, name in _AGES if (last - last_good).days <= most), "longer")

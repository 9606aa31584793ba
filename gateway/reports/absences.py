"""How absences without a reason were followed up, and how soon the school knew where each child was."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import NamedTuple

import sqlalchemy as sa

from gateway.absence import states
from gateway.database import Session
from gateway.models import AbsenceCase, AbsenceStep, CaseState, DaySession
from gateway.models.types import core
from gateway.reports import figures
from scheduler import calendar

_KNOWN = (CaseState.SEEN, CaseState.EXPLAINED, CaseState.SAFE, CaseState.TO_CONFIRM)
_TEN = time(10)  #: by then a school must know where every child is


class _Wait(NamedTuple):
    day: date
    morning: bool
    took: timedelta
    by_ten: bool
    at: datetime  #: the school's time


async def read(session: Session, period: figures.Period) -> figures.Report:
    """Count the cases of these days."""
    case = core(AbsenceCase).c
    query = sa.select(case.state, sa.func.count()).where(case.date >= period.first, case.date <= period.last)
    ended = Counter({CaseState(state): count for state, count in await session.execute(query.group_by(case.state))})
    waits = await _waits(session, period)
    counts = figures.gathered([states.WORDS[state], ended[state]] for state in CaseState if ended[state])
    how = figures.Table(
        "How they ended", ("state of the child", "cases", "of all"),
        [[*row, figures.share(int(row[1]), ended.total())] for row in counts],
        "One case for each child and session without a reason. None ends in “sent”.", drawn="of all",
    )  # fmt: skip
    numbers: dict[str, figures.Cell | None] = {"everybody known by": _usual(waits)}
    return figures.Report(
        "absences", "Absences followed up", [_says(ended)], [how, _months(waits), _weeks(waits)], numbers
    )


def _says(ended: Counter[CaseState]) -> str:
    if not ended:
        return "No child was absent without a reason, or the absence check is off."
    open_ = sum(ended[state] for state in states.OPEN)
    still = f"; {open_} are open still" if open_ else "; each has an end"
    return f"{ended.total()} absences had no reason{still}."


def _months(waits: Sequence[_Wait]) -> figures.Table:
    found: dict[str, list[_Wait]] = {}
    for one in waits:
        found.setdefault(f"{one.day:%B %Y}", []).append(one)
    rows = [_month(month, each) for month, each in figures.together(found).items()]
    columns = ("month", "cases", "minutes until known, median", "morning cases by ten o'clock")
    note = (
        "From the opening of a case until somebody knew where the child was (seen, explained, safe, or a family's "
        "answer that waits for the office). Cases handed to a person or open still are not in it."
    )
    return figures.Table("How soon it was known", columns, rows, note)


def _month(name: str, waits: Sequence[_Wait]) -> list[figures.Cell | None]:
    mornings = [one.by_ten for one in waits if one.morning]
    minutes = round(statistics.median(one.took.total_seconds() for one in waits) / 60)
    return [name, len(waits), minutes, figures.share(sum(mornings), len(mornings))]


def _weeks(waits: Sequence[_Wait]) -> figures.Table:
    found = dict[str, list[_Wait]]()
    for one in waits:
        if one.morning:
            found.setdefault(f"{one.day - timedelta(days=one.day.weekday()):%d/%m/%Y}", []).append(one)
    rows = [[week, len(each), _usual(each)] for week, each in figures.together(found).items()]
    note = "The time by which the last child of a morning was known of, on the middle day of each week."
    return figures.Table("When everybody was accounted for", ("week from", "cases", "everybody known by"), rows, note)


def _usual(waits: Sequence[_Wait]) -> str | None:
    """The time by which the last of a morning was known, on the middle one of these days; None of fewer than five."""
    last = dict[date, int]()
    for one in waits:
        if one.morning:
            late = (one.at.date() - one.day).days * 24 * 60
            last[one.day] = max(last.get(one.day, 0), late + one.at.hour * 60 + one.at.minute)
    if sum(one.morning for one in waits) < figures.FEWEST:
        return None
    middle = min(round(statistics.median(last.values())), 24 * 60 - 1)
    return f"{middle // 60}:{middle % 60:02}"


async def _waits(session: Session, period: figures.Period) -> list[_Wait]:
    """For each case whose child's state is known, how long that took."""
    case, step = core(AbsenceCase).c, core(AbsenceStep).c
    query = (
        sa.select(case.id, case.date, case.session, case.opened_at, step.at, step.facts)
        .join(core(AbsenceStep), step.case_id == case.id)
        .where(case.date >= period.first, case.date <= period.last, case.state.in_(_KNOWN), step.kind == "state")
        .order_by(case.date, case.id, step.at)
    )
    found: dict[int, _Wait] = {}
    for case_id, day, which, opened, at, facts in await session.execute(query):
        if case_id not in found and facts.get("after") in _KNOWN:
            by_ten = at <= calendar.to_utc(datetime.combine(day, _TEN), period.timezone)
            local, took = at.astimezone(period.timezone), max(at - opened, timedelta(0))
            found[case_id] = _Wait(day, which == DaySession.AM, took, by_ten, local)
    return list(found.values())

"""How often a family hears of its child when nothing is wrong, against the “four a year” of most schools.

The measure is that of Becta's leaflet for schools: 85 of 100 parents heard four times a year or less, and 81 wished for
more. An update is a notice about a child, to whomever and by however many ways, by letter too, that reached somebody;
alarms, absences, what is for sale, and answers to what a family wrote are none.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import NamedTuple

import sqlalchemy as sa

from gateway import people
from gateway.database import Session
from gateway.models import About, Message, Pupil
from gateway.models.types import Purpose, core
from gateway.reports import figures, rows
from scheduler import terms

FOUR = 4  #: a year
_TERMS, _TERM = 3, 110  #: terms of a year, and days of one with what lies between
UPDATES = (Purpose.STATUTORY, Purpose.SERVICE, Purpose.GOOD_NEWS, Purpose.COMMUNITY, Purpose.SURVEY)
_BANDS = ((0, "none"), (1, "1"), (2, "2"), (3, "3"), (4, "4"), (5, "5 to 9"), (10, "10 to 19"), (20, "20 and more"))


async def read(session: Session, period: figures.Period, year: terms.Terms) -> figures.Report:
    """Count updates in these days, and in each of the terms that fall into them."""
    counts = await per_child(session, period)
    more = sum(count > FOUR for _, count in counts)
    average = sum(count for _, count in counts) / len(counts) if counts else 0
    says = [f"{more} of {len(counts)} children were told of more than four times; the average is {average:.1f}."]
    tables = [_spread(counts), _forms(counts), await _terms(session, period, year, counts)]
    return figures.Report("updates", "Updates", says, tables, _numbers(counts, pace(period)))


def pace(period: figures.Period) -> float:
    """How many updates “four a year” would be in these days, in three terms a year: 1.3 in one of them."""
    days = (period.last - period.first).days + 1
    return FOUR * min(1.0, max(1, round(days / _TERM)) / _TERMS)


def _numbers(counts: Sequence[tuple[str, int]], wanted: float) -> dict[str, figures.Cell | None]:
    """Fewer than five children stand in no number of their own."""
    ahead, none = sum(count > wanted for _, count in counts), sum(not count for _, count in counts)
    return {
        "children": len(counts),
        "updates a child": _average(counts) or None,
        "pace of four a year": f"{wanted:.1f}",
        "children ahead of it": ahead if ahead >= figures.FEWEST else None,
        "children with none": none if not none or none >= figures.FEWEST else None,
    }


async def per_child(session: Session, period: figures.Period) -> list[tuple[str, int]]:
    """For each child on roll on the last day its form, and how many updates there were."""
    about, pupil = core(About).c, core(Pupil).c
    # A run to two parents by text and email is one thing said. What has none is an answer, a question for a language,
    # or the digest that carries others.
    query = (
        sa.select(pupil.form, sa.func.count(sa.distinct(core(Message).c.run_id)))
        .select_from(
            core(Pupil).outerjoin(core(About).join(core(Message), _within(period)), about.pupil_id == pupil.id)
        )
        .where(people.on_roll(period.last))
        .group_by(pupil.id, pupil.form)
        .order_by(pupil.form, pupil.id)
    )
    return [(form, count) for form, count in await session.execute(query)]


class Heard(NamedTuple):
    """How many updates there were of one child, how many of them good news, and when the last one was sent."""

    updates: int
    good: int
    last_at: datetime


async def of_children(session: Session, period: figures.Period, pupil_ids: Collection[int]) -> dict[int, Heard]:
    """The same count for some children; of whom there was none is not in it."""
    about, message = core(About).c, core(Message).c
    good = sa.case((message.purpose == Purpose.GOOD_NEWS, message.run_id))
    counts = (sa.func.count(sa.distinct(message.run_id)), sa.func.count(sa.distinct(good)))
    query = (
        sa.select(about.pupil_id, *counts, sa.func.max(message.due_at))
        .select_from(core(About).join(core(Message), _within(period)))
        .where(about.pupil_id.in_(list(pupil_ids)), message.run_id.is_not(None))
        .group_by(about.pupil_id)
    )
    return {row[0]: Heard(*row[1:]) for row in await session.execute(query)}


def _within(period: figures.Period) -> sa.ColumnElement[bool]:
    message = core(Message).c
    return sa.and_(
        core(About).c.message_id == message.id,
        message.purpose.in_(UPDATES),
        sa.or_(message.state.in_(rows.ARRIVED), rows.posted()),
        rows.within(period),
    )


def _spread(counts: Sequence[tuple[str, int]]) -> figures.Table:
    bands = {name: [count for _, count in counts if _band(count) == name] for _, name in _BANDS}
    shown = [[name, len(each), figures.share(len(each), len(counts))] for name, each in figures.together(bands).items()]
    note = "Notices about the child that reached somebody. Alarms, absences and things for sale are not counted."
    columns = ("updates", "children", "of all")
    return figures.Table("Children by number of updates", columns, shown, note, drawn="of all")


def _band(count: int) -> str:
    return next(name for least, name in reversed(_BANDS) if count >= least)


def _forms(counts: Sequence[tuple[str, int]]) -> figures.Table:
    found: dict[str, list[int]] = {}
    for form, count in counts:
        found.setdefault(form or "no form", []).append(count)
    shown: list[list[figures.Cell | None]] = [
        [form, len(each), each.count(0), sum(n <= FOUR for n in each), f"{sum(each) / len(each):.1f}"]
        for form, each in figures.together(found).items()
    ]
    columns = ("form", "children", "with none", "with four or less", "updates a child")
    return figures.Table("Updates by form", columns, shown)


async def _terms(
    session: Session, period: figures.Period, year: terms.Terms, whole: Sequence[tuple[str, int]]
) -> figures.Table:
    shown: list[list[figures.Cell | None]] = []
    for first, last in year.terms or [(period.first, period.last)]:
        if last < period.first or first > period.last:
            continue
        part = figures.Period(max(first, period.first), min(last, period.last), period.timezone)
        counts = whole if part == period else await per_child(session, part)
        none = sum(count == 0 for _, count in counts)
        shown.append([_days(part.first, part.last), len(counts), none, _average(counts)])
    note = "A half-term parts a term into two, where the calendar says so. Children are those on roll on the last day."
    return figures.Table("Updates by term", ("from and to", "children", "with none", "updates a child"), shown, note)


def _average(counts: Sequence[tuple[str, int]]) -> str:
    return f"{sum(count for _, count in counts) / len(counts):.1f}" if counts else ""


def _days(first: date, last: date) -> str:
    return f"{first:%d/%m/%Y} to {last:%d/%m/%Y}"

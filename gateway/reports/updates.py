"""How often a family hears of its child when nothing is wrong, against the “four a year” of most schools.

The measure is that of Becta's leaflet for schools: 85 of 100 parents heard four times a year or less, and 81 wished for
more. An update is something said about a child, to whomever and by however many ways, that reached somebody; alarms,
absences and what is for sale are none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date

import sqlalchemy as sa

from gateway import people
from gateway.database import Session
from gateway.models import About, Message, MessageState, Pupil
from gateway.models.types import Purpose, core
from gateway.reports import figures
from scheduler import terms

FOUR = 4  #: a year
UPDATES = (Purpose.STATUTORY, Purpose.SERVICE, Purpose.GOOD_NEWS, Purpose.COMMUNITY, Purpose.SURVEY)
_ARRIVED = (MessageState.ACCEPTED, MessageState.DELIVERED)
_BANDS = ((0, "none"), (1, "1"), (2, "2"), (3, "3"), (4, "4"), (5, "5 to 9"), (10, "10 to 19"), (20, "20 and more"))


async def read(session: Session, period: figures.Period, year: terms.Terms) -> figures.Report:
    """Count updates in these days, and in each of the terms that fall into them."""
    counts = await per_child(session, period)
    more = sum(count > FOUR for _, count in counts)
    average = sum(count for _, count in counts) / len(counts) if counts else 0
    says = [f"{more} of {len(counts)} children were told of more than four times; the average is {average:.1f}."]
    return figures.Report(
        "updates", "Updates", says, [_spread(counts), _forms(counts), await _terms(session, period, year)]
    )


async def per_child(session: Session, period: figures.Period) -> list[tuple[str, int]]:
    """For each child on roll on the last day its form, and how many updates there were."""
    message, about, pupil = core(Message).c, core(About).c, core(Pupil).c
    within = sa.and_(
        about.message_id == message.id,
        message.purpose.in_(UPDATES),
        message.state.in_(_ARRIVED),
        message.due_at >= period.begins,
        message.due_at < period.ends,
    )
    # A run to two parents by text and email is one thing said; a message without a run is by itself.
    said = sa.func.coalesce(sa.cast(message.run_id, sa.Text), message.id)
    query = (
        sa.select(pupil.form, sa.func.count(sa.distinct(said)))
        .select_from(core(Pupil).outerjoin(core(About).join(core(Message), within), about.pupil_id == pupil.id))
        .where(people.on_roll(period.last))
        .group_by(pupil.id, pupil.form)
        .order_by(pupil.form, pupil.id)
    )
    return [(form, count) for form, count in await session.execute(query)]


def _spread(counts: Sequence[tuple[str, int]]) -> figures.Table:
    bands = Counter(_band(count) for _, count in counts)
    rows = [[name, bands[name], figures.share(bands[name], len(counts))] for _, name in _BANDS]
    note = "Something said about the child that reached somebody. Alarms, absences and things for sale are not counted."
    return figures.Table("Children by number of updates", ("updates", "children", "of all"), rows, note, drawn="of all")


def _band(count: int) -> str:
    return next(name for least, name in reversed(_BANDS) if count >= least)


def _forms(counts: Sequence[tuple[str, int]]) -> figures.Table:
    found: dict[str, list[int]] = {}
    for form, count in counts:
        found.setdefault(form or "no form", []).append(count)
    rows: list[list[int | str]] = [
        [form, len(each), each.count(0), sum(n <= FOUR for n in each), sum(each)] for form, each in found.items()
    ]
    shown = [[*row[:-1], f"{int(row[-1]) / int(row[1]):.1f}"] for row in figures.gathered(rows)]
    columns = ("form", "children", "with none", "with four or less", "updates a child")
    return figures.Table("Updates by form", columns, shown)


async def _terms(session: Session, period: figures.Period, year: terms.Terms) -> figures.Table:
    rows: list[list[figures.Cell | None]] = []
    for first, last in year.terms or [(period.first, period.last)]:
        if last < period.first or first > period.last:
            continue
        part = figures.Period(max(first, period.first), min(last, period.last), period.timezone)
        counts = await per_child(session, part)
        none = sum(count == 0 for _, count in counts)
        rows.append([_days(part.first, part.last), len(counts), none, _average(counts)])
    note = "A half-term parts a term into two, where the calendar says so. Children are those on roll on the last day."
    return figures.Table("Updates by term", ("from and to", "children", "with none", "updates a child"), rows, note)


def _average(counts: Sequence[tuple[str, int]]) -> str:
    return f"{sum(count for _, count in counts) / len(counts):.1f}" if counts else ""


def _days(first: date, last: date) -> str:
    return f"{first:%d/%m/%Y} to {last:%d/%m/%Y}"

"""What messages cost, month by month, against what the school means to spend.

The prices are the school's own settings at the time of each message; a provider's bill is the truth.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import sqlalchemy as sa

from channels.base import Medium
from gateway.database import Session
from gateway.models import Message, MessageState
from gateway.models.types import core
from gateway.reports import figures, rows

_PAID = (MessageState.ACCEPTED, MessageState.DELIVERED, MessageState.UNKNOWN)


async def read(session: Session, period: figures.Period, *, budget_pence: float) -> figures.Report:
    """Add up these days; ``budget_pence`` a month, 0 for none."""
    shown, total = list[list[figures.Cell | None]](), 0.0
    for month in _months(period):
        counts = await _month(session, month)
        pence = sum(sum_ for _, _, sum_ in counts.values())
        total += pence
        of_budget = _of(pence, budget_pence, month) if budget_pence else None
        shown.append([f"{month.first:%B %Y}", *_cells(counts), _pounds(pence), of_budget])
    columns = ("month", "texts", "parts", "calls", "emails", "pounds", "of the budget")
    says = [f"Messages of these days cost about {_pounds(total)} pounds."]
    if budget_pence:
        says.append(f"The budget is {_pounds(budget_pence)} pounds a month.")
    elif not total:
        says = ["No prices are set (costs.pence_per_…), so nothing can be said about cost."]
    note = (
        "What was taken by a provider, by the prices in the settings when it was written; retries that failed are not "
        "in it, and a digest is one message. A month that is not whole is set against its share of the budget."
    )
    return figures.Report("cost", "Cost", says, [figures.Table("Cost by month", columns, shown, note, "of the budget")])


def _cells(counts: dict[Medium, tuple[int, int, float]]) -> list[figures.Cell | None]:
    texts, calls, emails = (counts.get(one, (0, 0, 0.0)) for one in (Medium.SMS, Medium.VOICE, Medium.EMAIL))
    return [texts[0], texts[1], calls[0], emails[0]]


async def _month(session: Session, month: figures.Period) -> dict[Medium, tuple[int, int, float]]:
    message = core(Message).c
    query = (
        sa.select(message.medium, sa.func.count(), sa.func.sum(message.parts), sa.func.sum(message.pence))
        .where(message.state.in_(_PAID), rows.within(month), rows.by_itself())
        .group_by(message.medium)
    )
    return {Medium(medium): (count, parts, pence) for medium, count, parts, pence in await session.execute(query)}


def _months(period: figures.Period) -> Iterator[figures.Period]:
    first = period.first
    while first <= period.last:
        after = _next_month(first)
        yield figures.Period(first, min(after - timedelta(days=1), period.last), period.timezone)
        first = after


def _next_month(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


def _of(pence: float, budget_pence: float, month: figures.Period) -> float | None:
    whole = (_next_month(month.first) - month.first.replace(day=1)).days
    days = (month.last - month.first).days + 1
    return pence / (budget_pence * days / whole)


def _pounds(pence: float) -> str:
    return f"{pence / 100:,.2f}"

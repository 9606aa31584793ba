"""What a provider takes for nothing in a year from 1 April, counted in the senders' rows as messages are handed over.

The count goes up in the statement that a claim makes anyway, and outlives the messages, which are deleted in time.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import sqlalchemy as sa

from gateway.database import Session
from gateway.models import Sender
from gateway.models.types import core


def year(day: date) -> int:
    """The financial year of a day, by the calendar year in which it began."""
    return day.year if (day.month, day.day) >= (4, 1) else day.year - 1


def used(sender: Sender, *, today: date) -> int:
    """The parts that were handed over as a sender in the year of a day."""
    return sender.year_parts if sender.year == year(today) else 0


async def give_back(session: Session, parts: Mapping[int, int]) -> None:
    """Count off what was not taken after all, by sender."""
    t = core(Sender).c
    for sender_id, count in sorted(parts.items()):
        less = sa.case((t.year_parts > count, t.year_parts - count), else_=0)
        await session.execute(sa.update(core(Sender)).where(t.id == sender_id).values(year_parts=less))

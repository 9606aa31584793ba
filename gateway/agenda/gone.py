"""What has gone out: each run of a notice on its day; what Handbell sends by itself is one line a day."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import sqlalchemy as sa

from gateway.absence import sending
from gateway.agenda.coming import Item, Kind
from gateway.database import Session
from gateway.models import Notice, Purpose, Run
from gateway.models.types import core

_URGENT: Final = [purpose for purpose in Purpose if purpose.urgent]  #: absences and alarms have pages of their own
_MOST: Final = 1_000


async def read(session: Session, begins: datetime, ends: datetime) -> list[Item]:
    """The runs that fired from a moment on and before another one, in the order of time."""
    run, notice = core(Run).c, core(Notice).c
    query = (
        sa.select(run.fire_at, notice.title, run.messages, notice.key, notice.author)
        .join(core(Notice), notice.id == run.notice_id)
        .where(run.fire_at >= begins, run.fire_at < ends, notice.purpose.not_in(_URGENT))
        .order_by(run.fire_at, run.id)
        .limit(_MOST)
    )
    found = dict[tuple[object, ...], list[tuple[datetime, int, str]]]()
    for at, title, messages, key, author in await session.execute(query):
        by_itself = author == sending.AUTHOR
        found.setdefault((title, at.date(), "" if by_itself else key), []).append((at, messages, key))
    return [
        Item(several[0][0], Kind.SENT, str(title), _messages(sum(count for _, count, _ in several)), several[0][2])
        for (title, _, _), several in found.items()
    ]


def _messages(count: int) -> str:
    return f"{count:,} {'message' if count == 1 else 'messages'}"

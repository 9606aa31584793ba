"""What has begun to go out today and has not come to its end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

import sqlalchemy as sa

from gateway import context
from gateway.absence import sending
from gateway.announcements import progress
from gateway.database import Session
from gateway.models import Message, MessageState, Notice, Run
from gateway.models.types import core
from scheduler import calendar

_FRESH: Final = timedelta(minutes=1)  #: an import may make other families
_UNDER_WAY: Final = (MessageState.QUEUED, MessageState.SENDING)


@dataclass(frozen=True, slots=True)
class Going:
    """An announcement of today: due ``at``, or under way, with the families that it has reached so far."""

    key: str
    title: str
    at: datetime
    held: bool = False
    reached: int = 0
    families: int = 0


class Kept:
    """The families of the runs that were looked at last. A page asks each time that anything happens anywhere, and
    what has not moved in between need not be counted again: the states of its messages are asked for, by an index.
    """

    def __init__(self) -> None:
        self._marks: object = None
        self._at: datetime | None = None
        self._shares: Mapping[int, progress.Share] = {}

    async def shares(
        self, session: Session, run_ids: Sequence[int], *, today: date, now: datetime
    ) -> Mapping[int, progress.Share]:
        """The families of each of these runs."""
        m = core(Message).c
        states = sa.select(m.run_id, m.state, sa.func.count()).where(m.run_id.in_(run_ids)).group_by(m.run_id, m.state)
        marks = today, sorted(tuple(row) for row in await session.execute(states)) if run_ids else []
        if marks != self._marks or self._at is None or now - self._at > _FRESH:
            self._shares = await progress.shares(session, run_ids, today=today)
            self._marks, self._at = marks, now
        return self._shares


async def read(
    session: Session, gateway: context.Gateway, today: date, *, limit: int, kept: Kept | None = None
) -> Sequence[Going]:
    """The announcements that are under way, the first to begin first; their numbers are those of their own pages."""
    begins = calendar.to_utc(datetime.combine(today, datetime.min.time()), gateway.timezone)
    m, run, notice = core(Message).c, core(Run).c, core(Notice).c
    open_ = sa.select(m.id).where(m.run_id == run.id, m.state.in_(_UNDER_WAY)).exists()
    query = (
        sa.select(run.id, notice.key, notice.title, run.fire_at)
        .join(core(Notice), run.notice_id == notice.id)
        .where(run.fire_at >= begins, run.fire_at < begins + timedelta(days=2), notice.author != sending.AUTHOR, open_)
        .order_by(run.fire_at)
        .limit(limit)
    )
    rows = (await session.execute(query)).all()
    ids = [row.id for row in rows]
    shares = await (kept or Kept()).shares(session, ids, today=today, now=gateway.now())
    return [
        Going(row.key, row.title, row.fire_at, reached=shares[row.id].reached, families=shares[row.id].all)
        for row in rows
        if row.id in shares
    ]

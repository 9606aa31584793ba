"""What waits: for its time, or for a second person, however long its time has passed by then."""

from __future__ import annotations

import sqlalchemy as sa
from sqlmodel import col

from gateway.database import Session
from gateway.models import Notice, NoticeState


def waits() -> sa.ColumnElement[bool]:
    """Whether a notice waits for anything."""
    due = sa.and_(col(Notice.state) == NoticeState.SCHEDULED, col(Notice.next_fire_at).is_not(None))
    return sa.or_(due, is_held())


def is_held() -> sa.ColumnElement[bool]:
    """Whether a notice waits for a second person."""
    return col(Notice.state) == NoticeState.HELD


async def held(session: Session) -> int:
    """How many wait for a second person: beside the menu of whoever may be one."""
    return await session.scalar(sa.select(sa.func.count()).select_from(Notice).where(is_held())) or 0

"""When something happens next by itself: how far practice mode may put its clock on without missing anything."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from gateway.database import Session
from gateway.models import AbsenceCase, Message, MessageState, Notice, NoticeState, Promise
from gateway.models.types import core


async def following(session: Session, *, now: datetime) -> datetime | None:
    """The first moment after now at which a child's case, an announcement, a message or a promise is due."""
    case, message, notice, promise = core(AbsenceCase).c, core(Message).c, core(Notice).c, core(Promise).c
    sending = (NoticeState.SCHEDULED, NoticeState.HELD)
    moments = (
        sa.select(sa.func.min(case.next_at)).where(case.next_at > now),
        sa.select(sa.func.min(message.due_at)).where(message.state == MessageState.QUEUED, message.due_at > now),
        sa.select(sa.func.min(notice.next_fire_at)).where(notice.state.in_(sending), notice.next_fire_at > now),
        sa.select(sa.func.min(promise.due_at)).where(promise.kept_at.is_(None), promise.due_at > now),
    )
    found = [await session.scalar(one) for one in moments]
    return min((one for one in found if one is not None), default=None)

"""What nobody has answered in time: listed, counted, and told to staff once."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import col, select

from gateway import audit, conversations, tasks
from gateway.database import Session
from gateway.models import Conversation, Promise
from gateway.models.types import core


def is_overdue(now: datetime) -> sa.ColumnElement[bool]:
    """Whether a conversation should have been answered by now."""
    return sa.and_(col(Conversation.due_at).is_not(None), col(Conversation.due_at) <= now)


async def count(session: Session, *, now: datetime) -> int:
    """How many conversations are overdue."""
    query = sa.select(sa.func.count()).select_from(core(Conversation)).where(is_overdue(now))
    return await session.scalar(query) or 0


async def any_untold(session: Session, *, now: datetime) -> bool:
    """Whether staff are still to be told of one."""
    return (await session.scalars(_untold(now).limit(1))).first() is not None


async def tell(session: Session, *, log: audit.Log, now: datetime) -> int:
    """Give staff a task for each promise that was not kept, once. Gives how many.

    What is urgent has a task of its own from its first minute.
    """
    found = (await session.scalars(_untold(now).with_for_update(skip_locked=True))).all()
    for promise in found:
        promise.overdue_at = now
        session.add(promise)
        root = await session.get_one(Conversation, promise.conversation_id)
        if root.urgent:
            continue
        what = "A family was promised an answer by now, and nobody has answered."
        cure = f"handbell conversation show {root.id}, then conversation answer or close."
        ask = tasks.Ask("desk.overdue", conversations.waiting_subject(root), what, cure)
        await tasks.ask(session, ask, log=log, now=now)
        line = audit.Line("conversation.overdue", f"conversation:{root.id}", {"due": promise.due_at})
        await log.record(session, line, now=now)
    return len(found)


def _untold(now: datetime) -> sa.Select[Promise]:
    query = select(Promise).where(
        col(Promise.kept_at).is_(None), col(Promise.overdue_at).is_(None), col(Promise.due_at) <= now
    )
    return query.order_by(col(Promise.id)).limit(50)

"""What anybody may do with a message in the outbox: follow one arrow, cancel, release, look."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from gateway import states
from gateway.database import Session
from gateway.models import Message, MessageState
from gateway.models.types import core

message_table = core(Message)

_UNAPPROVED = "Nobody approved it before the next one was due."


async def change(session: Session, message_id: str, after: MessageState, *, now: datetime, **values: Any) -> bool:
    """Follow one arrow. False when the message was in a state that does not allow it: somebody was first."""
    t = message_table.c
    statement = (
        sa.update(message_table)
        .where(t.id == message_id, t.state.in_(states.sources(after)))
        .values(state=after, changed_at=now, **values)
        .returning(t.id)
    )
    return (await session.execute(statement)).first() is not None


async def waiting(session: Session) -> dict[tuple[str, int], tuple[int, datetime | None]]:
    """How many messages are queued by medium and priority, and since when the oldest of them has been due."""
    t = message_table.c
    query = (
        sa.select(t.medium, t.priority, sa.func.count(), sa.func.min(t.due_at))
        .where(t.state == MessageState.QUEUED)
        .group_by(t.medium, t.priority)
    )
    return {
        (medium.value, priority): (count, oldest) for medium, priority, count, oldest in await session.execute(query)
    }


async def cancel(session: Session, run_ids: Sequence[int], *, now: datetime) -> int:
    """Take back whatever of these runs has not left. Gives how many messages that was."""
    t = message_table.c
    statement = (
        sa.update(message_table)
        .where(t.run_id.in_(run_ids), t.state.in_(states.sources(MessageState.CANCELLED)))
        .values(state=MessageState.CANCELLED, reason="cancelled", changed_at=now)
        .returning(t.id)
    )
    return len((await session.execute(statement)).all())


async def release(session: Session, run_id: int, *, now: datetime) -> int:
    """Let the held messages of a run go; the steps of its ladder keep their distance. Gives how many."""
    t = message_table.c
    held = sa.and_(t.run_id == run_id, t.state == MessageState.HELD)
    dues = list(await session.scalars(sa.select(t.due_at).where(held).distinct()))
    late = max(now - min(dues), timedelta(0)) if dues else timedelta(0)
    released = 0
    for due_at in dues:
        statement = (
            sa.update(message_table)
            .where(held, t.due_at == due_at)
            .values(state=MessageState.QUEUED, due_at=due_at + late, changed_at=now)
            .returning(t.id)
        )
        released += len((await session.execute(statement)).all())
    return released


async def expire_held(session: Session, run_ids: Sequence[int], *, now: datetime) -> int:
    """Give up what nobody approved in time: another run has taken its place. Gives how many."""
    t = message_table.c
    statement = (
        sa.update(message_table)
        .where(t.run_id.in_(run_ids), t.state == MessageState.HELD)
        .values(state=MessageState.EXPIRED, reason="unapproved", reason_text=_UNAPPROVED, changed_at=now)
        .returning(t.id)
    )
    return len((await session.execute(statement)).all())

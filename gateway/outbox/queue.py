"""What anybody may do with a message in the outbox: follow one arrow, cancel, release, look."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from gateway import guard, states, upsert
from gateway.database import Session
from gateway.models import About, EventTold, Message, MessageState, Sender
from gateway.models.types import core, fixed

message_table, about_table = core(Message), core(About)

_UNAPPROVED = "Nobody approved it before the next one was due."


async def change(session: Session, message_id: str, after: MessageState, *, now: datetime, **values: Any) -> bool:
    """Follow one arrow. False when the message was in a state that does not allow it: somebody was first."""
    t = message_table.c
    allowed: sa.ColumnElement[bool] = t.state.in_(states.sources(after))
    if after is MessageState.ACCEPTED:
        allowed = sa.or_(allowed, sa.and_(t.state == MessageState.FAILED, t.reason == states.IN_DOUBT))
    statement = (
        sa.update(message_table)
        .where(t.id == message_id, allowed)
        .values(state=after, changed_at=now, **values)
        .returning(t.id)
    )
    return (await session.execute(statement)).first() is not None


async def remark(session: Session, message_id: str, sentence: str) -> None:
    """Let a message's row say more of what became of it."""
    await session.execute(sa.update(message_table).where(message_table.c.id == message_id).values(reason_text=sentence))


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


async def overdue(session: Session, *, now: datetime) -> dict[tuple[str, int], datetime]:
    """Since when the oldest message of each medium and priority has been due, of senders that nothing holds back."""
    t, sender = message_table.c, core(Sender).c
    goes = (sender.active, sa.or_(sender.held_until.is_(None), sender.held_until <= now))
    query = (
        sa.select(t.medium, t.priority, sa.func.min(t.due_at))
        .join(core(Sender), sender.id == t.sender_id)
        .where(t.state == MessageState.QUEUED, t.due_at <= now, *goes)
        .group_by(t.medium, t.priority)
    )
    return {(medium.value, priority): oldest for medium, priority, oldest in await session.execute(query)}


async def by_sender(session: Session) -> dict[int, tuple[int, datetime | None]]:
    """The same by sender, as each has a lane of its own."""
    t = message_table.c
    query = (
        sa.select(t.sender_id, sa.func.count(), sa.func.min(t.due_at))
        .where(t.state == MessageState.QUEUED, t.sender_id.is_not(None))
        .group_by(t.sender_id)
    )
    return {sender: (count, oldest) for sender, count, oldest in await session.execute(query)}


async def cancel(
    session: Session, run_ids: Sequence[int], *, now: datetime, reason: str = "cancelled", from_step: int = 0
) -> int:
    """Take back whatever of these runs has not left, from a step of the ladder on. Gives how many messages that was."""
    t = message_table.c
    statement = (
        sa.update(message_table)
        .where(t.run_id.in_(run_ids), t.state.in_(states.sources(MessageState.CANCELLED)), t.step >= from_step)
        .values(state=MessageState.CANCELLED, reason=reason, changed_at=now)
        .returning(t.id)
    )
    return len((await session.execute(statement)).all())


async def hold(session: Session, run_ids: Sequence[int], *, now: datetime) -> int:
    """Hold back whatever of these runs waits to leave; :func:`release` lets it go. Gives how many messages that was."""
    t = message_table.c
    statement = (
        sa.update(message_table)
        .where(t.run_id.in_(run_ids), t.state == MessageState.QUEUED)
        .values(state=MessageState.HELD, changed_at=now)
        .returning(t.id)
    )
    return len((await session.execute(statement)).all())


async def release(
    session: Session, run_id: int | None, *, now: datetime, only: sa.ColumnElement[bool] | None = None
) -> int:
    """Let the held messages of a run go; the steps of its ladder keep their distance. Gives how many.

    What waits for a digest goes with the next one, whenever that is. What is held since the database was restored waits
    for a decision of its own: ``only`` is which of it goes.
    """
    t = message_table.c
    which = t.reason.not_in(states.OF_RESTORED) if only is None else only
    held = sa.and_(t.run_id == run_id, t.state == MessageState.HELD, which)
    together = sa.update(message_table).where(held, t.sender_id.is_(None))
    goes_on = {"state": MessageState.QUEUED, "reason": "", "reason_text": "", "changed_at": now}
    waits = await session.execute(together.values(**goes_on).returning(t.id))
    dues = list(await session.scalars(sa.select(t.due_at).where(held).distinct()))
    late = max(now - min(dues), timedelta(0)) if dues else timedelta(0)
    released = len(waits.all())
    for due_at in dues:
        statement = (
            sa.update(message_table)
            .where(held, t.due_at == due_at)
            .values(**goes_on, due_at=due_at + late)
            .returning(t.id)
        )
        released += len((await session.execute(statement)).all())
    return released


async def held_too_long(session: Session, run_ids: Sequence[int], *, now: datetime) -> bool:
    """Whether something of these runs is held, and all of that would expire as soon as it was let go."""
    t = message_table.c
    held = sa.select(t.id).where(t.run_id.in_(run_ids), t.state == MessageState.HELD).limit(1)
    in_time = held.where(sa.or_(t.not_after.is_(None), t.not_after > now))
    return await session.scalar(held) is not None and await session.scalar(in_time) is None


async def due_again(session: Session, *, now: datetime) -> int:
    """Let go what was due by a clock that has been set back since, or it would wait until the clock comes there again.

    Only what was due when it was written down, in our future, and what was to be tried again: a later step of a ladder
    waits on. Gives how many.
    """
    t = message_table.c
    queued = sa.and_(
        t.sender_id.in_(sa.select(core(Sender).c.id)), t.state == fixed(MessageState.QUEUED), t.due_at > now
    )
    was_due = sa.and_(t.changed_at > now, sa.or_(t.due_at <= t.changed_at, t.attempt > 0))
    statement = sa.update(message_table).where(queued, was_due).values(due_at=now).returning(t.id)
    return len((await session.execute(statement)).all())


async def copy(
    session: Session, first: Message, *, new_id: str, sender_id: int, due_at: datetime, only_if: str, now: datetime
) -> bool:
    """Put a failed message into the queue once more, as a new row. False when that was done already.

    The copy has one place in the run: two receipts, or a receipt and a person, send it once. The guard asks everything
    again when it is claimed, and drops it when a late receipt says that the first one arrived.
    """
    values = first.model_dump() | {"id": new_id, "slot": f"{first.slot}{guard.AGAIN}", "sender_id": sender_id}
    values |= {"state": MessageState.QUEUED, "due_at": due_at, "only_if": only_if, "created_at": now, "changed_at": now}
    values |= {"ref": "", "reason": "", "reason_text": "", "lease_until": None, "patience_from": None}
    values |= {"attempt": 0, "retries": 0}
    await upsert.insert(session, message_table, [values], key=("run_id", "slot"))
    if await session.scalar(sa.select(message_table.c.id).where(message_table.c.id == new_id)) is None:
        return False
    about = await session.scalars(sa.select(about_table.c.pupil_id).where(about_table.c.message_id == first.id))
    rows = [{"message_id": new_id, "pupil_id": pupil_id} for pupil_id in about]
    await upsert.insert(session, about_table, rows, key=("message_id", "pupil_id"))
    told = await session.get(EventTold, first.id)  # or nobody would know what an answer to the copy means
    if told is not None:
        await upsert.insert(session, core(EventTold), [told.model_dump() | {"message_id": new_id}], key=("message_id",))
    return True


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

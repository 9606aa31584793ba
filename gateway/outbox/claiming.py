"""Claiming: who holds a sender's row holds its lane, so lane, lock and rate limit are one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlmodel import select

from gateway import audit, guard, rate
from gateway.database import Session
from gateway.models import Attempt, Message, MessageState, Sender
from gateway.models.types import core
from gateway.outbox import desk

message_table, attempt_table, sender_table = core(Message), core(Attempt), core(Sender)

PUT_OFF = timedelta(seconds=30)  #: how long a step waits that comes before the one below it is through
URGENT = 1  #: priorities up to this one may use the slots that are kept free


@dataclass(frozen=True, slots=True)
class Claim:
    """What one claim gave: messages to send at once, and in how many seconds it pays to ask again (None: unknown)."""

    messages: Sequence[Mapping[str, Any]]
    again_in: float | None = None


@dataclass(frozen=True, slots=True)
class Slots:
    """How many calls may start now: ``urgent`` of any kind, of which ``routine`` may be ordinary ones."""

    urgent: int
    routine: int


async def claim(
    session: Session,
    sender_id: int,
    slots: Slots,
    *,
    worker: str,
    lease: timedelta,
    log: audit.Log,
    today: date,
    now: datetime,
) -> Claim:
    """Take the due messages of one sender, by priority, as many as slots and rate allow."""
    sender = await session.scalar(select(Sender).where(Sender.id == sender_id).with_for_update(skip_locked=True))
    if sender is None or not sender.active:
        return Claim(())
    if sender.held_until and sender.held_until > now:
        return Claim((), (sender.held_until - now).total_seconds())
    due = await _due(session, sender_id, limit=slots.urgent, now=now)
    stopped = await guard.stopped(session, due, today=today, now=now)
    if stopped:
        await _stop(session, stopped, log=log, now=now)
    ready = [row for row in due if row["id"] not in stopped]
    early = await guard.too_early(session, [row for row in ready if row["only_if"]], now=now)
    if early:
        await _put_off(session, early, until=now + PUT_OFF)
    taken, tat, again_in = _afford(sender, [row for row in ready if row["id"] not in early], slots, now=now)
    if taken:
        await _mark_sending(session, taken, worker=worker, lease_until=now + lease, now=now)
        await session.execute(sa.update(sender_table).where(sender_table.c.id == sender_id).values(tat=tat))
        facts = {"sender": sender_id, "messages": [row["id"] for row in taken]}
        await log.record(session, audit.Line("outbox.claimed", f"sender:{sender_id}", facts, worker), now=now)
    if (stopped or early) and again_in is None:
        again_in = 0.0  # others may wait behind those
    return Claim([{**row, "attempt": row["attempt"] + 1, "sender": sender.address} for row in taken], again_in)


async def _due(session: Session, sender_id: int, *, limit: int, now: datetime) -> list[dict[str, Any]]:
    t = message_table.c
    query = (
        sa.select(message_table)
        .where(t.sender_id == sender_id, t.state == MessageState.QUEUED, t.due_at <= now)
        .order_by(t.priority, t.due_at, t.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return [dict(row) for row in (await session.execute(query)).mappings()]


def _afford(
    sender: Sender, due: Sequence[dict[str, Any]], slots: Slots, *, now: datetime
) -> tuple[list[dict[str, Any]], datetime | None, float | None]:
    """Which of the due messages the slots and the rate allow; the lane's new clock; when to ask again."""
    bucket = rate.Bucket(rate=sender.rate, burst=sender.burst, tat=sender.tat)
    taken: list[dict[str, Any]] = []
    routine = slots.routine
    for row in due:
        if row["priority"] > URGENT and routine <= 0:
            continue
        wait = bucket.wait(row["parts"], now=now)
        if wait > 0:
            return taken, bucket.tat, wait
        bucket = bucket.paid(row["parts"], now=now)
        routine -= row["priority"] > URGENT
        taken.append(row)
    return taken, bucket.tat, None


async def _mark_sending(
    session: Session, rows: Sequence[dict[str, Any]], *, worker: str, lease_until: datetime, now: datetime
) -> None:
    t = message_table.c
    values = {"state": MessageState.SENDING, "attempt": t.attempt + 1, "lease_until": lease_until, "changed_at": now}
    await session.execute(sa.update(message_table).where(t.id.in_([row["id"] for row in rows])).values(values))
    attempts = [
        {
            "message_id": row["id"],
            "number": row["attempt"] + 1,
            "worker": worker,
            "begun_at": now,
            "code": "",
            "reason": "",
            "text": "",
            "ref": "",
        }
        for row in rows
    ]
    await session.execute(sa.insert(attempt_table), attempts)


async def _put_off(session: Session, ids: Sequence[str], *, until: datetime) -> None:
    await session.execute(sa.update(message_table).where(message_table.c.id.in_(ids)).values(due_at=until))


async def _stop(session: Session, stopped: Mapping[str, guard.Stop], *, log: audit.Log, now: datetime) -> None:
    """Write down what the guard forbade."""
    for message_id, stop in stopped.items():
        await desk.change(session, message_id, stop.state, now=now, reason=stop.reason, reason_text=stop.text)
    lines = [
        audit.Line(f"message.{stop.state.value}", f"message:{message_id}", {"reason": stop.reason})
        for message_id, stop in stopped.items()
    ]
    await log.record(session, lines, now=now)

"""Tasks for staff: what no machine may decide, told once and kept until a person has done it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import col, select

from gateway import audit, errors, upsert
from gateway.database import Session
from gateway.models import Task
from gateway.models.types import core

task_table = core(Task)


@dataclass(frozen=True, slots=True)
class Ask:
    """What staff are asked to see to; see :class:`~gateway.models.Task` for the fields.

    ``loud``  a child may be missing or unsafe: it is urgent, and staff are texted about it, too (``alerting``)
    """

    kind: str
    subject: str
    what: str
    cure: str = ""
    urgent: bool = False
    loud: bool = False


async def ask(session: Session, ask: Ask, *, log: audit.Log, now: datetime) -> None:
    """Open a task, or count another cause of one that is open."""
    key = f"{ask.kind} {ask.subject}"
    again = (
        sa.update(task_table)
        .where(task_table.c.open_key == key)
        .values(times=task_table.c.times + 1, again_at=now, what=ask.what, cure=ask.cure)
        .returning(task_table.c.id)
    )
    if ask.urgent or ask.loud:
        again = again.values(urgent=True)
    if ask.loud:
        again = again.values(loud_at=now)
    if (await session.execute(again)).first():
        return
    row = {
        "kind": ask.kind,
        "subject": ask.subject,
        "what": ask.what,
        "cure": ask.cure,
        "urgent": ask.urgent or ask.loud,
        "loud_at": now if ask.loud else None,
        "open_key": key,
        "opened_at": now,
        "again_at": now,
        "times": 1,
        "done_by": "",
    }
    await upsert.insert(session, task_table, [row], key=["open_key"])
    await log.record(session, audit.Line("task.opened", ask.subject, {"kind": ask.kind}), now=now)


async def is_open(session: Session, ask: Ask) -> bool:
    """Whether such a task waits for somebody."""
    key = f"{ask.kind} {ask.subject}"
    return await session.scalar(sa.select(task_table.c.id).where(task_table.c.open_key == key)) is not None


async def reword(session: Session, ask: Ask) -> None:
    """Let an open task say more, as more is known of its cause now; nothing where there is none."""
    key = f"{ask.kind} {ask.subject}"
    await session.execute(
        sa.update(task_table).where(task_table.c.open_key == key).values(what=ask.what, cure=ask.cure)
    )


async def listed(session: Session, *, everything: bool = False, limit: int = 200) -> Sequence[Task]:
    """The open tasks, urgent ones first, then the oldest; with ``everything`` those that are done too, newest first."""
    query = select(Task).limit(limit)
    if everything:
        return (await session.scalars(query.order_by(col(Task.id).desc()))).all()
    query = query.where(col(Task.open_key).is_not(None))
    return (await session.scalars(query.order_by(col(Task.urgent).desc(), col(Task.opened_at), col(Task.id)))).all()


async def count(session: Session) -> dict[bool, int]:
    """How many tasks are open: urgent ones and others."""
    t = task_table.c
    query = sa.select(t.urgent, sa.func.count()).where(t.open_key.is_not(None)).group_by(t.urgent)
    return {False: 0, True: 0} | {bool(urgent): number for urgent, number in await session.execute(query)}


async def done(session: Session, task_id: int, *, by: str, log: audit.Log, now: datetime) -> None:
    """Note that a person has seen to it. Raises :class:`errors.NotFound`, or :class:`errors.Conflict` if it is done."""
    task = await session.get(Task, task_id, with_for_update=True)
    if task is None:
        raise errors.NotFound(f"There is no task {task_id}.")
    if task.open_key is None:
        raise errors.Conflict(f"Task {task_id} was done already, by {task.done_by or 'somebody'}.")
    task.open_key, task.done_at, task.done_by = None, now, by
    session.add(task)
    await log.record(session, audit.Line("task.done", f"task:{task_id}", {"kind": task.kind}, by), now=now)


async def over(session: Session, subject: str, *, by: str, log: audit.Log, now: datetime, kind: str = "") -> int:
    """Close every open task about a subject that has come to its end, so that nobody acts on it. Gives how many.

    ``kind``  only those of this kind
    """
    closed = (
        sa.update(task_table)
        .where(task_table.c.subject == subject, task_table.c.open_key.is_not(None))
        .where(sa.true() if not kind else task_table.c.kind == kind)
        .values(open_key=None, done_at=now, done_by=by)
        .returning(task_table.c.id, task_table.c.kind)
    )
    found = sorted((await session.execute(closed)).all())
    lines = [audit.Line("task.over", f"task:{task_id}", {"kind": of, "subject": subject}) for task_id, of in found]
    await log.record(session, lines, now=now)
    return len(found)

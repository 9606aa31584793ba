"""The gap: what happened between the copy and its restoring, of which the restored database knows nothing.

What is queued in it may have left since; what is due may have been sent. So a restored database is closed. Its daemon
takes everything in, plans what is due and asks the providers, and nothing leaves (:data:`senders.CLOSED`). Whatever is
or comes into the queue meanwhile is set aside, ``held``. A person opens the school; from then on what is new leaves,
and what is set aside still waits to be released or cancelled, by notice or one by one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlmodel import col, select

from channels.base import Medium
from gateway import audit, bell, chain, context, errors, outbox, senders, states, tasks
from gateway.campaigns import deciding
from gateway.database import Session
from gateway.definitions import reading
from gateway.guard import reasons
from gateway.models import Campaign, Message, MessageState, Notice, NoticeState, Run, Sender
from gateway.models.types import core

RESTORED, OPENED = chain.PUT_BACK, "backup.opened"  #: deeds
ANSWERS: Final = "answers to families"  #: how what belongs to no notice is called
#: What is known of a message, by its reason.
KNOWN: Final[Mapping[str, str]] = {
    states.RESTORED: "not asked yet",
    states.RESTORED_ABSENT: "has not left",
    states.RESTORED_UNCLEAR: "nobody can tell",
}
_FOR_GOOD: Final = timedelta(days=3650)
_WHY: Final = "it was due after the copy was made that the database was restored from"
_TASK: Final = tasks.Ask(
    "restored", "",
    "The database was restored from a copy. Nothing leaves: some of what is in it has left already.",
    "Put in again what is missing since. handbell backup held shows what is set aside, handbell backup open lets new "
    "messages leave, handbell backup release and handbell backup cancel decide of the others.",
    urgent=True,
)  # fmt: skip

message_table, sender_table = core(Message), core(Sender)
_ASIDE = sa.and_(
    message_table.c.state == MessageState.HELD, message_table.c.reason.in_(states.OF_RESTORED)
)  #: everything that waits for a decision


def close(connection: Connection, *, now: datetime) -> None:
    """Set aside all that has not surely left, and close every lane.

    It asks for nothing but columns of the first tables, as a copy may be of an older Handbell.
    """
    t = message_table.c
    open_states = (MessageState.QUEUED, MessageState.HELD, MessageState.SENDING, MessageState.UNKNOWN)
    connection.execute(sa.update(message_table).where(t.state.in_(open_states)).values(**_aside(now)))
    connection.execute(sa.update(sender_table).values(**_closed(now)))


def _closed(now: datetime) -> dict[str, Any]:
    because = f"{senders.CLOSED}: nothing leaves until somebody says handbell backup open."
    return {"held_until": now + _FOR_GOOD, "held_because": because}


def _aside(now: datetime) -> dict[str, Any]:
    return {
        "state": MessageState.HELD, "reason": states.RESTORED, "reason_text": reasons.REASONS[states.RESTORED],
        "lease_until": None, "changed_at": now,
    }  # fmt: skip


async def settle(session: Session, gateway: context.Gateway, *, copied_at: datetime, by: str) -> None:
    """Write down what else a restored database may not do by itself: make up what campaigns would have sent since.

    The settings' senders are in it by now, and those that the copy did not have are closed as well.
    """
    now = gateway.now()
    # Held by a person: what waits is not to go by another provider instead.
    closed = {"open_since": None, "open_reason": "", "held_by": by, **_closed(now)}
    await session.execute(sa.update(sender_table).values(**closed))
    alive = col(Notice.state).in_([NoticeState.SCHEDULED, NoticeState.HELD])
    for notice in await session.scalars(select(Notice).join(Campaign).where(alive).order_by(col(Notice.id))):
        definition = reading.stored(notice.definition)
        await deciding.leave_out(
            session, gateway, notice, definition, until=now, outcome=deciding.MISSED, why=_WHY, by=by
        )
        await deciding.lay_out(session, gateway, notice, definition)
    aside = await _count(session)
    facts = {"copied_at": copied_at.isoformat(), "messages": aside}
    await gateway.log.record(session, audit.Line(RESTORED, "", facts, by), now=now)
    await tasks.ask(session, _TASK, log=gateway.log, now=now)


async def is_closed(session: Session) -> bool:
    """Whether nothing leaves, as nobody has opened the school since it was restored."""
    query = sa.select(sender_table.c.id).where(sender_table.c.held_because.startswith(senders.CLOSED)).limit(1)
    return await session.scalar(query) is not None


async def set_aside(session: Session, *, now: datetime, due_only: bool) -> int:
    """While it is closed: set aside what has come into the queue since. Gives how many."""
    t = message_table.c
    queued = t.state == MessageState.QUEUED
    if due_only:  # without a sender it waits for a digest, which is a message of its own
        queued = sa.and_(queued, t.sender_id.is_not(None), t.due_at <= now)
    statement = sa.update(message_table).where(queued).values(**_aside(now)).returning(t.id)
    return len((await session.execute(statement)).all())


async def open_again(session: Session, *, by: str, log: audit.Log, now: datetime) -> int:
    """Let new messages leave; what is in the queue by now is set aside. Gives how much is, altogether.

    Raises :class:`errors.Conflict` where nothing is closed.
    """
    if not await is_closed(session):
        raise errors.Conflict("Nothing is closed: messages leave as ever.")
    await set_aside(session, now=now, due_only=False)
    s = sender_table.c
    closed = s.held_because.startswith(senders.CLOSED)
    await session.execute(sa.update(sender_table).where(closed).values(held_until=None, held_because="", held_by=""))
    aside = await _count(session)
    await log.record(session, audit.Line(OPENED, "", {"messages": aside}, by), now=now)
    await _over(session, by=by, log=log, now=now)
    await bell.ring(session)
    return aside


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether nothing leaves, and how many messages are set aside."""

    closed: bool = False
    aside: int = 0


async def standing(session: Session) -> Standing:
    """How it stands. Messages are counted, which takes a while, only until somebody has seen to the restore."""
    closed = await is_closed(session)
    return Standing(closed, await _count(session) if closed or await tasks.is_open(session, _TASK) else 0)


async def _count(session: Session) -> int:
    return await session.scalar(sa.select(sa.func.count()).where(_ASIDE)) or 0


async def _over(session: Session, *, by: str, log: audit.Log, now: datetime) -> None:
    """Once it is open and nothing is set aside any more, nobody need see to it."""
    if not await is_closed(session) and not await _count(session):
        await tasks.over(session, _TASK.subject, by=by, log=log, now=now, kind=_TASK.kind)


@dataclass(frozen=True, slots=True)
class Aside:
    """A message that is set aside. ``notice`` is the key of what it belongs to, ``""`` for an answer to somebody."""

    id: str
    notice: str
    medium: Medium
    contact_id: int | None
    due_at: datetime
    not_after: datetime | None
    reason: str


@dataclass(frozen=True, slots=True)
class Which:
    """Which of them are meant: all, or those that every given limit allows. ``answers_only``: those of no notice."""

    notice: str = ""
    absent_only: bool = False
    ids: Sequence[str] = field(default=())
    answers_only: bool = False

    def condition(self) -> sa.ColumnElement[bool]:
        """The same for the database."""
        t = message_table.c
        found = _ASIDE
        if self.notice:
            runs = (
                select(Run.id).join(Notice).where(sa.or_(col(Notice.key) == self.notice, col(Notice.id) == self.notice))
            )
            found = sa.and_(found, t.run_id.in_(runs))
        if self.answers_only:
            found = sa.and_(found, t.run_id.is_(None))
        if self.absent_only:
            found = sa.and_(found, t.reason == states.RESTORED_ABSENT)
        return sa.and_(found, t.id.in_(self.ids)) if self.ids else found


async def listed(session: Session, which: Which) -> Sequence[Aside]:
    """What is set aside, by notice and then by when it was due."""
    t = message_table.c
    query = (
        sa.select(t.id, sa.func.coalesce(col(Notice.key), ""), t.medium, t.contact_id, t.due_at, t.not_after, t.reason)
        .outerjoin(core(Run), core(Run).c.id == t.run_id)
        .outerjoin(core(Notice), core(Notice).c.id == core(Run).c.notice_id)
        .where(which.condition())
        .order_by(sa.func.coalesce(col(Notice.key), ""), t.due_at, t.id)
    )
    return [Aside(*row) for row in await session.execute(query)]


def counted(found: Sequence[Aside]) -> Counter[tuple[str, Medium, str]]:
    """How many there are by notice (or :data:`ANSWERS`), medium, and what is known of them."""
    return Counter((one.notice or ANSWERS, one.medium, one.reason) for one in found)


async def release(session: Session, which: Which, *, by: str, log: audit.Log, now: datetime) -> int:
    """Let set-aside messages go after all. The guard asks everything again before they leave. Gives how many.

    Those of a notice that nobody has approved, or that is paused, wait for that again.

    Raises :class:`errors.Conflict` while it is closed: they would only be set aside again.
    """
    if await is_closed(session):
        raise errors.Conflict("Nothing leaves yet: say handbell backup open first.")
    aside, condition = await listed(session, which), which.condition()
    t = message_table.c
    waits = sa.or_(col(Notice.state) == NoticeState.HELD, col(Notice.paused_at).is_not(None))
    held = sa.and_(condition, t.run_id.in_(select(Run.id).join(Notice).where(waits)))
    await session.execute(sa.update(message_table).where(held).values(reason="", reason_text=""))
    for run_id in list(await session.scalars(sa.select(t.run_id).where(condition).distinct())):
        await outbox.release(session, run_id, now=now, only=condition)
    lines = [audit.Line("message.released", f"message:{one.id}", {"reason": one.reason}, by) for one in aside]
    await log.record(session, lines, now=now)
    await _over(session, by=by, log=log, now=now)
    await bell.ring(session)
    return len(aside)


async def cancel(session: Session, which: Which, *, by: str, log: audit.Log, now: datetime) -> int:
    """Give set-aside messages up: they have left, or are not to. Gives how many."""
    t, aside = message_table.c, await listed(session, which)
    given_up = sa.update(message_table).where(which.condition())
    await session.execute(given_up.values(state=MessageState.CANCELLED, changed_at=now).returning(t.id))
    lines = [audit.Line("message.cancelled", f"message:{one.id}", {"reason": one.reason}, by) for one in aside]
    await log.record(session, lines, now=now)
    await _over(session, by=by, log=log, now=now)
    return len(aside)

"""The second way out: what waits for a provider in trouble goes by another one, if that is known to be safe.

Only what certainly never left, or was definitely not taken, is moved. A message of which one call has an end that
nobody knows stays with the provider that knows it: its list is our evidence, and another one would say it twice.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from channels.base import Choosy, Medium, Outcome
from gateway import audit, bell, context, routing
from gateway.database import Session
from gateway.models import Attempt, Message, MessageState, Notice, NoticeFile, Run, Sender
from gateway.models.types import core, fixed

_AT_ONCE: Final = 500  #: messages of one sender in one transaction; the others at the next look
_SETTLED: Final = timedelta(minutes=15)  #: so long after its own trouble nothing is moved to a sender
_ASKED: Final = ("id", "medium", "address", "body", "parts", "keys", "purpose")
_t = core(Message).c


async def move(session: Session, gateway: context.Gateway) -> int:
    """Give what waits for a sender in trouble, or what a sender cannot carry, to one of another provider.

    Gives how many messages.
    """
    now, moved = gateway.now(), 0
    known = await context.senders(session)
    ways_out = {medium: some for medium, some in known.items() if len({one.account for one in some}) > 1}
    suspects = [
        (sender, troubled)
        for sender in (one for some in ways_out.values() for one in some)
        if (troubled := bool(routing.trouble(sender, urgent=True, now=now)))
        or isinstance(_channel(gateway, sender), Choosy)
    ]
    if not suspects:
        return 0
    router = await gateway.router(session)
    for sender, troubled in suspects:
        moves = defaultdict[_Move, list[str]](list)
        for row in await _waiting(session, sender, troubled=troubled, now=now):
            if (found := _other(router, sender, row, now=now)) is not None:
                moves[found].append(row["id"])
        for found, ids in moves.items():
            moved += await _give(session, gateway, ids, sender, found)
    if moved:
        await bell.ring(session)
    return moved


def _channel(gateway: context.Gateway, sender: Sender) -> object:
    return gateway.channels.get(sender.channel)


async def _waiting(session: Session, sender: Sender, *, troubled: bool, now: datetime) -> Sequence[Mapping[str, Any]]:
    """What may be moved: what is due, or was tried and is to be tried again; of a sender in order, the latter alone.

    It is certainly nowhere else: no call for it has an end that nobody knows.
    """
    attempt = core(Attempt).c
    doubtful = sa.exists().where(
        attempt.message_id == _t.id, sa.or_(attempt.outcome.is_(None), attempt.outcome == fixed(Outcome.UNKNOWN))
    )
    ready = sa.or_(_t.attempt > 0, _t.due_at <= now) if troubled else _t.attempt > 0
    query = (
        sa.select(*(_t[name] for name in _ASKED), _plain().label("plain"))
        .where(_t.sender_id == sender.id, _t.state == fixed(MessageState.QUEUED), ready, ~doubtful)
        .order_by(_t.priority, _t.due_at)
        .limit(_AT_ONCE)
    )
    return [dict(row) for row in (await session.execute(query)).mappings()]


def _plain() -> sa.ColumnElement[bool]:
    """Whether nothing goes along with an email, and it answers none: then any provider can carry it."""
    run, notice, file = core(Run).c, core(Notice).c, core(NoticeFile).c
    without = sa.exists().where(run.id == _t.run_id, notice.id == run.notice_id, notice.event_id.is_(None))
    files = sa.exists().where(run.id == _t.run_id, file.notice_id == run.notice_id)
    return sa.and_(without, ~files, _t.in_reply_to == "")


@dataclass(frozen=True, slots=True)
class _Move:
    """Where messages are moved to, what each costs there, and why."""

    sender_id: int
    channel: str
    pence: float
    because: str


def _other(router: routing.Router, old: Sender, row: Mapping[str, Any], *, now: datetime) -> _Move | None:
    """The way by another provider that would take it now; None where it stays."""
    ask = routing.Ask(
        row["medium"],
        row["body"],
        row["parts"],
        answered=bool(row["keys"]),
        urgent=row["purpose"].urgent,
        files=row["medium"] is Medium.EMAIL and not row["plain"],
    )
    because = routing.trouble(old, urgent=ask.urgent, now=now)
    if not because and not router.carries(old, ask, row["address"]):
        because = routing.CANNOT
    ways = [way for way in router.ways(ask, row["address"]) if way.rule.by != old.account]
    best = min(ways, key=lambda way: way.grade, default=None)
    if not because or best is None or best.grade >= routing.Grade.TROUBLE:
        return None
    new = routing.same_for([one for one in best.senders if not _was_held(one, now=now)], row["address"])
    if new is None:
        return None
    pence = router.price(new, ask)
    router.take(new, ask.parts)
    return _Move(new.id or 0, new.channel, pence, because)


def _was_held(sender: Sender, *, now: datetime) -> bool:
    """Whether it was in trouble itself just now: with no line at all, messages would go to and fro all night."""
    return sender.held_until is not None and sender.held_until > now - _SETTLED


async def _give(session: Session, gateway: context.Gateway, ids: Sequence[str], old: Sender, new: _Move) -> int:
    """Write down the move of what is still where it was."""
    now = gateway.now()
    here = sa.and_(_t.id.in_(ids), _t.sender_id == old.id, _t.state == fixed(MessageState.QUEUED))
    remark = f"Moved from {old.channel} to {new.channel}: {new.because.rstrip('.')}."
    values = {"sender_id": new.sender_id, "pence": new.pence, "due_at": now, "remark": remark}
    went = list(await session.scalars(sa.update(core(Message)).where(here).values(values).returning(_t.id)))
    if went:
        facts = {"to": new.sender_id, "messages": sorted(went), "because": new.because}
        await gateway.log.record(session, audit.Line("sender.passed_over", f"sender:{old.id}", facts), now=now)
    return len(went)

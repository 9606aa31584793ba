"""Claiming: who holds a sender's row holds its lane, so lane, lock and rate limit are one."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from channels.base import Medium
from gateway import allowance, audit, bulk, circuits, guard, rate, states, suppressing
from gateway.models import Attempt, Message, MessageState, Purpose, Sender
from gateway.models.types import core, fixed
from gateway.outbox import engaged

message_table, attempt_table, sender_table = core(Message), core(Attempt), core(Sender)
t = message_table.c

PUT_OFF = timedelta(seconds=30)  #: how long a step waits that comes before the one below it is through
BUSY = 0.05  #: seconds after which a lane that another worker was claiming from is asked again
URGENT = 1  #: priorities up to this one may use the slots that are kept free


@dataclass(frozen=True, slots=True)
class Claim:
    """What one claim gave: messages to send at once, and in how many seconds it pays to ask again (None: unknown).

    ``more``   others are due that wait for nothing but a free slot; ``more_urgent``: urgent ones may be among them
    ``lines``  what is to be written in the audit log, in the same transaction
    """

    messages: Sequence[Mapping[str, Any]]
    again_in: float | None = None
    more: bool = False
    lines: Sequence[audit.Line] = ()
    more_urgent: bool = False


@dataclass(frozen=True, slots=True)
class Slots:
    """How many calls may start now: ``urgent`` of any kind, of which ``routine`` may be ordinary ones."""

    urgent: int
    routine: int


def claim(
    connection: Connection,
    sender_id: int,
    slots: Slots,
    *,
    worker: str,
    lease: timedelta,
    today: date,
    now: datetime,
    quiet: bool = False,
    sign: suppressing.Sign | None = None,
) -> Claim:
    """Take the due messages of one sender, by priority, as many as slots and rate allow; while it is ``quiet`` only
    urgent ones, and answers to a person: the others wait where they are, and their time may run out.

    ``sign``  knows the opt-outs of people who were erased. The caller writes its lines.
    """
    sender = connection.execute(_LANE, {"sender": sender_id}).one_or_none()
    if sender is None:
        return Claim((), BUSY)
    if not sender.active:
        return Claim(())
    if sender.held_until and sender.held_until > now:
        return Claim((), (sender.held_until - now).total_seconds())
    tries = sender.open_since is not None  # the provider would not have us: see whether it will, with one message
    if tries:
        slots = Slots(min(1, slots.urgent), min(1, slots.routine))
    given = {"sender": sender_id, "now": now, "most": slots.urgent}
    due = [_read(row, sender.address) for row in bulk.fetch(connection, _due(bulk.dialect(connection), quiet), given)]
    if sign is not None:
        suppressing.restore(connection, due, sign=sign)
    stopped = guard.stopped(connection, due, today=today, now=now)
    beside = [message_id for message_id, why in stopped.items() if why.state is MessageState.QUEUED]
    lines = stop(connection, {one: why for one, why in stopped.items() if one not in beside}, now=now)
    ready = [row for row in due if row["id"] not in stopped]
    early = guard.too_early(connection, ready, now=now)
    _put_off(connection, early, until=now + PUT_OFF)
    ready = [row for row in ready if row["id"] not in early]
    busy = [*beside, *engaged.engaged(connection, ready, now=now)]
    _put_off(connection, busy, until=now + engaged.AGAIN_IN)
    ready = [row for row in ready if row["id"] not in busy]
    taken, tat, again_in = _afford(sender, ready, slots, now=now)
    if taken and tries and not circuits.may_try(connection, sender, now=now):
        return Claim((), lines=lines)
    if taken:
        year = allowance.year(today)
        _mark_sending(connection, taken, worker=worker, paid=tat, year=year, lease_until=now + lease, now=now)
        facts = {"sender": sender_id, "messages": [row["id"] for row in taken]}
        lines.append(audit.Line("outbox.claimed", f"sender:{sender_id}", facts, worker))
    if (stopped or early or busy) and again_in is None:
        again_in = 0.0  # others may wait behind those
    if tries:
        return Claim([{**row, "tries": True} for row in taken], again_in, lines=lines)
    more = len(due) == slots.urgent or len(taken) < len(ready)
    return Claim(taken, again_in, more, lines, more and due[-1]["priority"] <= URGENT)


_SENDER = sa.bindparam("sender", type_=sa.Integer)

_NOW = sa.bindparam("now", type_=t.due_at.type)


#: The sender's row, locked. Its key is shared: whoever inserts messages for it locks that, and a large plan must not
#: keep the lane shut.
_LANE = sa.select(sender_table).where(sender_table.c.id == _SENDER).with_for_update(skip_locked=True, key_share=True)
_PARTS, _YEAR = sa.bindparam("parts", type_=sa.Integer), sa.bindparam("year", type_=sa.Integer)
_PAY = (
    sa.update(sender_table)
    .where(sender_table.c.id == _SENDER)
    .values(
        tat=sa.bindparam("paid", type_=sender_table.c.tat.type),
        year_parts=_PARTS
        + sa.case((sender_table.c.year == _YEAR, sender_table.c.year_parts), else_=sa.literal_column("0")),
        year=_YEAR,
    )
)

#: What the lane, the channel and whoever settles it may want of a message; the rest stays where it is.
_COLUMNS: Sequence[str] = (
    "id", "run_id", "contact_id", "sender_id", "medium", "address", "slot", "step", "purpose", "priority", "keys",
    "language", "subject", "body", "parts", "not_after", "only_if", "attempt",
    "in_reply_to",
)  # fmt: skip


@functools.cache
def _due(dialect: str, quiet: bool = False) -> sa.Select[tuple[str]]:
    urgent = t.priority <= sa.literal_column(str(URGENT), type_=sa.Integer)
    query = (
        sa.select(*(t[name] for name in _COLUMNS), sa.cast(t.script, sa.Text).label("script"))
        .where(
            t.sender_id == _SENDER,
            t.state == fixed(MessageState.QUEUED),
            t.due_at <= _NOW,
            *([urgent] if quiet else []),
        )
        .order_by(t.priority, t.due_at)  # as the index has it: a whole school is due at one moment, and is not sorted
        .limit(sa.bindparam("most", type_=sa.Integer))
        .with_for_update(skip_locked=True, key_share=True)
    )
    return bulk.fetched(dialect, query)


def _read(values: Sequence[Any], sender: str) -> dict[str, Any]:
    """A message as it goes out: what it was read as, from which sender, and the number of the call to come."""
    row: dict[str, Any] = dict(zip(_COLUMNS, values, strict=False))
    row["medium"], row["purpose"] = Medium(row["medium"]), Purpose(row["purpose"])
    if row["not_after"]:
        until = datetime.fromisoformat(row["not_after"])  # SQLite's words are UTC and do not say so
        row["not_after"] = until.astimezone(UTC) if until.tzinfo else until.replace(tzinfo=UTC)
    row["script"] = json.loads(values[-1]) if values[-1] else None
    row["sender"] = sender
    row["attempt"] += 1
    return row


def _afford(
    sender: sa.Row[Any], due: Sequence[dict[str, Any]], slots: Slots, *, now: datetime
) -> tuple[list[dict[str, Any]], datetime | None, float | None]:
    """Which of the due messages the slots and the rate allow; the lane's new clock; when to ask again."""
    bucket = rate.bucket(rate=sender.rate, burst=sender.burst, tat=sender.tat, now=now)
    taken: list[dict[str, Any]] = []
    routine, wait = slots.routine, 0.0
    for row in due:
        if row["priority"] > URGENT and routine <= 0:
            continue
        wait = bucket.wait(row["parts"])
        if wait > 0:
            break
        bucket.pay(row["parts"])
        routine -= row["priority"] > URGENT
        taken.append(row)
    return taken, now + timedelta(seconds=bucket.ahead), wait or None


def _mark_sending(
    connection: Connection,
    rows: Sequence[Mapping[str, Any]],
    *,
    worker: str,
    paid: datetime | None,
    year: int,
    lease_until: datetime,
    now: datetime,
) -> None:
    """Write down that these calls begin: their messages are sending, and their sender has paid for them."""
    dialect = bulk.dialect(connection)
    values = {
        "calls": bulk.packed((row["id"], row["attempt"]) for row in rows),
        "sender": rows[0]["sender_id"],
        "by": worker,
        "paid": paid,
        "parts": sum(row["parts"] for row in rows),
        "year": year,
        "lease": lease_until,
        "now": now,
    }
    bulk.together(connection, (_sending(dialect), _begun(dialect), _PAY), values)


def _calls(dialect: str) -> Any:
    return bulk.table(dialect, "calls", id=sa.Text, attempt=sa.Integer).c


@functools.cache
def _sending(dialect: str) -> sa.Update:
    lease, now = (sa.bindparam(name, type_=t.changed_at.type) for name in ("lease", "now"))
    call = _calls(dialect)
    values = {"state": fixed(MessageState.SENDING), "attempt": call.attempt, "lease_until": lease, "changed_at": now}
    return sa.update(message_table).where(t.id == call.id).values(values)


@functools.cache
def _begun(dialect: str) -> sa.Insert:
    """One row for each call."""
    worker, now = sa.bindparam("by", type_=sa.Text), sa.bindparam("now", type_=t.changed_at.type)
    call = _calls(dialect)
    empty = {name: fixed("").label(name) for name in ("code", "reason", "text", "ref")}
    row = {"message_id": call.id, "number": call.attempt, "worker": worker, "begun_at": now, **empty}
    return sa.insert(attempt_table).from_select(list(row), sa.select(*row.values()))


def _put_off(connection: Connection, ids: Sequence[str], *, until: datetime) -> None:
    if ids:
        connection.execute(sa.update(message_table).where(t.id.in_(ids)).values(due_at=until))


def stop(connection: Connection, stopped: Mapping[str, guard.Stop], *, now: datetime) -> list[audit.Line]:
    """Write down what the guard forbade. Gives the lines of it."""
    for message_id, stop in stopped.items():
        values = {"state": stop.state, "reason": stop.reason, "reason_text": stop.text, "changed_at": now}
        queued = sa.and_(t.id == message_id, t.state.in_(states.sources(stop.state)))
        connection.execute(sa.update(message_table).where(queued).values(values))
    return [
        audit.Line(f"message.{stop.state.value}", f"message:{message_id}", {"reason": stop.reason})
        for message_id, stop in stopped.items()
    ]

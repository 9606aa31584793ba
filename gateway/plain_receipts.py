"""What nearly all receipts say: the provider passed it on, or it arrived. Many are settled by a few statements.

Only what changes a message by the plain arrow, or changes nothing, is settled here; everything else is left to
``receipts`` and ``replies``, one by one, and so is whatever came after it about the same message, phone or mailbox.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from channels import base
from channels.base import Medium, Receipt, ReceiptState
from gateway import arrivals, audit, bulk, points, points_together, receipts
from gateway.models import Inbound, Message, PointKind
from gateway.models import MessageState as S
from gateway.models.types import core, fixed

_inbound, _message = core(Inbound), core(Message)

#: The states in which the plain arrow is followed, and those in which the word is old news and changes nothing.
_CHANGES: Final = {
    ReceiptState.ACCEPTED: (S.SENDING, S.UNKNOWN),
    ReceiptState.DELIVERED: (S.SENDING, S.UNKNOWN, S.ACCEPTED),
}
_KNOWN: Final = {ReceiptState.ACCEPTED: (S.ACCEPTED, S.DELIVERED), ReceiptState.DELIVERED: (S.DELIVERED,)}


@dataclass(slots=True)
class _About:
    """A message as the database has it, and as it is after the receipts that were read."""

    id: str
    medium: Medium
    address: str
    state: S
    attempt: int
    ref: str
    changed: bool = False

    @property
    def point(self) -> tuple[PointKind, str]:
        return points.kind_of(self.medium), self.address


@dataclass(slots=True)
class _Reading:
    """What came of a batch. ``delayed`` holds the ids and points about which something is left to others."""

    outcomes: list[tuple[int, str]] = field(default_factory=list)
    lines: list[audit.Line] = field(default_factory=list)
    good: list[tuple[Medium, str, datetime]] = field(default_factory=list)
    delayed: set[object] = field(default_factory=set)


def settle(connection: Connection, *, limit: int, log: audit.Log, now: datetime) -> tuple[int, int]:
    """Settle the plain receipts among the events that wait. Gives how many events it saw, and how many it settled."""
    dialect = bulk.dialect(connection)
    waiting = bulk.fetch(connection, _waiting(dialect, limit), {"now": now})
    events = [(inbound_id, _event(kind, text)) for inbound_id, kind, text in waiting]
    said = [event for _, event in events if isinstance(event, Receipt)]
    if not said:
        return len(waiting), 0
    messages = _lock(connection, said)
    foreign = _owners(connection, said, messages.values())
    reading = _Reading()
    for inbound_id, event in events:
        message = _find(messages, event) if isinstance(event, Receipt) else None
        subjects = _subjects(event, message)
        outcome = ""
        if isinstance(event, Receipt) and message and not reading.delayed & subjects:
            outcome = _outcome(event, message, foreign)
        if outcome and message and isinstance(event, Receipt):
            reading.outcomes.append((inbound_id, outcome))
            if outcome == "changed":
                _follow(reading, event, message)
                foreign.add(message.ref)
        else:
            reading.delayed |= subjects
    _write(connection, reading, messages.values(), log=log, now=now)
    return len(waiting), len(reading.outcomes)


def _event(kind: str, text: str) -> base.Event | None:
    """The event, or None: whoever takes them one by one says what is wrong with it."""
    try:
        return arrivals.unpacked(kind, json.loads(text))
    except Exception:
        return None


def _find(messages: Mapping[str, _About], receipt: Receipt) -> _About | None:
    """The message by our own id, or by the provider's where that is the only one and one message has it."""
    if receipt.message_id:
        return messages.get(receipt.message_id)
    found = [message for message in messages.values() if receipt.ref and message.ref == receipt.ref]
    return found[0] if len(found) == 1 else None


def _subjects(event: base.Event | None, message: _About | None) -> set[object]:
    """What an event is about: nothing that comes later about the same may be read before it."""
    about: set[object] = set()
    if isinstance(event, Receipt):
        about = {event.message_id, event.ref}
        if message:
            about |= {message.id, message.ref, message.point}
    elif event:
        about = {event.in_reply_to, (points.kind_of(event.medium), event.sender)}
    return about - {""}


def _outcome(receipt: Receipt, message: _About, foreign: set[str]) -> str:
    """The word for what comes of a plain receipt; ``""`` where it is not so plain."""
    plain = receipt.state in _CHANGES and not (receipt.reason or receipt.code or receipt.hung_up)
    if not plain or (receipt.ref in foreign and receipt.ref != message.ref):
        return ""
    if receipt.state is ReceiptState.ACCEPTED and receipts.of_an_earlier_copy(receipt, message):
        return "stale"
    if message.state in _CHANGES[receipt.state]:
        return "changed"
    return "stale" if message.state in _KNOWN[receipt.state] else ""


def _follow(reading: _Reading, receipt: Receipt, message: _About) -> None:
    message.state, message.changed = receipts.AFTER[receipt.state], True
    message.ref = message.ref or receipt.ref
    facts = {"reason": "", "code": "", "by": "receipt"}
    reading.lines.append(audit.Line(f"message.{message.state.value}", f"message:{message.id}", facts))
    if message.state is S.DELIVERED:
        reading.good.append((message.medium, message.address, receipt.at))


def _write(
    connection: Connection, reading: _Reading, messages: Iterable[_About], *, log: audit.Log, now: datetime
) -> None:
    dialect = bulk.dialect(connection)
    changed = [(message.id, message.state, message.ref) for message in messages if message.changed]
    if changed:
        bulk.run(connection, _changed(dialect), {"rows": bulk.packed(changed), "now": now})
    reading.lines += points_together.good(connection, reading.good)
    if reading.outcomes:
        bulk.run(connection, _handled(dialect), {"rows": bulk.packed(reading.outcomes), "now": now})
    log.write(connection, reading.lines, now=now)


def _lock(connection: Connection, said: Sequence[Receipt]) -> dict[str, _About]:
    """Lock the messages that receipts are about, in the order that everybody keeps (``turns``)."""
    named = {receipt.message_id for receipt in said if receipt.message_id}
    refs = {receipt.ref for receipt in said if receipt.ref and not receipt.message_id}
    values = {"ids": bulk.packed_ids(named), "refs": bulk.packed_ids(refs)}
    found = bulk.fetch(connection, _messages(bulk.dialect(connection)), values)
    return {row[0]: _About(row[0], Medium(row[1]), row[2], S(row[3]), row[4], row[5]) for row in found}


def _owners(connection: Connection, said: Sequence[Receipt], messages: Iterable[_About]) -> set[str]:
    """The provider's ids that their receipts' messages do not have, and others do: proof was given away to those.

    Only now that all are locked: whoever looks for evidence may just have been giving it.
    """
    known = {(message.id, message.ref) for message in messages}
    refs = {receipt.ref for receipt in said if receipt.ref and (receipt.message_id, receipt.ref) not in known}
    if not refs:
        return set()
    found = bulk.fetch(connection, _with_refs(bulk.dialect(connection)), {"refs": bulk.packed_ids(refs)})
    return {ref for (ref,) in found}


@functools.cache
def _waiting(dialect: str, limit: int) -> sa.Select[Any]:
    t = _inbound.c
    due = sa.or_(t.due_at.is_(None), t.due_at <= sa.bindparam("now", type_=t.due_at.type))
    query = sa.select(t.id, t.kind, sa.cast(t.event, sa.Text).label("event")).where(t.handled_at.is_(None), due)
    count = sa.literal_column(str(limit), type_=sa.Integer)
    return bulk.fetched(dialect, query.order_by(t.id).limit(count).with_for_update(skip_locked=True))


@functools.cache
def _messages(dialect: str) -> sa.Select[Any]:
    t = _message.c
    by_ref = sa.and_(t.ref != fixed(""), bulk.among(dialect, t.ref, "refs"))
    query = sa.select(t.id, t.medium, t.address, t.state, t.attempt, t.ref)
    query = query.where(sa.or_(bulk.among(dialect, t.id), by_ref)).order_by(t.id)
    return bulk.fetched(dialect, query.with_for_update(key_share=True))


@functools.cache
def _with_refs(dialect: str) -> sa.Select[Any]:
    t = _message.c
    return bulk.fetched(dialect, sa.select(t.ref).where(t.ref != fixed(""), bulk.among(dialect, t.ref, "refs")))


@functools.cache
def _changed(dialect: str) -> sa.Update:
    row, t = bulk.table(dialect, "rows", id=sa.Text, state=sa.Text, ref=sa.Text).c, _message.c
    empty = dict.fromkeys(("reason", "reason_text"), fixed(""))
    now = sa.bindparam("now", type_=t.changed_at.type)
    values = {"state": row.state, "ref": row.ref, "lease_until": sa.null(), "changed_at": now, **empty}
    return sa.update(_message).where(t.id == row.id).values(values)


@functools.cache
def _handled(dialect: str) -> sa.Update:
    row, t = bulk.table(dialect, "rows", id=sa.BigInteger, outcome=sa.Text).c, _inbound.c
    now = sa.bindparam("now", type_=t.handled_at.type)
    return sa.update(_inbound).where(t.id == row.id).values(handled_at=now, outcome=row.outcome)

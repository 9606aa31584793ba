"""Settling: what came of provider calls is written down, many in one commit."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from channels.base import Medium, Outcome, SendResult
from gateway import allowance, audit, bulk, circuits, failures, points, retry, senders
from gateway.database import Session
from gateway.models import Attempt, Message, MessageState
from gateway.models.types import core, fixed
from gateway.outbox import queue

message_table, attempt_table = core(Message), core(Attempt)

_OPEN = (MessageState.SENDING, MessageState.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Sent:
    """One provider call and what came of it. One that was not ``begun`` costs the message none of its tries."""

    message: Mapping[str, Any]
    result: SendResult
    begun: bool = True


@dataclass(frozen=True, slots=True)
class Accepted:
    """What :func:`accept` wrote down: a line that names all of it, and the calls that it left to :func:`settle`."""

    lines: Sequence[audit.Line]
    others: list[Sent]


def accept(connection: Connection, sent: Sequence[Sent], *, now: datetime) -> Accepted:
    """Write down the calls that went as nearly all do: the provider took the message and named it.

    In a few statements, however many they are; the caller writes the line. What is not so plain is left: refusals,
    doubts, tries to come, and what somebody else has decided meanwhile.
    """
    plain = sorted(
        (item for item in sent if item.result.outcome is Outcome.ACCEPTED and not item.message.get("tries")),
        key=lambda item: item.message["id"],
    )
    if not plain:
        return Accepted((), list(sent))
    taken = _take(connection, [(item.message["id"], item.message["attempt"], item.result.ref) for item in plain], now)
    line = audit.Line("outbox.accepted", f"sender:{plain[0].message['sender_id']}", {"messages": taken})
    others = [item for item in sent if taken.get(item.message["id"]) != item.message["attempt"]]
    return Accepted([line] if taken else (), others)


def _take(connection: Connection, calls: Sequence[tuple[str, int, str]], now: datetime) -> dict[str, int]:
    """Mark as accepted what is still open of these calls. Gives their messages and which try of each it was."""
    dialect, given = bulk.dialect(connection), {"rows": bulk.packed(calls), "now": now}
    if dialect == "postgresql":
        return {row[0]: row[1] for row in bulk.fetch(connection, _at_a_stroke(), given)}
    taken = {row[0]: row[1] for row in bulk.run(connection, _taken(dialect), given)}
    if len(taken) < len(calls):
        given["rows"] = bulk.packed(call for call in calls if taken.get(call[0]) == call[1])
    bulk.run(connection, _ended(dialect), given)
    return taken


def _called(dialect: str) -> sa.Subquery:
    """The calls: which try of which message, and what the provider named it."""
    return bulk.table(dialect, "rows", id=sa.Text, attempt=sa.Integer, ref=sa.Text)


def _is_open() -> sa.ColumnElement[bool]:
    """Whether nobody knows the end of it yet; also of one that was given up for lost and waits to go again: the same
    turn would claim it before anybody said so.
    """
    return message_table.c.state.in_(
        [fixed(one) for one in (MessageState.SENDING, MessageState.UNKNOWN, MessageState.QUEUED)]
    )


def _still_open(call: Any) -> sa.Select[Any, Any, Any]:
    """Which of these calls are still the last word of their message, locked in one order by all who settle."""
    t = message_table.c
    query = sa.select(t.id, t.attempt, call.ref).where(t.id == call.id, t.attempt == call.attempt, _is_open())
    return query.order_by(t.id).with_for_update(of=message_table, key_share=True)


def _to_accepted(call: Any) -> sa.Update:
    empty = dict.fromkeys(("reason", "reason_text"), fixed(""))
    now = sa.bindparam("now", type_=message_table.c.changed_at.type)
    values = {"state": fixed(MessageState.ACCEPTED), "ref": call.ref, "lease_until": sa.null(), **empty}
    return sa.update(message_table).where(message_table.c.id == call.id).values(changed_at=now, **values)


def _to_ended(call: Any) -> sa.Update:
    a = attempt_table.c
    values = {"outcome": fixed(Outcome.ACCEPTED), "ref": call.ref}
    return (
        sa.update(attempt_table)
        .where(a.message_id == call.id, a.number == call.attempt)
        .values(ended_at=sa.bindparam("now", type_=a.ended_at.type), **values)
    )


@functools.cache
def _at_a_stroke() -> sa.Select[Any]:
    """All of it in one statement, for a database that is a way off."""
    still = _still_open(_called("postgresql").c).cte("still_open")
    changes = _to_accepted(still.c).cte("accepted"), _to_ended(still.c).cte("ended")
    return bulk.fetched("postgresql", sa.select(still.c.id, still.c.attempt)).add_cte(*changes)


@functools.cache
def _taken(dialect: str) -> Any:
    t, call = message_table.c, _called(dialect).c
    still = sa.and_(t.attempt == call.attempt, _is_open())
    return _to_accepted(call).where(still).returning(t.id, t.attempt)


@functools.cache
def _ended(dialect: str) -> sa.Update:
    return _to_ended(_called(dialect).c)


async def settle(session: Session, sent: Sequence[Sent], *, policy: retry.Policy, log: audit.Log, now: datetime) -> int:
    """Write down what came of provider calls; a worker settles only its own attempt. Gives how many changed."""
    if not sent:
        return 0
    ids = [item.message["id"] for item in sent]
    t = message_table.c
    query = sa.select(t.id, t.state, t.attempt, t.retries, t.due_at, t.parts).where(t.id.in_(ids)).order_by(t.id)
    now_in = {row["id"]: dict(row) for row in (await session.execute(query.with_for_update(key_share=True))).mappings()}
    troubled = [item for item in sent if item.result.outcome is not Outcome.ACCEPTED]
    await points.hold(session, [(Medium(item.message["medium"]), item.message["address"]) for item in troubled])
    updates, lines, believed, not_taken = [], [], list[Sent](), Counter[int]()
    for item in sent:
        row = now_in.get(item.message["id"])
        if row is None or row["attempt"] != item.message["attempt"]:
            continue  # a successor owns it: this worker was taken for dead
        if row["state"] in _OPEN or item.result.outcome is Outcome.ACCEPTED:
            believed.append(item)  # of trouble only while nobody knows better: it may have been our own standstill
        if row["state"] not in _OPEN:
            lines += await _late(session, item, now=now)
            continue
        if item.result.outcome in (Outcome.REFUSED, Outcome.RETRY):
            not_taken[item.message["sender_id"]] += row["parts"]
        after = _after(item, row, policy=policy, now=now)
        result = item.result
        if after["b_state"] is MessageState.FAILED:
            await failures.learn(session, item.message, result.reason, code=result.code, log=log, now=now)
        elif result.lane_wide:
            await failures.ask_staff(session, item.message, result.reason, code=result.code, log=log, now=now)
        updates.append({"b_id": row["id"], **after})
        facts = {"attempt": row["attempt"], "code": item.result.code, "reason": after["b_reason"]}
        lines.append(audit.Line(f"message.{after['b_state'].value}", f"message:{row['id']}", facts))
    await _write(session, updates)
    await _end_attempts(session, sent, now=now)
    await allowance.give_back(session, not_taken)
    await _switch(session, believed, now=now, log=log)
    await _hold_lanes(session, believed, now=now, policy=policy, log=log)
    await log.record(session, lines, now=now)
    return len(lines)


async def _late(session: Session, item: Sent, *, now: datetime) -> list[audit.Line]:
    """Settle a call whose message is decided already: mostly by a receipt that outran us and said all that we know.

    Where the doubt was decided without us, that the provider took it is news: it must not be sent again.
    """
    message_id, result = item.message["id"], item.result
    if result.outcome is not Outcome.ACCEPTED or not await queue.change(
        session, message_id, MessageState.ACCEPTED, now=now, ref=result.ref, reason="", reason_text=""
    ):
        return []
    return [audit.Line("message.accepted", f"message:{message_id}", {"attempt": item.message["attempt"], "by": "late"})]


def _after(item: Sent, row: Mapping[str, Any], *, policy: retry.Policy, now: datetime) -> dict[str, Any]:
    """The new state of a message after one provider call, as bound values. ``row`` is what the database has of it."""
    result, message, retries = item.result, item.message, row["retries"]
    values: dict[str, Any] = {
        "b_ref": result.ref,
        "b_reason": result.reason.value if result.reason else "",
        "b_text": result.text,
        "b_lease": None,
        "b_due": row["due_at"],
        "b_retries": retries,
        "b_now": now,
    }
    match result.outcome:
        case Outcome.ACCEPTED:
            return values | {"b_state": MessageState.ACCEPTED, "b_reason": "", "b_text": ""}
        case Outcome.REFUSED:
            return values | {"b_state": MessageState.FAILED}
        case Outcome.UNKNOWN:
            return values | {"b_state": MessageState.UNKNOWN, "b_lease": now + policy.grace}
        case Outcome.RETRY:
            if not item.begun:
                return values | {"b_state": MessageState.QUEUED}
            if not result.lane_wide:
                retries += 1
            if retries > policy.limit(Medium(message["medium"])):
                return values | {"b_state": MessageState.FAILED, "b_retries": retries}
            due = now + policy.delay(Medium(message["medium"]), retries, asked=result.wait, key=message["id"])
            return values | {"b_state": MessageState.QUEUED, "b_due": due, "b_retries": retries}


async def _write(session: Session, updates: Sequence[dict[str, Any]]) -> None:
    if not updates:
        return
    b = sa.bindparam
    statement = (
        sa.update(message_table)
        .where(message_table.c.id == b("b_id"))
        .values(
            state=b("b_state"),
            ref=b("b_ref"),
            reason=b("b_reason"),
            reason_text=b("b_text"),
            lease_until=b("b_lease"),
            due_at=b("b_due"),
            retries=b("b_retries"),
            changed_at=b("b_now"),
        )
    )
    await (await session.connection()).execute(statement, list(updates))


async def _end_attempts(session: Session, sent: Sequence[Sent], *, now: datetime) -> None:
    b = sa.bindparam
    statement = (
        sa.update(attempt_table)
        .where(attempt_table.c.message_id == b("b_id"), attempt_table.c.number == b("b_number"))
        .values(
            ended_at=b("b_now"),
            outcome=b("b_outcome"),
            code=b("b_code"),
            reason=b("b_reason"),
            text=b("b_text"),
            ref=b("b_ref"),
        )
    )
    rows = [
        {
            "b_id": item.message["id"],
            "b_number": item.message["attempt"],
            "b_now": now,
            "b_outcome": item.result.outcome,
            "b_code": item.result.code,
            "b_reason": item.result.reason.value if item.result.reason else "",
            "b_text": item.result.text,
            "b_ref": item.result.ref,
        }
        for item in sent
    ]
    await (await session.connection()).execute(statement, rows)


async def _switch(session: Session, sent: Sequence[Sent], *, log: audit.Log, now: datetime) -> None:
    """Open the circuit of whom the provider will not have, close that of whom it has dealt with."""
    for item in sent:
        sender_id, result = item.message["sender_id"], item.result
        if circuits.opens(result) and result.reason:
            because = _because(result)
            await circuits.trip(session, sender_id, result.reason, because=because, code=result.code, log=log, now=now)
        elif item.message.get("tries") and item.begun and circuits.proves(result):
            await circuits.close(session, sender_id, log=log, now=now)


def _because(result: SendResult) -> str:
    return result.text or (result.reason.value if result.reason else "the provider's trouble")


async def _hold_lanes(
    session: Session, sent: Sequence[Sent], *, policy: retry.Policy, log: audit.Log, now: datetime
) -> None:
    """Hold a whole lane back when the trouble is the sender's or the account's, not one message's."""
    for item in sent:
        if not item.result.lane_wide or circuits.opens(item.result):
            continue
        until = now + policy.lane_hold(item.result.wait)
        sender_id, code = item.message["sender_id"], item.result.code
        because = _because(item.result)
        await senders.hold(session, sender_id, until=until, because=because, code=code, log=log, now=now)

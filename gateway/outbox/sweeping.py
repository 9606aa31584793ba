"""Doubts: calls whose outcome nobody knows. A worker died, a line was cut, a provider failed after the request.

Evidence decides, in this order: a callback that carries our id; the provider's own list, after a time of grace; and
when patience runs out the rule for the purpose: emergency and safeguarding go again, everything else fails as
``in_doubt`` for staff to send again. Going again counts as a retry, so that it ends.

Patience is used up by looks that could not tell, and by nothing else: neither while the provider could not be asked nor
while another message that looks the same is under way. For that there is a limit of its own, which is much longer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from channels.base import FindResult, Found, Medium, Outcome, Reason
from gateway import audit, bulk, retry, senders, states, tasks
from gateway.database import Session
from gateway.models import Attempt, Message, MessageState, Sender
from gateway.models.types import core

message_table, attempt_table, sender_table = core(Message), core(Attempt), core(Sender)

#: In the words of the index ``message_open``: SQLite takes it for nothing else, and would read every message there is.
_OPEN = message_table.c.state.in_([sa.literal_column("'sending'"), sa.literal_column("'unknown'")])

_IN_DOUBT_TEXT = "It may or may not have gone out, and nobody can tell. Look at it, then send it again if need be."
_IN_DOUBT_TASK = "Of some messages nobody can tell whether they went out: we were cut off while the provider took them."
_IN_DOUBT_CURE = (
    "handbell notice show lists them as in_doubt, handbell message show says of one what is known. Ask a family, or "
    "look into the provider's console or the mail server's log; handbell message again sends one once more."
)
_NEVER_ASKED_TEXT = (
    "It may or may not have gone out, and the provider could not be asked in all that time. Look at it, then send it "
    "again if need be."
)
_NOT_IN_THE_LIST = "The provider's list shows that it never took it."
_EXACT = timedelta(seconds=3)  #: how far off the moment may be that a provider's list gives a call, on our own clock
_IN_VIEW = timedelta(minutes=6)  #: so much earlier a call may have begun that a look at the list still shows
_NEVER_TAKEN = "The provider failed each time, and its list shows that it never took it."


@dataclass(frozen=True, slots=True)
class Doubt:
    """A message to look for, as which sender it went out, and since when to look."""

    message: Mapping[str, Any]
    since: datetime


async def expire_leases(session: Session, *, policy: retry.Policy, log: audit.Log, now: datetime) -> int:
    """Turn calls whose worker never reported into doubts. Gives how many.

    One whose row somebody holds is left for the next time: its worker may be about to report.
    """
    t = message_table.c
    over = sa.select(t.id).where(_OPEN, t.state == MessageState.SENDING, t.lease_until <= now)
    # By the index, which holds open messages only: in the order of ids SQLite would read every message there ever was.
    over = over.order_by(t.lease_until).with_for_update(skip_locked=True, key_share=True)
    ids = sorted(await session.scalars(over))
    if not ids:
        return 0
    given = bulk.among(session.get_bind().dialect.name, t.id)
    values = {"state": MessageState.UNKNOWN, "lease_until": now + policy.grace, "changed_at": now}
    await session.execute(sa.update(message_table).where(given).values(values), {"ids": bulk.packed_ids(ids)})
    await log.record(
        session, [audit.Line("message.unknown", f"message:{one}", {"reason": "lease"}) for one in ids], now=now
    )
    return len(ids)


async def doubts(session: Session, *, now: datetime, limit: int = 100) -> list[Doubt]:
    """The doubts whose time of grace is over, oldest first; so many of each channel, or one would hide another's."""
    t, a, s = message_table.c, attempt_table.c, sender_table.c
    place = sa.func.row_number().over(partition_by=s.channel, order_by=t.lease_until).label("place")
    due = (
        sa.select(t.id, s.address.label("sender"), s.channel, place)
        .join(sender_table, s.id == t.sender_id)
        .where(_OPEN, t.state == MessageState.UNKNOWN, t.lease_until <= now)
        .subquery("due")
    )
    query = (
        sa.select(message_table, a.begun_at, due.c.sender, due.c.channel)
        .join(due, due.c.id == t.id)
        .join(attempt_table, sa.and_(a.message_id == t.id, a.number == t.attempt))
        .where(due.c.place <= limit)
        .order_by(t.lease_until)
    )
    return [Doubt(dict(row), row["begun_at"]) for row in (await session.execute(query)).mappings()]


async def resolve(
    session: Session,
    doubt: Doubt,
    found: FindResult,
    *,
    policy: retry.Policy,
    log: audit.Log,
    now: datetime,
    named: bool = False,
) -> MessageState:
    """Decide one doubt by what the provider's list says. Gives the message's state afterwards.

    ``named``  the provider calls us back with our own id, so that calls are told apart sooner or later
    """
    message = doubt.message
    seen = await _weighed(session, doubt, found, policy=policy, named=named, now=now)
    if (again := _again(message, seen, policy=policy, now=now)) is not None:
        await _look_again(session, message, again)
        return MessageState.UNKNOWN
    after, values = await _decided(session, message, seen, policy=policy, now=now)
    t = message_table.c
    statement = (
        sa.update(message_table)
        .where(t.id == message["id"], t.state == MessageState.UNKNOWN, t.attempt == message["attempt"])
        .where(t.state.in_(states.sources(after)))
        .values(state=after, lease_until=None, changed_at=now, **values)
        .returning(t.id)
    )
    if (await session.execute(statement)).first():
        facts = {"reason": "evidence", "found": seen.found.value}
        await log.record(session, audit.Line(f"message.{after.value}", f"message:{message['id']}", facts), now=now)
        await _end_attempt(session, message, seen, now=now)
        if values.get("reason") == states.IN_DOUBT:
            subject = f"run:{message['run_id']}" if message["run_id"] is not None else f"message:{message['id']}"
            await tasks.ask(session, tasks.Ask("in_doubt", subject, _IN_DOUBT_TASK, _IN_DOUBT_CURE), log=log, now=now)
        return after
    current: MessageState = (await session.execute(sa.select(t.state).where(t.id == message["id"]))).scalar_one()
    return current


@dataclass(frozen=True, slots=True)
class _Seen:
    """What a look says of one message, and of no other. ``soon``: another look will soon say more."""

    found: Found
    refs: Sequence[str] = ()
    soon: bool = False


async def _weighed(
    session: Session, doubt: Doubt, found: FindResult, *, policy: retry.Policy, named: bool, now: datetime
) -> _Seen:
    """Leave out of a find what is another's, or may be."""
    message = doubt.message
    # One sweeper a lane at a time, or two doubts might be given the same proof.
    lane = sa.select(sender_table.c.id).where(sender_table.c.id == message["sender_id"])
    await session.execute(lane.with_for_update(key_share=True))
    alike = await _alike(session, message) if found.refs else []  # locked before it is asked who owns what
    refs = await unowned(session, found.refs, message["id"])
    if not refs:  # all that was seen is others'
        return _Seen(Found.ABSENT if found.found is Found.HERE else found.found)
    if any(_may_still_speak(row, grace=policy.grace, now=now) for row in alike):
        # What was seen may be that one; soon it has a name, or is a doubt whose worker is dead.
        return _Seen(Found.NOT_NOW, soon=True)
    if not named or message["medium"] is not Medium.VOICE:
        return _Seen(Found.HERE, refs)  # texts with the same words may stand for one another, and calls not called back
    made = dict(zip(found.refs, found.moments, strict=False))
    calls = [(ref, made.get(ref)) for ref in refs]
    begun = await _nameless(session, doubt)
    ours = [doubt.since, *(at for one, at in begun if one == message["id"])]
    return _this_one(calls, ours, others=[at for one, at in begun if one != message["id"]], longest=policy.call)


def _this_one(
    calls: Sequence[tuple[str, datetime | None]],
    ours: Sequence[datetime],
    *,
    others: Sequence[datetime],
    longest: timedelta,
) -> _Seen:
    """Which of the calls in the list was begun at one of our moments, if any.

    Each call says something else: whoever guesses says one thing twice and another never. ``others`` are the moments at
    which calls were begun that may be among these just as well. Where they account for all of the list, nothing in it
    proves that this one was put through; and where none of it can be this one, that it was not. A call that fits no
    moment of ours shows that the clocks were not always as they are now.
    """

    def fits(begun: datetime, made: datetime | None) -> bool:
        return made is None or begun - _EXACT <= made <= begun + longest

    known = [(ref, made) for ref, made in calls if any(fits(one, made) for one in (*ours, *others))]
    if len(_matched(known, others, fits)) < len(known):
        found = _matched(known, (*ours, *others), fits)
        if refs := [found[n] for n in range(len(ours)) if n in found]:
            return _Seen(Found.HERE, refs)
    elif len(known) == len(calls) and not any(fits(one, made) for one in ours for _, made in known):
        return _Seen(Found.ABSENT)
    return _Seen(Found.CANNOT_TELL)


def _matched(
    calls: Sequence[tuple[str, datetime | None]],
    begun: Sequence[datetime],
    fits: Callable[[datetime, datetime | None], bool],
) -> dict[int, str]:
    """Which call each of these moments began: the oldest call the oldest moment that it fits, and so on."""
    waiting = sorted(range(len(begun)), key=lambda n: begun[n])
    found = dict[int, str]()
    for ref, made in calls:
        fitting = next((n for n in waiting if fits(begun[n], made)), None)
        if fitting is not None:
            waiting.remove(fitting)
            found[fitting] = ref
    return found


@dataclass(frozen=True, slots=True)
class _Again:
    """When to look again, and from when on patience is counted."""

    at: datetime
    patience_from: datetime


def _again(message: Mapping[str, Any], seen: _Seen, *, policy: retry.Policy, now: datetime) -> _Again | None:
    """Whether and when to look again; None where it is time to decide."""
    waited = now - message["changed_at"]  # since the doubt arose, not since the call: we may have been away
    if seen.found is Found.NOT_NOW:  # soon it can be asked again, and each look says more than a long wait
        waited_for = timedelta(0) if seen.soon else min(waited, policy.patience / 5)
    else:
        waited_for = waited
    at = now + _pause(waited_for, grace=policy.grace)
    # An older doubt about the same message may have left its own behind.
    since = max(message["changed_at"] + policy.grace, message["patience_from"] or message["changed_at"])
    if seen.found is Found.CANNOT_TELL and now - since < policy.patience:
        return _Again(at, since)
    if seen.found is Found.NOT_NOW and waited < policy.longest(goes_again=message["purpose"].goes_again_in_doubt):
        return _Again(at, since + (at - message["lease_until"]))  # from one look to the next, nothing is used up
    return None


async def _decided(
    session: Session, message: Mapping[str, Any], seen: _Seen, *, policy: retry.Policy, now: datetime
) -> tuple[MessageState, dict[str, Any]]:
    """What becomes of a doubt, and the columns that say so."""
    if seen.refs:
        return MessageState.ACCEPTED, {"ref": seen.refs[0], "reason": "", "reason_text": ""}
    absent = seen.found is Found.ABSENT
    tries_left = message["retries"] < policy.limit(Medium(message["medium"]))
    if tries_left and (absent or message["purpose"].goes_again_in_doubt):
        sender_id = await senders.heir(session, message["sender_id"]) or message["sender_id"]
        return MessageState.QUEUED, {"due_at": now, "retries": message["retries"] + 1, "sender_id": sender_id}
    if absent:
        return MessageState.FAILED, {"reason": Reason.TEMPORARY.value, "reason_text": _NEVER_TAKEN}
    text = _NEVER_ASKED_TEXT if seen.found is Found.NOT_NOW else _IN_DOUBT_TEXT
    return MessageState.FAILED, {"reason": states.IN_DOUBT, "reason_text": text}


def _pause(waited: timedelta, *, grace: timedelta) -> timedelta:
    """Look again soon at first, then more rarely."""
    return max(min(timedelta(seconds=5), grace), min(timedelta(minutes=2), waited / 2))


async def _alike(session: Session, message: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Those that may as well have been found: under way or in doubt, and the same in a provider's list.

    A list of texts has their words; one of calls has nothing but the numbers. They are locked, or a receipt might give
    one of them the very name that is given away here.
    """
    t = message_table.c
    query = sa.select(t.state, t.changed_at).where(
        t.sender_id == message["sender_id"],
        t.address == message["address"],
        t.state.in_([MessageState.SENDING, MessageState.UNKNOWN]),
        t.id != message["id"],
    )
    if Medium(message["medium"]) is not Medium.VOICE:
        query = query.where(t.body == message["body"])
    found = await session.execute(query.order_by(t.id).with_for_update(key_share=True))
    return [dict(row) for row in found.mappings()]


def _may_still_speak(alike: Mapping[str, Any], *, grace: timedelta, now: datetime) -> bool:
    """Whether its worker may yet say what the provider named it: a lease that is just over proves nobody dead."""
    return alike["state"] is MessageState.SENDING or now < alike["changed_at"] + grace


async def _nameless(session: Session, doubt: Doubt) -> Sequence[tuple[str, datetime]]:
    """Which calls to the same number began when, of which nobody knows what they are called in the provider's list.

    Not only those of messages that are in doubt still: one that was given up, or went again, may have been put through.
    So may an earlier one of the same message.
    """
    t, a, message = message_table.c, attempt_table.c, doubt.message
    query = (
        sa.select(t.id, a.begun_at)
        .join_from(attempt_table, message_table, a.message_id == t.id)
        .where(
            t.address == message["address"],
            t.medium == message["medium"],
            sa.or_(t.id != message["id"], a.number < message["attempt"]),
            a.begun_at > doubt.since - _IN_VIEW,
            a.ref == "",
            sa.or_(a.outcome.is_(None), a.outcome == Outcome.UNKNOWN),
            sa.or_(t.ref == "", a.number != t.attempt),  # what a receipt has named stands in the message's row
        )
    )
    return [(message_id, begun_at) for message_id, begun_at in await session.execute(query)]


async def _end_attempt(session: Session, message: Mapping[str, Any], seen: _Seen, *, now: datetime) -> None:
    """Write down what the provider's list says of a call. Of one that stays in doubt nobody knows."""
    a = attempt_table.c
    if seen.refs:
        values = {"outcome": Outcome.ACCEPTED, "ref": seen.refs[0]}
    elif seen.found is Found.ABSENT:
        values = {"outcome": Outcome.RETRY, "text": _NOT_IN_THE_LIST}
    else:
        return
    this = sa.and_(a.message_id == message["id"], a.number == message["attempt"])
    ended = sa.func.coalesce(a.ended_at, sa.bindparam("now", now, type_=a.ended_at.type))
    await session.execute(sa.update(attempt_table).where(this).values(ended_at=ended, **values))


async def _look_again(session: Session, message: Mapping[str, Any], again: _Again) -> None:
    t = message_table.c
    this = sa.and_(t.id == message["id"], t.attempt == message["attempt"], t.state == MessageState.UNKNOWN)
    await session.execute(
        sa.update(message_table).where(this).values(lease_until=again.at, patience_from=again.patience_from)
    )


async def unowned(session: Session, refs: Sequence[str], message_id: str) -> list[str]:
    """Those of the provider's ids that no other message owns."""
    if not refs:
        return []
    t = message_table.c
    owned = set(await session.scalars(sa.select(t.ref).where(t.ref.in_(refs), t.id != message_id)))
    return [ref for ref in refs if ref not in owned]

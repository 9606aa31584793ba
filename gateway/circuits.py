"""The circuit of an account: while a provider will not have us, it is asked by one message now and then, not by all.

``closed``     the lane works
``open``       ``open_since`` is set and the lane is held: nothing goes out, and messages lose none of their tries
``half open``  the hold is over: one message may try, by one lane of the account, and whoever takes it holds them anew

The message that tries closes the circuit when the provider deals with it, whatever it says of its number. All of it
stands in the senders' rows, so that a restart and other workers know of it. A lane that a person holds back meanwhile
stays so: it opens and closes with the others, and goes by the person's time and words.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from channels.base import Outcome, Reason, SendResult
from gateway import audit
from gateway.database import Session
from gateway.models import Sender
from gateway.models.types import core

t = core(Sender).c

#: What only a person can mend. A provider that fails on each request mends itself, mostly soon.
NEEDS_A_PERSON: Final = frozenset({Reason.AUTH, Reason.CONFIG})

_SHORTEST, _LONGEST = timedelta(minutes=1), timedelta(minutes=5)


def pause(open_since: datetime, *, reason: str, now: datetime) -> timedelta:
    """How long until the next message may try: soon at first, then more rarely. What mends itself is tried each minute.

    A password that is wrong for a night costs some hundred calls by this, not one each for thousands of messages.
    """
    if reason not in NEEDS_A_PERSON:
        return _SHORTEST
    return max(_SHORTEST, min(_LONGEST, (now - open_since) / 2))


def opens(result: SendResult) -> bool:
    """Whether a result opens the circuit: we are refused, or what we ask fails again and again with nobody knowing why.

    A provider that cannot be reached or asks for patience only holds the lane: nothing is burnt by trying.
    """
    return result.lane_wide and (result.reason in NEEDS_A_PERSON or result.outcome is Outcome.UNKNOWN)


def proves(result: SendResult) -> bool:
    """Whether a call shows that the provider deals with us again: it took the message, or judged it by itself.

    A refusal without a code is our own (words that no mail can carry), so nobody was asked.
    """
    if result.outcome is Outcome.ACCEPTED:
        return True
    judged = result.outcome in (Outcome.REFUSED, Outcome.RETRY) and bool(result.code)
    return judged and not result.lane_wide and result.reason is not Reason.RATE


async def trip(
    session: Session, sender_id: int, reason: Reason, *, because: str, code: str, log: audit.Log, now: datetime
) -> None:
    """Open the circuit, or note that the try of a half-open one has failed. ``because`` is a sentence for staff."""
    first = (await session.execute(sa.select(t.account).where(t.id == sender_id))).one_or_none()
    if first is None:
        return
    together = _together(sender_id, first.account, reason.value)
    # In the order of their ids, whoever asks, or two who open one circuit at once might wait for each other.
    held = by_a_person(now).label("held")
    query = (
        sa.select(t.id, t.open_since, t.held_until, held).where(together).order_by(t.id).with_for_update(key_share=True)
    )
    rows = (await session.execute(query)).all()
    opened = []
    for row in rows:
        since = row.open_since or now
        until = max(row.held_until or now, now + pause(since, reason=reason.value, now=now))
        values: dict[str, Any] = {} if row.held else {"held_until": until, "held_by": ""}
        if row.open_since is None:
            opened.append(row.id)
        if row.open_since is None or reason in NEEDS_A_PERSON:  # a failure on top of a refusal changes no words
            values |= {"open_since": since, "open_reason": reason.value}
            values |= {} if row.held else {"held_because": because}
        if values:
            await session.execute(sa.update(core(Sender)).where(t.id == row.id).values(values))
    if opened:
        facts = {"senders": opened, "reason": reason.value, "because": because, "code": code}
        await log.record(session, audit.Line("circuit.opened", f"sender:{sender_id}", facts), now=now)


def may_try(connection: Connection, sender: sa.Row[Any], *, now: datetime) -> bool:
    """Whether this lane may let one message try; holds every lane of the circuit, this one too, if so.

    The first of the lanes is the lock, and is not waited for: whoever has it tries, or is settling a try.
    """
    together = sa.and_(_together(sender.id, sender.account, sender.open_reason), ~by_a_person(now))
    first = sa.select(sa.func.min(t.id)).where(together, t.open_since.is_not(None)).scalar_subquery()
    lock = sa.select(t.held_until).where(t.id == first).with_for_update(skip_locked=True, key_share=True)
    captain = connection.execute(lock).one_or_none()
    if captain is None or (captain.held_until is not None and captain.held_until > now):
        return False
    until = now + pause(sender.open_since, reason=sender.open_reason, now=now)
    waits = {"held_until": until, "held_by": ""}
    connection.execute(sa.update(core(Sender)).where(together, t.open_since.is_not(None)).values(waits))
    return True


async def close(session: Session, sender_id: int, *, log: audit.Log, now: datetime) -> None:
    """Let every lane of the circuit work again: the provider has dealt with a message."""
    row = (await session.execute(sa.select(core(Sender)).where(t.id == sender_id))).one_or_none()
    if row is None or row.open_since is None:
        return
    together = sa.and_(_together(sender_id, row.account, row.open_reason), t.open_since.is_not(None))
    await session.execute(sa.select(t.id).where(together).order_by(t.id).with_for_update(key_share=True))
    held = by_a_person(now)
    works = {
        "open_since": None, "open_reason": "", "held_until": sa.case((held, t.held_until), else_=None),
        "held_because": sa.case((held, t.held_because), else_=""), "held_by": sa.case((held, t.held_by), else_=""),
    }  # fmt: skip
    closed = (await session.execute(sa.update(core(Sender)).where(together).values(works).returning(t.id))).scalars()
    facts = {"senders": sorted(closed), "after_seconds": round((now - row.open_since).total_seconds())}
    await log.record(session, audit.Line("circuit.closed", f"sender:{sender_id}", facts), now=now)


async def account(session: Session, sender_id: int | None) -> str:
    """The account that a sender belongs to, ``""`` when nobody knows."""
    return (await session.scalar(sa.select(t.account).where(t.id == sender_id))) or ""


async def try_now(session: Session, sender_id: int | None = None, *, now: datetime) -> bool:
    """End the wait until the next try: of one sender's circuit, or of all. False when none is open.

    Of the one that is named a person's hold ends as well, of no other.
    """
    opened: sa.ColumnElement[bool] = t.open_since.is_not(None)
    if sender_id is not None:
        row = (await session.execute(sa.select(core(Sender)).where(t.id == sender_id))).one_or_none()
        if row is None or row.open_since is None:
            return False
        opened = sa.and_(opened, _together(sender_id, row.account, row.open_reason))
    opened = sa.and_(opened, sa.or_(t.id == sender_id, ~by_a_person(now)))
    statement = sa.update(core(Sender)).where(opened).values(held_until=None, held_by="").returning(t.id)
    return bool((await session.execute(statement)).all())


def by_a_person(now: datetime) -> sa.ColumnElement[bool]:
    """Whether somebody wants a lane's messages to wait."""
    return sa.and_(t.held_by != "", sa.func.coalesce(t.held_until > now, sa.false()))


def _together(sender_id: int, account: str, reason: str) -> sa.ColumnElement[bool]:
    """The senders that have one circuit: all of a refused account, else the one: it is about its setting."""
    if reason == Reason.AUTH.value and account:
        return t.account == account
    return t.id == sender_id

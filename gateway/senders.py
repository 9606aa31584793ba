"""The numbers and From addresses that we send as, kept in step with the settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import col, select

from channels.base import Medium
from gateway import audit, bell, circuits, errors, states
from gateway.database import Session
from gateway.models import Message, MessageState, Sender
from gateway.models.types import core, fixed

CLOSED = "The database was restored from a copy"  #: how the hold begins that only ``handbell backup open`` ends


@dataclass(frozen=True, slots=True)
class Wanted:
    """A sender as the settings have it: ``rate`` parts a second, ``burst`` parts at once.

    ``account`` names the account at the provider: what is refused to it is refused to all its senders.
    ``free_parts`` and ``pence`` as in :class:`gateway.models.Sender`.
    """

    channel: str
    medium: Medium
    address: str
    rate: float
    burst: float
    account: str = ""
    free_parts: int = 0
    pence: float | None = None


async def sync(session: Session, wanted: Sequence[Wanted], *, log: audit.Log, now: datetime) -> None:
    """Make the table say what the settings say. A sender that is gone is kept, inactive: messages point to it."""
    known = {(row.channel, row.address): row for row in await session.scalars(select(Sender).order_by(col(Sender.id)))}
    closed = next((row for row in known.values() if is_closed(row)), None)
    changed = []
    for one in wanted:
        row = known.pop((one.channel, one.address), None) or Sender(
            channel=one.channel, medium=one.medium, address=one.address, active=False
        )
        if closed and row.id is None:  # the copy is older than this sender
            row.held_until, row.held_because = closed.held_until, closed.held_because
        row.account = one.account or one.channel
        row.free_parts, row.pence = one.free_parts, one.pence
        if (row.rate, row.burst, row.active) != (one.rate, one.burst, True):
            row.rate, row.burst, row.active = one.rate, one.burst, True
            changed.append(row)
    for row in known.values():
        if row.active:
            row.active = False
            changed.append(row)
    session.add_all(changed)
    await session.flush()
    await circuits.try_now(session, now=now)  # settings are read at the start alone: this may be the mended one
    m = core(Message).c
    # What was set aside by a restore may have left by its own sender, and is looked for there.
    held = sa.and_(m.state == MessageState.HELD, m.reason.not_in(states.OF_RESTORED))
    waiting = sa.or_(m.state == MessageState.QUEUED, held)
    moved = await _hand_over(session, [row for row in known.values() if not row.active], waiting)
    lines = [
        audit.Line("sender.set", f"sender:{row.id}", {"active": row.active, "rate": row.rate, "burst": row.burst})
        for row in changed
    ]
    lines += _handed_over(moved)
    await log.record(session, lines, now=now)
    if lines:
        await bell.ring(session)  # other workers want lanes for what is new


async def hand_over(session: Session, *, log: audit.Log, now: datetime) -> None:
    """Give what has come back to the queue of a sender that is gone to another one.

    A worker that was started with the settings of before may have had it in hand while the new ones were read.
    """
    gone = list(await session.scalars(select(Sender).where(~col(Sender.active)).order_by(col(Sender.id))))
    moved = await _hand_over(session, gone, core(Message).c.state == fixed(MessageState.QUEUED))
    await log.record(session, _handed_over(moved), now=now)


def _handed_over(moved: Mapping[int, int]) -> list[audit.Line]:
    return [audit.Line("sender.handed_over", f"sender:{old}", {"messages": count}) for old, count in moved.items()]


async def _hand_over(session: Session, gone: Sequence[Sender], waiting: sa.ColumnElement[bool]) -> dict[int, int]:
    """Give what waits for a sender that is gone to another of its medium; nobody would ever claim it otherwise."""
    moved = {}
    t = core(Message)
    for old in gone:
        new = await heir(session, old.id)
        if new is None or old.id is None:
            continue
        statement = sa.update(t).where(t.c.sender_id == old.id, waiting).values(sender_id=new).returning(t.c.id)
        if count := len((await session.execute(statement)).all()):
            moved[old.id] = count
    return moved


async def heir(session: Session, sender_id: int | None) -> int | None:
    """The sender itself while it is active, else another of its medium, of its account first; None if there is none."""
    row = await session.get(Sender, sender_id) if sender_id is not None else None
    if row is None or row.active:
        return row.id if row else None
    query = select(Sender.id).where(Sender.medium == row.medium, col(Sender.active))
    query = query.order_by(col(Sender.account) != row.account, col(Sender.id))
    return (await session.scalars(query.limit(1))).first()


async def hold(
    session: Session, sender_id: int, *, until: datetime, because: str, code: str, log: audit.Log, now: datetime,
    by: str = "handbell",
) -> None:  # fmt: skip
    """Hold a lane back; a hold that lasts longer already stays as it is. ``code`` is the provider's own.

    What a person (``by``) holds is that person's, however long a provider wants us to wait: nothing goes by another way
    meanwhile. Of a lane whose circuit is open, staff go on reading why that is so.
    """
    t = core(Sender)
    longer, is_ours = sa.or_(t.c.held_until.is_(None), t.c.held_until < until), by == "handbell"
    a_persons = circuits.by_a_person(now)
    of_a_person = sa.and_(sa.literal(is_ours), a_persons)
    # What a restore has closed stays so, in its own words: whoever ends a hold must not open it by that.
    free_to_take = sa.and_(~a_persons, ~t.c.held_because.startswith(CLOSED))
    held = (
        sa.update(t)
        .where(t.c.id == sender_id, longer if is_ours else sa.or_(longer, free_to_take))
        .values(
            held_until=sa.case((longer, until), else_=t.c.held_until),
            held_because=sa.case((sa.or_(t.c.open_since.is_not(None), of_a_person), t.c.held_because), else_=because),
            held_by=sa.case((of_a_person, t.c.held_by), else_="" if is_ours else by),
        )
        .returning(t.c.id)
    )
    if (await session.execute(held)).first():
        facts = {"until": until.isoformat(), "because": because, "code": code}
        await log.record(session, audit.Line("sender.held", f"sender:{sender_id}", facts, by), now=now)


async def release(session: Session, sender_id: int, *, actor: str, log: audit.Log, now: datetime) -> bool:
    """End the hold of a lane. False when there is no such sender, or it is not held.

    Where the circuit of its account is open, one message tries at once; only that it goes well lets the others go.
    Raises :class:`errors.Conflict` where it is held as the database was restored.
    """
    held = await session.get(Sender, sender_id)
    if held is not None and is_closed(held):
        raise errors.Conflict(f"{held.held_because} See handbell backup held, then let everything go on at once.")
    if not await circuits.try_now(session, sender_id, now=now):
        row = await session.get(Sender, sender_id)
        if row is None or row.held_until is None:
            return False
        row.held_until, row.held_because, row.held_by = None, "", ""
        session.add(row)
    await log.record(session, audit.Line("sender.released", f"sender:{sender_id}", actor=actor), now=now)
    await bell.ring(session)
    return True


def is_closed(sender: Sender) -> bool:
    """Whether nothing leaves by it until a person has seen what was restored (``gateway/backup``)."""
    return sender.held_because.startswith(CLOSED)


async def listed(session: Session) -> Sequence[Sender]:
    """Every sender there is or was, in the order in which they came."""
    return (await session.scalars(select(Sender).order_by(col(Sender.id)))).all()

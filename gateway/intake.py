"""What comes back is stored first, unique per event, and only then interpreted.

A doubled delivery finds its row and changes nothing. What cannot be interpreted now (a receipt that outran our commit)
is tried again for a while. What still cannot is kept: as ``failed``, with a task for staff, or as ``orphan`` where it
is the receipt of a message that is not ours.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial

import sqlalchemy as sa
import structlog
from sqlmodel import col, select
from sqlmodel.sql.expression import SelectOfScalar

from channels import base
from channels.base import Receipt, Reply
from gateway import answers, arrivals, audit, plain_receipts, points, receipts, replies, tasks, turns, upsert
from gateway.database import Database, Session
from gateway.models import Inbound
from gateway.models.types import core

logger = structlog.get_logger()

#: How long an event may wait for a message that we do not know yet.
PATIENCE = timedelta(minutes=5)
_TRIES = 5
_FARTHEST = timedelta(minutes=5)  #: nothing is put off for longer
STRETCH = 0.05  #: seconds after which a commit is closed: a webhook waits for it, and the provider for the webhook
_PLAIN = 200  #: events among which plain receipts are looked for at once; on SQLite nobody else writes meanwhile


async def store(session: Session, channel: str, events: Sequence[base.Event], *, now: datetime) -> None:
    """Store events in the caller's transaction; those that are stored already change nothing."""
    await upsert.insert(session, core(Inbound), arrivals.rows(channel, events, now=now), key=arrivals.KEY)


async def handle_waiting(
    database: Database,
    *,
    log: audit.Log,
    now: datetime,
    answering: answers.Answering | None = None,
    limit: int = 25,
    stretch: float = math.inf,
) -> int:
    """Interpret what waits. Gives how many events it read; without ``answering`` nothing is answered by itself.

    First the plain receipts among so many that a thousand of them take a moment; then up to ``limit`` of what is left,
    as many as are done in ``stretch`` seconds, all in one commit, and where one event spoils that, each alone.
    """
    async with database.read() as session:  # mostly there is nothing, and nobody has to wait for us
        if (await session.scalars(_waiting(now).limit(1))).first() is None:
            return 0
    seen, settled = await _settle_plain(database, log=log, now=now)
    if settled and settled == seen:
        return settled
    return settled + await _handle_rest(database, answering, limit=limit, stretch=stretch, log=log, now=now)


async def _settle_plain(database: Database, *, log: audit.Log, now: datetime) -> tuple[int, int]:
    work = partial(plain_receipts.settle, limit=_PLAIN, log=log, now=now)
    try:
        return await turns.again(partial(database.at_once, work))
    except Exception:  # nothing of it was kept, and one event that spoils it must not hold up the others
        logger.exception("intake.not_together")
        return 0, 0


async def _handle_rest(
    database: Database,
    answering: answers.Answering | None,
    *,
    limit: int,
    stretch: float,
    log: audit.Log,
    now: datetime,
) -> int:
    taken: list[int] = []

    async def together() -> int:
        async with database.write() as session:
            events = (await session.scalars(_waiting(now).limit(limit).with_for_update(skip_locked=True))).all()
            taken[:] = [event.id for event in events if event.id is not None]
            await _hold(session, events)
            until = time.monotonic() + stretch
            for done, inbound in enumerate(events, start=1):
                await _handle(session, inbound, answering, log=log, now=now)
                if time.monotonic() > until:
                    return done
            return len(events)

    try:
        return await turns.again(together)
    except Exception:  # nothing of it was kept
        if not taken:
            raise
        logger.info("intake.one_by_one", events=len(taken), exc_info=True)
        await _handle_alone(database, taken, answering, log=log, now=now)
    return len(taken)


def _waiting(now: datetime) -> SelectOfScalar[Inbound]:
    """What waits to be interpreted, in the order in which it came. What is due in hours was put off by a clock that has
    been set back since.
    """
    query = select(Inbound).where(col(Inbound.handled_at).is_(None)).order_by(col(Inbound.id))
    due = col(Inbound.due_at)
    return query.where(sa.or_(due.is_(None), due <= now, due > now + _FARTHEST))


async def _handle_alone(
    database: Database,
    waiting: Sequence[int],
    answering: answers.Answering | None,
    *,
    log: audit.Log,
    now: datetime,
) -> None:
    async def alone(inbound_id: int) -> None:
        async with database.write() as session:
            query = _waiting(now).where(Inbound.id == inbound_id).with_for_update(skip_locked=True)
            if inbound := (await session.scalars(query)).first():  # else another worker has it
                await _handle(session, inbound, answering, log=log, now=now)

    for inbound_id in waiting:
        try:
            await turns.again(partial(alone, inbound_id))
        except Exception as error:  # one event that cannot be read must not hold up the others
            logger.exception("intake.failed", inbound=inbound_id)
            if turns.collided(error):
                continue  # it is nothing of the event's: next time
            async with database.write() as session:
                await _put_off(session, inbound_id, error, log=log, now=now)


async def _hold(session: Session, taken: Sequence[Inbound]) -> None:
    """Lock what many events are about before the first is read, in the order that everybody keeps (``turns``)."""
    events = [arrivals.unpacked(inbound.kind, inbound.event) for inbound in taken]
    addresses = await receipts.hold(session, [event for event in events if isinstance(event, Receipt)])
    said = [event for event in events if isinstance(event, Reply)]
    await points.hold(session, addresses | {(event.medium, event.sender) for event in said})
    await replies.hold(session, [event.sender for event in said])


async def _handle(
    session: Session, inbound: Inbound, answering: answers.Answering | None, *, log: audit.Log, now: datetime
) -> None:
    """Interpret one event."""
    event = arrivals.unpacked(inbound.kind, inbound.event)
    if isinstance(event, Reply):
        outcome = await replies.handle(session, event, inbound, answering=answering, log=log, now=now)
    else:
        outcome = await receipts.apply(session, event, log=log, now=now)
    if outcome == "unknown" and now - inbound.received_at < PATIENCE:
        inbound.due_at = now + timedelta(seconds=min(60, 2 ** min(inbound.tries, 6)))
        inbound.tries += 1
    else:
        inbound.handled_at, inbound.outcome = now, "orphan" if outcome == "unknown" else outcome
        if inbound.outcome == "orphan":
            await log.record(session, audit.Line("inbound.orphan", f"inbound:{inbound.id}"), now=now)
    session.add(inbound)


async def _put_off(session: Session, inbound_id: int, error: Exception, *, log: audit.Log, now: datetime) -> None:
    inbound = await session.get(Inbound, inbound_id)
    if inbound is None or inbound.handled_at is not None:
        return  # another worker could read it
    inbound.tries += 1
    inbound.due_at = now + timedelta(seconds=30 * inbound.tries)
    if inbound.tries >= _TRIES:
        inbound.handled_at, inbound.outcome = now, f"failed: {type(error).__name__}"
        await log.record(session, audit.Line("inbound.failed", f"inbound:{inbound.id}"), now=now)
        await tasks.ask(session, _unread(inbound), log=log, now=now)
    session.add(inbound)


def _unread(inbound: Inbound) -> tasks.Ask:
    what = "A receipt could not be taken in: what became of some messages may be shown wrongly."
    if inbound.kind == "reply":
        what = "An answer of a family could not be taken in: nobody has seen it."
    cure = "See handbell audit show --action inbound.failed and the journal; its words are in the table inbound."
    return tasks.Ask("unread", f"{inbound.channel} {inbound.kind}", what, cure, loud=inbound.kind == "reply")

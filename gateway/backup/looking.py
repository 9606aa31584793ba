"""The providers' lists, asked for everything that is set aside: what left after the copy was made is not sent again.

Only a text is known again by its words. A call is listed by its number alone, so one that is found may be another; and
a mail server keeps no list. Of those a person decides.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
import structlog

from channels.base import FindResult, Found, Medium, Outcome, Outgoing
from gateway import audit, context, outbox, states
from gateway.backup import gap
from gateway.database import Session
from gateway.guard import reasons
from gateway.models import Attempt, Message, MessageState, Sender
from gateway.models.types import core

logger = structlog.get_logger()

_AT_ONCE, _IN_A_ROUND = 8, 80  #: questions at once, and in one turn of the job
_LOOK_SECONDS = 30
_CLOCKS_DIFFER: Final = timedelta(seconds=5)
_OVER: Final = timedelta(days=3)  #: after that nothing is looked for any more: providers' lists grow long

message_table, attempt_table, sender_table = core(Message), core(Attempt), core(Sender)


async def copied_at(session: Session, *, now: datetime) -> datetime | None:
    """When the copy was made from which this database was restored of late; None where it was not."""
    last = next(iter(await audit.lines_about(session, action=gap.RESTORED, limit=1)), None)
    if last is None or now - last.at > _OVER:
        return None
    return datetime.fromisoformat(json.loads(last.body)["copied_at"])


async def look(
    gateway: context.Gateway, *, outgoing: Callable[[Mapping[str, Any]], Outgoing], stopping: asyncio.Event
) -> int:
    """Set aside what has come into the queue of a closed school, and ask for what has not been asked for yet. Gives how
    many messages were decided.
    """
    now = gateway.now()
    async with gateway.database.read() as session:
        since = await copied_at(session, now=now)
        if since is None:
            return 0
        closed = await gap.is_closed(session)
    if closed:
        async with gateway.database.write() as session:
            if await gap.is_closed(session):  # somebody may have opened it just now
                await gap.set_aside(session, now=now, due_only=True)
    async with gateway.database.read() as session:
        waiting = await _waiting(session)
    places, hung, decided = asyncio.Semaphore(_AT_ONCE), set[str](), 0

    async def ask(row: Mapping[str, Any]) -> tuple[Mapping[str, Any], FindResult]:
        async with places:
            if stopping.is_set() or row["channel"] in hung:
                return row, FindResult(Found.NOT_NOW)
            try:
                return row, await _find(gateway, row, outgoing, min(since, row["begun_at"] or since))
            except TimeoutError:
                hung.add(row["channel"])
                return row, FindResult(Found.NOT_NOW)

    for row, found in await asyncio.gather(*map(ask, waiting)):
        if found.found is not Found.NOT_NOW:
            async with gateway.database.write() as session:  # one by one: no two may take the same entry of the list
                await _decide(session, row, found, log=gateway.log, now=gateway.now())
            decided += 1
    return decided


async def _waiting(session: Session) -> Sequence[Mapping[str, Any]]:
    t, a, s = message_table.c, attempt_table.c, sender_table.c
    query = (
        sa.select(message_table, a.begun_at, s.address.label("sender"), s.channel)
        .outerjoin(sender_table, s.id == t.sender_id)
        .outerjoin(attempt_table, sa.and_(a.message_id == t.id, a.number == t.attempt))
        .where(t.state == MessageState.HELD, t.reason == states.RESTORED)
        .order_by(t.priority, t.due_at)
        .limit(_IN_A_ROUND)
    )
    return [dict(row) for row in (await session.execute(query)).mappings()]


async def _find(
    gateway: context.Gateway,
    row: Mapping[str, Any],
    outgoing: Callable[[Mapping[str, Any]], Outgoing],
    since: datetime,
) -> FindResult:
    channel = gateway.channels.get(row["channel"] or "")
    if channel is None:  # it was to go into a digest, or its provider is no longer set up
        return FindResult(Found.CANNOT_TELL)
    try:
        async with asyncio.timeout(_LOOK_SECONDS):
            return await channel.find(outgoing(row), since - _CLOCKS_DIFFER)
    except TimeoutError:
        raise
    except Exception:  # a bug of ours; the others go on
        logger.exception("restored.look_failed", message=row["id"])
        return FindResult(Found.CANNOT_TELL)


async def _decide(
    session: Session, row: Mapping[str, Any], found: FindResult, *, log: audit.Log, now: datetime
) -> None:
    t, message_id = message_table.c, row["id"]
    refs = await outbox.unowned(session, found.refs, message_id)
    if refs and row["medium"] is Medium.SMS:
        left = {"ref": refs[0], "reason": "", "reason_text": ""}
        if await outbox.change(session, message_id, MessageState.ACCEPTED, now=now, **left):
            a = attempt_table.c
            this = sa.and_(a.message_id == message_id, a.number == row["attempt"])
            await session.execute(
                sa.update(attempt_table).where(this).values(outcome=Outcome.ACCEPTED, ref=refs[0], ended_at=now)
            )
            facts = {"reason": "evidence", "found": found.found.value}
            await log.record(session, audit.Line("message.accepted", f"message:{message_id}", facts), now=now)
        return
    absent = found.found is Found.ABSENT or (found.found is Found.HERE and not refs)
    reason = states.RESTORED_ABSENT if absent else states.RESTORED_UNCLEAR
    still = sa.and_(t.id == message_id, t.state == MessageState.HELD, t.reason == states.RESTORED)
    await session.execute(
        sa.update(message_table).where(still).values(reason=reason, reason_text=reasons.REASONS[reason])
    )

"""The providers' lists, asked for everything that is set aside: what left after the copy was made is not sent again.

It is asked for by every way by which it may have left: its own sender's, another provider's, to which it may have been
moved since, and a number's that was given up. Where a provider knows it by our id, what was made anew since is looked
for by its words. A call is listed by its number alone, so one that is found may be another; and a mail server keeps no
list. Of those a person decides.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
import structlog

from channels.base import FindResult, Found, KnowsIds, Medium, Outcome, Outgoing
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

_Row = dict[str, Any]
_Answer = tuple[int | None, FindResult]  #: by which sender it was looked for, and what was found


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
        waiting, lanes = await _waiting(session), await _lanes(session)
    places, hung, decided = asyncio.Semaphore(_AT_ONCE), set[str](), 0

    async def ask(row: _Row) -> tuple[_Row, list[_Answer]]:
        async with places:
            answers = list[_Answer]()
            for way in _ways(gateway, row, lanes):
                found = FindResult(Found.NOT_NOW)
                if not stopping.is_set() and way["channel"] not in hung:
                    try:
                        found = await _find(gateway, way, outgoing, since)
                    except TimeoutError:
                        hung.add(way["channel"])
                answers.append((way["sender_id"], found))
            return row, answers

    for row, answers in await asyncio.gather(*map(ask, waiting)):
        kinds = {found.found for _, found in answers}
        if Found.NOT_NOW not in kinds or Found.HERE in kinds:
            async with gateway.database.write() as session:  # one by one: no two may take the same entry of the list
                if await _decide(session, row, answers, log=gateway.log, now=gateway.now()):
                    decided += 1
    return decided


async def _lanes(session: Session) -> Sequence[_Row]:
    """All senders there are or were."""
    return [dict(row) for row in (await session.execute(sa.select(sender_table))).mappings()]


def _ways(gateway: context.Gateway, row: _Row, lanes: Sequence[_Row]) -> Sequence[_Row]:
    """The message as each of the senders would have sent it by which it may have left, its own first."""
    own = next((lane for lane in lanes if lane["id"] == row["sender_id"]), None)
    if own is None:
        return [row]
    others = [
        lane
        for lane in lanes
        if lane["id"] != own["id"] and lane["medium"] is row["medium"] and lane["channel"] in gateway.channels
        and (lane["account"] != own["account"] or not lane["active"])
    ]  # fmt: skip
    return [
        row,
        *(row | {"sender_id": one["id"], "sender": one["address"], "channel": one["channel"]} for one in others),
    ]


async def _waiting(session: Session) -> Sequence[_Row]:
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
    row: _Row,
    outgoing: Callable[[Mapping[str, Any]], Outgoing],
    copied_at: datetime,
) -> FindResult:
    channel = gateway.channels.get(row["channel"] or "")
    if channel is None:  # it was to go into a digest, or its provider is no longer set up
        return FindResult(Found.CANNOT_TELL)
    anew = row["created_at"] > copied_at  # what left had another id
    find = channel.find_alike if isinstance(channel, KnowsIds) and anew else channel.find
    since = min(copied_at, row["begun_at"] or copied_at)
    try:
        async with asyncio.timeout(_LOOK_SECONDS):
            return await find(outgoing(row), since - _CLOCKS_DIFFER)
    except TimeoutError:
        raise
    except Exception:  # a bug of ours; the others go on
        logger.exception("restored.look_failed", message=row["id"])
        return FindResult(Found.CANNOT_TELL)


async def _decide(session: Session, row: _Row, answers: Sequence[_Answer], *, log: audit.Log, now: datetime) -> bool:
    """Write down what is known by all answers. Gives whether anything is: not while one could not be asked."""
    t, message_id = message_table.c, row["id"]
    kinds = set[Found]()
    for sender_id, found in answers:
        refs = await outbox.unowned(session, found.refs, message_id)
        if refs and row["medium"] is not Medium.VOICE:
            await _left(session, row, sender_id, refs[0], log=log, now=now)
            return True
        kinds.add(Found.ABSENT if found.found is Found.HERE and not refs else found.found)
    if Found.NOT_NOW in kinds:
        return False
    reason = states.RESTORED_ABSENT if kinds == {Found.ABSENT} else states.RESTORED_UNCLEAR
    still = sa.and_(t.id == message_id, t.state == MessageState.HELD, t.reason == states.RESTORED)
    await session.execute(
        sa.update(message_table).where(still).values(reason=reason, reason_text=reasons.REASONS[reason])
    )
    return True


async def _left(session: Session, row: _Row, sender_id: int | None, ref: str, *, log: audit.Log, now: datetime) -> None:
    """It is in the list of a provider."""
    message_id, a = row["id"], attempt_table.c
    left = {"ref": ref, "reason": "", "reason_text": "", "sender_id": sender_id}
    if await outbox.change(session, message_id, MessageState.ACCEPTED, now=now, **left):
        this = sa.and_(a.message_id == message_id, a.number == row["attempt"])
        await session.execute(
            sa.update(attempt_table).where(this).values(outcome=Outcome.ACCEPTED, ref=ref, ended_at=now)
        )
        facts = {"reason": "evidence", "found": Found.HERE.value}
        await log.record(session, audit.Line("message.accepted", f"message:{message_id}", facts), now=now)

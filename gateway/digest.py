"""The digest: what a contact prefers to hear once a day goes as one text or one email, on school days at one hour.

Planning leaves such messages in the queue without a sender, due at the digest's hour (``preferences/arranging``). Then
each contact's are asked about at the wall once more, put together by phone or mailbox, in the order of their urgency,
and go as one message; they are ``sending`` from then on and follow whatever becomes of it. The wall asks about the
whole when it is claimed; where that may not leave, each goes by itself and is asked about alone.

A message never holds the words for two contacts, nor a child's words for a phone that may not hear of the child: each
of them was made for this phone, and the digest is about all of their pupils.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from itertools import groupby
from typing import Any, Final

import sqlalchemy as sa
from sqlmodel import col, select

from channels.base import Medium
from gateway import audit, bell, context, guard, outbox, routing
from gateway.database import Session
from gateway.models import About, Contact, DigestItem, Message, MessageState
from gateway.models.types import core, fixed
from templates import segments, together

SLOT: Final = "digest:"  #: begins the slot of a digest; after it its id
ALONE: Final = "The only one for the digest: goes by itself."
BY_ITSELF: Final = "The digest that it was part of could not leave: goes by itself."

_AT_ONCE = 50  #: contacts in one transaction
_FOLLOWED = timedelta(days=7)  #: so long a digest's receipts are handed on
_ENDED = (MessageState.SKIPPED, MessageState.EXPIRED, MessageState.CANCELLED)
_HANDED_ON = (MessageState.ACCEPTED, MessageState.DELIVERED, MessageState.FAILED)

_message, _item = core(Message), core(DigestItem)
_t = _message.c


def _due(gateway: context.Gateway) -> tuple[sa.ColumnElement[bool], ...]:
    return _t.sender_id.is_(None), _t.state == fixed(MessageState.QUEUED), _t.due_at <= gateway.now()


async def is_due(session: Session, gateway: context.Gateway) -> bool:
    """Whether there is a digest to be made, or news of one to be handed on."""
    waiting = sa.select(_t.id).where(*_due(gateway)).limit(1)
    if await session.scalar(waiting) is not None:
        return True
    return (await session.execute(_news(gateway).limit(1))).first() is not None


async def turn(session: Session, gateway: context.Gateway) -> int:
    """Make the digests of some contacts, and hand on what became of earlier ones. Gives how many messages that were.

    Ten processes may do it: a contact is one process's at a time.
    """
    done = await _follow(session, gateway)
    query = sa.select(_t.contact_id).where(*_due(gateway)).distinct().order_by(_t.contact_id).limit(_AT_ONCE)
    contact_ids = [one for one in await session.scalars(query) if one is not None]
    locked = sa.select(core(Contact).c.id).where(core(Contact).c.id.in_(contact_ids)).order_by(core(Contact).c.id)
    mine = list(await session.scalars(locked.with_for_update(skip_locked=True, key_share=True)))
    theirs = sa.or_(_t.contact_id.in_(mine), _t.contact_id.is_(None))  # whose contact is gone: the wall says so
    every = (
        select(Message)
        .where(*_due(gateway), theirs)
        .order_by(
            col(Message.contact_id), col(Message.medium), col(Message.address), col(Message.priority), col(Message.id)
        )
        .with_for_update(key_share=True, skip_locked=True)
    )
    rows = list(await session.scalars(every))
    for _, group in groupby(
        await _allowed(session, gateway, rows), key=lambda row: (row.contact_id, row.medium, row.address)
    ):
        await _put_together(session, gateway, list(group))
    if rows or done:
        await bell.ring(session)
    return len(rows) + done


async def _allowed(session: Session, gateway: context.Gateway, rows: Sequence[Message]) -> list[Message]:
    """Those that may leave. What the wall stops is written down; a later step that comes early goes its own way."""
    asked = [row.model_dump(include={"id", "run_id", "slot", "not_after", "only_if"}) for row in rows]
    today, now = gateway.today(), gateway.now()

    def ask(plain: Any) -> tuple[set[str], list[str]]:
        connection = plain.connection()
        stopped = guard.stopped(connection, asked, today=today, now=now)
        gateway.log.write(connection, outbox.stop(connection, stopped, now=now), now=now)
        left = [one for one in asked if one["id"] not in stopped]
        return set(stopped), guard.too_early(connection, left, now=now)

    stopped, early = await session.run_sync(ask)
    for row in rows:
        if row.id in early:
            await _release(session, gateway, row, remark=row.remark)
    return [row for row in rows if row.id not in stopped and row.id not in early]


async def _put_together(session: Session, gateway: context.Gateway, rows: Sequence[Message]) -> None:
    """Make one message of several to one phone or mailbox, or as few as their length allows."""
    said = [together.Said(row.subject, row.body) for row in rows]
    school, begins = gateway.settings.school.short_name, 0
    if rows[0].medium is Medium.EMAIL:
        whole = together.email(said, school=school)
        made = [(whole.subject, whole.body, len(rows))]
    else:
        made = [("", *one) for one in together.texts(said, school=school, most_parts=guard.MOST_PARTS)]
    for subject, body, count in made:
        some = rows[begins : begins + count]
        begins += count
        if count == 1:
            await _release(session, gateway, some[0], remark=ALONE)
        else:
            await _send(session, gateway, some, subject=subject, body=body)


async def _send(
    session: Session, gateway: context.Gateway, rows: Sequence[Message], *, subject: str, body: str
) -> None:
    first, now = rows[0], gateway.now()
    # Who has declined what can be declined may not get the whole: then each is asked about by itself.
    least = next((row for row in rows if not row.purpose.mandatory), first)
    parts = segments.count(body).parts if first.medium is Medium.SMS else 1
    digest_id = gateway.new_id()
    digest = Message(
        id=digest_id,
        contact_id=first.contact_id,
        contact_point_id=first.contact_point_id,
        sender_id=await sender(session, gateway, first, words=body),
        medium=first.medium,
        address=first.address,
        slot=f"{SLOT}{digest_id}",
        purpose=least.purpose,
        priority=min(row.priority for row in rows),
        language=first.language,
        words_state=first.words_state,
        subject=subject,
        body=body,
        parts=parts,
        pence=gateway.costs().of(first.medium, parts=parts, characters=len(body)),
        state=MessageState.QUEUED,
        due_at=now,
        not_after=min((row.not_after for row in rows if row.not_after), default=None),
        only_if=guard.TOGETHER,
        remark=f"{len(rows)} messages in one.",
        created_at=now,
        changed_at=now,
    )
    session.add(digest)
    await session.flush()
    ids = [row.id for row in rows]
    pupils = sa.select(core(About).c.pupil_id).where(core(About).c.message_id.in_(ids)).distinct()
    session.add_all([About(message_id=digest.id, pupil_id=one) for one in await session.scalars(pupils)])
    session.add_all([DigestItem(message_id=one, digest_id=digest.id, state=digest.state, at=now) for one in ids])
    within = f"Within the digest {digest.id}."
    sending = sa.update(_message).where(_t.id.in_(ids))
    await session.execute(sending.values(state=MessageState.SENDING, pence=0.0, remark=within, changed_at=now))
    await session.flush()
    facts = {"messages": ids, "parts": parts, "medium": digest.medium}
    await gateway.log.record(session, audit.Line("digest.made", f"message:{digest.id}", facts), now=now)


async def sender(session: Session, gateway: context.Gateway, row: Message, *, words: str = "") -> int | None:
    """What a message would go as by itself, with these words or its own; None where there is nothing."""
    body = words or row.body
    parts = segments.count(body).parts if row.medium is Medium.SMS else 1
    email = row.medium is Medium.EMAIL  # files may go along with what is in it
    ask = routing.Ask(row.medium, body, parts, answered=bool(row.keys), urgent=row.purpose.urgent, files=email)
    found = routing.same_for((await gateway.router(session)).choose(ask, row.address).senders, row.address)
    return found.id if found else None


async def _release(session: Session, gateway: context.Gateway, row: Message, *, remark: str) -> None:
    """Let a message go by itself, as it would have without a digest."""
    sender_id = await sender(session, gateway, row)
    values: dict[str, Any]
    if sender_id is None:
        values = {"state": MessageState.SKIPPED, "reason": "no_sender", "reason_text": guard.REASONS["no_sender"]}
    else:
        values = {"state": MessageState.QUEUED, "sender_id": sender_id, "due_at": gateway.now(), "remark": remark}
    await session.execute(sa.update(_message).where(_t.id == row.id).values(**values, changed_at=gateway.now()))


def _news(gateway: context.Gateway) -> sa.Select[Any, Any, Any, Any, Any]:
    """What became of digests and was not handed on yet."""
    whole = _message.alias("whole")
    return (
        sa.select(_item.c.message_id, whole.c.id, whole.c.state, whole.c.reason, whole.c.reason_text)
        .join(whole, whole.c.id == _item.c.digest_id)
        .where(_item.c.at > gateway.now() - _FOLLOWED, _item.c.state != whole.c.state)
        .where(whole.c.state.in_([fixed(state) for state in (*_HANDED_ON, *_ENDED)]))
        .order_by(_item.c.message_id)
    )


async def _follow(session: Session, gateway: context.Gateway) -> int:
    """Let messages follow the digest that they went in. Those of one that did not leave go by themselves."""
    now = gateway.now()
    news = (await session.execute(_news(gateway).limit(1000).with_for_update(of=_item, skip_locked=True))).all()
    lines = list[audit.Line]()
    for message_id, digest_id, state, reason, text in news:
        facts = {"digest": digest_id}
        if state in _ENDED:
            row = await session.get_one(Message, message_id)
            if row.state is MessageState.SENDING:
                await _release(session, gateway, row, remark=BY_ITSELF)
                lines.append(audit.Line("digest.left", f"message:{message_id}", facts))
            await session.execute(sa.delete(_item).where(_item.c.message_id == message_id))
            continue
        if await outbox.change(session, message_id, state, now=now, reason=reason, reason_text=text):
            lines.append(audit.Line(f"message.{state.value}", f"message:{message_id}", facts | {"reason": reason}))
        await session.execute(sa.update(_item).where(_item.c.message_id == message_id).values(state=state))
    await gateway.log.record(session, lines, now=now)
    return len(news)


async def of(session: Session, message_id: str) -> str:
    """The id of the digest that a message went in, or ``""``."""
    return await session.scalar(sa.select(_item.c.digest_id).where(_item.c.message_id == message_id)) or ""


async def within(session: Session, digest_id: str) -> list[str]:
    """The ids of the messages that went within a digest."""
    query = sa.select(_item.c.message_id).where(_item.c.digest_id == digest_id).order_by(_item.c.message_id)
    return list(await session.scalars(query))


async def work(gateway: context.Gateway) -> bool:
    """Do what is due, if anything is. Whether something was done."""
    async with gateway.database.read() as session:
        if not await is_due(session, gateway):
            return False
    async with gateway.database.write() as session:
        return bool(await turn(session, gateway))

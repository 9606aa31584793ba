"""What Handbell answers by itself to what a family sent: little, in their language, and never to a machine.

Two machines that answer each other would text all night at the school's cost, so there is a limit for each address.
Whatever happens here, what came in is stored and listed all the same.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa
from sqlmodel import col, select

from channels import base
from channels.base import Medium
from config import identity, sections
from gateway import audit, bell, ids, tasks, wording
from gateway.database import Session
from gateway.models import Message, MessageState, Purpose, Reply, Sender
from gateway.preferences import topics
from templates import phrases, segments, states

SLOT: Final = "answer:"  #: begins the slot of a message that is our own answer to something
THANKS: Final = f"{SLOT}chosen:"  #: that of an answer which stands in for no other

#: No short code, no name and no withheld number: behind those is a machine, or nobody.
A_PERSONS_NUMBER: Final = re.compile(r"\+[1-9][0-9]{7,14}")
_ONE_HANDFUL = timedelta(minutes=10)  #: several pictures in a row are answered once
_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_AN_ANSWER = 1  #: the priority of answers to a person (architecture.md §4)


@dataclass(frozen=True, slots=True)
class Answering:
    """How the school is called, what an answer costs, how many there may be, and what may be declined by text.

    ``listeners`` are told of every reply once it is stored, in the same transaction: what it is about may answer it.
    """

    school: wording.School
    costs: wording.Costs
    limits: sections.Answers
    topics: topics.Topics | None = None
    new_id: Callable[[], str] = ids.new_id
    listeners: Sequence[Callable[[Session, Reply], Awaitable[bool]]] = ()


async def no_pictures(
    session: Session,
    reply: base.Reply,
    row: Reply,
    *,
    language: str,
    answering: Answering,
    log: audit.Log,
    now: datetime,
) -> bool:
    """Tell somebody who sent a picture that nobody sees it. It was not fetched: it may be anything.

    True when an answer was put into the outbox, once for an event, as an event is handled once.
    """
    if reply.medium is not Medium.SMS or not reply.media or not A_PERSONS_NUMBER.fullmatch(reply.sender):
        return False
    wrote_to = await sender(session, Medium.SMS, reply.to)
    if wrote_to is None or await enough(session, row, reply.sender, answering.limits, log=log, now=now):
        return False
    used = allowed(language, drafts=answering.school.allow_drafts)
    text = phrases.no_pictures(used, school=answering.school.short_name, school_phone=answering.school.phone)
    said = Said(text, used, phrases.state("reply", used), f"{SLOT}{row.inbound_id}", row.contact_id)
    message = await send(session, answering, wrote_to, reply.sender, said, now=now)
    facts = {"message": message.id, "why": "media"}
    await log.record(session, audit.Line("reply.answered", f"reply:{row.id}", facts), now=now)
    await bell.ring(session)
    return True


@dataclass(frozen=True, slots=True)
class Said:
    """An answer of ours by text: the words, their language and state, its slot, and whose phone it is, if one's."""

    text: str
    language: str
    state: str
    slot: str
    contact_id: int | None


async def send(
    session: Session, answering: Answering, sender: Sender, address: str, said: Said, *, now: datetime
) -> Message:
    """Put an answer by text into the outbox. The caller writes the log's line, and rings."""
    parts = segments.count(said.text).parts
    message = Message(
        id=answering.new_id(),
        contact_id=said.contact_id,
        sender_id=sender.id,
        medium=Medium.SMS,
        address=address,
        slot=said.slot,
        purpose=Purpose.SERVICE,
        priority=_AN_ANSWER,
        language=said.language,
        words_state=said.state,
        body=said.text,
        parts=parts,
        pence=answering.costs.of(Medium.SMS, parts=parts, characters=len(said.text)),
        state=MessageState.QUEUED,
        due_at=now,
        created_at=now,
        changed_at=now,
    )
    session.add(message)
    await session.flush()
    return message


async def tell(session: Session, row: Reply, answering: Answering) -> None:
    """Tell the listeners of a reply, until one of them has dealt with it."""
    for listener in answering.listeners:
        if await listener(session, row):
            return


async def repeats(session: Session, row: Reply, *, limits: sections.Answers, log: audit.Log, now: datetime) -> bool:
    """Whether the same words come from one address again and again, as from a machine. Then staff are told, once.

    Pictures without words are no words: a family that sends five of them is no machine.
    """
    if row.option or row.keys or not row.body.strip():
        return False
    query = select(sa.func.count()).where(
        Reply.conversation_id == row.conversation_id, Reply.body == row.body, col(Reply.at) > row.at - _HOUR
    )
    if (await session.scalar(query) or 0) < limits.same_words_per_hour:
        return False
    await _tell(session, row, "The same words come again and again from one number or mailbox.", log=log, now=now)
    return True


async def enough(
    session: Session, row: Reply, address: str, limits: sections.Answers, *, log: audit.Log, now: datetime
) -> bool:
    """Whether this address has had all the answers that it may have for now."""
    if not limits.per_hour or not limits.per_day:
        return True  # the school wants none
    ours = (Message.address == address, col(Message.run_id).is_(None), col(Message.slot).startswith(SLOT))
    recent = (col(Message.created_at) > now - _ONE_HANDFUL, ~col(Message.slot).startswith(THANKS))
    just_now = select(Message.id).where(*ours, *recent).limit(1)
    if await session.scalar(just_now):
        return True
    for most, span in ((limits.per_hour, _HOUR), (limits.per_day, _DAY)):
        query = select(sa.func.count()).select_from(Message).where(*ours, col(Message.created_at) > now - span)
        if (await session.scalar(query) or 0) >= most:
            what = "Something answers each of our automatic answers: we have stopped answering."
            await _tell(session, row, what, log=log, now=now)
            return True
    return False


async def _tell(session: Session, row: Reply, what: str, *, log: audit.Log, now: datetime) -> None:
    cure = "Read it (handbell replies list), and ring the family if it is one."
    await tasks.ask(session, tasks.Ask("loop", f"conversation:{row.conversation_id}", what, cure), log=log, now=now)


async def sender(session: Session, medium: Medium, address: str) -> Sender | None:
    """The number or mailbox that they wrote to, else another that can be answered."""
    query = select(Sender).where(Sender.medium == medium, col(Sender.active)).order_by(col(Sender.id))
    found = [
        one for one in await session.scalars(query) if medium is not Medium.SMS or not identity.is_name(one.address)
    ]
    return next((one for one in found if one.address == address), found[0] if found else None)


async def thanked(session: Session, address: str, *, now: datetime) -> int:
    """How many answers of ours went to an address within the hour."""
    query = select(sa.func.count()).where(
        Message.address == address, col(Message.slot).startswith(SLOT), col(Message.created_at) > now - _HOUR
    )
    return await session.scalar(query) or 0


def allowed(language: str, *, drafts: bool, group: phrases.Group = "reply") -> str:
    """The language of the answer: a translation that nobody has checked only where the school allows it."""
    used = phrases.language_for(group, language)
    return used if drafts or states.trusted(phrases.state(group, used)) else "en"

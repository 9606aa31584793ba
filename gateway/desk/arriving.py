"""What a reply means for the desk: nothing, or a promise that somebody answers, told to the family at once.

A reply waits here until the absences have had it (``absence/hearing``): what they understood is settled and needs no
answer. Each is looked at once, by whoever holds its conversation, in one transaction with all that follows from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import sqlalchemy as sa
import structlog
from sqlalchemy.exc import OperationalError
from sqlmodel import col, select

from channels.base import Medium
from gateway import context, conversations, intake, tasks, turns
from gateway.database import Session
from gateway.desk import acknowledging, complaints, promise, writing
from gateway.freshness import hearing
from gateway.good_news import listening
from gateway.models import AbsenceHeard, Conversation, Inbound, Reply
from gateway.models.types import core
from gateway.understanding import language, reading
from gateway.understanding.meaning import Intent

logger = structlog.get_logger()

_AT_ONCE: Final = 25  #: conversations of one transaction
_HEARD_WITHIN: Final = timedelta(days=1)  #: the absences look at no older reply

#: What the absences say of a reply that was not for them.
_NOTHING: Final = frozenset({"left", "nobody's", ""})
#: Words about an absence, where nobody has asked.
_ABSENCE: Final = frozenset(
    {Intent.ILLNESS, Intent.MEDICAL_APPOINTMENT, Intent.LATE, Intent.HOLIDAY, Intent.RELIGIOUS_OBSERVANCE}
    | {Intent.FAMILY_EMERGENCY, Intent.SAYS_PRESENT, Intent.SAFEGUARDING_CONCERN}
)
#: A person reads it, and nobody waits for an answer.
_NO_ANSWER: Final = frozenset({Intent.THANKS, Intent.WRONG_NUMBER, Intent.OPT_OUT})


@dataclass(frozen=True, slots=True)
class Found:
    """What a reply is for the desk. ``kind`` is ``""`` where no answer is promised; ``alarmed``: staff know already."""

    kind: str
    urgent: bool = False
    alarmed: bool = False


async def any_waiting(session: Session, gateway: context.Gateway) -> bool:
    """Whether a reply is still to be looked at."""
    return (await session.scalars(_ready(gateway).limit(1))).first() is not None


async def turn(
    session: Session, gateway: context.Gateway, rules: promise.Rules, known: Mapping[str, language.Language]
) -> int:
    """Look at replies that have come in, in the caller's transaction. Gives how many."""
    ids = set(await session.scalars(_ready(gateway).limit(_AT_ONCE)))
    held = select(Conversation.id).where(col(Conversation.id).in_(ids)).order_by(col(Conversation.id))
    locked = (await session.scalars(held.with_for_update(key_share=True, skip_locked=True))).all()
    query = _unsorted(gateway, sa.select(Reply)).where(col(Reply.conversation_id).in_(locked))
    # Whoever had the conversation before us has looked at some of them.
    found = await session.scalars(query.order_by(col(Reply.id)).execution_options(populate_existing=True))
    replies = found.all()
    for reply in replies:
        await _look_safely(session, gateway, rules, known, reply)
    return len(replies)


async def _look_safely(
    session: Session,
    gateway: context.Gateway,
    rules: promise.Rules,
    known: Mapping[str, language.Language],
    reply: Reply,
) -> None:
    """Look at one. One that breaks us is given to a person: it must not keep the others from being answered."""
    reply_id, now = reply.id, gateway.now()
    try:
        async with session.begin_nested():
            await _look_at(session, gateway, rules, known, reply)
    except OperationalError:  # the database is away: it is looked at next time
        raise
    except Exception as error:
        if turns.collided(error):
            raise
        logger.exception("desk.not_sorted", reply=reply_id)
        await session.refresh(reply)
        reply.sorted_at = now
        session.add(reply)
        what = "An answer of a family waits, and no time could be promised for it. Read it."
        ask = tasks.Ask("desk.unsorted", f"reply:{reply_id}", what, "handbell replies list --waiting", loud=True)
        await tasks.ask(session, ask, log=gateway.log, now=now)


def _ready(gateway: context.Gateway) -> sa.Select[int]:
    return _unsorted(gateway, sa.select(col(Reply.conversation_id))).order_by(col(Reply.id))


def _unsorted(gateway: context.Gateway, query: sa.Select[Any]) -> sa.Select[Any]:
    query = query.where(col(Reply.sorted_at).is_(None))
    if not gateway.settings.absence.enabled:
        return query
    now, heard = gateway.now(), core(AbsenceHeard).c
    had = sa.select(heard.reply_id).where(heard.reply_id == col(Reply.id)).exists()
    # Should the absences be stuck, the family is answered all the same.
    patient = sa.select(core(Inbound).c.id).where(
        core(Inbound).c.id == col(Reply.inbound_id), core(Inbound).c.handled_at < now - intake.PATIENCE
    )
    return query.where(sa.or_(had, col(Reply.at) <= now - _HEARD_WITHIN, patient.exists()))


async def _look_at(
    session: Session,
    gateway: context.Gateway,
    rules: promise.Rules,
    known: Mapping[str, language.Language],
    reply: Reply,
) -> None:
    now, log = gateway.now(), gateway.log
    reply.sorted_at = now
    session.add(reply)
    if await listening.hear(session, gateway, reply):
        return
    if await hearing.take_words(session, gateway, reply):  # of the family's own details, and of nothing else
        return
    to = await writing.addressee(session, gateway, reply)
    found = await _means(session, to, known, reply, gateway=gateway)
    if not found.kind or reply.seen_at is not None:
        return
    root = await conversations.find(session, reply.conversation_id)
    due_at = now if found.urgent else rules.due(found.kind, now)
    made = await conversations.promise(
        session, root, found.kind, reply.id or 0, due_at=due_at, urgent=found.urgent, log=log, now=now
    )
    if found.urgent and not found.alarmed:
        what, cure = "A family's words may mean that a child is not safe. Read them now.", _SHOW.format(root=root.id)
        ask = tasks.Ask("desk.urgent", f"conversation:{root.id}", what, cure, loud=True)
        await tasks.ask(session, ask, log=log, now=now)
    if made is None:
        return
    told = await acknowledging.acknowledge(session, gateway, to, made, urgent=found.urgent)
    if told is not None:
        made.message_id = told.id
        session.add(made)


_SHOW: Final = "handbell conversation show {root}"


async def _means(
    session: Session,
    to: writing.Addressee,
    known: Mapping[str, language.Language],
    reply: Reply,
    *,
    gateway: context.Gateway,
) -> Found:
    """What it is about, and how soon somebody must answer."""
    heard = await session.get(AbsenceHeard, reply.id)
    outcomes = set(heard.outcome.split(", ")) - _NOTHING if heard else set[str]()
    if reply.settled or (reply.keyword is not None and "unread" not in outcomes):
        return Found("")  # a word of the networks; HELP in answer to where a child is may be a cry
    spoken = to.event.get("medium") == Medium.VOICE.value and not reply.keys
    asked = reading.Asked(gateway.today(), language=to.language)
    said = reading.understand(reply.body, asked, languages=known) if reply.body.strip() and not spoken else None
    alarmed = "alarm" in outcomes
    if alarmed or (said is not None and said.urgent):
        return Found("absence", urgent=True, alarmed=alarmed)
    sure = said.intent if said is not None and said.confidence >= reading.SURE else None
    if sure in _NO_ANSWER and outcomes <= _NO_ANSWER | {"noted"} and not reading.asks(reply.body):
        return Found("")
    # Nobody has heard a voice message yet: most who ring in the morning say that a child is not coming.
    if outcomes or spoken or sure in _ABSENCE:
        return Found("absence")
    return Found("complaint" if complaints.is_one(reply.body) else "question")

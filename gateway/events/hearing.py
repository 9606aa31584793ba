"""Families' replies about an event: whose they are, what they say, and what is answered at once.

A reply is heard in the transaction in which it was stored (``replies.handle``). A digit means what it meant in the
message that it answers; words are read (``understanding``) where they can be of one guest only. What is not understood
is left as it is, for a person. What is understood of an event says nothing of an absence, so it is marked as heard.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import time
from functools import partial

import sqlalchemy as sa
import structlog
from sqlalchemy.exc import OperationalError
from sqlmodel import select

from channels.base import Medium
from gateway import answers, audit, bell, context, replies, tasks, turns, upsert
from gateway.database import Session
from gateway.events import answering, guests, offers, papers, planning, slots, tellings, understanding
from gateway.events.answering import Outcome
from gateway.models import (
    About,
    AbsenceHeard,
    Contact,
    Conversation,
    EventGuest,
    EventSlot,
    EventTold,
    Keyword,
    Message,
    MessageState,
    Purpose,
    Reply,
    Run,
    SchoolEvent,
    Sender,
)
from gateway.models.types import core
from gateway.understanding import reading
from templates import phrases, segments, words

logger = structlog.get_logger()

_AN_ANSWER = 1  #: the priority of answers to a person (architecture.md §4)
#: What words may say to messages that ask nothing.
_UNASKED: Mapping[str, frozenset[str]] = {
    kind.value: frozenset({offers.COMING, offers.NOT_COMING})
    for kind in (tellings.Kind.REMINDER, tellings.Kind.CHANGED)
}
_HOW = {Medium.SMS: "text", Medium.EMAIL: "email", Medium.VOICE: "call"}


@dataclass(frozen=True, slots=True)
class Heard:
    """A reply with the message that it answers and the guest whose it is."""

    reply: Reply
    message: Message
    guest: EventGuest
    menu: dict[str, str]


def answering_of(gateway: context.Gateway) -> answers.Answering:
    """What Handbell needs to answer a family by itself, families' answers about events among it."""
    return replace(gateway.answering(), listeners=(partial(hear_safely, gateway),))


async def hear_safely(gateway: context.Gateway, session: Session, reply: Reply) -> bool:
    """Hear one reply. One that breaks us is left to a person: it must not keep the others from being taken in."""
    reply_id = reply.id
    try:
        async with session.begin_nested():
            return await hear(session, gateway, reply)
    except OperationalError:  # the database is away: it is taken in next time
        raise
    except Exception as error:
        if turns.collided(error):
            raise
        logger.exception("event.not_heard", reply=reply_id)
        await session.refresh(reply)
        what = "An answer about an event could not be taken in. Read it."
        ask = tasks.Ask("event.unheard", f"reply:{reply_id}", what, "handbell replies list")
        await tasks.ask(session, ask, log=gateway.log, now=gateway.now())
        return False


async def hear(session: Session, gateway: context.Gateway, reply: Reply) -> bool:
    """Take an answer about an event in. Whether it was one."""
    if reply.message_id is None or reply.run_id is None or reply.keyword in (Keyword.OPT_OUT, Keyword.HELP):
        return False
    told = await session.get(EventTold, reply.message_id)
    if told is None or not (reply.option or reply.body.strip()) or reply.keys == "0":
        return False
    message = await session.get_one(Message, reply.message_id)
    conversation = await session.get_one(Conversation, reply.conversation_id)
    who = reply.contact_id or message.contact_id
    if not await guests.may_speak(session, told.guest_id, who, conversation.address, today=gateway.today()):
        return False
    meanings = await _meanings(session, gateway, reply, message, told)
    if not meanings:
        return False
    guest = await guests.find(session, told.guest_id)
    said = answering.Said(await _name(session, reply), _HOW[message.medium])
    outcomes = [await answering.answer(session, gateway, guest, meaning, said) for meaning in meanings]
    await _respond(session, gateway, Heard(reply, message, guest, told.menu), outcomes[-1], meanings[-1])
    if not reply.option and not reading.asks(reply.body):
        what = "understood: " + ", ".join(outcome.value.replace("_", " ") for outcome in outcomes)
        await replies.settle(session, reply, what, log=gateway.log, now=gateway.now())
    row = {"reply_id": reply.id, "at": gateway.now(), "outcome": "event"}
    await upsert.insert(session, core(AbsenceHeard), [row], key=["reply_id"])
    return True


async def _meanings(
    session: Session, gateway: context.Gateway, reply: Reply, message: Message, told: EventTold
) -> list[str]:
    """What it says: by the menu of the message, or in words, where they can be of no other guest."""
    if reply.option:
        meaning = told.menu.get(reply.option, "")
        return [meaning] if meaning else []
    menu = set(told.menu.values()) or _UNASKED.get(told.kind, frozenset())
    if not menu or await _others(session, told, message):
        return []
    found = understanding.read(reply.body, language=await _language(session, reply, message))
    meant = found.meaning
    if _is_urgent(gateway, found.rest, message):
        return []
    if found.clock:
        meant = await _slot_at(session, gateway, told.guest_id, found.clock) or meant
    meant = told.menu.get(found.digit, meant)
    if meant == offers.COMING and meant not in menu:  # to a choice of times, and it names none
        meant = ""
    wanted = [offers.INTERPRETER] if found.interpreter else []
    return [*wanted, meant] if meant else wanted


async def _others(session: Session, told: EventTold, message: Message) -> bool:
    """Whether the same phone was told of another guest by the same notice: nobody knows of which child words are."""
    other, run = core(EventTold).alias("other").c, core(Run)
    mine = sa.select(run.c.notice_id).where(run.c.id == message.run_id).scalar_subquery()
    query = (
        sa.select(other.guest_id)
        .join(core(Message), core(Message).c.id == other.message_id)
        .join(run, run.c.id == core(Message).c.run_id)
        .where(core(Message).c.address == message.address, run.c.notice_id == mine, other.guest_id != told.guest_id)
    )
    return (await session.scalars(query.limit(1))).first() is not None


def _is_urgent(gateway: context.Gateway, rest: str, message: Message) -> bool:
    """Whether what is said besides has a word of a child that may be missing or unsafe: then a person must read it all.

    Words that nobody knows are no such word: the absences take them for one, as they ask where a child is.
    """
    said = reading.understand(rest, reading.Asked(gateway.today(), language=message.language)) if rest else None
    return said is not None and said.urgent and bool(said.because)


async def _language(session: Session, reply: Reply, message: Message) -> str:
    """What the family is likely to write in: its own language, else that of the message."""
    contact = await session.get(Contact, reply.contact_id) if reply.contact_id else None
    return (contact.written_language if contact else "") or message.language


async def _slot_at(session: Session, gateway: context.Gateway, guest_id: int, clock: time) -> str:
    """The one time of the guest's that is named and has not gone by, ``""`` for none."""
    guest = await session.get_one(EventGuest, guest_id)
    form = await guests.form_of(session, guest_id)
    meant = [
        one
        for one in await slots.of_event(session, guest.event_id)
        if not one.again and slots.is_for(one, form) and one.starts_at > gateway.now()
        if understanding.same_clock(clock, one.starts_at.astimezone(gateway.timezone).time())
    ]
    return f"{offers.SLOT}{meant[0].id}" if len(meant) == 1 else ""


async def _name(session: Session, reply: Reply) -> str:
    contact = await session.get(Contact, reply.contact_id) if reply.contact_id else None
    return contact.full_name if contact else "whoever has the family's phone"


async def _respond(session: Session, gateway: context.Gateway, heard: Heard, outcome: Outcome, meaning: str) -> None:
    """Say what was understood, or offer what is left. In a call the caller was thanked already."""
    event = await session.get_one(SchoolEvent, heard.guest.event_id)
    if outcome is Outcome.GONE:
        await offer_again(session, gateway, event, heard.guest, to=heard.reply.contact_id)
        return
    if heard.message.medium is Medium.VOICE and outcome not in (Outcome.WAITING, Outcome.OVER):
        return
    if gateway.settings.desk.acknowledge or outcome in (Outcome.WAITING, Outcome.OVER):
        await _confirm(session, gateway, heard, await confirmation(session, gateway, heard, event, outcome, meaning))


async def confirmation(
    session: Session, gateway: context.Gateway, heard: Heard, event: SchoolEvent, outcome: Outcome, meaning: str
) -> str:
    """What is said to an answer, in the language of the message that was answered, where that may be used."""
    tag, school = heard.message.language, gateway.settings.school
    happening = await papers.happening_of(session, gateway, event)
    if tag not in tellings.spoken(happening, [tag]):
        tag = "en"
    match outcome:
        case Outcome.WAITING:
            return phrases.event("full", tag, school=school.short_name)
        case Outcome.PHONE:
            return phrases.event("ring", tag, school=school.short_name)
        case Outcome.NOTED:
            return phrases.event("noted", tag, school=school.short_name)
        case Outcome.OVER:
            return f"{school.short_name}: {phrases.event('over', tag)}"
        case Outcome.NOT_COMING:
            label = offers.said(offers.NOT_COMING, [tag])[tag]
        case _:
            label = await label_of(session, gateway, heard.guest, event, tag)
    return phrases.received(tag, school=school.short_name, label=label)


async def label_of(session: Session, gateway: context.Gateway, guest: EventGuest, event: SchoolEvent, tag: str) -> str:
    """What a guest has chosen, in words: its time and teacher, or that it is coming."""
    slot = await session.get(EventSlot, guest.slot_id) if guest.slot_id else None
    happening = await papers.happening_of(session, gateway, event)
    return papers.label(happening, slot, tag)


async def offer_again(
    session: Session, gateway: context.Gateway, event: SchoolEvent, guest: EventGuest, *, to: int | None
) -> None:
    """That time has gone: offer what is left, to whoever answered."""
    happening = await papers.happening_of(session, gateway, event)
    at = await papers.read(session, gateway, happening, [guest])
    offer = at.offer(guest)
    lead = tellings.lead(happening, "gone", at.tags(guest))
    asked = tellings.asking(happening, offer, lead=lead)
    said = papers.Said(guest, asked, offer.menu, tellings.Kind.AGAIN, {to} if to else None, asks=True)
    await planning.send_alone(session, gateway, at, said)


async def _confirm(session: Session, gateway: context.Gateway, heard: Heard, text: str) -> None:
    """Put our answer into the outbox, by the way that theirs came; there is a limit, as two machines might chat."""
    reply, now = heard.reply, gateway.now()
    conversation = await session.get_one(Conversation, reply.conversation_id)
    medium, address = conversation.medium, conversation.address
    sender = await session.get(Sender, heard.message.sender_id) if heard.message.sender_id else None
    if sender is None or sender.medium is not medium:
        sender = await answers.sender(session, medium, "")
    limits = gateway.settings.answers
    if sender is None or await answers.enough(session, reply, address, limits, log=gateway.log, now=now):
        return
    made = _letter(gateway, heard, medium, text)
    parts = segments.count(made.text).parts if medium is Medium.SMS else 1
    message = Message(
        id=gateway.new_id(),
        contact_id=reply.contact_id,
        contact_point_id=heard.message.contact_point_id if heard.message.address == address else None,
        sender_id=sender.id,
        medium=medium,
        address=address,
        slot=f"{answers.THANKS}event:{reply.inbound_id}",
        purpose=Purpose.SERVICE,
        priority=_AN_ANSWER,
        language=heard.message.language,
        words_state=phrases.state("event", heard.message.language),
        subject=made.subject,
        body=made.text,
        parts=parts,
        pence=gateway.costs().of(medium, parts=parts, characters=len(made.text)),
        state=MessageState.QUEUED,
        due_at=now,
        created_at=now,
        changed_at=now,
    )
    session.add(message)
    await session.flush()
    if medium is Medium.EMAIL:  # with the time in it for the family's calendar (gateway/attachments.py)
        session.add(EventTold(message_id=message.id, guest_id=heard.guest.id or 0, kind="confirmed"))
    about = await session.scalars(select(About.pupil_id).where(About.message_id == heard.message.id))
    session.add_all([About(message_id=message.id, pupil_id=pupil_id) for pupil_id in about])
    await session.flush()
    facts = {"message": message.id, "why": "event"}
    await gateway.log.record(session, audit.Line("reply.answered", f"reply:{reply.id}", facts), now=now)
    await bell.ring(session)


def _letter(gateway: context.Gateway, heard: Heard, medium: Medium, text: str) -> words.Words:
    if medium is Medium.SMS:
        return words.Words(text, heard.message.language, "ltr", "source")
    made = words.prepare_free({"en": "{what}"}, language="en", medium=medium.value, subjects={"en": "{about}"})
    school = gateway.settings.school
    given = {"what": text, "about": f"Re: {heard.message.subject}", "school": school.short_name}
    return made.fill({**given, "school_phone": school.phone})

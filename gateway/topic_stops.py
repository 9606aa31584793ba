"""STOP MENUS by text: one topic ends for that phone, and UNSTOP MENUS brings it back. Both are confirmed by text.

STOP alone is none of this: it ends every text, as it always did (``gateway/optout``). What is urgent comes all the
same.
"""

from __future__ import annotations

from datetime import datetime

from sqlmodel import col, select

from channels import base
from channels.base import Medium
from gateway import answers, audit, bell, points
from gateway.database import Session
from gateway.models import Contact, ContactPoint, Inbound, Message
from gateway.preferences import topics, wishes
from templates import phrases


async def take(
    session: Session,
    reply: base.Reply,
    message: Message | None,
    inbound: Inbound,
    answering: answers.Answering | None,
    *,
    log: audit.Log,
    now: datetime,
) -> str:
    """Act on words that end a topic, or bring it back. Gives a word for what came of it, ``""`` for any other words."""
    if answering is None or answering.topics is None or reply.medium is Medium.VOICE or reply.media or reply.keys:
        return ""
    said = topics.read(reply.body, answering.topics)
    if said is None:
        return ""
    await points.good(session, reply.medium, reply.sender, at=reply.at, log=log, now=now)
    act = wishes.stop if said.stop else wishes.start
    await act(session, reply.medium, reply.sender, said.topic, how="reply", log=log, now=now)
    if reply.medium is Medium.SMS:
        await _confirm(session, reply, message, inbound, said, answering, log=log, now=now)
    return f"topic:{said.topic}:{'stopped' if said.stop else 'started'}"


async def _confirm(
    session: Session,
    reply: base.Reply,
    message: Message | None,
    inbound: Inbound,
    said: topics.Said,
    answering: answers.Answering,
    *,
    log: audit.Log,
    now: datetime,
) -> None:
    """Tell them in their language what was noted. Who changes their mind again and again is a machine."""
    if not answers.A_PERSONS_NUMBER.fullmatch(reply.sender) or answering.topics is None:
        return
    sender = await answers.sender(session, Medium.SMS, reply.to)
    if sender is None or await answers.thanked(session, reply.sender, now=now) >= answering.limits.per_hour:
        return
    contact_id, language = await _who(session, reply.sender, message)
    wanted = language or answering.school.language
    used = answers.allowed(wanted, drafts=answering.school.allow_drafts, group="topic")
    name = answering.topics.shown(said.topic, used, drafts=answering.school.allow_drafts)
    tell = phrases.topic_stopped if said.stop else phrases.topic_started
    text = tell(used, school=answering.school.short_name, topic=name)
    state, slot = phrases.state("topic", used), f"{answers.THANKS}topic:{inbound.id}"
    confirmation = await answers.send(
        session, answering, sender, reply.sender, answers.Said(text, used, state, slot, contact_id), now=now
    )
    facts = {"message": confirmation.id, "topic": said.topic}
    await log.record(session, audit.Line("preference.confirmed", f"inbound:{inbound.id}", facts), now=now)
    await bell.ring(session)


async def _who(session: Session, address: str, message: Message | None) -> tuple[int | None, str]:
    """Whose phone it is, where it is one person's, and the language to answer in."""
    query = (
        select(Contact)
        .join(ContactPoint, col(ContactPoint.contact_id) == col(Contact.id))
        .where(ContactPoint.address == address)
        .order_by(col(Contact.id))
        .distinct()
    )
    owners = list(await session.scalars(query))
    language = next((one.written_language for one in owners if one.written_language), "")
    return owners[0].id if len(owners) == 1 else None, language or (message.language if message else "")

"""Words to whoever wrote, by the way that they came: text to text, email to email, and into the outbox.

The message is about every child of whoever has that phone or mailbox, so that the wall stops it where one of them is
barred, whatever its words say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlmodel import col, select

from channels.base import Medium
from gateway import answers, bell, context, errors, guard, points, tongues
from gateway.database import Session
from gateway.models import (
    About,
    Contact,
    ContactPoint,
    Conversation,
    Guardianship,
    Inbound,
    Message,
    MessageState,
    Pupil,
    Purpose,
    Reply,
)
from templates import fallback, languages, segments, states, words

_AN_ANSWER = 1  #: the priority of answers to a person (architecture.md §4)


@dataclass(frozen=True, slots=True)
class Addressee:
    """Who wrote, from where, and in which language they read.

    ``owners``  the ids of the contacts whose phone or mailbox it is
    ``last``   the reply that is answered, and ``raw`` what the provider said of it
    """

    conversation: Conversation
    contact: Contact | None
    owners: Sequence[int]
    language: str
    last: Reply
    event: Mapping[str, Any]
    raw: Mapping[str, Any]

    @property
    def known(self) -> bool:
        """Whether the phone or mailbox is on file."""
        return bool(self.owners)

    @property
    def recipient(self) -> str:
        """Whom a letter greets, ``""`` where nobody can be sure."""
        return self.contact.full_name if self.contact else ""


async def addressee(session: Session, gateway: context.Gateway, reply: Reply) -> Addressee:
    """Whoever sent a reply."""
    conversation = await session.get_one(Conversation, reply.conversation_id)
    inbound = await session.get_one(Inbound, reply.inbound_id)
    contact = await session.get(Contact, reply.contact_id) if reply.contact_id else None
    message = await session.get(Message, reply.message_id) if reply.message_id else None
    language = (contact.written_language if contact else "") or (message.language if message else "")
    return Addressee(
        conversation,
        contact,
        await points.owners(session, conversation.address),
        _first_of(gateway, contact) or language or gateway.settings.school.language,
        reply,
        inbound.event,
        inbound.raw,
    )


def _first_of(gateway: context.Gateway, contact: Contact | None) -> str:
    """The first of somebody's languages that we have words in, else the first; ``""`` where none is on file."""
    if contact is None or not contact.written_language:
        return ""
    school = gateway.school()
    chain = tongues.chain(Medium.SMS, contact, school.language, school.instead)
    known = (tag for tag in chain if answers.allowed(tag, drafts=school.allow_drafts) != languages.ENGLISH)
    return next(known, chain[0])


@dataclass(frozen=True, slots=True)
class Letter:
    """Words ready to go, in the language really used."""

    made: words.Words
    subject: str

    @property
    def text(self) -> str:
        """The words themselves."""
        return self.made.text


def own_words(
    gateway: context.Gateway, to: Addressee, texts: Mapping[str, str], values: Mapping[str, object], *, language: str
) -> Letter:
    """A person's own words, with the name of the school before them, or our courtesies around them.

    Raises :class:`templates.errors.WordingError`.
    """
    medium = to.conversation.medium
    made = words.prepare_free(
        texts,
        language=language,
        medium=medium.value,
        subjects={"en": "{about}"},
        allow_drafts=gateway.settings.languages.allow_drafts,
    )
    about = {"about": _subject(gateway, to)} if medium is Medium.EMAIL else {}
    letter = _cheapened(gateway, made.fill({**values, **about, **_provided(gateway, made, to)}))
    return Letter(letter, letter.subject)


def ours(gateway: context.Gateway, to: Addressee, key: str, values: Mapping[str, object]) -> Letter:
    """A wording of ours, in the family's language where that translation may be used.

    Raises :class:`templates.errors.WordingError`.
    """
    medium = to.conversation.medium.value
    made = words.prepare(key, language=to.language, medium=medium)
    if not gateway.settings.languages.allow_drafts and not states.trusted(made.state):
        made = words.prepare(key, language=languages.ENGLISH, medium=medium)
    letter = _beside(gateway, to, _cheapened(gateway, made.fill({**values, **_provided(gateway, made, to)})))
    return Letter(letter, _subject(gateway, to) if to.raw.get("subject") else letter.subject)


def _beside(gateway: context.Gateway, to: Addressee, letter: words.Words) -> words.Words:
    """English words with a line in the language of whoever wrote, as a notice has it."""
    medium = to.conversation.medium
    line = fallback.line(medium.value, to.language, school_phone=gateway.settings.school.phone)
    if letter.language != languages.ENGLISH or not line:
        return letter
    if medium is not Medium.SMS:
        return replace(letter, text=fallback.above(letter.text, line))
    text = fallback.below(letter.text, line, most_more=fallback.MOST_MORE_MANDATORY, most=guard.MOST_PARTS)
    return replace(letter, text=text, segments=segments.count(text))


def _cheapened(gateway: context.Gateway, made: words.Words) -> words.Words:
    """A text without its accents, where the school wants its language so and that saves a part."""
    if made.segments is None or made.language not in gateway.settings.languages.fold_accents:
        return made
    text = segments.fold(made.text)
    return replace(made, text=text, segments=segments.count(text))


def _provided(gateway: context.Gateway, made: words.Renderer, to: Addressee) -> dict[str, object]:
    school = gateway.settings.school
    return {"school": school.short_name, "school_phone": school.phone, "recipient": to.recipient}


def _subject(gateway: context.Gateway, to: Addressee) -> str:
    """Theirs, so that mail programs show the two together."""
    theirs = str(to.raw.get("subject", "")).strip()
    if not theirs:
        return f"Your message to {gateway.settings.school.short_name}"
    return theirs if theirs.lower().startswith("re:") else f"Re: {theirs}"


async def send(
    session: Session,
    gateway: context.Gateway,
    to: Addressee,
    letter: Letter,
    *,
    slot: str,
    checked: bool,
    not_after: datetime | None = None,
    hold: timedelta = timedelta(0),
) -> Message:
    """Put it into the outbox, to leave once ``hold`` is over. With ``checked`` the wall is asked now, too.

    Raises :class:`errors.Conflict` with the wall's own sentence, or where there is nothing to send it as.
    """
    now, medium = gateway.now(), to.conversation.medium
    if medium is Medium.SMS and not answers.A_PERSONS_NUMBER.fullmatch(to.conversation.address):
        raise errors.Conflict("This caller has shown no number, so nothing can be sent. Nothing was sent.")
    sender = await answers.sender(session, medium, str(to.event.get("to", "")))
    if sender is None:
        raise errors.Conflict(guard.REASONS["no_sender"])
    parts = letter.made.parts or 1
    if parts > guard.MOST_PARTS:
        what, cure = f"It would need {parts} parts.", f"Say it in fewer words: {guard.MOST_PARTS} parts at most."
        raise errors.BadInput([errors.Problem(what, cure)])
    message = Message(
        id=gateway.new_id(),
        contact_id=_whose(to),
        contact_point_id=await _point(session, to),
        sender_id=sender.id,
        medium=medium,
        address=to.conversation.address,
        slot=slot,
        purpose=Purpose.SERVICE,
        priority=_AN_ANSWER,
        language=letter.made.language,
        words_state=letter.made.state,
        subject=letter.subject,
        body=letter.text,
        parts=parts,
        pence=gateway.costs().of(medium, parts=parts, characters=len(letter.text)),
        state=MessageState.QUEUED,
        due_at=now + hold,
        not_after=not_after,
        created_at=now,
        changed_at=now,
        in_reply_to=str(to.raw.get("message-id", "")) if medium is Medium.EMAIL else "",
    )
    session.add(message)
    await session.flush()
    session.add_all([About(message_id=message.id, pupil_id=one) for one in await _children(session, gateway, to)])
    await session.flush()
    if checked:
        await _ask_wall(session, gateway, message)
    await bell.ring(session)
    return message


async def _ask_wall(session: Session, gateway: context.Gateway, message: Message) -> None:
    row = message.model_dump(include={"id", "run_id", "slot", "not_after", "only_if"})
    stops = await session.run_sync(
        lambda plain: guard.stopped(plain.connection(), [row], today=gateway.today(), now=gateway.now())
    )
    if message.id in stops:
        raise errors.Conflict(f"This cannot be sent: {stops[message.id].text} Nothing was sent.")


def _whose(to: Addressee) -> int | None:
    """Whoever wrote; also by an alias of a mailbox, or the wall would not know that somebody barred writes by it."""
    return to.last.contact_id or (to.owners[0] if len(to.owners) == 1 else None)


async def _point(session: Session, to: Addressee) -> int | None:
    query = select(ContactPoint.id).where(
        ContactPoint.contact_id == to.last.contact_id,
        ContactPoint.address == to.conversation.address,
        ContactPoint.kind == points.kind_of(to.conversation.medium),
    )
    return (await session.scalars(query)).first()


async def _children(session: Session, gateway: context.Gateway, to: Addressee) -> list[int]:
    """The pupils on roll of whoever wrote and of everybody who has this phone or mailbox, barred or not."""
    owners = {*to.owners, *([to.last.contact_id] if to.last.contact_id else [])}
    on_roll = sa.or_(col(Pupil.left_on).is_(None), col(Pupil.left_on) >= gateway.today())
    query = (
        select(Guardianship.pupil_id)
        .join(Pupil, col(Pupil.id) == col(Guardianship.pupil_id))
        .where(col(Guardianship.contact_id).in_(owners), on_roll, col(Pupil.deceased).is_(False))
    )
    return sorted(set(await session.scalars(query)))

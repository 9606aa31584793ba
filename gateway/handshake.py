"""The language handshake: a family whose language nobody knows is asked once, in English and in the likely one.

What makes a language likely (the home language of a child, a reply that was written in it) decides nothing: the family
does, by ``2`` in answer to our text or key 0 in a call, or a person of the school. The question is a text of its own,
beside the first one that goes to that phone: put into it, it would make an English text cost twice as much, and its
keys would be taken for an answer to something else. So it is not asked either while another menu is open there, when it
is planned or when it is to leave (``guard/menus.py``): what has not left may be asked another time.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
from sqlmodel import col, select

from channels import base
from channels.base import Medium
from config import identity
from gateway import answers, audit, deciding, guard, likely, people, points, zero
from gateway.database import Session
from gateway.models import (
    About,
    Contact,
    ContactPoint,
    Message,
    MessageState,
    Purpose,
    Sender,
)
from gateway.models.types import core
from templates import choosing, languages, phrases, segments, translations

SLOT: Final = "language:"  #: begins the slot of a question; after it the language and the contact's id
_WORTH_ASKING = timedelta(days=1)
#: A key, or a language's name, with the words of our question or of courtesy around it.
_SPELT: Final = re.compile(
    r"(?:reply\W+)?(?:(?P<key>\d)|(?P<name>\D+?))(?:\W+(?:please|pls|thanks|thank you))?[.!]*", re.IGNORECASE
)
_LONGEST = 100  #: letters; nobody names a language in more, and the pattern takes the square of them
_ROUTINE = 3  #: nothing waits for it


@dataclass(frozen=True, slots=True)
class Told:
    """A text that is about to leave: whom it is for, where to, about whom, and as what."""

    message_id: str
    contact_id: int
    point_id: int
    address: str
    sender_id: int
    pupil_ids: Sequence[int]
    due_at: datetime


async def ask(
    session: Session,
    told: Iterable[Told],
    asking: answers.Answering,
    *,
    log: audit.Log,
    today: date,
    now: datetime,
) -> int:
    """Ask those among them who were never asked, and of whom a language is likely that we have. Gives how many."""
    first = _first(told)
    wanted = await _wanted(session, first, asking, today=today, now=now)
    numbers = await _numbers(session)
    if not wanted or not numbers:
        return 0
    marked = await _mark(session, wanted, now=now)
    for contact_id in marked:
        await _send(session, first[contact_id], wanted[contact_id], asking, numbers, log=log, now=now)
    return len(marked)


def may_ask(asking: answers.Answering) -> bool:
    """Whether there is any language to ask for: in a school that has reviewed none yet there is not."""
    drafts = asking.school.allow_drafts
    return any(choosing.offered(tag, drafts=drafts) for tag in translations.languages_available())


async def price(
    session: Session, told: Iterable[Told], asking: answers.Answering, *, today: date, now: datetime
) -> tuple[int, int, float]:
    """What asking would come to, for a preview: how many questions, in how many parts, for how many pence."""
    wanted = await _wanted(session, _first(told), asking, today=today, now=now)
    parts = sum(segments.count(_question(asking, tag)).parts for tag in wanted.values())
    return len(wanted), parts, asking.costs.of(Medium.SMS, parts=parts, characters=0)


def _first(told: Iterable[Told]) -> dict[int, Told]:
    """The first text for each contact."""
    first = dict[int, Told]()
    for one in told:
        first.setdefault(one.contact_id, one)
    return first


async def _wanted(
    session: Session, first: Mapping[int, Told], asking: answers.Answering, *, today: date, now: datetime
) -> dict[int, str]:
    """Who is to be asked, and for which language."""
    if not may_ask(asking):
        return {}
    found = {
        contact_id: tag
        for contact_id, tag in (await likely.languages_of(session, first, today=today)).items()
        if choosing.offered(tag, drafts=asking.school.allow_drafts)
    }
    free = await likely.free(session, {first[one].address for one in found}, now=now)
    return {one: tag for one, tag in found.items() if first[one].address in free}


def _question(asking: answers.Answering, language: str) -> str:
    return choosing.question(language, school=asking.school.short_name, school_phone=asking.school.phone)


async def _numbers(session: Session) -> list[int]:
    """What can be answered: a family cannot write to a name."""
    query = select(Sender).where(Sender.medium == Medium.SMS, col(Sender.active)).order_by(col(Sender.id))
    return [one.id or 0 for one in await session.scalars(query) if not identity.is_name(one.address)]


async def _mark(session: Session, wanted: Iterable[int], *, now: datetime) -> list[int]:
    """Note that these are asked now; whom another process has just asked is left out."""
    contact = core(Contact).c
    query = (
        sa.update(core(Contact))
        .where(people.among(people.dialect(session), contact.id), likely.never_asked())
        .values(languages_asked_at=now)
        .returning(contact.id)
    )
    return sorted(await session.scalars(query, {"ids": people.packed(list(wanted))}))


async def _send(
    session: Session,
    told: Told,
    language: str,
    asking: answers.Answering,
    numbers: Sequence[int],
    *,
    log: audit.Log,
    now: datetime,
) -> None:
    message = _message(
        asking,
        _question(asking, language),
        language=languages.ENGLISH,
        words_state=phrases.state("language", language),
        sender_id=told.sender_id if told.sender_id in numbers else numbers[0],
        contact_id=told.contact_id,
        contact_point_id=told.point_id,
        address=told.address,
        slot=f"{SLOT}{language}:{told.contact_id}",
        now=now,
    )
    message.priority, message.keys = _ROUTINE, choosing.KEYS
    message.only_if, message.in_reply_to = guard.BESIDE, told.message_id
    message.due_at = max(told.due_at, now)
    message.not_after = message.due_at + _WORTH_ASKING
    session.add(message)
    await session.flush()
    session.add_all([About(message_id=message.id, pupil_id=one) for one in told.pupil_ids])
    await session.flush()
    facts = {"language": language, "message": message.id}
    await log.record(session, audit.Line("contact.language_asked", f"contact:{told.contact_id}", facts), now=now)


async def take(
    session: Session,
    reply: base.Reply,
    message: Message,
    key: str,
    asking: answers.Answering | None,
    *,
    log: audit.Log,
    now: datetime,
) -> str:
    """Take what chooses a language: an answer to our question, or key 0 in a call that has another language.

    ``key`` is the one of the message's menu that the whole reply is; our question may be answered in words as well.
    Gives a word for what came of it, ``""`` for what chooses none.
    """
    if reply.medium is Medium.VOICE:
        if reply.keys != zero.KEY or not (message.script or {}).get("other"):
            return ""
        language = await _heard(session, message, log=log, now=now) or "this call"
    elif asks(message) and (key := key or meant(message, reply.body)) and await _is_alone(session, message):
        language = await _answered(session, message, key, asking, wrote_to=reply.to, log=log, now=now)
    else:
        return ""
    await points.good(session, reply.medium, reply.sender, at=reply.at, log=log, now=now)
    return f"language:{language}"


def asks(message: Message) -> bool:
    """Whether it is our question for the language."""
    return message.run_id is None and message.slot.startswith(SLOT)


def meant(message: Message, said: str) -> str:
    """The key that words mean to our question, or ``""``: «2 please», «Reply 2», or the language by its name."""
    keys = {languages.ENGLISH: choosing.ENGLISH_KEY, _language(message): choosing.OWN_KEY}
    named, found = names_language(said), _SPELT.fullmatch(said.strip()[:_LONGEST])
    key = keys.get(named, "") if named else (found and found["key"]) or ""
    return key if key in message.keys else ""


def names_language(said: str) -> str:
    """The language whose name is all that was said, beside courtesy, or ``""``."""
    found = _SPELT.fullmatch(said.strip()[:_LONGEST])
    return languages.match(found["name"]) or "" if found and found["name"] else ""


def chosen(message: Message, key: str) -> str:
    """The language that a key chooses in answer to our question."""
    return _language(message) if key == choosing.OWN_KEY else languages.ENGLISH


def _language(message: Message) -> str:
    """The language, beside English, that our question is about."""
    return message.slot.removeprefix(SLOT).partition(":")[0]


async def _is_alone(session: Session, message: Message) -> bool:
    """Whether the phone is still the person's whom we asked, and nobody else's: or nobody knows who answered."""
    point = core(ContactPoint).c
    owners = await session.scalars(sa.select(point.contact_id).where(point.address == message.address).distinct())
    return owners.all() == [message.contact_id]


async def _answered(
    session: Session,
    message: Message,
    key: str,
    asking: answers.Answering | None,
    *,
    wrote_to: str,
    log: audit.Log,
    now: datetime,
) -> str:
    """Take a family at its word: from now on it is written to in what it chose. Gives the language.

    What it hears in calls stays what it was: nobody has asked for that.
    """
    language = chosen(message, key)
    deed = deciding.Deed("parent", now, log)
    await deciding.choose_languages(session, message.contact_id or 0, reads=language, hears="", deed=deed)
    # Who changes their mind three times is a machine, or will see by the next text that it was heard.
    if asking is not None and await answers.thanked(session, message.address, now=now) < asking.limits.per_hour:
        await _thank(session, message, language, asking, wrote_to=wrote_to, now=now)
    return language


async def _heard(session: Session, message: Message, *, log: audit.Log, now: datetime) -> str:
    """Key 0 in a call has changed its language: it is the one to call this person in. Gives the language.

    Where several people share the phone nobody knows who pressed it: then it was for this call alone, and ``""``.
    """
    language = str(((message.script or {}).get("other") or {}).get("locale", ""))
    if not language or message.contact_id is None or not await _is_alone(session, message):
        return ""
    deed = deciding.Deed("parent", now, log)
    await deciding.choose_languages(session, message.contact_id, reads="", hears=language, deed=deed)
    return language


async def _thank(
    session: Session, message: Message, language: str, asking: answers.Answering, *, wrote_to: str, now: datetime
) -> None:
    sender = await answers.sender(session, Medium.SMS, wrote_to)
    if sender is None:
        return
    thanks = _message(
        asking,
        choosing.chosen(language, school=asking.school.short_name),
        language=language,
        words_state=phrases.state("language", language),
        sender_id=sender.id or 0,
        contact_id=message.contact_id,
        address=message.address,
        slot=f"{answers.THANKS}{message.slot}:{now.timestamp():.0f}",
        now=now,
    )
    session.add(thanks)
    await session.flush()


def _message(asking: answers.Answering, text: str, *, now: datetime, **fields: Any) -> Message:
    parts = segments.count(text).parts
    return Message(
        id=asking.new_id(),
        medium=Medium.SMS,
        purpose=Purpose.SERVICE,
        priority=1,
        body=text,
        parts=parts,
        pence=asking.costs.of(Medium.SMS, parts=parts, characters=len(text)),
        state=MessageState.QUEUED,
        due_at=now,
        created_at=now,
        changed_at=now,
        **fields,
    )

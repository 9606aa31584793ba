"""Short messages about contact details, into the outbox. None of them names a child, so none is about one in the books:
whoever reads it may be a stranger with a number that a family has mistyped.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa
from sqlmodel import col, select

from channels.base import Medium
from gateway import answers, bell, context, tongues
from gateway.database import Session
from gateway.models import Contact, ContactPoint, LineType, Message, MessageState, PointKind, Purpose
from templates import phrases, segments

SLOT: Final = "details:"  #: begins the slot of each of these
CODE, TOLD = f"{SLOT}code:", f"{SLOT}told:"
_SOON = 1  #: the priority of answers to a person (architecture.md §4)
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class To:
    """Where something goes: to whom, by what, and to which of our numbers they wrote.

    ``contact_id`` is None for an address that is not known to be theirs yet: what comes back from there is no answer
    of this contact.
    """

    medium: Medium
    address: str
    contact_id: int | None
    language: str
    wrote_to: str = ""


def medium_of(kind: PointKind) -> Medium:
    """By what a phone or mailbox is written to."""
    return Medium.EMAIL if kind is PointKind.EMAIL else Medium.SMS


def language(gateway: context.Gateway, contact: Contact | None) -> str:
    """The first of somebody's languages in which we have these words."""
    school = gateway.school()
    if contact is None:
        return school.language
    chain = tongues.chain(Medium.SMS, contact, school.language, school.instead)
    allowed = (answers.allowed(tag, drafts=school.allow_drafts, group="details") for tag in chain)
    return next((tag for tag in allowed if tag != "en"), "en")


async def send(
    session: Session,
    gateway: context.Gateway,
    to: To,
    words: Callable[[str], str],
    *,
    slot: str,
    holds: timedelta = _DAY,
) -> Message | None:
    """Put words into the outbox, unless that address has had as many on this day as it may (``answers.per_day``).

    ``words`` gives them in a language. None where nothing is sent, also where there is nothing to send it as.
    """
    now = gateway.now()
    sender = await answers.sender(session, to.medium, to.wrote_to)
    if sender is None or await _has_enough(session, gateway, to.address, now=now):
        return None
    text = words(to.language)
    if to.medium is Medium.SMS and to.language in gateway.settings.languages.fold_accents:
        text = segments.fold(text)
    parts = segments.count(text).parts if to.medium is Medium.SMS else 1
    message = Message(
        id=gateway.new_id(),
        contact_id=to.contact_id,
        sender_id=sender.id,
        medium=to.medium,
        address=to.address,
        slot=slot,
        purpose=Purpose.SERVICE,
        priority=_SOON,
        language=to.language,
        words_state=phrases.state("details", to.language),
        subject=gateway.settings.school.short_name if to.medium is Medium.EMAIL else "",
        body=text,
        parts=parts,
        pence=gateway.costs().of(to.medium, parts=parts, characters=len(text)),
        state=MessageState.QUEUED,
        due_at=now,
        not_after=now + holds,
        created_at=now,
        changed_at=now,
    )
    session.add(message)
    await session.flush()
    await bell.ring(session)
    return message


async def _has_enough(session: Session, gateway: context.Gateway, address: str, *, now: datetime) -> bool:
    query = select(sa.func.count()).where(
        Message.address == address, col(Message.slot).startswith(SLOT), col(Message.created_at) > now - _DAY
    )
    return (await session.scalar(query) or 0) >= gateway.settings.answers.per_day


def can_be_written_to(point: ContactPoint) -> bool:
    """Whether a phone takes texts, or it is a mailbox."""
    return point.kind is PointKind.EMAIL or point.line_type is LineType.MOBILE

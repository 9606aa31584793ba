"""The wall below every feature: what may not leave, asked again when a message is claimed.

Whatever planned the message, nothing goes to somebody barred from a child it names, about a child or to a contact who
has died, to an address that told us to stop, to a landline as a text, or after the moment until which it was worth
saying.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from channels.base import Medium
from gateway import people
from gateway.database import Session
from gateway.models import (
    Contact,
    ContactPoint,
    LineType,
    Message,
    MessageState,
    Notice,
    NoticeState,
    OptOut,
    PointState,
    Reply,
    Run,
    SchoolEvent,
    Sender,
)
from gateway.models.types import core

#: More parts than this no network likes, and no parent reads (GOV.UK Notify stops at 918 characters, 6 parts).
MOST_PARTS = 6

AGAIN = ":again"  #: ends the slot of a copy that was sent after its first had failed; twice, of a copy's copy

NOT_REACHED = "not_reached"  #: only if no earlier step reached the contact
NOT_ANSWERED = "not_answered"  #: only if the contact has not answered this run


@dataclass(frozen=True, slots=True)
class Stop:
    """Why a message does not leave."""

    state: MessageState
    reason: str
    text: str


REASONS: dict[str, str] = {
    "barred": "Must not be contacted about this child.",
    "barred_address": "This phone or mailbox also belongs to somebody who must not be contacted about this child.",
    "nobody": "Nobody is on file who may be told about this child.",
    "other_language": "Reads another language than those that this notice is for.",
    "no_number": "No phone number on file.",
    "no_email": "No email address on file.",
    "landline": "Only a landline on file: texts to landlines may be read aloud.",
    "no_texts": "This number does not take texts.",
    "opted_out": "Asked us to stop.",
    "dead": "The number or address does not work.",
    "merged": "Told by the same phone or mailbox as another contact.",
    "expired": "It was no longer worth saying.",
    "reached": "Reached by an earlier step already.",
    "answered": "Has answered already.",
    "cancelled": "The notice was cancelled.",
    "left": "The child has left the school.",
    "child_deceased": "The child has died.",
    "deceased": "This contact has died.",
    "stranger": "No longer on file with this number or address for a child that it names.",
    "arrived": "An earlier copy has arrived after all.",
    "too_long": f"The text would need more than {MOST_PARTS} parts.",
    "no_consent": "Has not agreed to hear of fundraising or paid offers.",
    "no_sender": "No number or address to send as is set up for this medium.",
}


async def stopped(
    session: Session, rows: Sequence[Mapping[str, Any]], *, today: date, now: datetime
) -> dict[str, Stop]:
    """Which of these claimed rows may not leave, and why."""
    if not rows:
        return {}
    found: dict[str, Stop] = {}
    for row in rows:
        if row["not_after"] is not None and row["not_after"] <= now:
            found[row["id"]] = Stop(MessageState.EXPIRED, "expired", REASONS["expired"])
    ids = [row["id"] for row in rows]
    found |= await _no_longer_told(session, ids, today=today)
    found |= await _bad_addresses(session, ids)
    for message_id in await people.barred_messages(session, ids, today=today):
        found[message_id] = _skip("barred")
    found |= await _no_longer_true(session, [row for row in rows if row["only_if"]])
    found |= await _arrived_after_all(session, rows)
    found |= await taken_back(session, ids)
    return found


async def too_early(session: Session, rows: Sequence[Mapping[str, Any]], *, now: datetime) -> list[str]:
    """Later steps of a ladder whose earlier ones are still on their way: nobody can say yet whether they are needed.

    A lane that is held back, or out of use, is not waited for: then the next step is the way out.
    """
    message, sender = core(Message), core(Sender)
    works = sa.and_(sender.c.active, sa.or_(sender.c.held_until.is_(None), sender.c.held_until <= now))
    on_its_way = sa.or_(
        message.c.state.in_([MessageState.SENDING, MessageState.UNKNOWN]),
        sa.and_(message.c.state == MessageState.QUEUED, works),
    )
    found = []
    for row in rows:
        query = sa.select(message.c.id).join(sender, sender.c.id == message.c.sender_id)
        query = query.where(_spoke_for(row), message.c.step < row["step"], on_its_way).limit(1)
        if (await session.execute(query)).first() is not None:
            found.append(row["id"])
    return found


async def taken_back(session: Session, ids: Sequence[str]) -> dict[str, Stop]:
    """Messages of cancelled notices and events: one that was on the wire may have come back to the queue since."""
    message, run, notice, event = core(Message), core(Run), core(Notice), core(SchoolEvent)
    query = (
        sa.select(message.c.id)
        .join(run, run.c.id == message.c.run_id)
        .join(notice, notice.c.id == run.c.notice_id)
        .outerjoin(event, event.c.id == notice.c.event_id)
        .where(message.c.id.in_(ids))
        .where(sa.or_(notice.c.state == NoticeState.CANCELLED, event.c.cancelled_at.is_not(None)))
    )
    stop = Stop(MessageState.CANCELLED, "cancelled", REASONS["cancelled"])
    return dict.fromkeys(await session.scalars(query), stop)


async def _arrived_after_all(session: Session, rows: Sequence[Mapping[str, Any]]) -> dict[str, Stop]:
    """Further copies of messages that were given up too early: a late receipt says that an earlier one arrived."""
    message = core(Message)
    found = {}
    for row in rows:
        if earlier := _earlier_copies(row["slot"]):
            query = sa.select(message.c.id).where(message.c.run_id == row["run_id"], message.c.slot.in_(earlier))
            if await session.scalar(query.where(message.c.state == MessageState.DELIVERED).limit(1)):
                found[row["id"]] = _skip("arrived")
    return found


def _earlier_copies(slot: str) -> list[str]:
    found = []
    while slot.endswith(AGAIN):
        slot = slot.removesuffix(AGAIN)
        found.append(slot)
    return found


async def _no_longer_told(session: Session, ids: Sequence[str], *, today: date) -> dict[str, Stop]:
    """Messages that the imports since have made wrong: the child has left, the tie or the number is gone."""
    found: dict[str, Stop] = {}
    left: dict[str, list[bool]] = {}
    died = dict[str, Stop]()
    for message_id, tied, leaving, deceased in await people.standing(session, ids):
        if deceased:
            died[message_id] = _skip("child_deceased")  # also where it names brothers and sisters
        if not tied:
            found[message_id] = _skip("stranger")
        left.setdefault(message_id, []).append(leaving is not None and leaving < today)
    gone = {message_id: _skip("left") for message_id, all_left in left.items() if all(all_left)}
    message, contact = core(Message), core(Contact)
    query = (
        sa.select(message.c.id, message.c.purpose, message.c.contact_point_id, contact.c.marketing_consent)
        .outerjoin(contact, contact.c.id == message.c.contact_id)
        .where(message.c.id.in_(ids), message.c.run_id.is_not(None))
    )
    for message_id, purpose, point_id, consent in await session.execute(query):
        if point_id is None:
            found[message_id] = _skip("stranger")
        elif purpose.needs_consent and not consent:
            found[message_id] = _skip("no_consent")
    return found | gone | died | await _died(session, ids)


async def _died(session: Session, ids: Sequence[str]) -> dict[str, Stop]:
    message, contact = core(Message), core(Contact)
    query = sa.select(message.c.id).join(contact, contact.c.id == message.c.contact_id)
    dead = await session.scalars(query.where(message.c.id.in_(ids), contact.c.deceased))
    return dict.fromkeys(dead, _skip("deceased"))


def _skip(reason: str) -> Stop:
    return Stop(MessageState.SKIPPED, reason, REASONS[reason])


async def _bad_addresses(session: Session, ids: Sequence[str]) -> dict[str, Stop]:
    """Opted-out, dead and (for texts) landline addresses."""
    message, point, stop = core(Message), core(ContactPoint), core(OptOut)
    query = (
        sa.select(
            message.c.id, message.c.medium, message.c.purpose, point.c.state, point.c.line_type, stop.c.mandatory_too
        )
        .outerjoin(point, point.c.id == message.c.contact_point_id)
        .outerjoin(stop, sa.and_(stop.c.medium == message.c.medium, stop.c.address == message.c.address))
        .where(message.c.id.in_(ids))
    )
    found = {}
    for message_id, medium, purpose, state, line_type, mandatory_too in await session.execute(query):
        if mandatory_too is not None and (mandatory_too or not purpose.mandatory):
            found[message_id] = _skip("opted_out")
        elif state == PointState.DEAD:
            found[message_id] = _skip("dead")
        elif medium == Medium.SMS and line_type not in (None, LineType.MOBILE):
            found[message_id] = _skip("landline" if line_type == LineType.LANDLINE else "no_texts")
    return found


async def _no_longer_true(session: Session, rows: Sequence[Mapping[str, Any]]) -> dict[str, Stop]:
    """Later steps of a ladder, where an earlier one has already done what it was for."""
    found = {}
    for row in rows:
        if row["only_if"] == NOT_ANSWERED and await _answered(session, row):
            found[row["id"]] = _skip("answered")
        elif row["only_if"] == NOT_REACHED and await _reached(session, row):
            found[row["id"]] = _skip("reached")
    return found


def _spoke_for(row: Mapping[str, Any]) -> sa.ColumnElement[bool]:
    """Messages of the same run that were for this contact: its own, and those by a phone that it shares."""
    message, merged = core(Message), core(Message).alias()
    shares = sa.exists().where(
        merged.c.run_id == row["run_id"],
        merged.c.contact_id == row["contact_id"],
        merged.c.reason == "merged",
        merged.c.medium == message.c.medium,
        merged.c.step == message.c.step,
        merged.c.address == message.c.address,
    )
    return sa.and_(message.c.run_id == row["run_id"], sa.or_(message.c.contact_id == row["contact_id"], shares))


async def _answered(session: Session, row: Mapping[str, Any]) -> bool:
    reply = core(Reply)
    asked = sa.select(core(Message).c.id).where(_spoke_for(row))
    # Of a phone that two share nobody can say who answered; whoever is known has answered for himself alone.
    anybodys = sa.and_(reply.c.message_id.in_(asked), reply.c.contact_id.is_(None))
    answers = sa.or_(reply.c.contact_id == row["contact_id"], anybodys)
    query = sa.select(reply.c.id).where(reply.c.run_id == row["run_id"], answers).limit(1)
    return (await session.execute(query)).first() is not None


async def _reached(session: Session, row: Mapping[str, Any]) -> bool:
    """Delivered, or taken by a mail server that has not sent it back (nobody is told more of an email than that)."""
    message = core(Message)
    done = sa.or_(
        message.c.state == MessageState.DELIVERED,
        sa.and_(message.c.medium == Medium.EMAIL, message.c.state == MessageState.ACCEPTED),
    )
    query = sa.select(message.c.id).where(_spoke_for(row), message.c.step < row["step"], done).limit(1)
    return (await session.execute(query)).first() is not None or await _answered(session, row)

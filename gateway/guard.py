"""The wall below every feature: what may not leave, asked again when a message is claimed.

Whatever planned the message, nothing goes to somebody barred from a child it names, to an address that told us to stop,
to a landline as a text, or after the moment until which it was worth saying.
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
from gateway.models import ContactPoint, LineType, Message, MessageState, OptOut, PointState, Reply
from gateway.models.types import core

#: More parts than this no network likes, and no parent reads (GOV.UK Notify stops at 918 characters, 6 parts).
MOST_PARTS = 6

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
    for message_id in await people.barred_messages(session, ids, today=today):
        found[message_id] = _skip("barred")
    found |= await _bad_addresses(session, ids)
    found |= await _no_longer_true(session, [row for row in rows if row["only_if"]])
    return found


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
    answers = sa.or_(reply.c.contact_id == row["contact_id"], reply.c.message_id.in_(asked))
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

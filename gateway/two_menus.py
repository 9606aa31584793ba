"""Two menus of ours wait at one phone that have the same key: our question for the language, or an alarm, and another.

The question is asked only where no menu waits, but an absence is asked about whatever else is open. Taken for the
choice of a language a digit would tell us nothing of the child, and the other way round it would explain a missing one;
so would “1, read”, where an alarm is still to be answered. So it is nobody's answer: a person asks what was meant.
Words say by themselves what they answer.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import sqlalchemy as sa
from sqlmodel import col, select

from channels import base
from channels.base import Medium
from gateway import handshake, likely
from gateway.database import Session
from gateway.definitions import reading
from gateway.models import Attempt, Contact, Emergency, EmergencyNotice, Gist, Message, Notice, Purpose, Reply, Run
from gateway.models.types import core
from gateway.understanding import menu
from templates import languages, library

_ALARMING: Final = timedelta(hours=2)  #: so long a family may still mean an alarm, when a newer menu has come
_FRESH: Final = timedelta(days=1)  #: so long a family may still mean our question, when a newer menu has come


async def other(session: Session, reply: base.Reply, message: Message | None) -> Message | None:
    """The other message that a key may answer as well as the one that it would be taken for; None where it is clear."""
    key = menu.digit(reply.body)
    if message is None or not key or reply.medium is not Medium.SMS or key not in message.keys:
        return None
    query = select(Message).join(Attempt, col(Attempt.message_id) == col(Message.id))
    query = query.where(Message.address == message.address, Message.medium == Medium.SMS, Message.id != message.id)
    query = query.where(col(Message.keys).contains(key), col(Attempt.number) == col(Message.attempt))
    question = sa.and_(col(Message.run_id).is_(None), col(Message.slot).startswith(handshake.SLOT))
    if handshake.asks(message):
        query = query.where(~question, col(Attempt.begun_at) > message.created_at - likely.OPEN_FOR)
    else:
        known = core(Contact).c.languages_confirmed_at.is_not(None) & (core(Contact).c.written_language != "")
        chosen = sa.select(core(Contact).c.id).where(core(Contact).c.id == col(Message.contact_id), known)
        query = query.where(question, col(Attempt.begun_at) > message.created_at - _FRESH, ~chosen.exists())
    found = (await session.scalars(query.order_by(col(Attempt.begun_at).desc()).limit(1))).first()
    return found or await _alarm(session, message, key)


async def _alarm(session: Session, message: Message, key: str) -> Message | None:
    """An alarm that came shortly before a menu, has the same key, and was not answered by this phone yet."""
    if message.purpose is Purpose.EMERGENCY:
        return None  # the newest of all: an update is answered as the alarm is
    part, emergency = core(EmergencyNotice).c, core(Emergency).c
    query = (
        select(Message)
        .join(Attempt, sa.and_(col(Attempt.message_id) == col(Message.id), col(Attempt.number) == col(Message.attempt)))
        .join(Run, col(Run.id) == col(Message.run_id))
        .join(core(EmergencyNotice), part.notice_id == col(Run.notice_id))
        .join(core(Emergency), emergency.id == part.emergency_id)
        .where(Message.address == message.address, Message.medium == Medium.SMS, Message.purpose == Purpose.EMERGENCY)
        .where(col(Message.keys).contains(key), col(Attempt.begun_at) > message.created_at - _ALARMING)
        .where(emergency.over_at.is_(None))
        .order_by(col(Attempt.begun_at).desc())
        .limit(1)
    )
    found = (await session.scalars(query)).first()
    if found is None:
        return None
    said = sa.or_(col(Reply.message_id) == found.id, sa.and_(col(Reply.run_id) == found.run_id, _by(found)))
    return None if await session.scalar(sa.select(col(Reply.id)).where(said).limit(1)) else found


def _by(message: Message) -> sa.ColumnElement[bool]:
    return sa.and_(col(Reply.contact_id).is_not(None), col(Reply.contact_id) == message.contact_id)


async def show(session: Session, row: Reply, message: Message, question: Message) -> None:
    """Show beside a key what it would say to either of two messages, for whoever reads it."""
    key = menu.digit(row.body)
    either = [await _meant(session, one, key) for one in (message, question)]
    text = f"A key of two menus: {', or '.join(either)}. Ask which was meant."
    session.add(Gist(reply_id=row.id or 0, language=languages.ENGLISH, text=text, at=row.at))
    await session.flush()


async def _meant(session: Session, message: Message, key: str) -> str:
    """What a key says to one of our messages: “an appointment”, to “Absence check”."""
    if handshake.asks(message):
        return f"“write to us in {languages.english(handshake.chosen(message, key))}”"
    query = select(Notice).join(Run, col(Run.notice_id) == col(Notice.id)).where(Run.id == message.run_id)
    notice = (await session.scalars(query)).first()
    if notice is None:
        return f"“{key}”"
    wanted = reading.stored(notice.definition)
    options = {option.key: option.label[languages.ENGLISH] for option in wanted.replies.options}
    if not options and wanted.template:
        options = {answer.key: answer.label for answer in library.notice(wanted.template).answers}
    return f"“{options.get(key, key)}”, to “{notice.title}”"

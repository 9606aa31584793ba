"""Two menus of ours wait at one phone: our question for the language, and another that has the same key.

The question is asked only where no menu waits, but an absence is asked about whatever else is open. Taken for the
choice of a language a digit would tell us nothing of the child, and the other way round it would explain a missing one.
So it is nobody's answer: a person asks what was meant. Words say by themselves what they answer.
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
from gateway.models import Attempt, Contact, Gist, Message, Notice, Reply, Run
from gateway.models.types import core
from gateway.understanding import menu
from templates import languages, library

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
    return (await session.scalars(query.order_by(col(Attempt.begun_at).desc()).limit(1))).first()


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

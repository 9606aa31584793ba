"""What a person answers: in the family's language where it can be, by the way that they wrote, past the same wall."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Final

import sqlalchemy as sa
from sqlmodel import col, select

from gateway import audit, context, conversations, errors, guard, outbox
from gateway.database import Session
from gateway.desk import canned, writing
from gateway.models import Conversation, Message, MessageState, Reply
from templates import errors as wrong
from templates import languages

SLOT: Final = "desk:"  #: begins the slot of a message that a person of the school has written in a conversation


_MEANWHILE: Final = (
    "Somebody has answered a moment ago, perhaps you: it stands above. Send yours again if it is still wanted."
)
_GONE: Final = (
    "The number or mailbox that they wrote from is somebody else's now: answer them another way. Nothing was sent."
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What is to be said: words in one language, or a canned answer with its blanks filled in.

    ``up_to``  the last reply that whoever answers has seen, None for all that there are
    ``after``  the last answer that they have seen, ``""`` for none: nothing is sent unseen beside another one, nor the
               same twice; None where that is not known
    """

    words: str = ""
    language: str = "en"
    canned: str = ""
    values: Mapping[str, str] = field(default_factory=dict[str, str])
    up_to: int | None = None
    after: str | None = None


async def answer(
    session: Session,
    gateway: context.Gateway,
    conversation_id: int,
    said: Answer,
    *,
    by: str,
    hold: timedelta = timedelta(0),
) -> Message:
    """Answer whoever wrote last in a conversation; what waited is read by that, and it stays open.

    It does not leave before ``hold`` has passed, so that a slip can be taken back.

    Raises :class:`errors.BadInput` for what cannot be said, :class:`errors.NotFound`, and :class:`errors.Conflict` with
    a sentence where the family may not be written to, or cannot be reached there any more.
    """
    root = await conversations.find(session, conversation_id)
    conversations.check(root, "answer")
    if said.after is not None and await last_answer(session, root) != said.after:
        raise errors.Conflict(_MEANWHILE)
    to = await _addressee(session, gateway, root)
    slot = f"{SLOT}{root.id}:{gateway.new_id()}"
    letter = _checked_letter(gateway, to, said)
    message = await writing.send(session, gateway, to, letter, slot=slot, checked=True, hold=hold)
    now = gateway.now()
    await conversations.answered(session, root, message.id, by=by, log=gateway.log, now=now, up_to=said.up_to)
    return message


async def last_answer(session: Session, root: Conversation) -> str:
    """The last answer that was given in a conversation, were it taken back since; ``""`` for none."""
    members = await conversations.members(session, root)
    slots = [col(Message.slot).like(f"{SLOT}{one.id}:%") for one in members]
    query = select(Message.id).where(col(Message.address).in_([one.address for one in members]), sa.or_(*slots))
    return await session.scalar(query.order_by(col(Message.created_at).desc(), col(Message.id).desc()).limit(1)) or ""


@dataclass(frozen=True, slots=True)
class Preview:
    """The words exactly as they would go, and the same in English."""

    letter: writing.Letter
    english: str


async def preview(session: Session, gateway: context.Gateway, root: Conversation, said: Answer) -> Preview:
    """What :func:`answer` would send; nothing is.

    Raises :class:`errors.BadInput` for what cannot be said, and :class:`errors.Conflict` where nobody can be reached.
    """
    to = await _addressee(session, gateway, root)
    letter = _checked_letter(gateway, to, said)
    if letter.made.language == languages.ENGLISH:
        return Preview(letter, letter.text)
    return Preview(letter, _checked_letter(gateway, replace(to, language=languages.ENGLISH), said).text)


async def take_back(
    session: Session, gateway: context.Gateway, message_id: str, root: Conversation, *, by: str
) -> None:
    """Take back an answer that has not left, which was a slip. What it answered waits again by ``conversations``.

    Raises :class:`errors.Conflict` where it has left, and :class:`errors.NotFound` for what is no answer in this one.
    """
    message = await session.get(Message, message_id)
    if message is None or not message.slot.startswith(f"{SLOT}{root.id}:"):
        raise errors.NotFound("There is no such answer in this conversation.")
    now = gateway.now()
    values = {"reason": "taken_back", "reason_text": guard.REASONS["taken_back"]}
    # Once it is due a worker may be about to send it.
    if message.due_at <= now or not await outbox.change(session, message_id, MessageState.CANCELLED, now=now, **values):
        raise errors.Conflict("It has left already. Write to the family what is right.")
    line = audit.Line("conversation.answer_taken_back", f"conversation:{root.id}", {"message": message_id}, by)
    await gateway.log.record(session, line, now=now)


async def _addressee(session: Session, gateway: context.Gateway, root: Conversation) -> writing.Addressee:
    last = await _last(session, root)
    to = await writing.addressee(session, gateway, last)
    if to.owners and last.contact_id is not None and last.contact_id not in to.owners:
        raise errors.Conflict(_GONE)
    return to


def _checked_letter(gateway: context.Gateway, to: writing.Addressee, said: Answer) -> writing.Letter:
    try:
        return _letter(gateway, to, said)
    except wrong.WordingError as error:
        raise errors.BadInput([errors.Problem(str(error))]) from None


def _letter(gateway: context.Gateway, to: writing.Addressee, said: Answer) -> writing.Letter:
    if bool(said.canned) == bool(said.words.strip()):
        raise errors.BadInput([errors.Problem("An answer is either words or a canned one.", "Give one of them.")])
    if said.canned:
        file = canned.load(gateway.settings)
        found = canned.find(file, said.canned)
        texts = canned.words(file, found, allow_drafts=gateway.settings.languages.allow_drafts)
        return writing.own_words(gateway, to, texts, canned.filled(found, said.values), language=to.language)
    # Braces would be blanks to fill in, and nobody types them to a parent.
    words = said.words.strip().replace("{", "(").replace("}", ")")
    return writing.own_words(gateway, to, {"en": words, said.language: words}, {}, language=said.language)


async def _last(session: Session, root: Conversation) -> Reply:
    members = await conversations.members(session, root)
    ids = [one.id for one in members if one.left_at is None]
    if not ids:
        raise errors.Conflict(_GONE)
    query = (
        select(Reply).where(col(Reply.conversation_id).in_(ids)).order_by(col(Reply.at).desc(), col(Reply.id).desc())
    )
    found = (await session.scalars(query.limit(1))).first()
    if found is None:
        raise errors.Conflict("Nobody has written in this conversation yet: send a notice.")
    return found

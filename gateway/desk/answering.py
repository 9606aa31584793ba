"""What a person answers: in the family's language where it can be, by the way that they wrote, past the same wall."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from sqlmodel import col, select

from gateway import context, conversations, errors
from gateway.database import Session
from gateway.desk import canned, writing
from gateway.models import Conversation, Message, Reply
from templates import errors as wrong

SLOT: Final = "desk:"  #: begins the slot of a message that a person of the school has written in a conversation


_GONE: Final = (
    "The number or mailbox that they wrote from is somebody else's now: answer them another way. Nothing was sent."
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What is to be said: words in one language, or a canned answer with its blanks filled in.

    ``up_to``  the last reply that whoever answers has seen, None for all that there are
    """

    words: str = ""
    language: str = "en"
    canned: str = ""
    values: Mapping[str, str] = field(default_factory=dict[str, str])
    up_to: int | None = None


async def answer(session: Session, gateway: context.Gateway, conversation_id: int, said: Answer, *, by: str) -> Message:
    """Answer whoever wrote last in a conversation; what waited is read by that, and it stays open.

    Raises :class:`errors.BadInput` for what cannot be said, :class:`errors.NotFound`, and :class:`errors.Conflict` with
    a sentence where the family may not be written to, or cannot be reached there any more.
    """
    root = await conversations.find(session, conversation_id)
    conversations.check(root, "answer")
    last = await _last(session, root)
    to = await writing.addressee(session, gateway, last)
    if to.owners and last.contact_id is not None and last.contact_id not in to.owners:
        raise errors.Conflict(_GONE)
    try:
        letter = _letter(gateway, to, said)
    except wrong.WordingError as error:
        raise errors.BadInput([errors.Problem(str(error))]) from None
    slot = f"{SLOT}{root.id}:{gateway.new_id()}"
    message = await writing.send(session, gateway, to, letter, slot=slot, checked=True)
    now = gateway.now()
    await conversations.answered(session, root, message.id, by=by, log=gateway.log, now=now, up_to=said.up_to)
    return message


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

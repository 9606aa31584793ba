"""What staff do with a conversation, by its number: for the command line and the API. To answer is ``answering``."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from sqlmodel import col, select

from gateway import context, conversations, errors, merging, tasks
from gateway.database import Session
from gateway.desk import answering, promise, thread
from gateway.models import Conversation, Message, Promise

UNDO_WITHIN: Final = timedelta(minutes=1)  #: a slip is seen at once
_WORRY: Final = "Somebody of the school is worried about what a family has written. {lead} looks at it now."
_SHOW: Final = "handbell conversation show {root}"


async def take(session: Session, gateway: context.Gateway, conversation_id: int, owner: str, *, by: str) -> None:
    """Make somebody its owner.

    Raises :class:`errors.NotFound`.
    """
    root = await conversations.find(session, conversation_id)
    await conversations.take(session, root, owner, by=by, log=gateway.log, now=gateway.now())


async def note(session: Session, gateway: context.Gateway, conversation_id: int, text: str, *, by: str) -> None:
    """Write something beside it that is never sent.

    Raises :class:`errors.NotFound`, or :class:`errors.BadInput` for nothing.
    """
    root = await conversations.find(session, conversation_id)
    await conversations.note(session, root, text, by=by, log=gateway.log, now=gateway.now())


async def sort(session: Session, gateway: context.Gateway, conversation_id: int, kind: str, *, by: str) -> None:
    """Say what it is about: when it is due is counted anew, from the first words that waited.

    Raises :class:`errors.NotFound`, :class:`errors.Conflict` where it is closed, or :class:`errors.BadInput`.
    """
    if kind not in promise.KINDS:
        problem = errors.Problem(f"“{kind}” is no kind.", f"Use one of: {', '.join(promise.KINDS)}.")
        raise errors.BadInput([problem])
    root = await conversations.find(session, conversation_id)
    open_one = select(Promise.made_at).where(Promise.conversation_id == root.id, col(Promise.kept_at).is_(None))
    since = (await session.scalars(open_one)).one_or_none()
    due_at = promise.load(gateway.settings, gateway.year).due(kind, since) if since else None
    await conversations.sort(session, root, kind, due_at, by=by, log=gateway.log, now=gateway.now())


async def close(
    session: Session, gateway: context.Gateway, conversation_id: int, outcome: str, *, by: str
) -> Conversation:
    """Close it with its outcome. It is open again at once where words came this very moment.

    Raises :class:`errors.NotFound`, :class:`errors.Conflict` where it is closed, or :class:`errors.BadInput`.
    """
    root = await conversations.find(session, conversation_id)
    await conversations.close(session, root, outcome, by=by, log=gateway.log, now=gateway.now())
    return root


async def merge(session: Session, gateway: context.Gateway, into_id: int, other_id: int, *, by: str) -> Conversation:
    """Make one conversation of two of the same person. Gives it.

    Raises :class:`errors.Conflict` where they are of two people, or one of the addresses is somebody else's too, and
    :class:`errors.NotFound`.
    """
    for one in sorted((into_id, other_id)):  # in the order in which everybody locks them
        await conversations.find(session, one)
    into, other = await conversations.find(session, into_id), await conversations.find(session, other_id)
    if into.id == other.id:
        raise errors.Conflict("They are one conversation already.")
    members = [*await conversations.members(session, into), *await conversations.members(session, other)]
    owners = await thread.people_of(session, members)
    if into.contact_id is None or into.contact_id != other.contact_id or set(owners) != {into.contact_id}:
        raise errors.Conflict("These are not the same person's, or not that person's alone: they stay apart.")
    await merging.merge(session, into, other, by=by, log=gateway.log, now=gateway.now())
    return into


async def worry(session: Session, gateway: context.Gateway, conversation_id: int, lead: str, *, by: str) -> None:
    """Hand a conversation to the safeguarding lead, who is told now. It stays where it is until it is answered.

    Raises :class:`errors.NotFound`.
    """
    root = await conversations.find(session, conversation_id)
    now = gateway.now()
    ask = tasks.Ask(
        "desk.worry", f"conversation:{root.id}", _WORRY.format(lead=lead), _SHOW.format(root=root.id), loud=True
    )
    await tasks.ask(session, ask, log=gateway.log, now=now)
    await conversations.take(session, root, lead, by=by, log=gateway.log, now=now)


async def undo(session: Session, gateway: context.Gateway, conversation_id: int, message_id: str, *, by: str) -> None:
    """Take back an answer that has not left, or (without a message) one's own close: the words wait again.

    Raises :class:`errors.NotFound`, or :class:`errors.Conflict` where it is too late, or was another's.
    """
    root = await conversations.find(session, conversation_id)
    now, since = gateway.now(), root.closed_at
    if message_id:
        await answering.take_back(session, gateway, message_id, root, by=by)
        since = (await session.get_one(Message, message_id)).created_at
    elif root.closed_by != by:
        since = None
    if since is None or now - since > UNDO_WITHIN:
        raise errors.Conflict("It is too late to take this back. The conversation is as it was.")
    await conversations.take_back(session, root, since=since, by=by, log=gateway.log, now=now)

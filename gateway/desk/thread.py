"""A conversation as staff read it: what was said both ways, and what they noted beside it.

An address may have been somebody else's before: networks give numbers anew. What was said with whoever has it no more
is another family's, and is never shown here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import sqlalchemy as sa
from sqlmodel import col, select

from channels.base import Medium
from gateway import answers, conversations, points
from gateway.database import Session
from gateway.desk import answering, overdue
from gateway.models import (
    Contact,
    ContactPoint,
    Conversation,
    ConversationNote,
    ConversationState,
    Message,
    MessageState,
    Promise,
    Reply,
    VoiceMessage,
)
from gateway.translating import gists

Which = Literal["open", "waiting", "overdue", "closed", "all"]
_MOST = 200  #: of the newest, in one thread


@dataclass(frozen=True, slots=True)
class Said:
    """One line of a thread. ``who`` is a person's name, ``""`` for the family's side where nobody can be sure.

    ``kind``   ``reply`` from the family, ``answer`` of a person, ``automatic`` or ``notice`` from us, or ``note``
    ``voice``  whether it is a voice message, to be played
    ``gist``   what words in another language say in English, by a machine
    """

    at: datetime
    kind: Literal["reply", "answer", "automatic", "notice", "note"]
    who: str
    medium: Medium | None
    text: str
    state: str = ""
    id: str = ""
    voice: bool = False
    gist: str = ""


@dataclass(frozen=True, slots=True)
class Thread:
    """A conversation whole. ``others``: whether something of somebody who had this address before was left out."""

    root: Conversation
    contact: str
    addresses: Sequence[Conversation]
    said: Sequence[Said]
    promise: Promise | None
    others: bool


def listed(which: Which, *, owner: str, now: datetime) -> sa.Select[Conversation, Contact]:
    """The conversations of a list with whom each is: what is due first comes first, of closed ones the newest."""
    c = Conversation
    query = (
        sa.select(c, Contact)
        .outerjoin(Contact, col(Contact.id) == col(c.contact_id))
        .where(col(c.merged_into_id).is_(None))
    )
    if owner:
        query = query.where(col(c.owner) == owner)
    match which:
        case "open":
            query = query.where(col(c.state) == ConversationState.OPEN)
        case "waiting":
            query = query.where(waits())
        case "overdue":
            query = query.where(overdue.is_overdue(now))
        case "closed":
            query = query.where(col(c.state) == ConversationState.CLOSED, col(c.outcome) != "")
        case "all":
            pass
    return query


def in_turn(query: sa.Select[Conversation, Contact], which: Which) -> sa.Select[Conversation, Contact]:
    """The order in which staff want to see a list."""
    if which in ("closed", "all"):
        return query.order_by(col(Conversation.last_at).desc(), col(Conversation.id).desc())
    due = col(Conversation.due_at)
    return query.order_by(col(Conversation.urgent).desc(), due.is_(None), due, col(Conversation.id))


def waits() -> sa.ColumnElement[bool]:
    """Whether words wait in a conversation, or in one that was merged into it."""
    other = sa.alias(sa.inspect(Conversation).local_table, "other")
    merged = sa.select(other.c.id).where(
        other.c.merged_into_id == col(Conversation.id), other.c.waiting_since.is_not(None)
    )
    return sa.or_(col(Conversation.waiting_since).is_not(None), merged.exists())


async def read(session: Session, conversation_id: int) -> Thread:
    """A conversation with everything that was said, the oldest first.

    Raises :class:`errors.NotFound`.
    """
    root = await conversations.root(session, conversation_id)
    members = await conversations.members(session, root)
    people = await people_of(session, members)
    replies, left_out = await _replies(session, members, people)
    messages, left_out_too = await _messages(session, members, people)
    said = sorted([*replies, *messages, *await _notes(session, root)], key=lambda one: one.at)
    contact = await session.get(Contact, root.contact_id) if root.contact_id else None
    open_one = select(Promise).where(Promise.conversation_id == root.id, col(Promise.kept_at).is_(None))
    return Thread(
        root,
        contact.full_name if contact else "",
        members,
        said[-_MOST:],
        (await session.scalars(open_one)).one_or_none(),
        left_out or left_out_too,
    )


async def people_of(session: Session, members: Sequence[Conversation]) -> dict[int, str]:
    """Whom the conversation is with, and whoever shares these addresses with them today, by id."""
    found = set[int]()
    for one in members:
        query = select(ContactPoint.contact_id).where(
            ContactPoint.address == one.address, ContactPoint.kind == points.kind_of(one.medium)
        )
        owners = set(await session.scalars(query))
        if one.contact_id is not None and (one.left_at is not None or one.contact_id not in owners):
            owners = set()  # it went to somebody else: those have nothing to do with this one
        found |= owners | ({one.contact_id} if one.contact_id else set())
    people = select(Contact).where(col(Contact.id).in_(found))
    return {contact.id or 0: contact.full_name for contact in await session.scalars(people)}


async def _replies(
    session: Session, members: Sequence[Conversation], people: dict[int, str]
) -> tuple[list[Said], bool]:
    by_id = {one.id: one for one in members}
    query = select(Reply).where(col(Reply.conversation_id).in_(list(by_id))).order_by(col(Reply.id).desc())
    rows = (await session.scalars(query.limit(_MOST))).all()
    ours = [row for row in rows if row.contact_id is None or row.contact_id in people]
    by_inbound = select(VoiceMessage.inbound_id).where(
        col(VoiceMessage.inbound_id).in_([row.inbound_id for row in ours])
    )
    voices = set(await session.scalars(by_inbound))
    english = await gists.of(session, [row.id or 0 for row in ours])
    said = [
        Said(
            row.at,
            "reply",
            people.get(row.contact_id or 0, ""),
            Medium.VOICE if row.keys or row.inbound_id in voices else by_id[row.conversation_id].medium,
            row.keys or row.body,
            row.settled or row.option or (row.keyword or "") or (f"seen by {row.seen_by}" if row.seen_by else ""),
            str(row.id),
            row.inbound_id in voices,
            english.get(row.id or 0, ""),
        )
        for row in reversed(ours)
    ]
    return said, len(ours) < len(rows)


async def _messages(
    session: Session, members: Sequence[Conversation], people: dict[int, str]
) -> tuple[list[Said], bool]:
    by_phone = (Medium.SMS, Medium.VOICE)
    to = [
        sa.and_(
            col(Message.address) == one.address,
            col(Message.medium).in_([Medium.EMAIL] if one.medium is Medium.EMAIL else by_phone),
        )
        for one in members
    ]
    query = select(Message).where(sa.or_(*to), col(Message.state) != MessageState.SKIPPED)
    rows = (await session.scalars(query.order_by(col(Message.created_at).desc()).limit(_MOST))).all()
    ours = [row for row in rows if row.contact_id is None or row.contact_id in people]
    return [_ours(row) for row in reversed(ours)], len(ours) < len(rows)


def _ours(message: Message) -> Said:
    kind: Literal["answer", "automatic", "notice"] = "notice"
    if message.slot.startswith(answering.SLOT):
        kind = "answer"
    elif message.run_id is None and message.slot.startswith(answers.SLOT):
        kind = "automatic"
    state = message.state.value + (f": {message.reason}" if message.reason else "")
    return Said(message.created_at, kind, "", message.medium, message.body, state, message.id)


async def _notes(session: Session, root: Conversation) -> list[Said]:
    query = select(ConversationNote).where(ConversationNote.conversation_id == root.id)
    return [Said(row.at, "note", row.author, None, row.text) for row in await session.scalars(query)]

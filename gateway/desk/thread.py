"""A conversation as staff read it: what was said both ways, and what they noted beside it.

An address may have been somebody else's before: networks give numbers anew. What was said with whoever has it no more
is another family's, and is never shown here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

import sqlalchemy as sa
from sqlmodel import col, select

from channels.base import Medium
from gateway import answers, conversations, points
from gateway.accounts import signatures
from gateway.database import Session
from gateway.desk import answering, overdue
from gateway.models import (
    AbsenceCase,
    AbsenceStep,
    CaseState,
    Contact,
    ContactPoint,
    Conversation,
    ConversationNote,
    ConversationState,
    Message,
    MessageState,
    Notice,
    Promise,
    Reply,
    Run,
    VoiceMessage,
)
from gateway.models.types import core
from gateway.translating import gists
from templates import languages

Which = Literal["open", "waiting", "needs", "them", "overdue", "closed", "all"]
_MOST = 200  #: of the newest, in one thread
_other, _said_in = core(Conversation).alias("other"), core(Conversation).alias("said_in")


@dataclass(frozen=True, slots=True)
class Said:
    """One line of a thread. ``who`` is a person's name, ``""`` for the family's side where nobody can be sure.

    ``kind``   ``reply`` from the family, ``answer`` of a person, ``automatic`` or ``notice`` from us, or ``note``
    ``voice``  whether it is a voice message, to be played
    ``gist``   what words in another language say in English, by a machine
    ``language``  of the words, where it is known; ``about`` the title of the notice that it is from
    ``english``   what words of ours in another language say, as the school wrote them
    ``reason``    why a message did not arrive; ``changed_at`` since when it stands as ``state`` says
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
    language: str = ""
    about: str = ""
    reason: str = ""
    changed_at: datetime | None = None
    english: str = ""


@dataclass(frozen=True, slots=True)
class Thread:
    """A conversation whole. ``others``: whether something of somebody who had this address before was left out."""

    root: Conversation
    contact: str
    addresses: Sequence[Conversation]
    said: Sequence[Said]
    promise: Promise | None
    others: bool


def listed(which: Which, *, owner: str, now: datetime, today: date) -> sa.Select[Conversation, Contact]:
    """The conversations of a list with whom each is; ``owner`` leaves those of one person, whichever way they sign."""
    c = Conversation
    query = (
        sa.select(c, Contact)
        .outerjoin(Contact, col(Contact.id) == col(c.contact_id))
        .where(col(c.merged_into_id).is_(None))
    )
    if owner:
        query = query.where(col(c.owner).in_([owner, signatures.of_account(owner)]))
    match which:
        case "open":
            query = query.where(col(c.state) == ConversationState.OPEN)
        case "waiting":
            query = query.where(waits())
        case "needs":
            query = query.where(needs(today))
        case "them":
            query = query.where(col(c.state) == ConversationState.OPEN, ~needs(today))
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
    merged = sa.select(_other.c.id).where(
        _other.c.merged_into_id == col(Conversation.id), _other.c.waiting_since.is_not(None)
    )
    return sa.or_(col(Conversation.waiting_since).is_not(None), merged.exists())


def needs(today: date) -> sa.ColumnElement[bool]:
    """Whether a conversation needs a person: words wait in it, or what it says of an absence of today has no code yet.

    A family that says why a child is away waits for nothing; the register waits for somebody to take the code.
    """
    case, step, reply, other = core(AbsenceCase).c, core(AbsenceStep).c, core(Reply).c, _said_in.c
    to_confirm = (
        sa.select(sa.func.coalesce(other.merged_into_id, other.id))
        .join_from(core(AbsenceCase), core(AbsenceStep), step.case_id == case.id)
        .join(core(Reply), reply.id == step.reply_id)
        .join(_said_in, other.id == reply.conversation_id)
        .where(case.date == today, case.state == CaseState.TO_CONFIRM, step.kind == "answer")
    )
    return sa.or_(waits(), col(Conversation.id).in_(to_confirm))


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
    english = await gists.made(session, [row.id or 0 for row in ours])
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
            english[row.id].text if row.id in english else "",
            english[row.id].language if row.id in english else "",
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
    runs = {row.run_id for row in ours if row.run_id is not None}
    named = sa.select(core(Run).c.id, core(Notice).c.title, core(Notice).c.definition).join(
        core(Notice), core(Notice).c.id == core(Run).c.notice_id
    )
    of_runs = await session.execute(named.where(core(Run).c.id.in_(runs))) if runs else ()
    said = {row.id: (row.title, (row.definition.get("text") or {}).get(languages.ENGLISH, "")) for row in of_runs}
    return [_ours(row, *said.get(row.run_id, ("", ""))) for row in reversed(ours)], len(ours) < len(rows)


def _ours(message: Message, title: str, english: str) -> Said:
    kind: Literal["answer", "automatic", "notice"] = "notice"
    if message.slot.startswith(answering.SLOT):
        kind = "answer"
    elif message.run_id is None and message.slot.startswith(answers.SLOT):
        kind = "automatic"
    state = message.state.value + (f": {message.reason}" if message.reason else "")
    return Said(
        message.created_at, kind, "", message.medium, message.body, state, message.id,
        language=message.language, about=title, reason=message.reason_text, changed_at=message.changed_at,
        english=english if message.language != languages.ENGLISH else "",
    )  # fmt: skip


async def _notes(session: Session, root: Conversation) -> list[Said]:
    query = select(ConversationNote).where(ConversationNote.conversation_id == root.id)
    return [Said(row.at, "note", row.author, None, row.text) for row in await session.scalars(query)]

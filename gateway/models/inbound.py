"""What came back: every event as it was received, and the conversations with families."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column, Index, text
from sqlmodel import Field, UniqueConstraint

from channels.base import Medium
from gateway.models.types import ConversationState, Keyword, Table, UtcDateTime, words


class Inbound(Table, table=True):
    """A provider's event, stored before anything is done about it. ``event_id`` makes a doubled delivery harmless.

    ``kind`` is ``receipt``, ``reply``, or ``raw`` for a genuine call that nobody here could read; ``event`` the
    translated event; ``raw`` the provider's own fields. ``message_id`` and ``ref`` name our message, where it did.
    ``tries`` counts failed attempts to interpret it; ``outcome`` says in a word what came of it.
    """

    __table_args__ = (
        UniqueConstraint("channel", "event_id"),
        Index(
            "inbound_waiting",
            "id",
            sqlite_where=text("handled_at IS NULL"),
            postgresql_where=text("handled_at IS NULL"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True)
    channel: str
    event_id: str
    kind: str
    event: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    raw: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    message_id: str = Field(default="", index=True)
    ref: str = Field(default="", index=True)
    received_at: datetime = Field(sa_type=UtcDateTime)
    handled_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    tries: int = 0
    due_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    outcome: str = ""


class Watermark(Table, table=True):
    """How far a polled channel was read: everything created before ``since`` has been stored. One row a stream.

    ``due_at``     when it is looked at next, or until when the look that is under way may say nothing
    ``looked_at``  when a look last came to its end
    ``failures``   looks that stopped half-way since then; ``trouble`` says why, without numbers or words
    """

    __table_args__ = (UniqueConstraint("channel", "stream"),)

    id: int | None = Field(default=None, primary_key=True)
    channel: str
    stream: str
    since: datetime = Field(sa_type=UtcDateTime)
    due_at: datetime = Field(sa_type=UtcDateTime)
    looked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    failures: int = 0
    trouble: str = ""


class Conversation(Table, table=True):
    """Everything said with one address. ``contact_id`` is empty for a number that nobody knows, or that two share.

    An address that goes to somebody else begins another one; ``left_at`` is when that was found out.

    ``waiting_since`` is when the first words came that nobody has read. Whoever was merged into another
    (``merged_into_id``) still has words of its own that wait; everything below is then that of the other.

    ``kind``    what it is about: ``absence``, ``question`` or ``complaint``; ``""`` while nothing was promised
    ``due_at``  until when somebody answers, as was promised; ``urgent`` is due at once, whatever the hour
    ``outcome`` how it was closed, last time
    """

    __table_args__ = (
        Index(
            "conversation_address",
            "medium",
            "address",
            unique=True,
            sqlite_where=text("left_at IS NULL"),
            postgresql_where=text("left_at IS NULL"),
        ),
        Index(
            "conversation_due",
            "due_at",
            sqlite_where=text("due_at IS NOT NULL"),
            postgresql_where=text("due_at IS NOT NULL"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True)
    medium: Medium = Field(sa_type=words(Medium))
    address: str
    contact_id: int | None = Field(default=None, foreign_key="contact.id", ondelete="SET NULL", index=True)
    waiting_since: datetime | None = Field(default=None, sa_type=UtcDateTime, index=True)
    last_at: datetime = Field(sa_type=UtcDateTime)
    state: ConversationState = Field(default=ConversationState.CLOSED, sa_type=words(ConversationState))
    kind: str = ""
    owner: str = ""
    due_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    urgent: bool = False
    outcome: str = ""
    closed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    closed_by: str = ""
    merged_into_id: int | None = Field(default=None, index=True)  #: a conversation; none is ever deleted
    left_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class Promise(Table, table=True):
    """That somebody answers by a time: one for each stretch of waiting, from its first words to an answer or the close.

    ``reply_id``    the words that began it; ``message_id`` the acknowledgement that told it, if one went out
    ``kept_at``     when it was answered or closed; a conversation has one promise at most that is not
    ``overdue_at``  when staff were told that nobody had answered in time
    """

    __table_args__ = (
        Index(
            "promise_open",
            "conversation_id",
            unique=True,
            sqlite_where=text("kept_at IS NULL"),
            postgresql_where=text("kept_at IS NULL"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True)
    conversation_id: int = Field(foreign_key="conversation.id", index=True)
    reply_id: int = Field(foreign_key="reply.id")
    kind: str
    made_at: datetime = Field(sa_type=UtcDateTime)
    due_at: datetime = Field(sa_type=UtcDateTime)
    message_id: str | None = Field(default=None, foreign_key="message.id", ondelete="SET NULL")
    kept_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    overdue_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class ConversationNote(Table, table=True):
    """What staff write beside a conversation. It is never sent to anybody."""

    id: int | None = Field(default=None, primary_key=True)
    conversation_id: int = Field(foreign_key="conversation.id", index=True)
    author: str
    at: datetime = Field(sa_type=UtcDateTime)
    text: str


class Reply(Table, table=True):
    """What a person answered. ``option`` is the menu key that it was taken for, ``""`` when a person must read it.

    ``settled``   what a machine made of it, where that leaves nothing to read: ``understood: illness``
    ``sorted_at`` when the desk has looked at it (``gateway/desk``)
    """

    __table_args__ = (
        Index("reply_at", "at"),
        Index(
            "reply_unsorted",
            "id",
            sqlite_where=text("sorted_at IS NULL"),
            postgresql_where=text("sorted_at IS NULL"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True)
    conversation_id: int = Field(foreign_key="conversation.id", index=True)
    inbound_id: int = Field(foreign_key="inbound.id", unique=True)
    contact_id: int | None = Field(default=None, foreign_key="contact.id", ondelete="SET NULL", index=True)
    message_id: str | None = Field(default=None, foreign_key="message.id", ondelete="SET NULL", index=True)
    run_id: int | None = Field(default=None, foreign_key="run.id", index=True)
    at: datetime = Field(sa_type=UtcDateTime)
    body: str = ""
    keys: str = ""
    option: str = ""
    keyword: Keyword | None = Field(default=None, sa_type=words(Keyword))
    seen_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    seen_by: str = ""
    settled: str = ""
    sorted_at: datetime | None = Field(default=None, sa_type=UtcDateTime)

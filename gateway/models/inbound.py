"""What came back: every event as it was received, and the conversations with families."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column, Index, text
from sqlmodel import Field, UniqueConstraint

from channels.base import Medium
from gateway.models.types import Keyword, Table, UtcDateTime, words


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
    """Everything said with one address. ``contact_id`` is empty for a number that nobody knows, or that two share."""

    __table_args__ = (UniqueConstraint("medium", "address"),)

    id: int | None = Field(default=None, primary_key=True)
    medium: Medium = Field(sa_type=words(Medium))
    address: str
    contact_id: int | None = Field(default=None, foreign_key="contact.id", ondelete="SET NULL", index=True)
    waiting_since: datetime | None = Field(default=None, sa_type=UtcDateTime, index=True)
    last_at: datetime = Field(sa_type=UtcDateTime)


class Reply(Table, table=True):
    """What a person answered. ``option`` is the menu key that it was taken for, ``""`` when a person must read it."""

    __table_args__ = (Index("reply_at", "at"),)

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

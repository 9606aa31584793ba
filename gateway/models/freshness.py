"""Contact details kept fresh: what was asked, what families say is new, and what works with whom."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column, Index, text
from sqlmodel import Field, UniqueConstraint

from channels.base import Medium
from gateway.models.types import DetailState, LineType, PointKind, Table, UtcDateTime, words


class FreshQuestion(Table, table=True):
    """“Is this still the best number for you?”, asked of one phone or mailbox, in one message.

    ``kind``    ``carried`` below some good news, or ``nag``: a message of its own
    ``answer``  ``confirmed`` or ``changed``, ``""`` while nobody has answered
    """

    __table_args__ = (
        Index(
            "fresh_question_open",
            "address",
            sqlite_where=text("answered_at IS NULL"),
            postgresql_where=text("answered_at IS NULL"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True)
    contact_id: int = Field(foreign_key="contact.id", ondelete="CASCADE", index=True)
    contact_point_id: int = Field(foreign_key="contact_point.id", ondelete="CASCADE", index=True)
    address: str
    message_id: str = Field(foreign_key="message.id", ondelete="CASCADE", unique=True)
    kind: str
    asked_at: datetime = Field(sa_type=UtcDateTime)
    answered_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    answer: str = ""


class NewDetail(Table, table=True):
    """A new phone or mailbox of which a family has told us: proposed, proved by a code, then decided by the office.

    ``old_point_id``  the one that it was told from, or asked about; ``replaces``: the family says that it is no more
    ``before``        what approving changed of that one, so that it can be put back
    ``reply_id``      the words in which it was told
    ``told_at``       since when the old ways know of the change
    ``open_key``      contact and address while it is open, so that saying it twice proposes it once
    """

    id: int | None = Field(default=None, primary_key=True)
    contact_id: int = Field(foreign_key="contact.id", ondelete="CASCADE", index=True)
    old_point_id: int | None = Field(default=None, foreign_key="contact_point.id", ondelete="SET NULL")
    old_address: str = ""
    replaces: bool = False
    kind: PointKind = Field(sa_type=words(PointKind))
    address: str = Field(index=True)
    line_type: LineType = Field(default=LineType.NONE, sa_type=words(LineType))
    state: DetailState = Field(sa_type=words(DetailState))
    reply_id: int | None = Field(default=None, foreign_key="reply.id", ondelete="SET NULL")
    told_on: Medium = Field(sa_type=words(Medium))
    made_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    tries: int = 0
    proved_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    decided_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    decided_by: str = ""
    why: str = ""
    new_point_id: int | None = Field(default=None, foreign_key="contact_point.id", ondelete="SET NULL")
    before: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True), nullable=True))
    told_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    exported_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    open_key: str | None = Field(default=None, unique=True)


class WhatWorks(Table, table=True):
    """What has worked with one contact, remembered: ``media`` in the order in which it is reached, ``""`` for no order.

    ``hour``     of the school's day, at which it answers mostly
    ``because``  why, in plain words, for staff
    """

    contact_id: int = Field(foreign_key="contact.id", ondelete="CASCADE", primary_key=True)
    media: str = ""
    hour: int | None = None
    because: str = ""
    looked_at: datetime = Field(sa_type=UtcDateTime, index=True)


class NextTry(Table, table=True):
    """After silence, one more attempt for one contact, which differs from those before it in ``differs``.

    ``medium`` is None where nothing is left that has not failed twice: staff are asked instead.
    """

    __table_args__ = (UniqueConstraint("run_id", "contact_id", "number"),)

    id: int | None = Field(default=None, primary_key=True)
    run_id: int = Field(foreign_key="run.id", index=True)
    contact_id: int = Field(foreign_key="contact.id", ondelete="CASCADE", index=True)
    number: int
    medium: Medium | None = Field(default=None, sa_type=words(Medium))
    address: str = ""
    due_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    language: str = ""
    differs: str = ""
    because: str
    made_at: datetime = Field(sa_type=UtcDateTime)

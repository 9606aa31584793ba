"""What was translated before, and what families' answers say in English."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, text
from sqlmodel import Field, UniqueConstraint

from gateway.models.types import Table, UtcDateTime


class KnownSentence(Table, table=True):
    """An English sentence in another language, remembered. There is no name, number to ring or link in it.

    ``key``    a hash of ``source``; placeholders stand in both texts, links and numbers to ring as ``{#1}``
    ``state``  ``machine`` (then ``service`` said it) or ``reviewed``; ``back`` is what it says, back in English
    """

    __table_args__ = (UniqueConstraint("key", "language"),)

    id: int | None = Field(default=None, primary_key=True)
    key: str
    language: str
    source: str
    text: str
    back: str = ""
    state: str
    service: str = ""
    reviewed_by: str = ""
    at: datetime = Field(sa_type=UtcDateTime)


class Gist(Table, table=True):
    """What a reply says, in English, by a machine. It goes when its reply goes.

    ``text``    ``""`` where there is none: the reply is in English (``language``), or the service had trouble
    ``due_at``  when it is tried again
    """

    __table_args__ = (
        Index(
            "gist_due", "due_at", sqlite_where=text("due_at IS NOT NULL"), postgresql_where=text("due_at IS NOT NULL")
        ),
    )

    reply_id: int = Field(foreign_key="reply.id", ondelete="CASCADE", primary_key=True)
    language: str = ""
    text: str = ""
    service: str = ""
    at: datetime = Field(sa_type=UtcDateTime)
    tries: int = 0
    due_at: datetime | None = Field(default=None, sa_type=UtcDateTime)

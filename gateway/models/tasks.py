"""What a person of the school must see to, because no machine may decide it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, text
from sqlmodel import Field

from gateway.models.types import Table, UtcDateTime


class Task(Table, table=True):
    """Something for staff to do. While it is open, a second cause of the same kind and subject only counts up.

    ``subject``   what it is about, as ``point:12``, ``sender:1`` or ``message:01J…``
    ``what``      a sentence without a child's name, a text or a whole number; ``cure`` what to do
    ``open_key``  kind and subject while it is open, None once it is done: unique, so that nobody opens it twice
    ``loud_at``   when there was cause to text staff about it, None once they were; ``alerted_at`` when they last were
    """

    __table_args__ = (
        Index(
            "task_loud",
            "loud_at",
            sqlite_where=text("loud_at IS NOT NULL"),
            postgresql_where=text("loud_at IS NOT NULL"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True)
    kind: str = Field(index=True)
    subject: str
    what: str
    cure: str = ""
    urgent: bool = False
    open_key: str | None = Field(default=None, unique=True)
    opened_at: datetime = Field(sa_type=UtcDateTime)
    again_at: datetime = Field(sa_type=UtcDateTime)
    times: int = 1
    done_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    done_by: str = ""
    loud_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    alerted_at: datetime | None = Field(default=None, sa_type=UtcDateTime)

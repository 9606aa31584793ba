"""What must outlast an erased person, and what is still to be deleted elsewhere."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field, UniqueConstraint

from channels.base import Medium
from gateway.models.types import Table, UtcDateTime, words


class Suppression(Table, table=True):
    """An opt-out of somebody who was erased: the number itself is gone, its HMAC under our key is known again.

    What a phone had ended of single topics has a row here with another HMAC, which is the address of those preferences.
    """

    __table_args__ = (UniqueConstraint("medium", "digest"),)

    id: int | None = Field(default=None, primary_key=True)
    medium: Medium = Field(sa_type=words(Medium))
    digest: str
    since: datetime = Field(sa_type=UtcDateTime)
    mandatory_too: bool


class Scrub(Table, table=True):
    """Words that a provider still holds, by its own id: to be deleted there. One row for each, ever.

    ``due_at``  when it is tried next, None once it is gone; ``trouble``  why it did not work last time
    """

    __table_args__ = (UniqueConstraint("channel", "ref"),)

    id: int | None = Field(default=None, primary_key=True)
    channel: str
    ref: str
    due_at: datetime | None = Field(default=None, sa_type=UtcDateTime, index=True)
    tries: int = 0
    done_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    trouble: str = ""

"""Letters, for families that nothing else reaches."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field

from gateway.models.types import Table, UtcDateTime


class Letter(Table, table=True):
    """A notice on paper, for a contact whom it could reach in no other way.

    ``message_id`` the skipped or failed message that it stands in for: whom it is about is there
    ``batch``      which PDF it was printed in, ``""`` until it was
    ``language``   of the words; ``body`` is what is printed, ``lines`` name and address as they were printed
    ``posted_at``  when it was handed to the post, as somebody says
    """

    id: int | None = Field(default=None, primary_key=True)
    message_id: str = Field(foreign_key="message.id", ondelete="CASCADE", unique=True)
    contact_id: int | None = Field(default=None, foreign_key="contact.id", ondelete="SET NULL", index=True)
    batch: str = Field(default="", index=True)
    language: str = ""
    lines: str = ""
    body: str = ""
    printed_at: datetime = Field(sa_type=UtcDateTime)
    printed_by: str
    posted_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    posted_by: str = ""

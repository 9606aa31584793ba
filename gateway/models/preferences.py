"""What families want to hear of, by which medium, and what went out together."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field, UniqueConstraint

from channels.base import Medium
from gateway.models.types import MessageState, Table, UtcDateTime, Wish, words


class Preference(Table, table=True):
    """How a contact wants to hear of a topic by a medium; or, with ``address``, how a phone does (STOP MENUS by text).

    One of ``contact_id`` and ``address`` is set. ``topic`` is a key of the school's topics, or ``*`` for all that have
    no preference of their own. What an address says belongs to it, so no import can undo it. ``how`` says who set it.
    Of a phone whose people were erased, ``address`` is its HMAC (``gateway.suppressing``).
    """

    __table_args__ = (UniqueConstraint("contact_id", "topic", "medium"), UniqueConstraint("address", "topic", "medium"))

    id: int | None = Field(default=None, primary_key=True)
    contact_id: int | None = Field(default=None, foreign_key="contact.id", ondelete="CASCADE")
    address: str | None = None
    topic: str
    medium: Medium = Field(sa_type=words(Medium))
    wish: Wish = Field(sa_type=words(Wish))
    since: datetime = Field(sa_type=UtcDateTime)
    how: str = ""


class DigestItem(Table, table=True):
    """A message that went out within another one, the digest. ``state`` is the digest's, as far as it was followed."""

    message_id: str = Field(foreign_key="message.id", ondelete="CASCADE", primary_key=True)
    digest_id: str = Field(foreign_key="message.id", ondelete="CASCADE", index=True)
    state: MessageState = Field(sa_type=words(MessageState))
    at: datetime = Field(sa_type=UtcDateTime, index=True)

"""Recorded phrases, for calls in languages that no machine voice speaks."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field, UniqueConstraint

from gateway.models.types import Table, UtcDateTime


class Clip(Table, table=True):
    """Somebody's voice, saying exactly these words.

    ``said``  the words' fingerprint: other words are another clip, so one whose wording has changed is never played
    """

    __table_args__ = (UniqueConstraint("language", "said"),)

    id: int | None = Field(default=None, primary_key=True)
    language: str
    said: str
    words: str
    content_type: str
    content: bytes
    by: str
    at: datetime = Field(sa_type=UtcDateTime)

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


class VoiceInvite(Table, table=True):
    """Somebody may record phrases of a language by telephone, with a code, until it ends.

    ``code`` is a fingerprint of it; ``script`` one of the list that was printed along: with another list its numbers
    would be wrong, and the code is good no more.
    """

    id: int | None = Field(default=None, primary_key=True)
    language: str
    code: str = Field(unique=True)
    script: str
    by: str
    made_at: datetime = Field(sa_type=UtcDateTime)
    ends_at: datetime = Field(sa_type=UtcDateTime)

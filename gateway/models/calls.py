"""Calls that families make to the school: what they reported by keys, and their voice messages."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import Index, text
from sqlmodel import Field, UniqueConstraint

from gateway.models.people import BLANK
from gateway.models.types import Table, UtcDateTime


class PhoneCall(Table, table=True):
    """A call that came in. ``line`` and ``ref`` are who brought it, and its id there.

    ``caller`` is ``""`` for a number that is withheld; ``contact_id`` is empty for one that is nobody's, or several's.
    """

    __table_args__ = (UniqueConstraint("line", "ref"), Index("phone_call_began", "began_at"))

    id: int | None = Field(default=None, primary_key=True)
    line: str
    ref: str
    caller: str
    called: str
    contact_id: int | None = Field(default=None, foreign_key="contact.id", ondelete="SET NULL", index=True)
    began_at: datetime = Field(sa_type=UtcDateTime)
    #: In this call somebody records phrases (``VoiceInvite``). No foreign key: SQLite adds none to a table, short of
    #: copying it, and of a copy there is no SQL to print.
    invite_id: int | None = None


class PhoneReport(Table, table=True):
    """An absence that was reported by keys, and read back: the exact meaning of the reply with the same inbound event.

    ``reason`` is a code of the absence check's menu (``ill``, ``appointment``); both days are inclusive.
    """

    id: int | None = Field(default=None, primary_key=True)
    call_id: int = Field(foreign_key="phone_call.id", ondelete="CASCADE", index=True)
    inbound_id: int = Field(foreign_key="inbound.id", unique=True)
    pupil_id: int = Field(foreign_key="pupil.id", ondelete="CASCADE", index=True)
    reason: str
    first: date
    last: date


class VoiceMessage(Table, table=True):
    """A recording of a caller, on its way from the provider to us; its reply has the same inbound event.

    ``inbound_id``  empty where nothing was said: such a recording is only deleted
    ``kept_at``     when all of it was stored here (:class:`VoiceSound`); before that it is not deleted at the provider
    ``gone_at``     when the provider had it no more
    ``erased_at``   when our own copy was erased, after the school's time for keeping
    ``due_at``      when it is worked on next, or until when somebody does; None once nothing is left to do
    ``trouble``     why the last try failed, without numbers or words
    ``clip_…``      the phrase of the voice bank that it says, where somebody recorded one: it is no message then
    """

    __table_args__ = (
        UniqueConstraint("line", "ref"),
        Index(
            "voice_message_due",
            "due_at",
            sqlite_where=text("due_at IS NOT NULL"),
            postgresql_where=text("due_at IS NOT NULL"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True)
    line: str
    ref: str
    call_id: int = Field(foreign_key="phone_call.id", ondelete="CASCADE", index=True)
    inbound_id: int | None = Field(default=None, foreign_key="inbound.id", unique=True)
    seconds: int
    recorded_at: datetime = Field(sa_type=UtcDateTime)
    content_type: str = ""
    kept_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    gone_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    erased_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    due_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    tries: int = 0
    trouble: str = ""
    clip_language: str = Field(default="", sa_column_kwargs=BLANK)
    clip_said: str = Field(default="", sa_column_kwargs=BLANK)
    clip_words: str = Field(default="", sa_column_kwargs=BLANK)


class VoiceSound(Table, table=True):
    """The sound of a voice message: alone in its table, so that no list ever reads it."""

    voice_message_id: int = Field(foreign_key="voice_message.id", ondelete="CASCADE", primary_key=True)
    content: bytes

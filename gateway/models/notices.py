"""What is said: notices and events, their runs, and the messages that come of them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column, Index, text
from sqlmodel import Field, UniqueConstraint

from channels.base import Medium, Outcome
from gateway.models.people import BLANK, NO
from gateway.models.types import MessageState, NoticeState, Purpose, Table, UtcDateTime, words


class SchoolEvent(Table, table=True):
    """A dated event (parents' evening, trip) that notices may be about. ``starts_at`` and ``ends_at`` are moments.

    ``sequence`` goes up with each change, for families' calendars; ``changed_at`` is when it last did.
    """

    id: int | None = Field(default=None, primary_key=True)
    key: str = Field(unique=True)
    title: str
    place: str = ""
    starts_at: datetime = Field(sa_type=UtcDateTime)
    ends_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    cancelled_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    sequence: int = Field(default=0, sa_column_kwargs=NO)
    changed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class Notice(Table, table=True):
    """Something the school wants said. ``definition`` is the checked definition as JSON; the other columns index it.

    ``topic`` is what families may have declined it by, ``""`` where nobody can. ``paused_at``: what has not left is
    held back until somebody resumes it.
    """

    id: str = Field(primary_key=True)
    key: str = Field(unique=True)
    title: str
    purpose: Purpose = Field(sa_type=words(Purpose))
    state: NoticeState = Field(sa_type=words(NoticeState))
    definition: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    event_id: int | None = Field(default=None, foreign_key="school_event.id")
    author: str
    approver: str = ""
    created_at: datetime = Field(sa_type=UtcDateTime)
    approved_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    next_fire_at: datetime | None = Field(default=None, sa_type=UtcDateTime, index=True)
    trouble: str = ""
    topic: str = Field(default="", sa_column_kwargs=BLANK)
    paused_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    paused_by: str = Field(default="", sa_column_kwargs=BLANK)
    tries: int = 0  #: how often planning it has failed by the database's doing


class NoticeFile(Table, table=True):
    """A file that goes along with a notice's emails, as it was when the notice was handed in."""

    notice_id: str = Field(foreign_key="notice.id", ondelete="CASCADE", primary_key=True)
    name: str = Field(primary_key=True)
    place: int  #: its turn among the notice's files
    content_type: str
    content: bytes
    sha256: str


class Run(Table, table=True):
    """One firing of a notice: unique by notice and fire time, so that ten tickers fire it once.

    It is planned portion by portion: ``planned_up_to`` is the last pupil of whom everybody has been planned,
    ``messages`` how many rows that were, and ``planned_at`` when the last portion was written.
    """

    __table_args__ = (UniqueConstraint("notice_id", "fire_at"),)

    id: int | None = Field(default=None, primary_key=True)
    notice_id: str = Field(foreign_key="notice.id", index=True)
    fire_at: datetime = Field(sa_type=UtcDateTime)
    planned_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    planned_up_to: int = Field(default=0, sa_column_kwargs=NO)
    messages: int = Field(default=0, sa_column_kwargs=NO)


class Sender(Table, table=True):
    """A number or From address that we send as: lane, lock and rate limit in one.

    ``rate`` parts a second, ``burst`` parts at once. ``tat`` is GCRA's theoretical arrival time (ITU-T I.371): the
    moment from which the lane is again at its plain rate. ``held_until`` holds the whole lane back. ``account`` is the
    account at the provider, which other senders may share. While ``open_since`` is set the provider will not have us
    (``open_reason``), and one message tries now and then (``gateway/circuits.py``). ``held_by`` is the person who holds
    it back, ``""`` where it was the provider's doing.

    ``free_parts`` are parts that the account has free in a year; ``pence`` is what one more costs, None: as the costs
    in the settings say. ``year_parts`` were handed over as this sender in the year from April of ``year``.
    """

    __table_args__ = (UniqueConstraint("channel", "address"),)

    id: int | None = Field(default=None, primary_key=True)
    channel: str
    medium: Medium = Field(sa_type=words(Medium))
    address: str
    rate: float = 1.0
    burst: float = 1.0
    active: bool = True
    tat: datetime | None = Field(default=None, sa_type=UtcDateTime)
    held_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    held_because: str = ""
    held_by: str = Field(default="", sa_column_kwargs=BLANK)
    account: str = ""
    open_since: datetime | None = Field(default=None, sa_type=UtcDateTime)
    open_reason: str = ""
    free_parts: int = Field(default=0, sa_column_kwargs=NO)
    pence: float | None = None
    year: int = Field(default=0, sa_column_kwargs=NO)
    year_parts: int = Field(default=0, sa_column_kwargs=NO)


class Message(Table, table=True):
    """Words for one phone or mailbox, or the reason why somebody gets none.

    ``slot``      what makes it unique in its run: medium, address and step, or the contact when there is no address
    ``language``  of the words; ``""`` on a skipped row; ``words_state`` who had read them: source, reviewed, draft …
    ``parts``     SMS segments (1 for email and calls); ``pence`` the expected cost
    ``due_at``    not before; ``not_after`` expires it; ``only_if`` is asked again when it is claimed
    ``attempt``   how many times it was claimed; ``retries`` how many of those failed by its own fault, not the lane's
    ``lease_until`` until when the worker's word is awaited, or when a doubt is looked into
    ``patience_from``  from when on the patience with a doubt is counted, where it is not from its beginning
    ``ref``       the provider's id
    ``in_reply_to``  the Message-ID of the family's email that this answers; or the id of the text of ours that this,
        the question for a language, goes beside
    ``remark``    what it waited for, was moved by, or passed: quiet hours, a preference, a limit; a sentence
    A queued one without a ``sender_id`` waits for the digest (``gateway/digest.py``).
    """

    __table_args__ = (
        UniqueConstraint("run_id", "slot"),
        Index(
            "message_due",
            "sender_id",
            "priority",
            "due_at",
            sqlite_where=text("state = 'queued'"),
            postgresql_where=text("state = 'queued'"),
        ),
        Index(
            "message_open",
            "lease_until",
            sqlite_where=text("state IN ('sending', 'unknown')"),
            postgresql_where=text("state IN ('sending', 'unknown')"),
        ),
        Index(
            "message_accepted",
            "sender_id",
            "changed_at",
            sqlite_where=text("state = 'accepted'"),
            postgresql_where=text("state = 'accepted'"),
        ),
        Index("message_ref", "ref", sqlite_where=text("ref <> ''"), postgresql_where=text("ref <> ''")),
        Index("message_run_state", "run_id", "state"),
        Index("message_run_contact", "run_id", "contact_id"),
        Index("message_contact_made", "contact_id", "created_at"),
    )

    id: str = Field(primary_key=True)
    run_id: int | None = Field(default=None, foreign_key="run.id")
    contact_id: int | None = Field(default=None, foreign_key="contact.id", ondelete="SET NULL")
    contact_point_id: int | None = Field(default=None, foreign_key="contact_point.id", ondelete="SET NULL")
    sender_id: int | None = Field(default=None, foreign_key="sender.id")
    medium: Medium = Field(sa_type=words(Medium))
    address: str = Field(default="", index=True)
    slot: str
    step: int = 0
    purpose: Purpose = Field(sa_type=words(Purpose))
    priority: int = 2
    language: str = ""
    subject: str = ""
    body: str = ""
    script: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON, nullable=True))
    keys: str = ""  #: answer keys in menu order, e.g. ``"12"``
    parts: int = 1
    pence: float = 0.0
    state: MessageState = Field(sa_type=words(MessageState))
    reason: str = ""
    reason_text: str = ""
    due_at: datetime = Field(sa_type=UtcDateTime)
    not_after: datetime | None = Field(default=None, sa_type=UtcDateTime)
    only_if: str = ""
    attempt: int = 0
    retries: int = 0
    lease_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    patience_from: datetime | None = Field(default=None, sa_type=UtcDateTime)
    ref: str = ""
    in_reply_to: str = Field(default="", sa_column_kwargs={"server_default": ""})
    words_state: str = Field(default="", sa_column_kwargs={"server_default": ""})
    remark: str = Field(default="", sa_column_kwargs=BLANK)
    created_at: datetime = Field(sa_type=UtcDateTime)
    changed_at: datetime = Field(sa_type=UtcDateTime)


class About(Table, table=True):
    """A message is about a pupil. The guard asks here again before anything leaves."""

    message_id: str = Field(foreign_key="message.id", ondelete="CASCADE", primary_key=True)
    pupil_id: int = Field(foreign_key="pupil.id", ondelete="CASCADE", primary_key=True, index=True)


class Attempt(Table, table=True):
    """One provider call: begun in the claim's transaction, ended in the settle's."""

    message_id: str = Field(foreign_key="message.id", ondelete="CASCADE", primary_key=True)
    number: int = Field(primary_key=True)
    worker: str
    begun_at: datetime = Field(sa_type=UtcDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    outcome: Outcome | None = Field(default=None, sa_type=words(Outcome))
    code: str = ""
    reason: str = ""
    text: str = ""
    ref: str = ""

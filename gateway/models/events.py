"""Events: the times at which one may come, who was invited, what they have answered, and what they were told.

The happening itself is :class:`gateway.models.notices.SchoolEvent`.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, CheckConstraint, Column, Index, text
from sqlmodel import Field, UniqueConstraint

from gateway.models.types import Table, UtcDateTime, words


class GuestState(StrEnum):
    """What the school knows of a family that was invited."""

    INVITED = "invited"  #: has said nothing
    COMING = "coming"
    NOT_COMING = "not_coming"
    WAITING = "waiting"  #: would come, and there is no place
    OFFERED = "offered"  #: a place is kept for a while, until they have answered
    PHONE = "phone"  #: can make none of the times: somebody rings them


class EventSlot(Table, table=True):
    """A time at which one may come to an event: ten minutes with a teacher, a performance, or the whole event.

    ``capacity`` families at most, None for any number; ``taken`` are those that have a place or are offered one, and
    the database itself refuses one more. ``host`` is whom they see, ``forms`` whose families it is for (none: all).
    ``again`` is not offered with the invitation, but to those who were missed.
    """

    __table_args__ = (
        UniqueConstraint("event_id", "starts_at", "host"),
        CheckConstraint("taken >= 0 AND (capacity IS NULL OR taken <= capacity)", name="places"),
    )

    id: int | None = Field(default=None, primary_key=True)
    event_id: int = Field(foreign_key="school_event.id")
    starts_at: datetime = Field(sa_type=UtcDateTime)
    ends_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    host: str = ""
    place: str = ""
    forms: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    capacity: int | None = None
    taken: int = 0
    again: bool = False


class EventGuest(Table, table=True):
    """A household that was invited; for an event with times, about one child.

    ``household``  what makes it unique in its event, so that inviting again makes nobody twice
    ``first_key``  with ``keys``: the digits that mean anything to it; families who share a phone have different ones
    ``newcomer``   has never come to anything: the first to be offered times outside working hours
    ``slot_id``    the place that it has, or that is kept for it while ``offered``
    ``by``         who answered: a contact's name, or whoever of the school wrote it down; ``how`` by which way
    ``sequence``   goes up whenever its own entry in a calendar changes (RFC 5545 section 3.8.7.4)
    """

    __table_args__ = (
        UniqueConstraint("event_id", "household"),
        Index(
            "event_guest_waiting",
            "event_id",
            "waiting_since",
            sqlite_where=text("waiting_since IS NOT NULL"),
            postgresql_where=text("waiting_since IS NOT NULL"),
        ),
        Index(
            "event_guest_offer",
            "offer_until",
            sqlite_where=text("offer_until IS NOT NULL"),
            postgresql_where=text("offer_until IS NOT NULL"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True)
    event_id: int = Field(foreign_key="school_event.id")
    household: str
    state: GuestState = Field(default=GuestState.INVITED, sa_type=words(GuestState))
    slot_id: int | None = Field(default=None, foreign_key="event_slot.id", index=True)
    first_key: int = 1
    keys: int = 9
    newcomer: bool = False
    interpreter: bool = False
    invited_at: datetime = Field(sa_type=UtcDateTime)
    answered_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    by: str = ""
    how: str = ""
    waiting_since: datetime | None = Field(default=None, sa_type=UtcDateTime)
    offer_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    attended: bool | None = None
    attended_by: str = ""
    sequence: int = 0


class EventParty(Table, table=True):
    """Who belongs to a guest: a contact who is told, and a child that it is about."""

    guest_id: int = Field(foreign_key="event_guest.id", ondelete="CASCADE", primary_key=True)
    contact_id: int = Field(foreign_key="contact.id", ondelete="CASCADE", primary_key=True, index=True)
    pupil_id: int = Field(foreign_key="pupil.id", ondelete="CASCADE", primary_key=True, index=True)


class EventTold(Table, table=True):
    """A message about an event to one guest. ``menu`` says what each digit means in it: ``{"1": "slot 12"}``."""

    message_id: str = Field(foreign_key="message.id", ondelete="CASCADE", primary_key=True)
    guest_id: int = Field(foreign_key="event_guest.id", ondelete="CASCADE", index=True)
    kind: str
    menu: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))

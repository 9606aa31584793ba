"""The school's calendar, where it is kept here, and the campaigns that fire by it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, Column, Index, text
from sqlmodel import Field, UniqueConstraint

from gateway.models.types import Table, UtcDateTime


class SchoolCalendar(Table, table=True):
    """One row. ``revision`` is another one after every change of what the calendar says.

    ``document``  the calendar as it was handed in; None while the file of the settings holds
    ``digest``    of the calendar by which campaigns were last laid out
    """

    id: int = Field(primary_key=True)
    revision: str = ""
    document: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True), nullable=True))
    changed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    changed_by: str = ""
    digest: str = ""


class CalendarClosure(Table, table=True):
    """Days on which nobody comes after all, both inclusive: snow, a burst pipe, a polling station.

    ``school`` is ``""`` for all of them. One that was taken back stays, with who did that.
    """

    id: int | None = Field(default=None, primary_key=True)
    school: str = ""
    first: date
    last: date
    why: str
    at: datetime = Field(sa_type=UtcDateTime)
    by: str
    undone_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    undone_by: str = ""


class CalendarFeed(Table, table=True):
    """What an .ics file or feed last said of a school's terms and closed days.

    ``source``     its address, or the name of the file
    ``found``      terms and closed days, as in the calendar's own document
    ``problems``   events that could not be read, by UID
    ``trouble``    why the last look failed; what was ``found`` before holds
    """

    school: str = Field(primary_key=True)
    source: str
    found: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    problems: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    etag: str = ""
    fetched_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    tried_at: datetime = Field(sa_type=UtcDateTime)
    trouble: str = ""


class Campaign(Table, table=True):
    """A notice that goes out again and again, or by its distance from a date.

    ``decided_until``  up to this moment every firing has been decided: it went out, or the reason was written down
    ``paused_until``   when a pause ends by itself; None: when somebody resumes it
    ``by_hand_at``     somebody wants it now
    """

    notice_id: str = Field(foreign_key="notice.id", ondelete="CASCADE", primary_key=True)
    decided_until: datetime = Field(sa_type=UtcDateTime)
    paused_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    paused_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    paused_by: str = ""
    by_hand_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    by_hand_by: str = ""


class CampaignFiring(Table, table=True):
    """What became of a firing, or of ``count`` of them in a row, the last of which was due at ``fire_at``.

    ``outcome``  fired, made_up, by_hand, missed or paused
    ``keys``     what the firing is known by, however the calendar changes (``scheduler/occasions.py``)
    ``why``      in a few words, where it did not go out at its time
    """

    __table_args__ = (
        UniqueConstraint("notice_id", "fire_at", "outcome"),
        Index("campaign_firing_run", "run_id", sqlite_where=text("run_id IS NOT NULL"),
              postgresql_where=text("run_id IS NOT NULL")),
    )  # fmt: skip

    id: int | None = Field(default=None, primary_key=True)
    notice_id: str = Field(foreign_key="notice.id", ondelete="CASCADE")
    outcome: str
    fire_at: datetime = Field(sa_type=UtcDateTime)
    first_at: datetime = Field(sa_type=UtcDateTime)
    count: int = 1
    keys: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    why: str = ""
    run_id: int | None = Field(default=None, foreign_key="run.id")
    at: datetime = Field(sa_type=UtcDateTime)
    by: str = ""


class DayHold(Table, table=True):
    """Everything that was to go out on a day is held, from ``at`` until somebody ends that.

    ``until``    the end of that day
    ``notices``  the ids of those that are paused meanwhile, ``praises`` of good news that waits for the next school day
    """

    id: int | None = Field(default=None, primary_key=True)
    at: datetime = Field(sa_type=UtcDateTime)
    by: str
    until: datetime = Field(sa_type=UtcDateTime)
    notices: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    praises: list[int] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    ended_by: str = ""

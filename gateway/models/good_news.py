"""Good news: what teachers have praised, and the weekly word to them."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import JSON, Column, Index, text
from sqlmodel import Field, UniqueConstraint

from gateway.models.types import Table, UtcDateTime


class Praise(Table, table=True):
    """Good news of one child, from somebody who saw it. It leaves at the kind hour, with all of the family's.

    ``kind``    as in ``gateway/good_news/kinds.py``; ``since`` goes with attendance
    ``words``   the teacher's own, in English; ``""`` for none
    ``staff``   who writes, as families read it; ``by`` who handed it in, for the audit log
    ``due_at``  the hour at which it goes; it moves on where nothing could go then
    ``run_id``  by which run it went, at ``told_at``
    """

    __table_args__ = (
        Index(
            "praise_waiting",
            "due_at",
            sqlite_where=text("run_id IS NULL AND withdrawn_at IS NULL"),
            postgresql_where=text("run_id IS NULL AND withdrawn_at IS NULL"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True)
    pupil_id: int = Field(foreign_key="pupil.id", ondelete="CASCADE", index=True)
    kind: str
    words: str = ""
    since: date | None = None
    staff: str
    by: str
    said_at: datetime = Field(sa_type=UtcDateTime)
    due_at: datetime = Field(sa_type=UtcDateTime)
    run_id: int | None = Field(default=None, foreign_key="run.id", index=True)
    told_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    withdrawn_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    withdrawn_by: str = ""


class PraiseNudge(Table, table=True):
    """The word to a form's teacher in one week: which children have had no good news for longest.

    ``week``   its Monday; one row for each form and week, so that ten processes write once
    ``drafts`` the pupils' ids in the order in which the mail numbers them, from 1
    """

    __table_args__ = (UniqueConstraint("form", "week"),)

    id: int | None = Field(default=None, primary_key=True)
    form: str
    week: date
    at: datetime = Field(sa_type=UtcDateTime)
    drafts: list[int] = Field(sa_column=Column(JSON, nullable=False))

"""The day: marks of the registers, what is known of absences, and a case for every child not accounted for."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, Column, Index, text
from sqlmodel import Field, UniqueConstraint

from gateway.models.types import CaseState, DaySession, Table, UtcDateTime, words


class Mark(Table, table=True):
    """What the register says of a pupil in one session. No row: the register was not taken.

    ``filed`` is the code that files last said, so that one which says the same again undoes no person's correction.
    ``arrived_at`` is when a late pupil came, where the register says so; ``source`` the file or the person.
    """

    __table_args__ = (UniqueConstraint("pupil_id", "date", "session"), Index("mark_day", "date", "session", "set_at"))

    id: int | None = Field(default=None, primary_key=True)
    pupil_id: int = Field(foreign_key="pupil.id", ondelete="CASCADE")
    date: date
    session: DaySession = Field(sa_type=words(DaySession))
    code: str
    filed: str = ""
    arrived_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    comment: str = ""
    source: str = ""
    set_at: datetime = Field(sa_type=UtcDateTime)


class Register(Table, table=True):
    """One session of one day, as the sweep sees it: its row is the lock under which a session is worked on.

    ``held_at``      when so many were absent without a reason that a person must look first
    ``released_by``  who looked, and let the asking begin
    ``chased_at``    when it was last asked after registers that have not been taken
    """

    __table_args__ = (UniqueConstraint("date", "session"),)

    id: int | None = Field(default=None, primary_key=True)
    date: date
    session: DaySession = Field(sa_type=words(DaySession))
    swept_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    chased_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    held_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    released_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    released_by: str = ""


class AbsenceReason(Table, table=True):
    """What is known of an absence: from a parent or the office, for one day or several, both inclusive.

    ``session`` is ``""`` for whole days; ``code`` the register code that it suggests, ``""`` for none; ``said_by`` who
    gave it, in words; ``taken_by`` who wrote it down.
    """

    id: int | None = Field(default=None, primary_key=True)
    pupil_id: int = Field(foreign_key="pupil.id", ondelete="CASCADE", index=True)
    first: date
    last: date
    session: str = ""
    intent: str = ""
    code: str = ""
    said_by: str = ""
    contact_id: int | None = Field(default=None, foreign_key="contact.id", ondelete="SET NULL")
    reply_id: int | None = Field(default=None, foreign_key="reply.id", ondelete="SET NULL")
    taken_by: str = ""
    at: datetime = Field(sa_type=UtcDateTime)
    withdrawn_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class AbsenceCase(Table, table=True):
    """A child who is not accounted for in one session, until somebody knows where the child is.

    ``rung``     the next rung of the ladder, from 0; ``next_at`` when it is climbed, or when a rest ends
    ``run_id``   the run by which it was last asked about
    ``since``    when the asking began, or began anew: what was asked before counts no more
    ``fast``     climbs at the faster pace, for the reason in ``why_fast``
    ``by``       who knows: of whom the present state comes, in words; ``contact_id`` where that is a contact
    ``intent``   what was said, in the words of ``gateway/understanding/meaning.py``
    ``code``     the register code: suggested, or decided once ``decided_by`` says by whom
    ``tell``     what those who were asked are still to be told; ``told_at`` when they were
    """

    __table_args__ = (
        UniqueConstraint("pupil_id", "date", "session"),
        Index("absence_case_day", "date", "session"),
        Index(
            "absence_case_due",
            "next_at",
            sqlite_where=text("next_at IS NOT NULL"),
            postgresql_where=text("next_at IS NOT NULL"),
        ),
        Index("absence_case_tell", "id", sqlite_where=text("tell <> ''"), postgresql_where=text("tell <> ''")),
    )

    id: int | None = Field(default=None, primary_key=True)
    pupil_id: int = Field(foreign_key="pupil.id", ondelete="CASCADE")
    date: date
    session: DaySession = Field(sa_type=words(DaySession))
    state: CaseState = Field(sa_type=words(CaseState))
    rung: int = 0
    fast: bool = False
    why_fast: str = ""
    next_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    run_id: int | None = Field(default=None, foreign_key="run.id")
    opened_at: datetime = Field(sa_type=UtcDateTime)
    since: datetime = Field(sa_type=UtcDateTime)
    changed_at: datetime = Field(sa_type=UtcDateTime)
    by: str = ""
    contact_id: int | None = Field(default=None, foreign_key="contact.id", ondelete="SET NULL")
    arrived_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    intent: str = ""
    code: str = ""
    comment: str = ""
    decided_by: str = ""
    decided_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    tell: str = ""
    told_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class AbsenceStep(Table, table=True):
    """One thing that happened in a case: its chronology. Words of families stay with their reply and message."""

    id: int | None = Field(default=None, primary_key=True)
    case_id: int = Field(foreign_key="absence_case.id", ondelete="CASCADE", index=True)
    at: datetime = Field(sa_type=UtcDateTime)
    kind: str
    who: str = ""
    facts: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    run_id: int | None = Field(default=None, foreign_key="run.id", index=True)
    reply_id: int | None = Field(default=None, foreign_key="reply.id", ondelete="SET NULL")


class AbsenceHeard(Table, table=True):
    """A reply that was looked at for what it says of an absence, once: ``outcome`` in a word what came of it."""

    reply_id: int = Field(foreign_key="reply.id", ondelete="CASCADE", primary_key=True)
    at: datetime = Field(sa_type=UtcDateTime)
    outcome: str = ""

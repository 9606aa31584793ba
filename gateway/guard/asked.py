"""How a question about many messages is put: what is looked up for each, and by an index."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from gateway.models import (
    About,
    AbsenceCase,
    AbsenceStep,
    Contact,
    ContactPoint,
    DigestItem,
    EventGuest,
    EventTold,
    Guardianship,
    Message,
    Notice,
    OptOut,
    Preference,
    Pupil,
    Reply,
    Run,
    SchoolEvent,
    Trial,
    TrialGuest,
)
from gateway.models.types import core, fixed

message, about, pupil, tie = core(Message).c, core(About).c, core(Pupil).c, core(Guardianship).c
contact, point, opt_out = core(Contact).c, core(ContactPoint).c, core(OptOut).c
case, step = core(AbsenceCase).c, core(AbsenceStep).c
item, preference = core(DigestItem).c, core(Preference).c
told, guest = core(EventTold).c, core(EventGuest).c
run, notice, event, reply = core(Run).c, core(Notice).c, core(SchoolEvent).c, core(Reply).c
trial, trial_guest = core(Trial).c, core(TrialGuest).c


def exists(tables: Sequence[sa.FromClause], *where: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    """Whether these tables have such rows; every other table that is named is that of the questions around it.

    OFFSET changes nothing, but keeps PostgreSQL to the order in which it is asked, a few rows by an index each time.
    Left to itself, and without statistics after a bulk insert, it reads a whole table for the batch or every message.
    """
    some: sa.Select[Any] = sa.select(sa.literal_column("1")).where(*where).correlate_except(*tables)
    return some.offset(sa.literal_column("0")).exists()


def one_of(column: sa.ColumnElement[Any], values: Sequence[Any]) -> sa.ColumnElement[bool]:
    """Whether a column holds one of our own words."""
    return column.in_([fixed(value) for value in values])

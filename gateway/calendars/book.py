"""The calendar as a process knows it: read from the file of the settings, and from the database when that changes.

Everything that asks when school is asks here. Who decides something (a campaign's firing) looks first, in its own
transaction; everybody else is as new as the last look of the ticker, a few seconds old.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlmodel import col, select

from gateway import errors
from gateway.calendars import document, schooldays
from gateway.database import Session
from gateway.models import CalendarClosure, CalendarFeed, SchoolCalendar
from gateway.models.types import core
from scheduler import terms

ONLY = 1  #: the id of the one row
_NONE = terms.Terms(((date.min, date.min),))


class Calendars:
    """The calendars of all schools at one moment; ``""`` is the one of all that do nothing otherwise."""

    def __init__(
        self,
        path: Path | None,
        kept: document.Calendar | None = None,
        closures: Sequence[CalendarClosure] = (),
        feeds: Mapping[str, document.School] | None = None,
        filed: document.Calendar | None = None,
    ) -> None:
        self._path = path
        self.filed = filed  #: what the file says, once somebody has wanted to know
        self._kept = kept
        self._closures, self._feeds = closures, feeds or {}
        self._years: dict[str, schooldays.SchoolYear] = {}

    @property
    def document(self) -> document.Calendar:
        """The calendar that holds: what was handed in by API or command, else the file's.

        Raises :class:`errors.BadInput` when the file cannot be read.
        """
        if self._kept is not None:
            return self._kept
        if self.filed is None:
            self.filed = schooldays.read(self._path)
        return self.filed

    @property
    def is_kept(self) -> bool:
        """Whether it was handed in, and the file is not looked at."""
        return self._kept is not None

    @property
    def schools(self) -> list[str]:
        """The names of the schools that have days of their own."""
        return sorted(self.document.schools)

    def year(self, school: str = "") -> schooldays.SchoolYear:
        """The days and hours of a school.

        Raises :class:`errors.NotFound` for a school that the calendar does not have, :class:`errors.BadInput` when the
        file cannot be read.
        """
        if school and school not in self.document.schools:
            known = ", ".join(self.schools) or "none"
            raise errors.NotFound(f"The calendar has no school “{school}”; it has: {known}.")
        if school not in self._years:
            others = {
                year.casefold(): self.year(name)
                for name, one in ({} if school else self.document.schools).items()
                for year in one.years
            }
            also = [_closed(one) for one in self._closures if one.school in ("", school)]
            made = schooldays.of(self.document, school, also=also, feeds=self._feeds)
            self._years[school] = schooldays.SchoolYear(made.days, made.sessions, made.office, others)
        return self._years[school]

    def days(self, school: str) -> terms.Terms:
        """The days of a school; of one that the calendar does not have (any more) none is a school day."""
        return self.year(school).days if school in ("", *self.document.schools) else _NONE

    def of_year_groups(self, years: Iterable[str]) -> str:
        """The school that all of these year groups belong to, ``""`` where there is no such one."""
        wanted = {year.casefold() for year in years}
        for name, school in self.document.schools.items():
            if wanted and wanted <= {year.casefold() for year in school.years}:
                return name
        return ""

    @cached_property
    def digest(self) -> str:
        """A fingerprint of all that the calendars say."""
        said = [
            [name, sorted(map(str, days.terms)), sorted(map(str, days.whole)), sorted(days.weekdays),
             sorted((str(day), why) for day, why in days.closed.items())]
            for name in ("", *self.schools) for days in [self.year(name).days]
        ]  # fmt: skip
        return hashlib.sha256(json.dumps(said).encode()).hexdigest()


class Book:
    """The calendars of one gateway, as they were when it last looked."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._revision = ""
        self.known = Calendars(path)

    async def look(self, session: Session) -> Calendars:
        """The calendars as this session sees them.

        The file is read once: somebody may be in the middle of editing it, so that holds from the next start on.
        """
        t = core(SchoolCalendar).c
        row = (await session.execute(sa.select(t.revision, t.document).where(t.id == ONLY))).one_or_none()
        if row is None and self._revision:  # what was seen was never committed
            self.known, self._revision = Calendars(self._path, filed=self.known.filed), ""
        if row is None or row.revision == self._revision:
            return self.known
        closures = await session.scalars(
            select(CalendarClosure).where(col(CalendarClosure.undone_at).is_(None)).order_by(col(CalendarClosure.id))
        )
        feeds = await session.scalars(select(CalendarFeed))
        told = {feed.school: document.School.model_validate(feed.found) for feed in feeds}
        kept = document.Calendar.model_validate(row.document) if row.document else None
        self.known = Calendars(self._path, kept, list(closures), told, self.known.filed)
        self._revision = row.revision
        return self.known


def _closed(closure: CalendarClosure) -> document.Closed:
    return document.Closed(first=closure.first, last=closure.last, why=closure.why)


def feed_of(written: document.Calendar, school: str) -> str:
    """The address of a school's feed, ``""`` for none."""
    if not school:
        return written.feed
    return written.schools[school].feed if school in written.schools else ""


def plain(year: schooldays.SchoolYear, day: date) -> dict[str, Any]:
    """One day, as the API and ``--json`` tell it."""
    why = year.days.why_not(day)
    return {"day": day, "school": not why, "why": why}

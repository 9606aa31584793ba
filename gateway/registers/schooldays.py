"""When school is: terms, closed days, and the two sessions of a day with the moments of their registers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, model_validator

from gateway.definitions import model
from gateway.models import DaySession
from gateway.registers import files
from scheduler import calendar, terms


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Term(_Strict):
    """A stretch of school days; a half-term is the gap between two. Both days are inclusive."""

    name: str = ""
    first: date
    last: date

    @model_validator(mode="after")
    def _in_order(self) -> Term:
        if self.last < self.first:
            raise ValueError("this term ends before it begins — correct first or last")
        return self


class Closed(_Strict):
    """A single day on which no pupils come."""

    day: date
    why: str = "closed"


class Times(_Strict):
    """The times of one session, on the school's clock.

    Its register closes at ``closes``; ``check_after`` that it is looked at, and asked about until ``until``.
    """

    begins: time
    closes: time
    check_after: model.Span = timedelta(minutes=10)
    until: time

    @model_validator(mode="after")
    def _in_order(self) -> Times:
        if not self.begins <= self.closes < self.until:
            raise ValueError("a session begins, then its register closes, then it ends — correct its times")
        day = date(2000, 1, 3)
        if datetime.combine(day, self.closes) + self.check_after >= datetime.combine(day, self.until):
            raise ValueError("check_after leads beyond the end of the session — make it shorter")
        return self


class _Sessions(_Strict):
    am: Times
    pm: Times


class _File(_Strict):
    terms: list[Term] = []
    closed: list[Closed] = []
    weekdays: list[Annotated[int, Field(ge=0, le=6)]] = [0, 1, 2, 3, 4]  #: 0 is Monday
    sessions: _Sessions


@dataclass(frozen=True, slots=True)
class Moments:
    """The moments of a session on one day, aware and in UTC."""

    begins: datetime
    closes: datetime
    check: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class SchoolYear:
    """The school's days and hours."""

    days: terms.Terms
    sessions: Mapping[DaySession, Times]

    def moments(self, day: date, session: DaySession, timezone: ZoneInfo) -> Moments:
        """When a session begins, closes, is checked and ends on a day."""
        times = self.sessions[session]

        def at(clock: time) -> datetime:
            return calendar.to_utc(datetime.combine(day, clock), timezone)

        closes = at(times.closes)
        return Moments(at(times.begins), closes, closes + times.check_after, at(times.until))

    def ends(self, day: date, timezone: ZoneInfo) -> datetime:
        """When the last session of a day ends: until then somebody looks for a child."""
        return max(self.moments(day, session, timezone).until for session in self.sessions)


def load(path: Path | None) -> SchoolYear:
    """Read the school's calendar; without one every weekday is a school day, with ordinary hours.

    Raises :class:`errors.BadInput` with the place and cure of every mistake.
    """
    return _default() if path is None else _read(path)


@cache
def _default() -> SchoolYear:
    return _read(resources.files("gateway.registers") / "calendar.toml")


def _read(path: Path | Traversable) -> SchoolYear:
    file = files.read(path, _File)
    days = terms.Terms(
        tuple((term.first, term.last) for term in file.terms),
        {closed.day: closed.why for closed in file.closed},
        frozenset(file.weekdays),
    )
    return SchoolYear(days, {DaySession.AM: file.sessions.am, DaySession.PM: file.sessions.pm})

"""What may be written in a calendar: the same shape in the file (TOML) and over the API (JSON)."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from config import values
from gateway.calendars import bank_holidays
from gateway.definitions import model
from scheduler.quiet import QuietHours

Weekday = Annotated[int, Field(ge=0, le=6)]
LONGEST = timedelta(days=120)  #: of a closure: a slip of the pen in the year would close school for long
A_YEAR = timedelta(days=370)  #: no term is longer


class Part(BaseModel):
    """A part of a calendar: frozen, and no key that is not known."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Term(Part):
    """A stretch of school days, both inclusive.

    A half-term is the gap between two stretches of the same term: their names are the same up to a comma.
    """

    name: str = Field(default="", max_length=80, description="Such as “Autumn, first half”")
    first: model.Day
    last: model.Day

    @model_validator(mode="after")
    def _in_order(self) -> Term:
        if self.last < self.first:
            raise ValueError("this term ends before it begins — correct first or last")
        if self.last - self.first > A_YEAR:
            raise ValueError("this term is longer than a year — correct first or last")
        return self


class Closed(Part):
    """A day on which no pupils come, or several."""

    day: model.Day | None = None
    first: model.Day | None = None
    last: model.Day | None = None
    why: str = Field(default="closed", max_length=200)

    @model_validator(mode="after")
    def _one_way(self) -> Closed:
        if (self.day is None) == (self.first is None) or (self.first is None) != (self.last is None):
            raise ValueError("write a day, or first and last — “day” is missing")
        if self.first and self.last and not self.first <= self.last < self.first + LONGEST:
            raise ValueError(f"first and last are in the wrong order or over {LONGEST.days} days apart — correct them")
        return self

    def days(self) -> list[date]:
        """Every day of it."""
        first, last = self.day or self.first, self.day or self.last
        if first is None or last is None:
            return []  # not so: _one_way has seen to it
        return [first + timedelta(days=number) for number in range((last - first).days + 1)]


class Times(Part):
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


class Sessions(Part):
    """The two halves of a school day."""

    am: Times
    pm: Times


class Office(Part):
    """When the office works on a school day."""

    opens: time
    closes: time

    @model_validator(mode="after")
    def _in_order(self) -> Office:
        if self.closes <= self.opens:
            raise ValueError("the office closes before it opens — correct its times")
        return self


class Quiet(Part):
    """When nothing leaves that can wait, every day of the year."""

    starts: time
    ends: time = Field(description="On the next day, where it is earlier")
    days: list[Weekday] = Field(default=[6], description="Quiet from end to end; 0 is Monday")

    @model_validator(mode="after")
    def _leave_some_time(self) -> Quiet:
        if len(set(self.days)) == 7:
            raise ValueError("every day is quiet from end to end — leave one that is not")
        return self

    def hours(self) -> QuietHours:
        """As the planner asks it."""
        return QuietHours(self.starts, self.ends, frozenset(self.days))


def _feed(address: str) -> str:
    """An address that may be asked for: nobody between us and it can change what it says."""
    parts = urlsplit(address)
    if not address or parts.scheme in ("https", "webcal"):
        return address
    if parts.scheme == "http" and parts.hostname and values.is_loopback(parts.hostname):
        return address
    raise ValueError("this address is not safe — it must begin with https:// or webcal://")


Division = bank_holidays.Division
Feed = Annotated[str, Field(max_length=2000), AfterValidator(_feed)]


class School(Part):
    """One of several schools: what it does otherwise than the others. Its closed days come on top of theirs."""

    years: list[model.Year] = Field(default=[], description="Its year groups, such as R, 1, 2")
    terms: list[Term] = Field(default=[], max_length=200, description="Its own terms, instead of the others'")
    closed: list[Closed] = Field(default=[], max_length=1000)
    weekdays: list[Weekday] | None = None
    sessions: Sessions | None = Field(default=None, description="The times of its own sessions")
    feed: Feed = Field(default="", description="An .ics feed with its terms and closed days")


class Calendar(Part):
    """The school's year, whole."""

    terms: list[Term] = Field(default=[], max_length=200, description="Without any, every weekday is a school day")
    closed: list[Closed] = Field(default=[], max_length=1000, description="INSET days and the like")
    bank_holidays: Division = Field(default="england-and-wales", description="On these nobody comes")
    weekdays: list[Weekday] = Field(default=[0, 1, 2, 3, 4], description="Days of school; 0 is Monday")
    sessions: Sessions
    office: Office | None = Field(default=None, description="Without it, the hours of the settings")
    quiet: Quiet | None = Field(default=None, description="Without it, those of the settings")
    feed: Feed = Field(default="", description="An .ics feed with terms and closed days")
    schools: dict[Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")], School] = Field(
        default={}, max_length=20, description="Several schools under one roof, by a short name"
    )

    @model_validator(mode="after")
    def _whose(self) -> Calendar:
        taken = [year.casefold() for school in self.schools.values() for year in school.years]
        if len(taken) != len(set(taken)):
            raise ValueError("a year group is named by two schools — each belongs to one")
        return self

    def plain(self) -> dict[str, Any]:
        """As JSON, without what is as it would be anyway."""
        return self.model_dump(mode="json", exclude_defaults=True)

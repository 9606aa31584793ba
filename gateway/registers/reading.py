"""Marks from a CSV file: columns by name, rows with mistakes named by line and cure and left out."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from functools import cache
from importlib import resources
from pathlib import Path
from zoneinfo import ZoneInfo

from gateway import errors
from gateway.calendars import schooldays
from gateway.database import Session
from gateway.importing import cells, headings, sheets
from gateway.models import DaySession
from gateway.registers import codes, marks
from scheduler import calendar

_SESSIONS = {"am": DaySession.AM, "a": DaySession.AM, "morning": DaySession.AM, "1": DaySession.AM}
_SESSIONS |= {"pm": DaySession.PM, "p": DaySession.PM, "afternoon": DaySession.PM, "2": DaySession.PM}
_CLOCK = re.compile(r"(\d{1,2})[:.](\d{2})(?::\d{2})?")
_MOST_LATE = 400  #: minutes; more is a whole school day, and so a mistake
_FURTHEST = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class Rules:
    """What a file is read by: the codes, the hours of sessions, and the school's time zone."""

    codes: codes.CodeSet
    year: schooldays.SchoolYear
    timezone: ZoneInfo


@dataclass(slots=True)
class Found:
    """What a file says: ``blank`` cells said that no register was taken; ``problems`` are of rows left out.

    ``emptied`` are those of the blank cells that say so with a sign: they take a mark away where there was one.
    """

    file: str
    rows: int = 0
    blank: int = 0
    given: list[marks.Given] = field(default_factory=list[marks.Given])
    emptied: list[marks.Given] = field(default_factory=list[marks.Given])
    problems: list[errors.Problem] = field(default_factory=list[errors.Problem])

    @property
    def all(self) -> list[marks.Given]:
        """What is to be taken in."""
        return [*self.given, *self.emptied]

    def same(self, changes: Sequence[marks.Change]) -> int:
        """How many of the marks had been there before."""
        return len(self.given) - sum(bool(change.given.code) for change in changes)


@dataclass(frozen=True, slots=True)
class Written:
    """A mark as it is written, from whichever door: of which pupil, when, and which code. All are texts."""

    pupil: str
    date: str
    session: str
    code: str
    minutes_late: str = ""
    arrived: str = ""
    comment: str = ""
    line: int = 0


def read(path: Path, *, encoding: str | None = None) -> list[Written]:
    """Read what is written in a file; what it means is for :func:`sort` to say.

    Raises :class:`errors.BadInput` for what is no text or lacks a needed column.
    """
    top = sheets.read_top(path, known=_aliases(), encoding=encoding)
    columns = _columns(top.headings, file=path.name, line=top.line)
    layout = headings.Layout(headings.Kind.PUPILS, columns, top.headings)
    sheet = sheets.Sheet(path, path.stat().st_size, "", top.encoding, top.delimiter, top.line, layout)
    return [one for line, row, _ in sheet.rows() for one in _written(row, columns, line=line)]


async def sort(
    session: Session, written: Sequence[Written], rules: Rules, *, file: str, today: date, day: date | None = None
) -> Found:
    """Make marks of what is written, and problems of what cannot be one. Without a date it is of ``day``, or today."""
    found = Found(file, rows=len(written))
    known = await marks.find_pupils(session, {one.pupil for one in written}, today=today)
    years = await marks.years(session, known.values()) if rules.year.others else {}
    seen: dict[tuple[int, date, DaySession], tuple[int, str]] = {}
    for one in written:
        if rules.codes.says_nothing(one.code):
            found.blank += 1
            if not one.code.strip():
                continue  # the register is not finished; a sign for “no mark” takes one away that there was
        given = _given(one, known, years, rules, file=file, today=today, day=day or today)
        if isinstance(given, errors.Problem):
            if not rules.codes.says_nothing(one.code):
                found.problems.append(given)
            continue
        if not given.code:
            found.emptied.append(given)
            continue
        place = (given.pupil_id, given.day, given.session)
        line, code = seen.setdefault(place, (one.line, given.code))
        if code != given.code:
            what = f"line {line} says {code} for the same pupil and session, this one {given.code}."
            found.problems.append(errors.Problem(what, "Leave one of the two.", file, one.line))
        elif line == one.line:
            found.given.append(given)
    return found


@cache
def _aliases() -> headings.Aliases:
    data = tomllib.loads((resources.files("gateway.registers") / "headings.toml").read_text("utf-8"))
    fields = {headings.plain(word): f"mark.{name}" for name, words in data["mark"].items() for word in words}
    return headings.Aliases(fields, frozenset(), frozenset())


def _columns(names: Sequence[str], *, file: str, line: int) -> dict[str, tuple[int, ...]]:
    known, columns = _aliases(), dict[str, tuple[int, ...]]()
    for index, name in enumerate(names):
        if word := known.field(name):
            columns.setdefault(word, (index,))
    wide = "mark.am" in columns or "mark.pm" in columns
    problems = [] if "mark.pupil" in columns else [_lacking("the pupil's id or UPN", "Pupil ID", file, line)]
    if not wide:
        if "mark.code" not in columns:
            problems.append(_lacking("the mark", "Code", file, line))
        if "mark.session" not in columns:
            problems.append(_lacking("the session", "Session", file, line))
    if problems:
        raise errors.BadInput(problems)
    return columns


def _lacking(what: str, heading: str, file: str, line: int) -> errors.Problem:
    return errors.Problem(f"No column holds {what}.", f"Export it too, under the heading “{heading}”.", file, line)


def _written(row: Sequence[str], columns: Mapping[str, tuple[int, ...]], *, line: int) -> Iterator[Written]:
    def cell(name: str) -> str:
        place = columns.get(f"mark.{name}")
        return row[place[0]].strip() if place and place[0] < len(row) else ""

    one = Written(cell("pupil"), cell("date"), cell("session"), cell("code"), comment=cell("comment"), line=line)
    if "mark.am" in columns or "mark.pm" in columns:
        for which in DaySession:
            if f"mark.{which}" in columns:
                yield replace(one, session=which, code=cell(which))
    else:
        yield replace(one, minutes_late=cell("minutes_late"), arrived=cell("arrived"))


def _given(
    one: Written,
    known: Mapping[str, int],
    years: Mapping[int, str],
    rules: Rules,
    *,
    file: str,
    today: date,
    day: date,
) -> marks.Given | errors.Problem:
    def bad(what: str, cure: str, column: str) -> errors.Problem:
        return errors.Problem(what, cure, file, one.line, column)

    pupil_id = known.get(one.pupil)
    if pupil_id is None:
        return bad(f"“{one.pupil}” is no pupil on roll.", "Import the pupils first, or correct it.", "pupil")
    said = cells.day(one.date) if one.date else day
    if isinstance(said, errors.Problem):
        return bad(said.what, said.cure, "date")
    if abs(said - today) > _FURTHEST:
        return bad(f"{said:%d/%m/%Y} is more than a year away.", "Correct the date.", "date")
    which = _SESSIONS.get(one.session.strip().casefold())
    if which is None:
        return bad(f"“{one.session}” is no session.", "Write AM or PM.", "session")
    if rules.codes.says_nothing(one.code):
        return marks.Given(pupil_id, said, which, "")
    code = rules.codes.find(one.code, said)
    if isinstance(code, errors.Problem):
        return bad(code.what, code.cure, "code")
    own = rules.year.of_year_group(years.get(pupil_id, ""))
    arrived = _arrived(one, said, which, own, rules.timezone) if code.in_school else None
    if isinstance(arrived, errors.Problem):
        return bad(arrived.what, arrived.cure, "arrived")
    return marks.Given(pupil_id, said, which, code.code, arrived, cells.text(one.comment))


def _arrived(
    one: Written, day: date, which: DaySession, year: schooldays.SchoolYear, timezone: ZoneInfo
) -> datetime | errors.Problem | None:
    """When a pupil came, by the clock or by the minutes since the session began; None where nobody says."""
    if one.arrived:
        clock = _CLOCK.fullmatch(one.arrived)
        if not clock or int(clock[1]) > 23 or int(clock[2]) > 59:
            return errors.Problem(f"“{one.arrived}” is no time of day.", "Write it as 09:42.")
        return calendar.to_utc(datetime.combine(day, time(int(clock[1]), int(clock[2]))), timezone)
    if not one.minutes_late or one.minutes_late == "0":
        return None
    if not one.minutes_late.isdecimal() or int(one.minutes_late) > _MOST_LATE:
        return errors.Problem(f"“{one.minutes_late}” are no minutes.", "Write a whole number, such as 25.")
    begins = year.moments(day, which, timezone).begins
    return begins + timedelta(minutes=int(one.minutes_late))

"""The school's year: terms, closed days, and the moments of a session."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import islice
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from gateway import errors
from gateway.calendars import document, schooldays
from gateway.models import DaySession

LONDON = ZoneInfo("Europe/London")
YEAR = """
[[terms]]
first = 2026-09-02
last = 2026-10-23
[[terms]]
first = 2026-11-02
last = 2026-12-18
[[closed]]
day = 2026-11-27
why = "INSET day"
[sessions.am]
begins = 08:45:00
closes = 09:15:00
check_after = "20m"
until = 12:00:00
[sessions.pm]
begins = 13:00:00
closes = 13:10:00
until = 15:15:00
"""


def load(folder: Path, text: str = YEAR) -> schooldays.SchoolYear:
    (folder / "year.toml").write_text(text)
    return schooldays.load(folder / "year.toml")


def test_half_term_weekends_and_inset_days_are_no_school_days(tmp_path: Path) -> None:
    days = load(tmp_path).days
    assert days.is_school_day(date(2026, 10, 23))
    assert days.why_not(date(2026, 10, 26)) == "outside term"
    assert days.why_not(date(2026, 11, 22)) == "no school on this weekday"
    assert days.why_not(date(2026, 11, 27)) == "INSET day"
    assert list(islice(days.days_after(date(2026, 11, 26)), 2)) == [date(2026, 11, 30), date(2026, 12, 1)]
    assert days.count(date(2026, 11, 23), date(2026, 11, 30)) == 4


def test_the_moments_follow_the_clock_of_the_school_through_summer_time(tmp_path: Path) -> None:
    year = load(tmp_path)
    summer = year.moments(date(2026, 9, 7), DaySession.AM, LONDON)
    winter = year.moments(date(2026, 11, 23), DaySession.AM, LONDON)
    assert summer.closes == datetime(2026, 9, 7, 8, 15, tzinfo=UTC)
    assert winter.check == datetime(2026, 11, 23, 9, 35, tzinfo=UTC)
    assert year.moments(date(2026, 11, 23), DaySession.PM, LONDON).check - winter.closes == timedelta(
        hours=4, minutes=5
    )
    assert year.ends(date(2026, 11, 23), LONDON) == datetime(2026, 11, 23, 15, 15, tzinfo=UTC)


def test_a_feed_of_next_year_ends_no_term_of_this_one(tmp_path: Path) -> None:
    """A school that has put next year's dates on its site, and nothing else."""
    (tmp_path / "year.toml").write_text(YEAR)
    next_year = document.School(terms=[document.Term(first=date(2027, 9, 2), last=date(2027, 10, 22))])
    days = schooldays.of(schooldays.read(tmp_path / "year.toml"), feeds={"": next_year}).days
    assert days.is_school_day(date(2026, 11, 23))
    assert days.is_school_day(date(2027, 9, 2))
    this_year = document.School(terms=[document.Term(first=date(2026, 9, 7), last=date(2026, 12, 11))])
    days = schooldays.of(schooldays.read(tmp_path / "year.toml"), feeds={"": this_year}).days
    assert days.terms == ((date(2026, 9, 7), date(2026, 12, 11)),)


def test_without_a_file_every_weekday_is_a_school_day() -> None:
    year = schooldays.load(None)
    assert year.days.is_school_day(date(2026, 11, 23))
    assert not year.days.is_school_day(date(2026, 11, 22))


@pytest.mark.parametrize(
    ("before", "after", "line", "said"),
    [
        ("last = 2026-10-23", "last = 2026-08-23", 2, "ends before it begins"),
        ('check_after = "20m"', 'check_after = "3h"', 11, "beyond the end"),
        ('check_after = "20m"', 'check_after = "soon"', 14, "waiting time"),
        ("closes = 09:15:00", "closes = 12:15:00", 11, "then it ends"),
        ("day = 2026-11-27", "date = 2026-11-27", 9, "Did you mean “day”?"),
    ],
)
def test_a_mistake_is_named_with_its_line(tmp_path: Path, before: str, after: str, line: int, said: str) -> None:
    with pytest.raises(errors.BadInput) as caught:
        load(tmp_path, YEAR.replace(before, after))
    problem = caught.value.problems[0]
    assert (problem.file, problem.line) == ("year.toml", line)
    assert said in str(problem)

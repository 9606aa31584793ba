"""Quiet hours: known nights, both changes of the clock, and a slow oracle that looks at every minute."""

from __future__ import annotations

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.instants import MINUTE, ZONES, starts, utc

from scheduler import calendar, quiet

LONDON = ZoneInfo("Europe/London")


def clocks() -> st.SearchStrategy[time]:
    return st.times().map(lambda clock: clock.replace(second=0, microsecond=0))


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2026-11-23T12:00", "2026-11-23T12:00"),  # Monday noon
        ("2026-11-23T20:00", "2026-11-24T07:00"),
        ("2026-11-24T06:59", "2026-11-24T07:00"),
        ("2026-11-24T07:00", "2026-11-24T07:00"),
        ("2026-11-21T21:00", "2026-11-23T07:00"),  # Saturday evening: Sunday is quiet, and so is Monday before seven
        ("2026-11-22T12:00", "2026-11-23T07:00"),
        ("2026-07-01T05:59", "2026-07-01T06:00"),  # seven in summer
        ("2026-03-28T21:00", "2026-03-30T06:00"),
    ],
)
def test_the_schools_usual_quiet(at: str, expected: str) -> None:
    hours = quiet.QuietHours(time(20), time(7), days=frozenset({6}))
    assert hours.next_allowed(utc(at), LONDON) == utc(expected)


def test_a_quiet_within_the_repeated_hour_ends_at_the_showing_that_comes_next() -> None:
    hours = quiet.QuietHours(time(0), time(1, 30))
    assert hours.next_allowed(utc("2026-10-25T00:10"), LONDON) == utc("2026-10-25T00:30")
    assert hours.next_allowed(utc("2026-10-25T01:10"), LONDON) == utc("2026-10-25T01:30")


def test_no_hours_is_no_quiet_and_a_quiet_week_is_refused() -> None:
    assert quiet.QuietHours(time(7), time(7)).next_allowed(utc("2026-11-23T07:00"), LONDON) == utc("2026-11-23T07:00")
    with pytest.raises(calendar.BadRule, match="not all seven"):
        quiet.QuietHours(time(7), time(8), days=frozenset(range(7)))
    with pytest.raises(calendar.BadRule, match="from 0"):
        quiet.QuietHours(time(7), time(8), days=frozenset({7}))
    with pytest.raises(calendar.BadRule, match="own time"):
        quiet.QuietHours(time(7, tzinfo=UTC), time(8))


@settings(max_examples=150, deadline=None)
@given(
    start=clocks(),
    end=clocks(),
    days=st.frozensets(st.integers(0, 6), max_size=3),
    at=starts(),
    zone=st.sampled_from(ZONES),
)
def test_the_next_allowed_minute_is_the_oracles(
    start: time, end: time, days: frozenset[int], at: datetime, zone: str
) -> None:
    tz = ZoneInfo(zone)
    found = quiet.QuietHours(start, end, days=days).next_allowed(at, tz)

    def loud(instant: datetime) -> bool:
        local = instant.astimezone(tz)
        inside = start <= local.time() < end if start <= end else not end <= local.time() < start
        return not inside and local.weekday() not in days

    expected = at
    while not loud(expected):
        expected += MINUTE
    if found != expected:
        # Only a quiet that was under way while the clocks went back may last longer than the clock alone would say.
        assert found.astimezone(tz).utcoffset() < at.astimezone(tz).utcoffset()  # type: ignore[operator]  # zones have one
        assert loud(found)
        assert found > expected

"""At which instant a clock shows a time, and what a cron text may say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.instants import ZONES, starts

from scheduler import calendar

MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("30 8 * *", "has five fields"),
        ("", "has five fields"),
        ("0 30 8 * * 1-5", "but '0 30 8 \\* \\* 1-5' has 6"),
        ("60 8 * * *", "The minute '60' of '60 8 \\* \\* \\*' cannot be read: it may be 0 to 59"),
        ("0 24 * * *", "The hour '24'"),
        ("0 8 32 * *", "The day of the month '32'"),
        ("0 8 * 13 *", "The month '13'"),
        ("0 8 * JANUARY *", "The month 'JANUARY'"),
        ("0 8 * * 8", "The day of the week '8'"),
        ("0 8 * * 5-1", "The day of the week '5-1'"),
        ("0 8 * * ٣", "The day of the week '٣'"),
        ("0 */0 * * *", "The hour '\\*/0'"),
        ("0 8 ? * *", "The day of the month '\\?'"),
        ("0 8 30 2 *", "The days of '0 8 30 2 \\*' never come"),
        ("0 8 31 4,6,9,11 *", "never come"),
    ],
)
def test_a_wrong_cron_text_is_refused_with_the_name_of_its_field(text: str, words: str) -> None:
    with pytest.raises(calendar.BadRule, match=words):
        calendar.Cron(text)


@settings(max_examples=200, deadline=None)
@given(at=starts(), zone=st.sampled_from(ZONES))
def test_wall_times_become_the_first_instant_that_shows_them_or_more(at: datetime, zone: str) -> None:
    tz = ZoneInfo(zone)
    wall = at.astimezone(UTC).replace(tzinfo=None)
    instant = calendar.to_utc(wall, tz)
    assert instant.astimezone(tz).replace(tzinfo=None) >= wall
    for back in range(1, 180):
        assert (instant - back * MINUTE).astimezone(tz).replace(tzinfo=None) < wall
    assert (instant - timedelta(microseconds=1)).astimezone(tz).replace(tzinfo=None) < wall

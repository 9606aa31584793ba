"""Repeating events against a library that follows their rules, and rules that nobody comes back from."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
from dateutil import rrule
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.calendars import recurring

FREQUENCIES = {"DAILY": rrule.DAILY, "WEEKLY": rrule.WEEKLY, "MONTHLY": rrule.MONTHLY, "YEARLY": rrule.YEARLY}
WEEKDAYS = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]


@st.composite
def rules(draw: st.DrawFn) -> dict[str, list[Any]]:
    frequency = draw(st.sampled_from(sorted(FREQUENCIES)))
    rule: dict[str, list[Any]] = {"FREQ": [frequency], "INTERVAL": [draw(st.integers(1, 4))]}
    weekday = st.sampled_from(WEEKDAYS)
    if frequency in ("MONTHLY", "YEARLY") and draw(st.booleans()):
        weekday = st.tuples(st.sampled_from([1, 2, 3, 4, -1, -2]), weekday).map(lambda pair: f"{pair[0]}{pair[1]}")
    if draw(st.booleans()):
        rule["BYDAY"] = draw(st.lists(weekday, min_size=1, max_size=2, unique=True))
    if draw(st.booleans()):
        rule["BYMONTH"] = draw(st.lists(st.integers(1, 12), min_size=1, max_size=3, unique=True))
    if "BYDAY" not in rule and frequency != "WEEKLY" and draw(st.booleans()):
        rule["BYMONTHDAY"] = draw(st.lists(st.integers(1, 28) | st.just(-1), min_size=1, max_size=2, unique=True))
    if draw(st.booleans()):
        rule["COUNT"] = [draw(st.integers(1, 5))]
    return rule


@settings(max_examples=60)
@given(rule=rules(), first=st.dates(date(2024, 1, 1), date(2027, 12, 31)))
def test_the_days_are_those_of_dateutil(rule: dict[str, list[Any]], first: date) -> None:
    until = first + timedelta(days=900)
    text = ";".join(f"{name}={','.join(map(str, given))}" for name, given in rule.items() if name != "COUNT")
    start, end = datetime.combine(first, time()), datetime.combine(until, time())
    followed = rrule.rrulestr(f"RRULE:{text}", dtstart=start).between(start, end, inc=True)
    # RFC 5545 has DTSTART be one of the days; dateutil leaves it out where the rule does not name it.
    expected = sorted({first, *(moment.date() for moment in followed)})
    count = rule.get("COUNT", [len(expected)])[0]
    assert list(recurring.days(rule, first, until)) == expected[:count]


def test_a_day_that_never_comes_ends() -> None:
    never = {"FREQ": ["DAILY"], "BYMONTH": [2], "BYMONTHDAY": [30]}
    assert list(recurring.days(never, date(1970, 1, 1), date(2030, 1, 1))) == [date(1970, 1, 1)]


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"FREQ": ["SECONDLY"]}, "more often than daily"),
        ({"FREQ": ["MONTHLY"], "BYSETPOS": [1]}, "BYSETPOS"),
        ({"FREQ": ["WEEKLY"], "BYMONTHDAY": [1]}, "RFC 5545 forbids"),
        ({"FREQ": ["WEEKLY"], "BYDAY": ["2MO"]}, "only a month or a year"),
    ],
)
def test_what_is_not_read_is_said(rule: dict[str, list[Any]], words: str) -> None:
    with pytest.raises(recurring.NotUnderstood, match=words):
        list(recurring.days(rule, date(2026, 1, 1), date(2026, 12, 31)))

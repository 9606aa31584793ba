"""When rules fire: known nights, and years of dates against a slow oracle that shares no code with the product."""

from __future__ import annotations

import calendar as months
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.instants import MINUTE, ZONES, starts, utc

from scheduler import calendar, occasions, terms

LONDON = ZoneInfo("Europe/London")
EVERY_DAY = terms.Terms(weekdays=frozenset(range(7)))
#: School on weekdays of autumn and spring.
TERMS = terms.Terms(((date(2026, 11, 2), date(2026, 12, 18)), (date(2027, 1, 5), date(2027, 2, 12))))


def fires(
    text: str,
    after: datetime,
    until: datetime,
    tz: ZoneInfo = LONDON,
    *,
    days: terms.Terms = EVERY_DAY,
    move: occasions.Move = "any",
) -> list[datetime]:
    rule = calendar.Cron(text)
    return [one.at for one in occasions.occasions(rule, after, tz, until=until, days=days, move=move) if one.at]


# Known nights. In 2026 the clocks go forward on 29 March and back on 25 October, both at 01:00 UTC.


@pytest.mark.parametrize(
    ("text", "after", "until", "expected"),
    [
        ("30 8 * * 1-5", "2026-11-20T12:00", "2026-11-24T12:00", ["23 08:30", "24 08:30"]),  # from a Friday on
        ("30 8 * * MON-FRI", "2026-11-20T12:00", "2026-11-24T12:00", ["23 08:30", "24 08:30"]),
        ("0 9 * * 0", "2026-11-20T12:00", "2026-11-27T12:00", ["22 09:00"]),
        ("0 9 * * 7", "2026-11-20T12:00", "2026-11-27T12:00", ["22 09:00"]),
        ("30 1 * * *", "2026-10-24T12:00", "2026-10-26T12:00", ["25 00:30", "26 01:30"]),  # shown twice, fires once
        ("30 1 * * *", "2026-03-28T12:00", "2026-03-30T12:00", ["29 01:00", "30 00:30"]),  # leapt over, not skipped
        ("0 1 * * *", "2026-03-28T12:00", "2026-03-30T12:00", ["29 01:00", "30 00:00"]),
        ("*/30 0-2 * * *", "2026-03-28T23:59", "2026-03-29T12:00", ["29 00:00", "29 00:30", "29 01:00", "29 01:30"]),
        ("0,30 1,2 * * *", "2026-10-24T23:00", "2026-10-25T12:00", ["25 00:00", "25 00:30", "25 02:00", "25 02:30"]),
        ("0 8 29 2 *", "2026-01-01T00:00", "2033-01-01T00:00", ["29 08:00", "29 08:00"]),
        ("0 8 L * *", "2028-02-01T00:00", "2028-04-01T00:00", ["29 08:00", "31 07:00"]),
        ("0 8 * * 5#2", "2026-11-01T00:00", "2026-12-31T00:00", ["13 08:00", "11 08:00"]),
        ("0 8 * 7 *", "2026-06-30T00:00", "2026-07-02T12:00", ["01 07:00", "02 07:00"]),
    ],
)
def test_known_firings(text: str, after: str, until: str, expected: list[str]) -> None:
    assert [instant.strftime("%d %H:%M") for instant in fires(text, utc(after), utc(until))] == expected


def test_the_second_showing_of_an_hour_fires_nothing_even_when_we_wake_within_it() -> None:
    assert fires("*/15 * * * *", utc("2026-10-25T01:10"), utc("2026-10-25T02:00")) == [utc("2026-10-25T02:00")]


def test_later_means_later_and_until_is_the_last_moment() -> None:
    nine, little = utc("2026-11-23T09:00"), timedelta(microseconds=1)
    assert fires("0 9 * * *", nine - little, nine) == [nine]
    assert fires("0 9 * * *", nine, nine + timedelta(days=1)) == [nine + timedelta(days=1)]
    assert fires("0 9 * * *", nine - little, nine - little) == []
    assert fires("0 9 * * *", nine, nine - timedelta(days=3)) == []


def test_only_school_days_count() -> None:
    friday, spring = utc("2026-12-18T23:59"), utc("2027-01-05T00:00")
    assert fires("30 8 * * *", friday, utc("2027-01-05T09:00"), days=TERMS, move="skip") == [utc("2027-01-05T08:30")]
    assert fires("* * * * *", friday, spring, days=TERMS, move="skip") == [spring]
    assert fires("* * * * *", utc("2027-02-12T23:59"), utc("2027-03-01T00:00"), days=TERMS, move="skip") == []
    assert fires("0 9 29 2 *", utc("2096-03-01T00:00"), utc("2105-01-01T00:00")) == [utc("2104-02-29T09:00")]


def test_instants_without_a_zone_are_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        fires("* * * * *", datetime.fromisoformat("2026-01-01"), utc("2026-01-01"))


# The oracle: every local minute is laid beside the rule, and instants are found by walking through UTC.


@dataclass(frozen=True)
class Named:
    """A cron text with the sets that its author meant by it."""

    text: str
    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]  # 0 is Sunday

    def names(self, local: datetime) -> bool:
        _, _, day_text, _, weekday_text = self.text.split()
        day = local.day in self.days or (0 in self.days and local.day == months.monthrange(local.year, local.month)[1])
        weekday = local.isoweekday() % 7 in self.weekdays
        both = day_text.startswith("*") or weekday_text.startswith("*")
        return (
            local.minute in self.minutes
            and local.hour in self.hours
            and local.month in self.months
            and (day and weekday if both else day or weekday)
        )


def field(low: int, high: int, *, numbered: int | None = None) -> st.SearchStrategy[tuple[str, frozenset[int]]]:
    one = st.integers(low, numbered or high)
    every = frozenset(range(low, high + 1))
    return st.one_of(
        st.just(("*", every)),
        one.map(lambda n: (str(n), frozenset({n}))),
        st.tuples(one, one).map(lambda p: (f"{min(p)}-{max(p)}", frozenset(range(min(p), max(p) + 1)))),
        st.sets(one, min_size=2, max_size=4).map(lambda s: (",".join(map(str, sorted(s))), frozenset(s))),
        st.integers(2, 20).map(lambda n: (f"*/{n}", frozenset(sorted(every)[::n]))),
    )


@st.composite
def crons(draw: st.DrawFn) -> Named:
    minute, hour = draw(field(0, 59)), draw(field(0, 23))
    # Days are named up to the 28th, as every month has them: a rule that never fires is refused, and tested above.
    day = draw(st.one_of(field(1, 31, numbered=28), st.just(("L", frozenset({0})))))
    month, weekday = draw(field(1, 12)), draw(field(0, 6))
    parts = [minute, hour, day, month, weekday]
    return Named(" ".join(text for text, _ in parts), *(values for _, values in parts))


def watch(rule: Named, after: datetime, until: datetime, tz: ZoneInfo) -> list[datetime]:
    """Walk through UTC minute by minute with an eye on the wall clock; each wall minute counts at its first showing."""
    found = []
    latest = after.astimezone(tz).replace(tzinfo=None)
    # What the wall clock showed in the last hours may have been put back since.
    for back in range(1, 200):
        latest = max(latest, (after - back * MINUTE).astimezone(tz).replace(tzinfo=None))
    at = after
    while at < until:
        at += MINUTE
        wall = at.astimezone(tz).replace(tzinfo=None)
        passed = []
        while latest < wall:
            latest += MINUTE
            passed.append(latest)
        if any(rule.names(minute) for minute in passed):
            found.append(at)
    return found


HALF_PAST_ONE = Named(
    "30 1 * * *",
    minutes=frozenset({30}),
    hours=frozenset({1}),
    days=frozenset(range(1, 32)),
    months=frozenset(range(1, 13)),
    weekdays=frozenset(range(7)),
)


@settings(max_examples=120, deadline=None)
@given(rule=crons(), after=starts(), zone=st.sampled_from(ZONES))
@example(HALF_PAST_ONE, utc("2026-10-24T12:00"), "Europe/London")
@example(HALF_PAST_ONE, utc("2026-03-28T12:00"), "Europe/London")
def test_every_firing_of_some_days_is_the_oracles(rule: Named, after: datetime, zone: str) -> None:
    tz, until = ZoneInfo(zone), after + timedelta(days=2)
    assert fires(rule.text, after, until, tz) == watch(rule, after, until, tz)


@settings(max_examples=40, deadline=None)
@given(
    rule=crons(),
    clock=st.one_of(st.times(), st.just(time(1, 30)), st.just(time(1))),
    closed=st.sets(st.dates(date(2026, 1, 1), date(2029, 12, 31)), max_size=20),
)
def test_four_years_of_dates_are_the_oracles(rule: Named, clock: time, closed: set[date]) -> None:
    clock = clock.replace(second=0, microsecond=0)
    daily = f"{clock.minute} {clock.hour} {' '.join(rule.text.split()[2:])}"
    dated = Named(daily, frozenset({clock.minute}), frozenset({clock.hour}), rule.days, rule.months, rule.weekdays)
    expected = []
    for offset in range(4 * 365 + 1):
        wall = datetime.combine(date(2026, 1, 1) + timedelta(days=offset), clock)
        if dated.names(wall) and wall.date() not in closed:
            instant = wall.replace(tzinfo=LONDON).astimezone(UTC)
            leapt = instant.astimezone(LONDON).replace(tzinfo=None) != wall
            expected.append(instant.replace(minute=0, hour=1) if leapt else instant)
    days = terms.Terms(weekdays=frozenset(range(7)), closed=dict.fromkeys(closed, "closed"))
    assert fires(daily, utc("2025-12-31T23:59"), utc("2029-12-31T23:59"), days=days, move="skip") == expected

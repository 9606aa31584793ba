"""When rules fire: known nights, and years of dates against a slow oracle that shares no code with the calendar."""

from __future__ import annotations

import calendar as months
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from scheduler import calendar

LONDON = ZoneInfo("Europe/London")
#: Half an hour of summer time, a change at midnight, a change before midnight, two more, and none.
ZONES = ["Europe/London", "Australia/Lord_Howe", "America/Havana", "Africa/Cairo", "America/New_York", "UTC"]
MINUTE = timedelta(minutes=1)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def fires(text: str, after: str, until: str) -> list[str]:
    found = calendar.due(calendar.Cron(text), utc(after), utc(until), LONDON, coalesce=False)
    return [instant.strftime("%d %H:%M") for instant in found]


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
    assert fires(text, after, until) == expected


def test_the_second_showing_of_an_hour_fires_nothing_even_when_we_wake_within_it() -> None:
    rule = calendar.Cron("*/15 * * * *")
    assert calendar.next_fire(rule, utc("2026-10-25T01:10"), LONDON) == utc("2026-10-25T02:00")


def test_later_means_later() -> None:
    rule = calendar.Cron("0 9 * * *")
    nine = utc("2026-11-23T09:00")
    assert calendar.next_fire(rule, nine - timedelta(microseconds=1), LONDON) == nine
    assert calendar.next_fire(rule, nine, LONDON) == nine + timedelta(days=1)
    assert calendar.next_fire(rule, nine + timedelta(microseconds=1), LONDON) == nine + timedelta(days=1)


def test_until_is_the_last_moment() -> None:
    rule, nine = calendar.Cron("0 9 * * *"), utc("2026-11-23T09:00")
    assert calendar.next_fire(rule, utc("2026-11-23T08:00"), LONDON, until=nine) == nine
    assert calendar.next_fire(rule, utc("2026-11-23T08:00"), LONDON, until=nine - MINUTE) is None
    assert calendar.due(rule, utc("2026-11-20T10:00"), utc("2026-12-24T10:00"), LONDON, until=nine) == [nine]


def test_a_single_date_fires_once() -> None:
    rule = calendar.At(datetime.fromisoformat("2026-07-01T09:00"))
    assert calendar.next_fire(rule, utc("2026-06-01T00:00"), LONDON) == utc("2026-07-01T08:00")
    assert calendar.next_fire(rule, utc("2026-07-01T08:00"), LONDON) is None
    assert calendar.due(rule, utc("2026-06-01T00:00"), utc("2026-07-01T08:00"), LONDON) == [utc("2026-07-01T08:00")]
    assert calendar.due(rule, utc("2026-06-01T00:00"), utc("2026-07-01T07:59"), LONDON) == []
    assert calendar.next_fire(rule, utc("2026-06-01T00:00"), LONDON, school_days=lambda day: day.month != 7) is None


def test_only_school_days_count() -> None:
    def term(day: date) -> bool:
        return day.weekday() < 5 and not date(2026, 12, 21) <= day <= date(2027, 1, 4)

    rule, friday = calendar.Cron("30 8 * * *"), utc("2026-12-18T09:00")
    assert calendar.next_fire(rule, friday, LONDON, school_days=term) == utc("2027-01-05T08:30")
    every_minute = calendar.Cron("* * * * *")
    assert calendar.next_fire(every_minute, utc("2026-12-18T23:59"), LONDON, school_days=term) == utc(
        "2027-01-05T00:00"
    )
    assert calendar.next_fire(every_minute, friday, LONDON, school_days=lambda _: False) is None
    leap = calendar.next_fire(calendar.Cron("0 9 29 2 *"), utc("2096-03-01T00:00"), LONDON, school_days=lambda _: True)
    assert leap == utc("2104-02-29T09:00")


def test_what_was_missed_is_made_up_once() -> None:
    rule = calendar.Cron("30 8 * * 1-5")
    friday, monday = utc("2026-11-20T08:30"), utc("2026-11-23T08:30")
    assert calendar.due(rule, friday, monday - MINUTE, LONDON) == []
    assert calendar.due(rule, friday, monday, LONDON) == [monday]
    assert calendar.due(rule, friday - timedelta(days=400), monday + timedelta(hours=3), LONDON) == [monday]
    assert len(calendar.due(rule, friday - timedelta(days=7), monday, LONDON, coalesce=False)) == 6
    assert calendar.due(rule, monday, monday, LONDON) == []
    assert calendar.due(rule, monday, friday, LONDON) == []
    leap_day = calendar.due(calendar.Cron("0 8 29 2 *"), utc("2020-01-01T00:00"), utc("2026-01-01T00:00"), LONDON)
    assert leap_day == [utc("2024-02-29T08:00")]


def test_instants_without_a_zone_are_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        calendar.next_fire(calendar.Cron("* * * * *"), datetime.fromisoformat("2026-01-01"), LONDON)
    with pytest.raises(calendar.BadRule, match="without a time zone"):
        calendar.At(utc("2026-01-01T00:00"))


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


def starts() -> st.SearchStrategy[datetime]:
    """Give instants near both clock changes, 29 February, the ends of years, and anywhere."""
    near = [
        *(f"{year}-03-{day}" for year, day in ((2026, 28), (2027, 27), (2028, 25))),
        *(f"{year}-10-{day}" for year, day in ((2026, 24), (2027, 30), (2028, 28))),
        *(
            "2028-02-28",
            "2027-02-28",
            "2026-12-31",
            "2026-11-01",
            "2026-03-08",
            "2026-10-29",
            "2026-04-23",
            "2026-04-04",
        ),
    ]
    hours = st.integers(0, 24 * 60).map(lambda n: n * MINUTE)
    anywhere = st.integers(0, 4 * 366 * 24 * 60).map(lambda n: utc("2025-01-01") + n * MINUTE)
    return st.one_of(st.tuples(st.sampled_from(near).map(utc), hours).map(lambda pair: pair[0] + pair[1]), anywhere)


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
    expected = watch(rule, after, until, tz)
    cron = calendar.Cron(rule.text)
    assert calendar.due(cron, after, until, tz, coalesce=False) == expected
    assert calendar.due(cron, after, until, tz) == expected[-1:]
    assert calendar.next_fire(cron, after, tz, until=until) == (expected[0] if expected else None)


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
    start, end = utc("2025-12-31T23:59"), utc("2029-12-31T23:59")
    found = calendar.due(
        calendar.Cron(daily), start, end, LONDON, school_days=lambda day: day not in closed, coalesce=False
    )
    assert found == expected


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

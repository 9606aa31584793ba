"""By when somebody answers: only in office hours, never sooner for what came later, whatever the clocks do."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.settings import Settings
from gateway.desk import promise
from scheduler import terms

LONDON = ZoneInfo("Europe/London")
YEAR = terms.Terms(
    (
        (date(2026, 9, 2), date(2026, 10, 23)),
        (date(2026, 11, 2), date(2026, 12, 18)),
        (date(2027, 1, 4), date(2027, 4, 1)),
    ),
    {date(2026, 11, 27): "INSET"},
)

FIRST = datetime(2026, 8, 1, tzinfo=UTC)
moments = st.timedeltas(timedelta(0), timedelta(days=300)).map(lambda after: FIRST + after)
spans = st.integers(1, 60 * 60).map(lambda minutes: timedelta(minutes=minutes))
clocks = st.times(time(0, 0), time(23, 55)).map(
    lambda clock: clock.replace(minute=clock.minute // 5 * 5, second=0, microsecond=0)
)


def hours(opens: time = time(8), closes: time = time(16), zone: ZoneInfo = LONDON) -> promise.Hours:
    return promise.Hours(opens, closes, YEAR, zone)


@st.composite
def offices(draw: st.DrawFn) -> promise.Hours:
    """Office hours of at least a quarter of an hour, some of them over the hour at which the clocks change."""
    opens = draw(clocks.filter(lambda clock: clock < time(23, 30)))
    least = (datetime.combine(date(2000, 1, 3), opens) + timedelta(minutes=15)).time()
    closes = draw(clocks.filter(lambda clock: clock >= least))
    zone = draw(st.sampled_from(["Europe/London", "UTC", "Asia/Kathmandu", "America/St_Johns"]))
    return hours(opens, closes, ZoneInfo(zone))


@given(office=offices(), span=spans, at=moments)
def test_it_is_never_due_outside_office_hours_nor_before_the_time_is_over(
    office: promise.Hours, span: timedelta, at: datetime
) -> None:
    due = promise.due(office, span, at)
    local = due.astimezone(office.timezone)
    assert office.opens < local.time() <= office.closes
    assert due - at >= span
    beyond = local.date() > YEAR.terms[-1][1] and local.weekday() < 5
    assert YEAR.is_school_day(local.date()) or beyond


@given(office=offices(), span=spans, at=moments, later=st.timedeltas(timedelta(0), timedelta(days=200)))
def test_what_comes_later_is_due_no_sooner(
    office: promise.Hours, span: timedelta, at: datetime, later: timedelta
) -> None:
    assert promise.due(office, span, at) <= promise.due(office, span, at + later)


@given(span=spans, more=spans, at=moments)
def test_more_time_ends_no_sooner(span: timedelta, more: timedelta, at: datetime) -> None:
    assert promise.due(hours(), span, at) <= promise.due(hours(), span + more, at)


@pytest.mark.parametrize(
    ("at", "within", "due"),
    [
        ("2026-11-23 10:12", "15m", "2026-11-23 10:30"),
        ("2026-11-23 15:50", "15m", "2026-11-24 08:05"),
        ("2026-11-23 15:45", "15m", "2026-11-23 16:00"),
        ("2026-11-23 06:00", "15m", "2026-11-23 08:15"),
        ("2026-11-23 10:12", "1d", "2026-11-24 10:15"),
        ("2026-11-26 10:12", "1d", "2026-11-30 10:15"),  # Friday is a training day
        ("2026-11-21 10:00", "1d", "2026-11-23 16:00"),  # a Saturday: the whole of Monday
        ("2026-10-23 10:00", "1d", "2026-11-02 10:00"),  # over half-term, and the night the clocks go back
        ("2026-12-18 17:00", "2h", "2027-01-04 10:00"),
        ("2027-05-29 17:00", "2h", "2027-05-31 10:00"),  # beyond the calendar every weekday counts
    ],
)
def test_examples(at: str, within: str, due: str) -> None:
    span = promise._span(within, hours().day)
    moment = datetime.fromisoformat(at).replace(tzinfo=LONDON)
    assert promise.due(hours(), span, moment).astimezone(LONDON) == datetime.fromisoformat(due).replace(tzinfo=LONDON)


def test_the_settings_make_the_rules() -> None:
    rules = promise.load(
        Settings.model_validate({"desk": {"opens": "09:00", "closes": "15:00", "complaint_within": "3d"}})
    )
    assert rules.within == {
        "absence": timedelta(minutes=15),
        "question": timedelta(hours=6),
        "complaint": timedelta(hours=18),
    }
    with pytest.raises(ValueError, match="closes later"):
        Settings.model_validate({"desk": {"opens": "16:00", "closes": "15:00"}})

"""The rate of a lane: one timestamp, and never more than the contract allows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import rate

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)

sizes = st.lists(st.integers(1, 12), min_size=1, max_size=60)
idle = st.lists(st.floats(0, 3), min_size=60, max_size=60)


def payments(bucket: rate.Bucket, texts: list[int], pauses: list[float]) -> list[tuple[datetime, int]]:
    """When each text is paid for by a lane that asks again as soon as it is told that it pays to."""
    now, paid = NOW, []
    for parts, pause in zip(texts, pauses, strict=False):
        now += timedelta(seconds=pause)
        while wait := bucket.wait(parts, now=now):
            now += max(timedelta(seconds=wait), timedelta.resolution)
        bucket = bucket.paid(parts, now=now)
        paid.append((now, parts))
    return paid


@given(st.floats(0.1, 500), st.floats(0.1, 40), sizes, idle)
def test_no_second_holds_more_than_the_rate_and_the_burst(
    speed: float, burst: float, texts: list[int], pauses: list[float]
) -> None:
    paid = payments(rate.Bucket(speed, burst, None), texts, pauses)
    most = speed + max(burst, 1.0, *texts)
    for start, _ in paid:
        within = sum(parts for at, parts in paid if start <= at < start + timedelta(seconds=1))
        assert within <= most + 0.01
        if all(parts <= burst for parts in texts):
            assert within <= speed + burst + 0.01


@given(st.floats(0.1, 500), st.floats(1, 40), sizes)
def test_nobody_waits_longer_than_the_rate_asks(speed: float, burst: float, texts: list[int]) -> None:
    paid = payments(rate.Bucket(speed, burst, None), texts, [0.0] * len(texts))
    took = (paid[-1][0] - NOW).total_seconds()
    assert took <= sum(texts) / speed + len(texts) * 2e-6


@given(st.floats(0.1, 500), st.floats(0.1, 40), st.integers(1, 50))
def test_any_text_goes_at_once_after_a_rest(speed: float, burst: float, parts: int) -> None:
    rested = rate.Bucket(speed, burst, NOW - timedelta(days=1))
    assert rested.wait(parts, now=NOW) == 0.0


def test_what_outgrew_the_burst_is_paid_off() -> None:
    bucket = rate.Bucket(2.0, 1.0, None).paid(6, now=NOW)
    assert bucket.wait(1, now=NOW) == pytest.approx(3.0)
    assert bucket.wait(1, now=NOW + timedelta(seconds=3)) == 0.0


def test_a_clock_that_was_set_back_stops_no_lane() -> None:
    bucket = rate.Bucket(2.0, 4.0, NOW + timedelta(hours=1))
    assert bucket.wait(1, now=NOW) == 0.0
    assert bucket.paid(6, now=NOW).wait(1, now=NOW) == pytest.approx(1.5)

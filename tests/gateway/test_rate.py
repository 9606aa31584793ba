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


def payments(speed: float, burst: float, texts: list[int], pauses: list[float]) -> list[tuple[datetime, int]]:
    """When each text is paid for by a lane that asks again as soon as it is told that it pays to."""
    now, paid, tat = NOW, [], None
    for parts, pause in zip(texts, pauses, strict=False):
        now += timedelta(seconds=pause)
        while wait := (bucket := rate.bucket(rate=speed, burst=burst, tat=tat, now=now)).wait(parts):
            now += max(timedelta(seconds=wait), timedelta.resolution)
        bucket.pay(parts)
        tat = now + timedelta(seconds=bucket.ahead)
        paid.append((now, parts))
    return paid


@given(st.floats(0.1, 500), st.floats(0.1, 40), sizes, idle)
def test_no_second_holds_more_than_the_rate_and_the_burst(
    speed: float, burst: float, texts: list[int], pauses: list[float]
) -> None:
    paid = payments(speed, burst, texts, pauses)
    most = speed + max(burst, 1.0, *texts)
    for start, _ in paid:
        within = sum(parts for at, parts in paid if start <= at < start + timedelta(seconds=1))
        assert within <= most + 0.01
        if all(parts <= burst for parts in texts):
            assert within <= speed + burst + 0.01


@given(st.floats(0.1, 500), st.floats(1, 40), sizes)
def test_nobody_waits_longer_than_the_rate_asks(speed: float, burst: float, texts: list[int]) -> None:
    paid = payments(speed, burst, texts, [0.0] * len(texts))
    took = (paid[-1][0] - NOW).total_seconds()
    assert took <= sum(texts) / speed + len(texts) * 2e-6


@given(st.floats(0.1, 500), st.floats(0.1, 40), st.integers(1, 50))
def test_any_text_goes_at_once_after_a_rest(speed: float, burst: float, parts: int) -> None:
    rested = rate.bucket(rate=speed, burst=burst, tat=NOW - timedelta(days=1), now=NOW)
    assert rested.wait(parts) == 0.0


def test_what_outgrew_the_burst_is_paid_off() -> None:
    bucket = rate.bucket(rate=2.0, burst=1.0, tat=None, now=NOW)
    bucket.pay(6)
    assert bucket.wait(1) == pytest.approx(3.0)
    later = rate.bucket(rate=2.0, burst=1.0, tat=NOW + timedelta(seconds=3), now=NOW + timedelta(seconds=3))
    assert later.wait(1) == 0.0


def test_a_clock_that_was_set_back_stops_no_lane() -> None:
    bucket = rate.bucket(rate=2.0, burst=4.0, tat=NOW + timedelta(hours=1), now=NOW)
    assert bucket.wait(1) == 0.0
    bucket.pay(6)
    assert bucket.wait(1) == pytest.approx(1.5)

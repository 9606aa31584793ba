"""When to try again."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.base import Medium
from gateway import retry

POLICY = retry.Policy({Medium.SMS: retry.Backoff(10, 100, 5)})


@pytest.mark.parametrize(("retries", "least"), [(0, 10), (1, 10), (2, 20), (3, 40), (4, 80), (5, 100), (100, 100)])
def test_waits_double_up_to_the_most(retries: int, least: float) -> None:
    wait = POLICY.delay(Medium.SMS, retries, asked=None, key="m")
    assert timedelta(seconds=least) <= wait <= timedelta(seconds=least * 1.2)


@given(st.integers(0, 100), st.floats(0, 100_000), st.text(max_size=30))
def test_never_before_the_provider_asked(retries: int, asked: float, key: str) -> None:
    wait = POLICY.delay(Medium.SMS, retries, asked=asked, key=key)
    assert wait >= timedelta(seconds=min(asked, POLICY.asked_most)), "a wish for next year is not followed to the end"
    assert wait == POLICY.delay(Medium.SMS, retries, asked=asked, key=key), "the same for whoever works it out"


def test_a_crowd_that_failed_together_does_not_come_back_together() -> None:
    waits = {POLICY.delay(Medium.SMS, 1, asked=None, key=f"message-{number}") for number in range(100)}
    assert len(waits) > 80


def test_a_medium_without_rules_has_sensible_ones() -> None:
    assert POLICY.limit(Medium.SMS) == 5
    assert POLICY.limit(Medium.EMAIL) > 0
    assert POLICY.delay(Medium.EMAIL, 1, asked=None, key="m") >= timedelta(seconds=30)


def test_a_provider_that_cannot_be_asked_is_waited_for_a_day_and_an_hour_for_what_goes_again() -> None:
    assert POLICY.patience == timedelta(minutes=10)
    assert POLICY.longest(goes_again=False) == timedelta(days=1)
    assert POLICY.longest(goes_again=True) == timedelta(hours=1)


def test_a_lane_is_held_as_long_as_asked() -> None:
    assert POLICY.lane_hold(7.5) == timedelta(seconds=7.5)
    assert POLICY.lane_hold(0) == timedelta(seconds=1), "or every message of the lane would be turned away at once"
    assert POLICY.lane_hold(31_536_000) == timedelta(minutes=15), "nobody means a year"
    assert POLICY.lane_hold(None) == timedelta(seconds=POLICY.lane_seconds)

"""What a family writes of its own details: a number or mailbox, a code, NO; and nothing that is none of these."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.freshness import reading
from gateway.freshness.reading import Detail
from gateway.models import LineType, PointKind

MOBILE = Detail(PointKind.PHONE, "+447700900123", LineType.MOBILE)


@pytest.mark.parametrize(
    "text",
    [
        "07700 900123", "my number is 07700900123.", "+44 (0)7700 900 123 thanks", "new: 0044 7700 900123!",
        "٠٧٧٠٠ ٩٠٠١٢٣", "07700-900-123 since Monday", "(07700) 900123",
    ],
)  # fmt: skip
def test_a_number_however_it_is_written(text: str) -> None:
    assert reading.detail(text) == MOBILE


@pytest.mark.parametrize(
    "text",
    [
        "", "no", "she is in year 5", "07700 900123 or 07700 900124", "07700 900123 / 07700 900124", "0770 90012",
        "call 999", "a@b@c.example", "maria@example.com or 07700 900123", "on 12/03/2026 at 09:30", "x" * 400,
        "A12345678901234",
    ],
)  # fmt: skip
def test_nothing_is_guessed(text: str) -> None:
    assert reading.detail(text) is None


@pytest.mark.parametrize(
    "text", ["Maria.New@Example.com", "my email is maria.new@example.com.", "<maria.new@example.com>"]
)
def test_a_mailbox(text: str) -> None:
    assert reading.detail(text) == Detail(PointKind.EMAIL, "maria.new@example.com")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("123456", "123456"), (" 123 456 ", "123456"), ("code: 123456.", "123456"), ("۱۲۳۴۵۶", "123456"),
        ("12345", ""), ("1234567", ""), ("07700900123", ""), ("1", ""), ("", ""),
    ],
)  # fmt: skip
def test_a_code(text: str, code: str) -> None:
    assert reading.code(text) == code


def test_the_no_that_we_asked_for() -> None:
    for text in ("NO", "no.", " No! ", "No it wasn't me", "NO - that was not me"):
        assert reading.contests(text), text
    for text in ("not", "No thanks, we cannot come on Friday", "none", "nope she is ill", "yes", ""):
        assert not reading.contests(text), text


@pytest.mark.parametrize("text", ["my number is", "Mój numer to", "رقمي", "میرا نمبر", "我的号码是", "NEW NUMBER"])
def test_whose_number_it_is(text: str) -> None:
    assert reading.tells(f"{text} 07700 900123")


@pytest.mark.parametrize("text", ["call me on", "his dad is on", "please ring", "zadzwoń"])
def test_somebody_elses_or_for_today(text: str) -> None:
    assert not reading.tells(f"{text} 07700 900123")


@given(st.text(max_size=400))
def test_no_text_breaks_it(text: str) -> None:
    found = reading.detail(text)
    assert found is None or found.address
    assert len(reading.code(text)) in (0, 6)
    reading.tells(text)
    reading.contests(text)


@given(st.integers(min_value=0, max_value=999), st.sampled_from(["", " ", "-", "."]))
def test_every_drama_number_is_read(last: int, gap: str) -> None:
    written = f"07700{gap}900{gap}{last:03d}"
    assert reading.detail(f"my number is {written}") == Detail(
        PointKind.PHONE, f"+447700900{last:03d}", LineType.MOBILE
    )

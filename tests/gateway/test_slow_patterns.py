"""What somebody repeats ten thousand times takes no longer than its length: patterns that once took its square or cube.

Generous: each of these takes milliseconds now, and took minutes. Where the time itself is too short to say so, it is
measured how it grows: four times the text may take some four times as long, and sixteen times would be its square.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pydantic
import pytest

from config import sources
from gateway import phone_cells
from gateway.definitions.model import Span
from gateway.freshness import reading
from gateway.good_news import checks, listening
from gateway.importing import headings, oneroster

SECONDS = 5.0  # of this process alone, however busy the machine


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (reading.detail, "@" * 10_000),
        (reading.detail, "a@" * 5_000),
        (reading.detail, "a." * 5_000),
        (checks.LINK.search, "[" + "@" * 10_000),
        (headings.aliases().field, "[" * 100_000),
        (oneroster.IDS.findall, "{" + " " * 10_000),
        (oneroster.IDS.findall, "{a:" + " b" * 5_000),
    ],
    ids=lambda part: part[:3] if isinstance(part, str) else "",
)
def test_it_ends(read: Callable[[str], Any], text: str) -> None:
    begun = time.process_time()
    read(text)
    assert time.process_time() - begun < SECONDS


SPAN = pydantic.TypeAdapter[timedelta](Span)


def took(read: Callable[[str], Any], text: str) -> float:
    """The least of some tries, of this process alone: what else it was busy with is left out."""
    tries = []
    for _ in range(5):
        begun = time.process_time()
        with contextlib.suppress(pydantic.ValidationError):
            read(text)
        tries.append(time.process_time() - begun)
    return max(min(tries), 2e-4)  # below that a clock says nothing, and nothing is slow


@pytest.mark.parametrize(
    ("read", "begins", "unit"),
    [
        (SPAN.validate_python, "", "1"),
        (SPAN.validate_python, "", "1 "),
        (SPAN.validate_python, "", "1h"),
        (sources.locate, "[", " "),
        (sources.locate, "[[", " "),
        (sources.locate, "[a", " "),
        (sources.locate, "[", " a"),
        (sources.locate, "a", " "),
        (sources.locate, "", "a."),
        (sources.locate, "", "a . "),
        (sources.locate, "", " "),
        (phone_cells.read, "", "mon "),
        (phone_cells.read, "8", " "),
        (phone_cells.read, "1)", " "),
        (phone_cells.read, "", "("),
        (phone_cells.read, "", "8-9 "),
        (listening.BACK.fullmatch, "take back", " "),
        (listening.BACK.fullmatch, "", "!"),
        (listening.BACK.fullmatch, "take back 1", "!"),
    ],
    ids=lambda part: repr(part) if isinstance(part, str) else "",
)
def test_it_grows_with_the_text_alone(read: Callable[[str], Any], begins: str, unit: str) -> None:
    short, long = (begins + (unit * size)[:size] for size in (2_000, 8_000))
    assert took(read, long) < 9 * took(read, short)
    begun = time.process_time()
    with contextlib.suppress(pydantic.ValidationError):
        read(begins + (unit * 100_000)[:100_000])
    assert time.process_time() - begun < SECONDS


@pytest.mark.parametrize("text", ["9" * 400 + "h", "9" * 5_000 + "d", "9" * 10 + "s"])
def test_a_waiting_time_beyond_all_arithmetic_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(pydantic.ValidationError, match="write a waiting time"):
        SPAN.validate_python(text)

"""The calendar file, read back by the library's own reader."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import icalendar
from hypothesis import given, settings
from hypothesis import strategies as st

from templates import invitation

NOW = datetime(2026, 9, 1, 8, 30, tzinfo=UTC)
STARTS = datetime(2026, 12, 1, 18, 0, tzinfo=ZoneInfo("Europe/London"))
WORDS = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=200).filter(str.strip)


def made(**changes: object) -> bytes:
    usual: dict[str, object] = {
        "uid": "01J@handbell",
        "title": "Oakfield: Concert",
        "starts": STARTS,
        "ends": None,
        "place": "Hall",
        "changed": NOW,
    }
    return invitation.calendar_file(invitation.Entry(**usual | changes))  # type: ignore[arg-type] # a test's own


def event(content: bytes) -> icalendar.Event:
    (found,) = icalendar.Calendar.from_ical(content).walk("VEVENT")
    assert isinstance(found, icalendar.Event)
    return found


@settings(max_examples=60, deadline=None)
@given(WORDS, WORDS)
def test_words_come_back_as_they_were_and_lines_are_short(title: str, place: str) -> None:
    content = made(title=title, place=place)
    assert max(len(line) for line in content.split(b"\r\n")) <= 75, "RFC 5545 section 3.1"
    found = event(content)
    assert str(found["summary"]) == title
    assert str(found["location"]) == place


def test_it_is_an_event_of_so_long() -> None:
    found = event(made(ends=STARTS + timedelta(hours=2)))
    assert found.start == STARTS
    assert found.end == STARTS + timedelta(hours=2)
    assert found.start.tzinfo is not None
    assert str(found["uid"]) == "01J@handbell"
    assert str(found["status"]) == "CONFIRMED"


def test_without_an_end_it_lasts_an_hour_and_one_before_the_start_is_no_end() -> None:
    assert event(made()).end - event(made()).start == timedelta(hours=1)
    assert event(made(ends=STARTS - timedelta(hours=1))).end > STARTS


def test_a_cancelled_one_replaces_the_first() -> None:
    content = made(cancelled=True, sequence=1)
    first, second = event(made()), event(content)
    assert b"METHOD:CANCEL" in content
    assert first["uid"] == second["uid"]
    assert str(second["status"]) == "CANCELLED"
    assert int(second["sequence"]) > int(first["sequence"])


def test_the_night_the_clocks_go_back_is_told_apart() -> None:
    late = datetime(2026, 10, 25, 1, 30, tzinfo=ZoneInfo("Europe/London"), fold=1)
    assert event(made(starts=late)).start == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)

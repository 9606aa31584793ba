"""When, in the words of a school."""

from __future__ import annotations

from datetime import date, datetime, time
from itertools import islice

import pytest

from scheduler import calendar, occasions, phrases, terms

DAYS = terms.Terms(
    ((date(2026, 9, 2), date(2026, 10, 23)), (date(2026, 11, 2), date(2026, 12, 18))),
    {date(2026, 12, 18): "INSET day"},
    whole=((date(2026, 9, 2), date(2026, 12, 18)),),
)
EVENT = datetime(2026, 12, 3, 17, 0)  # a Thursday  # noqa: DTZ001 - local


def names(text: str, given: datetime | None = EVENT) -> list[str]:
    found = phrases.walls(phrases.read(text), given, date(2026, 9, 1), DAYS)
    return [wall.strftime("%d/%m %H:%M") for wall, _ in islice(found, 4)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("7 days before", ["26/11 09:00"]),
        ("A week before at 4pm", ["26/11 16:00"]),
        ("two weeks before", ["19/11 09:00"]),
        ("the evening before", ["02/12 18:00"]),
        ("on the morning at 7.30", ["03/12 07:30"]),
        ("on the morning", ["03/12 07:30"]),
        ("the day after at 8", ["04/12 08:00"]),
        ("2 hours before", ["03/12 15:00"]),
        ("3 school days before", ["30/11 09:00"]),
        ("first Friday of term", ["04/09 09:00"]),
        ("the first Friday of half-term at 8.00", ["04/09 08:00", "06/11 08:00"]),
        ("last school day of term", ["17/12 09:00"]),  # the 18th is an INSET day
        ("last day of term", ["18/12 09:00"]),
        ("the evening before the first school day of half term", ["01/09 18:00", "01/11 18:00"]),
        ("7 days before the last school day of term at 12.30 pm", ["10/12 12:30"]),
        ("second Monday of the month at 7:45 am", ["14/09 07:45", "12/10 07:45", "09/11 07:45", "14/12 07:45"]),
        ("last school day of the week at 15.30", ["04/09 15:30", "11/09 15:30", "18/09 15:30", "25/09 15:30"]),
    ],
)
def test_what_a_phrase_names(text: str, expected: list[str]) -> None:
    assert names(text) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("soon", "is no time that Handbell can read"),
        ("at 7.30", "is no time that Handbell can read"),
        ("first Friday", "is no time that Handbell can read"),
        ("sixth Friday of term", "is no time that Handbell can read"),
        ("the day before at 25.00", "25.00 is no time of day"),
        ("the day before at 13 pm", "13 pm is no time of day"),
        ("2 hours before the first day of term", "hours and minutes count from the time of a date"),
        ("500 days before", "400 is the most"),
        ("", "is no time that Handbell can read"),
    ],
)
def test_what_cannot_be_read_is_refused_with_what_may_be_written(text: str, words: str) -> None:
    with pytest.raises(calendar.BadRule, match=words):
        phrases.read(text)


@pytest.mark.parametrize(
    ("text", "expected"), [("2 weeks", (2, "week")), ("Month", (1, "month")), ("ten days", None), ("0 days", None)]
)
def test_every(text: str, expected: tuple[int, str] | None) -> None:
    if expected is None:
        with pytest.raises(calendar.BadRule, match="2 weeks"):
            phrases.read_every(text)
    else:
        assert phrases.read_every(text) == expected


def test_what_an_anchor_is_known_by_stays_the_same_when_its_day_is_closed() -> None:
    first = phrases.read("first school day of term")
    closed = terms.Terms(DAYS.terms, {date(2026, 9, 2): "snow"}, whole=DAYS.whole)
    (before, name), (after, same) = (next(phrases.walls(first, None, date(2026, 9, 1), one)) for one in (DAYS, closed))
    assert (before.day, after.day) == (2, 3)
    assert name == same


def test_months_are_counted_from_the_first_date() -> None:
    rule = occasions.Every(datetime.combine(date(2027, 12, 31), time(8)), 1, "month")
    found = occasions.occasions(rule, calendar.to_utc(rule.first, calendar.UTC), calendar.UTC, days=terms.Terms())
    assert [one.wanted.strftime("%d/%m") for one in islice(found, 4)] == ["31/01", "29/02", "31/03", "30/04"]

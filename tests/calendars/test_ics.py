"""A school's .ics file: what its titles mean, and what is wrong with it."""

from __future__ import annotations

import time
from datetime import date
from zoneinfo import ZoneInfo

import pytest

from gateway import errors
from gateway.calendars import ics

LONDON = ZoneInfo("Europe/London")
TODAY = date(2026, 9, 1)


def event(uid: str, title: str, start: str, end: str = "", *more: str) -> str:
    """An event; ``start`` and ``end`` as 20260902, or with a time and Z."""
    kind = ";VALUE=DATE" if len(start) == 8 else ""
    lines = [f"UID:{uid}", f"SUMMARY:{title}", f"DTSTART{kind}:{start}", *([f"DTEND{kind}:{end}"] if end else [])]
    return "\r\n".join(["BEGIN:VEVENT", *lines, *more, "END:VEVENT"])


def file(*events: str) -> bytes:
    return "\r\n".join(["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//x//EN", *events, "END:VCALENDAR", ""]).encode()


def read(*events: str) -> ics.Found:
    return ics.read(file(*events), timezone=LONDON, today=TODAY)


def days(found: ics.Found) -> list[str]:
    return [f"{day:%d/%m/%y}" for closed in found.closed for day in closed.days()]


@pytest.mark.parametrize(
    ("title", "kind"),
    [
        ("INSET day (school closed)", "closed"),
        ("Staff Training Day", "closed"),
        ("Non-pupil day", "closed"),
        ("May Day Bank Holiday", "closed"),
        ("School closed to pupils – polling station", "closed"),
        ("Autumn Term starts", "begins"),
        ("First day of Spring Term", "begins"),
        ("Pupils return to school", "begins"),
        ("Term ends – 1.30 finish", "ends"),
        ("Last day of the summer term", "ends"),
        ("School breaks up for Christmas", "ends"),
        ("Half term", "holiday"),
        ("October half-term holiday", "holiday"),
        ("Easter holidays", "holiday"),
        ("Autumn Term 2026", "term"),
        ("End of term disco", ""),
        ("Christmas concert", ""),
        ("Y4 trip to the zoo", ""),
        ("School closes at 1.15pm", ""),
        ("Term 3 starts", "begins"),
        ("Back to school after half term", "begins"),
        ("School closes for half term", "ends"),
        ("End of year celebration", ""),
        ("Half term begins", "unclear"),  # is there school on this day?
        ("Half-term holiday ends", "unclear"),
        ("Last day of the autumn half term", "unclear"),
        ("Last day of term for Year 11", "unclear"),  # and of nobody else
        ("Nursery closed to children", "unclear"),
        ("Year 6 children return from camp", "unclear"),
        ("Start of the academic year 2026", "begins"),
        ("Spring fair", ""),
    ],
)
def test_what_a_title_means(title: str, kind: str) -> None:
    assert ics.meaning(title) == kind


def test_terms_are_between_a_first_and_a_last_day_and_holidays_are_closed() -> None:
    found = read(
        event("a", "Autumn term starts", "20260902"),
        event("b", "Half term", "20261026", "20261031"),
        event("c", "INSET day", "20261127"),
        event("d", "Last day of autumn term", "20261218"),
        event("e", "Disco", "20261210"),
    )
    [term] = found.terms
    assert (term.first, term.last) == (date(2026, 9, 2), date(2026, 12, 18))
    assert days(found) == ["26/10/26", "27/10/26", "28/10/26", "29/10/26", "30/10/26", "27/11/26"]
    assert (found.understood, found.events, found.problems) == (4, 5, [])


def test_a_time_counts_on_the_schools_clock() -> None:
    found = read(
        event("a", "INSET day", "20260630T230000Z", "20260701T150000Z"),  # begins at midnight here
        event("b", "INSET meeting about the training day", "20261001T140000Z", "20261001T150000Z"),
        event("c", "Staff training", "20261002T143000Z", "20261002T153000Z"),  # an hour closes no school
    )
    assert days(found) == ["01/07/26"]


def test_a_time_without_a_zone_is_the_schools_own_wherever_the_machine_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    event_of_a_day = event("a", "INSET day", "20260701T000000", "20260702T000000")
    for zone in ("Asia/Tokyo", "UTC", "America/New_York"):
        monkeypatch.setenv("TZ", zone)
        time.tzset()
        assert days(read(event_of_a_day)) == ["01/07/26"], zone
    monkeypatch.undo()
    time.tzset()


def test_where_an_end_or_a_beginning_is_missing_the_longer_stretch_is_a_term() -> None:
    """Rather a register too many than a child nobody looks for."""
    found = read(
        event("over", "Spring term ends", "20260905"),  # such a feed tells of what is to come alone: begun before
        event("a", "Autumn term starts", "20260907"),
        event("again", "Pupils return to school", "20260908"),
        event("rewards", "End of term for everybody", "20261201"),
        event("b", "Term ends", "20261218"),
    )
    stretches = [(f"{term.first:%d/%m}", f"{term.last:%d/%m}") for term in found.terms]
    assert stretches == [("31/08", "05/09"), ("07/09", "18/12")]
    told = "\n".join(found.problems)
    assert "a (“Autumn term starts”): the end of this term is missing" in told
    assert "b (“Term ends”): the beginning of this term is missing" in told


def test_repeating_replaced_left_out_and_cancelled_events() -> None:
    found = read(
        event("a", "INSET day", "20260904", "20260905", "RRULE:FREQ=WEEKLY;COUNT=4", "EXDATE;VALUE=DATE:20260911"),
        event("a", "INSET day", "20260921", "20260922", "RECURRENCE-ID;VALUE=DATE:20260918"),
        event("b", "INSET day", "20261005", "", "STATUS:CANCELLED"),
    )
    assert days(found) == ["04/09/26", "21/09/26", "25/09/26"]


def test_what_cannot_be_read_is_named_by_its_uid_and_stops_nothing_else() -> None:
    found = read(
        event("bad-dates", "INSET day", "20261005", "20261001"),
        event("hourly", "INSET day", "20261005", "", "RRULE:FREQ=HOURLY"),
        event("never", "INSET day", "20261006", "", "RRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30"),
        event("no-date", "INSET day", "", ""),
        event("holiday", "Half term", "20261026"),
        event("open", "Spring term starts", "20270104"),
        event("for-ever", "School closed", "20260901", "20280901"),
        event("half", "Half term begins", "20261026"),
        event("instead", "INSET day", "20261128", "", "RECURRENCE-ID:never"),
        event("good", "INSET day", "20261127"),
    )
    assert days(found) == ["06/10/26", "27/11/26", "28/11/26"]
    told = "\n".join(found.problems)
    for uid in ("bad-dates", "hourly", "no-date", "holiday", "open", "for-ever", "half", "instead"):
        assert uid in told
    assert "it repeats more often than daily" in told


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"<!DOCTYPE html><html>", "does not begin with BEGIN:VCALENDAR"),
        (b"", "does not begin with BEGIN:VCALENDAR"),
        (file("this is no line"), "line 4 cannot be read"),
        (file(*[event(str(n), "x", "20260901") for n in range(3)]) + b" " * ics.LARGEST, "larger than 5 MB"),
    ],
)
def test_what_is_no_calendar_is_refused(content: bytes, words: str) -> None:
    with pytest.raises(errors.BadInput, match=words):
        ics.read(content, timezone=LONDON, today=TODAY)


def test_reading_ends_when_it_takes_too_long() -> None:
    with pytest.raises(errors.BadInput, match="takes too long"):
        ics.read(file(event("a", "INSET day", "20261005")), timezone=LONDON, today=TODAY, late=lambda: True)


def test_letters_of_old_programs_and_a_byte_order_mark() -> None:
    old = file(event("a", "INSET day – café", "20261005")).decode().encode("cp1252")
    assert len(ics.read(old, timezone=LONDON, today=TODAY).closed) == 1
    marked = b"\xef\xbb\xbf" + file(event("a", "INSET day", "20261005"))
    assert len(ics.read(marked, timezone=LONDON, today=TODAY).closed) == 1

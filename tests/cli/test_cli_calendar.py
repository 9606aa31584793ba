"""``handbell calendar`` and ``handbell campaign``, as the office types them on a snowy morning."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

if TYPE_CHECKING:
    from conftest import Office

#: The commands go by the clock on the wall: every year up to 2099 has the same two terms.
CALENDAR = """
bank_holidays = "none"
{terms}
[sessions.am]
begins = 08:45:00
closes = 09:15:00
until = 12:00:00
[sessions.pm]
begins = 13:00:00
closes = 13:10:00
until = 15:15:00
[office]
opens = 08:30:00
closes = 16:00:00
[schools.infants]
years = ["R"]
[[schools.infants.closed]]
day = {inset}
why = "INSET day of the infants"
"""
NEWSLETTER = """
key = "newsletter"
title = "Newsletter"
purpose = "service"
media = ["sms"]
text.en = "The newsletter is on our website."
[audience]
whole_school = true
[schedule]
cron = "0 15 * * *"
school_days = "skip"
"""


def year() -> int:
    """A school year that lies wholly ahead."""
    return datetime.now(ZoneInfo("Europe/London")).year + 1


@pytest.fixture
def calendar(school_office: Office) -> str:
    first = year()
    terms = f'[[terms]]\nname = "Spring"\nfirst = {first}-01-06\nlast = {first}-03-31\n'
    terms += f'[[terms]]\nname = "Summer"\nfirst = {first}-04-15\nlast = {first}-07-20\n'
    text = CALENDAR.format(terms=terms, inset=f"{first}-02-02")
    return school_office.write("calendar.toml", text)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_snow_day_by_hand_and_taken_back(school_office: Office, calendar: str) -> None:
    office, first = school_office, year()
    assert "holds from now on" in office.gives("calendar", "import", calendar, "--as", "Mrs Okafor")
    printed = office.gives("calendar", "show")
    assert "16:00" in printed
    assert "infants" in printed
    office.gives("notice", "send", office.write("newsletter.toml", NEWSLETTER))
    monday = next(day for day in range(7, 14) if datetime(first, 1, day).weekday() == 0)  # noqa: DTZ001
    closing = office.gives("calendar", "close", f"{monday:02}/01/{first}", "--because", "Snow", "--as", "Mrs Okafor")
    assert "is closed." in closing
    days = office.data("calendar", "days", "--from", f"{monday:02}/01/{first}", "--until", f"{monday + 1}/01/{first}")
    assert [(day["school"], day["why"]) for day in days] == [(False, "Snow"), (True, "")]
    said = office.gives("campaign", "explain", "newsletter", "--date", f"{monday:02}/01/{first}")
    assert "leaves the day out: Snow" in said
    assert "There is school again" in office.gives("calendar", "undo", "1")
    assert "taken back already" in office.refuses("calendar", "undo", "1")
    assert "leaves the day out" not in office.gives(
        "campaign", "explain", "newsletter", "--date", f"{monday:02}/01/{first}"
    )
    infants = office.data(
        "calendar", "days", "--from", f"02/02/{first}", "--until", f"02/02/{first}", "--school", "infants"
    )
    assert infants[0]["why"] in ("INSET day of the infants", "no school on this weekday")
    assert "is the year right?" in office.gives("calendar", "close", "03/12/2020", "--because", "Snow")
    assert "has no school “juniors”" in office.refuses("calendar", "show", "--school", "juniors")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_campaigns_are_listed_shown_ahead_paused_and_had_at_once(school_office: Office, calendar: str) -> None:
    office = school_office
    office.gives("calendar", "import", calendar)
    sent = office.gives("notice", "send", office.write("newsletter.toml", NEWSLETTER))
    assert f"{year()}" in sent  # the first school day of the calendar
    [listed] = office.data("campaign", "list")
    assert (listed["key"], listed["rule"]) == ("newsletter", "cron 0 15 * * *; school days only")
    coming = office.data("campaign", "next", "newsletter", "--count", "8")
    assert sum(one["at"] is not None for one in coming) == 8
    assert {one["why"] for one in coming if one["at"] is None} >= {"no school on this weekday"}
    assert "left out: " in office.gives("campaign", "next", "newsletter")
    assert "rests until" in office.gives("campaign", "pause", "newsletter", "--until", f"01/06/{year()}")
    assert "paused by" in office.gives("campaign", "list")
    assert "goes on. It fires next" in office.gives("campaign", "resume", "newsletter")
    assert "goes out now" in office.gives("campaign", "run-now", "newsletter")
    assert "about to go out" in office.refuses("campaign", "run-now", "newsletter")
    assert "no campaign “fair”" in office.refuses("campaign", "explain", "fair")


def test_a_calendar_is_checked_before_it_holds(small_office: Office, tmp_path: object) -> None:
    office, first = small_office, year()
    terms = f"[[terms]]\nfirst = {first}-01-06\nlast = {first}-03-31\n"
    good = office.write("good.toml", CALENDAR.format(terms=terms, inset=f"{first}-08-02"))
    said = office.gives("calendar", "check", good)
    assert "in no term" in said
    bad = office.write("bad.toml", CALENDAR.format(terms=terms.replace("last", "lats"), inset=f"{first}-02-02"))
    assert "Did you mean “last”?" in office.refuses("calendar", "check", bad)
    events = "\r\n".join(
        f"BEGIN:VEVENT\r\nUID:{n}\r\nSUMMARY:{title}\r\nDTSTART;VALUE=DATE:{first}{day}\r\nEND:VEVENT"
        for n, (title, day) in enumerate([("Term starts", "0106"), ("INSET day", "0203"), ("Term ends", "0331")])
    )
    feed = office.write("dates.ics", f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\n{events}\r\nEND:VCALENDAR\r\n")
    assert "3 of 3 events say something about school days." in office.gives("calendar", "check", feed)
    assert "1 terms and 1 closures" in office.gives("calendar", "import", feed)
    assert "dates.ics" in office.gives("calendar", "show")
    nothing = office.write("empty.ics", "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nEND:VCALENDAR\r\n")
    assert "says nothing of terms" in office.refuses("calendar", "import", nothing)
    assert "The calendar can be read." in office.gives("calendar", "check")
    office.gives("calendar", "import", good)
    assert "handed in" in office.gives("calendar", "show")
    assert "holds again" in office.gives("calendar", "import", "--forget")

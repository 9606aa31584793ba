"""A dated event as a file for the family's calendar: one VEVENT that they may add, by RFC 5545."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import icalendar

CONTENT_TYPE = "text/calendar; charset=utf-8; method=PUBLISH"  #: RFC 6047 section 2.4
_USUAL_LENGTH = timedelta(hours=1)  #: of an event whose end nobody has named


def calendar_file(
    *,
    uid: str,
    title: str,
    starts: datetime,
    ends: datetime | None,
    place: str = "",
    school: str = "",
    cancelled: bool = False,
    now: datetime,
) -> bytes:
    """Give the file. ``starts`` and ``ends`` are moments; ``uid`` the same for every version of one event.

    Moments are written in UTC, which every calendar shows in its owner's own time and which needs no table of zones.
    """
    event = icalendar.Event()
    event.add("uid", uid)
    event.add("dtstamp", now.astimezone(UTC))
    event.add("dtstart", starts.astimezone(UTC))
    event.add("dtend", (ends if ends and ends > starts else starts + _USUAL_LENGTH).astimezone(UTC))
    event.add("summary", f"{school}: {title}" if school else title)
    if place:
        event.add("location", place)
    event.add("status", "CANCELLED" if cancelled else "CONFIRMED")
    event.add("sequence", 1 if cancelled else 0)
    event.add("transp", "OPAQUE")
    calendar = icalendar.Calendar()
    calendar.add("prodid", "-//Handbell//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add_component(event)
    return bytes(calendar.to_ical())

"""Dated events as calendars have them (RFC 5545): a file with one that a family may add, or a calendar to follow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import icalendar

_METHODS = {False: "PUBLISH", True: "CANCEL"}
_USUAL_LENGTH = timedelta(hours=1)  #: of an event whose end nobody has named


def content_type(*, cancelled: bool = False) -> str:
    """What kind of file it is, as mail says it (RFC 6047 section 2.4)."""
    return f"text/calendar; charset=utf-8; method={_METHODS[cancelled]}"


@dataclass(frozen=True, slots=True)
class Entry:
    """An event as a calendar has it. ``starts`` and ``ends`` are moments; ``changed`` when it last changed.

    ``uid`` is the same for every version of one event, and ``sequence`` higher in each later one, by which calendars
    know that it takes the place of an earlier (RFC 5545 section 3.8.7.4).
    """

    uid: str
    title: str
    starts: datetime
    ends: datetime | None
    changed: datetime
    place: str = ""
    cancelled: bool = False
    sequence: int = 0

    def component(self) -> icalendar.Event:
        """As a VEVENT. Moments are written in UTC, which every calendar shows in its owner's own time and which needs
        no table of zones.
        """
        event = icalendar.Event()
        ends = self.ends if self.ends and self.ends > self.starts else self.starts + _USUAL_LENGTH
        event.add("uid", self.uid)
        event.add("dtstamp", self.changed.astimezone(UTC))
        event.add("dtstart", self.starts.astimezone(UTC))
        event.add("dtend", ends.astimezone(UTC))
        event.add("summary", self.title)
        if self.place:
            event.add("location", self.place)
        event.add("status", "CANCELLED" if self.cancelled else "CONFIRMED")
        event.add("sequence", self.sequence)
        event.add("transp", "OPAQUE")
        return event


def calendar_file(entry: Entry) -> bytes:
    """Give the file of one event, to be added to a calendar, or taken out of it where it is cancelled."""
    return _written([entry], method=_METHODS[entry.cancelled])


def calendar(entries: Sequence[Entry], *, name: str) -> bytes:
    """Give a whole calendar, for programs that look at it again and again."""
    return _written(entries, method=_METHODS[False], name=name)


def _written(entries: Sequence[Entry], *, method: str, name: str = "") -> bytes:
    calendar = icalendar.Calendar()
    calendar.add("prodid", "-//Handbell//EN")
    calendar.add("version", "2.0")
    calendar.add("method", method)
    if name:
        calendar.add("x-wr-calname", name)
    for entry in entries:
        calendar.add_component(entry.component())
    return bytes(calendar.to_ical())

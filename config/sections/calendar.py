"""When school is."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from config import values


class Calendar(values.Section):
    """The one calendar of Handbell: absences, office hours, campaigns and the phone line go by it."""

    file: Path | None = Field(
        default=None,
        description="Your terms, closed days and session times, a .toml file (docs/campaigns.md); not set: "
        "absence.calendar, its older name",
    )
    feed_every_s: int = Field(
        default=3600, ge=300, le=604_800, description="How often the .ics feeds of the calendar are fetched, in seconds"
    )
    feeds_inside: bool = Field(
        default=False,
        description="Feeds may lie inside the school's own network or on this machine, else on the open internet alone",
    )

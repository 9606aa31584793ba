"""Good news: when it leaves, and how teachers are reminded of it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from config import values


class GoodNews(values.Section):
    """Praise from teachers, gathered for each family until a kind hour."""

    hour: values.Clock = Field(default="16:30", description="When the day's praise leaves, on school days")
    latest: values.Clock = Field(
        default="19:00", description="What could not leave by then waits for the next school day's hour"
    )
    most_characters: int = Field(
        default=200, ge=20, le=400, description="The most that a teacher's own words may hold, as texts are paid for"
    )
    nudge_on: Literal["", "monday", "tuesday", "wednesday", "thursday", "friday"] = Field(
        default="wednesday",
        description="When each form's teacher (absence.teachers) is mailed which children have had no good news for "
        "longest; empty: never",
    )
    nudge_hour: values.Clock = Field(default="12:15", description="From what time of that day")
    nudge_names: int = Field(default=5, ge=1, le=9, description="How many children such a mail names at most")

"""Events: when parents are at work, and how long their links hold."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from config import values

_CLOCK = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"


class Events(values.Section):
    """Events: times outside these hours, and at weekends, are first for families who have never come to anything."""

    work_begins: str = Field(default="09:00", pattern=_CLOCK, description="When most parents are at work, as 09:00")
    work_ends: str = Field(default="17:30", pattern=_CLOCK, description="Until when they are")

    @model_validator(mode="after")
    def _check_hours(self) -> Self:
        if self.work_ends <= self.work_begins:
            raise ValueError("must have hours of work that end later than they begin")
        return self

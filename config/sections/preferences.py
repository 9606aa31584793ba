"""When families are left in peace, and how much they get."""

from __future__ import annotations

from datetime import time
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from config import values

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
_WEEK: tuple[Weekday, ...] = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_Purpose = Annotated[str, StringConstraints(pattern=r"^(good_news|community|survey|fundraising_or_paid): ?[0-9]{1,3}$")]
_CLOCK = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"


class Quiet(values.Section):
    """Hours in which nothing leaves that can wait. Emergencies, a child's safety and answers pass."""

    enabled: bool = Field(default=True, description="Keep quiet hours")
    starts: str = Field(default="20:00", pattern=_CLOCK, description="From when on, in the school's own time")
    ends: str = Field(default="07:00", pattern=_CLOCK, description="Until when, on the next day where it is earlier")
    days: Annotated[tuple[Weekday, ...], values.Listed, values.Distinct] = Field(
        default=("sunday",), description="Days that are quiet from end to end; not all seven"
    )

    @property
    def hours(self) -> tuple[time, time, frozenset[int]]:
        """Both times, and the days as numbers from 0, which is Monday."""
        days = frozenset(_WEEK.index(day) for day in self.days)
        return time.fromisoformat(self.starts), time.fromisoformat(self.ends), days

    @model_validator(mode="after")
    def _leave_some_time(self) -> Self:
        if len(self.days) == len(_WEEK):
            raise ValueError("must leave a day that is not quiet")
        return self


class Load(values.Section):
    """How much a family gets. The figures are proposals of ours; those of purpose service and above always go."""

    texts_per_day: int = Field(default=1, ge=0, le=100, description="Texts to a family in a day that can wait; 0: any")
    texts_per_week: int = Field(default=3, ge=0, le=100, description="The same from Monday to Sunday; 0: any")
    texts_per_week_of: Annotated[tuple[_Purpose, ...], values.Listed] = Field(
        default=(),
        description='The same of one purpose, as "survey: 1"; of good_news, community, survey and fundraising_or_paid',
    )
    over: Literal["digest", "email", "skip"] = Field(
        default="digest",
        description="What becomes of a text beyond that: it waits for the digest, goes by email, or is left out. "
        "Where the first is impossible, the next",
    )
    digest_at: str = Field(
        default="16:00", pattern=_CLOCK, description="When the digest goes, on school days, in the school's own time"
    )
    topics: Path | None = Field(
        default=None,
        description="The school's own topics, a .toml file (docs/preferences.md); not set: ours",
    )

    @property
    def of_purpose(self) -> dict[str, int]:
        """Texts in a week of one purpose, by its name; for those that have a limit of their own."""
        return {name.strip(): int(most) for name, _, most in (one.partition(":") for one in self.texts_per_week_of)}

    @property
    def digest_time(self) -> time:
        """When the digest goes."""
        return time.fromisoformat(self.digest_at)

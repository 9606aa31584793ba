"""Contact details kept fresh by evidence, and what is tried after silence."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from config import values

_Clock = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]


class Freshness(values.Section):
    """How old evidence may be, and how often families are asked. The figures are proposals of ours."""

    ask_every: int = Field(
        default=5,
        ge=0,
        le=1000,
        description="One in so many messages of good news asks whether the number is right; 0: none",
    )
    half_life_days: int = Field(
        default=90, ge=1, le=3650, description="After so many days a sign of life counts for half"
    )
    green_days: int = Field(default=90, ge=1, le=3650, description="Green: a sign of life within so many days")
    amber_days: int = Field(default=180, ge=1, le=3650, description="Amber: within so many days; beyond it red")
    nag: bool = Field(
        default=True,
        description="Ask in a message of its own, once a term at most, who has shown no sign of life for amber_days",
    )
    nags_a_day: int = Field(default=30, ge=0, le=10_000, description="So many families on one day at most")
    code_hours: int = Field(default=24, ge=1, le=168, description="How long the code to a new number is good for")
    code_tries: int = Field(default=3, ge=1, le=10, description="Wrong codes after which it is good no more")
    hours: Annotated[tuple[_Clock, ...], values.Listed, values.Distinct] = Field(
        default=("08:30", "12:30", "17:30"), description="Hours at which something is tried again after silence"
    )

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.amber_days < self.green_days:
            raise ValueError("must have amber_days that are no fewer than green_days")
        return self

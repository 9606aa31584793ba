"""The absence check."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from config import values


class Absence(values.Section):
    """The absence check: marks of the registers in, and every child accounted for."""

    enabled: bool = Field(default=False, description="Ask families why a child is not in school")
    codes: str = Field(
        default="england",
        min_length=1,
        description="The set of register codes: one that comes with Handbell, or the path of a .toml file of your own",
    )
    calendar: Path | None = Field(default=None, description="The older name of calendar.file")
    ladder: Path | None = Field(
        default=None, description="Who is asked when, and what follows, a .toml file; not set: the one of Handbell"
    )
    teachers: Path | None = Field(
        default=None,
        description="Who takes the register of which form, a .toml file; not set: the office is asked",
    )
    marks_folder: Path | None = Field(
        default=None, description="Folder that the MIS drops register marks into, as CSV; it is watched"
    )
    safeguarding_lead: str = Field(
        default="", max_length=80, description="The person who takes over what the ladder could not settle, by name"
    )
    alert_numbers: Annotated[tuple[values.Number, ...], values.Listed] = Field(
        default=(), description="Mobiles of staff, +44…, that get a text when a child may be missing or unsafe"
    )
    call_after_stop: bool = Field(
        default=True,
        description="Ring a parent who has stopped texts by STOP, to ask where a child is: STOP is a word about texts",
    )
    record: Annotated[tuple[Literal["illness", "medical_appointment"], ...], values.Listed] = Field(
        default=(),
        description="Answers whose code is written down without a person: illness, medical_appointment, or none",
    )
    most_at_once_percent: int = Field(
        default=30,
        ge=1,
        le=100,
        description="Where more of the pupils are absent without a reason, a person looks at the register first",
    )

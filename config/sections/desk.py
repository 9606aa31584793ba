"""What families are told by the machine, and when a person answers."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from config import values

_CLOCK = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"
_WITHIN = r"^([1-9][0-9]{0,2}[mh]|[1-9][0-9]?d)$"


class Answers(values.Section):
    """What Handbell answers by itself, such as that it opens no pictures. The limits keep two machines from a chat.

    The figures are proposals of ours: no family runs into them, and a loop ends after a few pence.
    """

    per_hour: int = Field(default=3, ge=0, le=100, description="Automatic answers to one number in an hour; 0: none")
    per_day: int = Field(default=6, ge=0, le=1000, description="Automatic answers to one number in a day; 0: none")
    same_words_per_hour: int = Field(
        default=5, ge=2, le=1000, description="The same words so often from one number in an hour: staff are told"
    )
    words: Path | None = Field(
        default=None,
        description="Folder of the school's own words for understanding what families write, a file for a language "
        "(docs/replies.md)",
    )


class Desk(values.Section):
    """What is promised to families who write: who answers, and by when. Counted in office hours of school days.

    The school's days are those of the calendar, and its office hours win where it has any. The figures are proposals
    of ours, for the school to publish.
    """

    acknowledge: bool = Field(
        default=True, description="Tell families at once, in their language, who will answer and by when"
    )
    answered_by: str = Field(
        default="", max_length=60, description="Who answers, as families read it; empty: the school office"
    )
    opens: str = Field(default="08:00", pattern=_CLOCK, description="When the office opens, as 08:00")
    closes: str = Field(default="16:00", pattern=_CLOCK, description="When it closes")
    absence_within: str = Field(
        default="15m", pattern=_WITHIN, description="An answer about an absence that a person must read: 15m, 2h or 1d"
    )
    question_within: str = Field(
        default="1d", pattern=_WITHIN, description="Any other question: 1d is one school day of office hours"
    )
    complaint_within: str = Field(default="1d", pattern=_WITHIN, description="A first answer to a complaint")
    canned: Path | None = Field(
        default=None, description="The school's canned answers, a .toml file; not set: those of Handbell"
    )

    @model_validator(mode="after")
    def _check_hours(self) -> Self:
        if self.closes <= self.opens:
            raise ValueError("must have an office that closes later than it opens")
        return self

"""How long what is known of people is kept."""

from __future__ import annotations

from pydantic import Field

from config import values

_NEVER = 36_525  #: a hundred years


class Retention(values.Section):
    """How long what is known of people is kept, by what it is for; proposals, for the school to decide.

    The audit log is kept for ever: it names nobody. Voice messages have ``phone_line.retention_days``.
    """

    words_days: int = Field(
        default=365, ge=30, le=_NEVER, description="Words of messages, answers and notes, in days: a school year"
    )
    attendance_days: int = Field(
        default=1096, ge=30, le=_NEVER, description="Marks, absences and the words about them: three years"
    )
    received_days: int = Field(
        default=90, ge=7, le=_NEVER, description="What a provider sent with an answer or a receipt, as it came"
    )
    codes_days: int = Field(
        default=30, ge=1, le=_NEVER, description="New numbers that were not proved, wrong passwords, links that ran out"
    )
    imports_days: int = Field(
        default=180, ge=1, le=_NEVER, description="What an import changed, as it was before: so long it can be undone"
    )
    records_days: int = Field(
        default=2192, ge=365, le=_NEVER, description="To which number what was sent and when: six years"
    )
    provider_days: int = Field(
        default=3,
        ge=0,
        le=365,
        description="After how many days the words of a text are deleted at the provider; 0: never",
    )
    at: values.Clock = Field(default="03:00", description="From what time of each night what is over goes")

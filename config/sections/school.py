"""The school itself, what sending costs it, and practising."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from config import values


class School(values.Section):
    """The school that speaks."""

    name: str = Field(default="Practice School", min_length=1, max_length=80, description="The school's full name")
    short_name: str = Field(
        default="Practice", min_length=1, max_length=20, description="Begins every text, 20 characters at most"
    )
    phone: values.Phone = Field(
        default="020 7946 0000", description="The office's number, as families are asked to ring it"
    )
    address: Annotated[tuple[str, ...], values.Listed] = Field(
        default=(), max_length=5, description="The school's address, line by line, at the top of letters"
    )
    timezone: values.TimeZone = Field(default="Europe/London", description="Time zone of all dates and times on paper")
    language: values.LanguageTag = Field(default="en", description="Language for families who have named none")


class Costs(values.Section):
    """What your provider charges, in pence. Handbell knows no prices: estimates are as good as these figures."""

    pence_per_text_part: float = Field(default=0.0, ge=0, le=1000, description="What one part of a text costs")
    pence_per_call_minute: float = Field(default=0.0, ge=0, le=1000, description="One begun minute of a call")
    pence_per_email: float = Field(default=0.0, ge=0, le=1000, description="What one email costs")
    budget_pounds_a_month: float = Field(
        default=0.0, ge=0, le=1_000_000, description="What messages may cost in a month, for the report; 0: no budget"
    )


class Practice(values.Section):
    """A made-up school and a simulated outside world: nothing leaves the machine."""

    enabled: bool = Field(default=False, description="Practise instead of sending")
    seed: int = Field(default=1, ge=0, description="Which made-up school: the same number gives the same families")

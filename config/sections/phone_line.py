"""Calls to the school's number."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from config import values


class PhoneLine(values.Section):
    """The school's number, which families ring: absences by keys, voice messages, the office in its hours."""

    enabled: bool = Field(default=False, description="Answer calls to the school's number; needs web.public_base_url")
    numbers: Annotated[tuple[values.Number, ...], values.Listed] = Field(
        default=(), description="The numbers of yours that families ring, +44…; not set: those of twilio.voice_senders"
    )
    office_number: values.NumberIfAny = Field(
        default="", description="Telephone in the office, +44…, that callers are put through to; not set: nobody is"
    )
    office_opens: values.Clock = Field(
        default="08:00", description="From when the office takes calls on a school day, on the school's clock"
    )
    office_closes: values.Clock = Field(
        default="16:30", description="Until when the office takes calls on a school day"
    )
    ring_s: int = Field(default=25, ge=5, le=120, description="How long the office's telephone rings")
    longest_message_s: int = Field(default=120, ge=10, le=600, description="Longest voice message")
    retention_days: int = Field(
        default=90, ge=1, le=3650, description="For how many days a voice message is kept; that there was one stays"
    )

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.office_closes <= self.office_opens:
            raise ValueError("office_closes must be later than office_opens")
        return self

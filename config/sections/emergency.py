"""How families are alarmed."""

from __future__ import annotations

from pydantic import Field

from config import values

_SPAN = r"^([1-9][0-9]{0,2}[mh])$"


class Emergency(values.Section):
    """Alarms. The figures are proposals of ours, for the school to decide before it needs them."""

    second_person: bool = Field(
        default=False,
        description="Hold every alarm until a second person approves it, who must be near by at any hour",
    )
    call_again_after: str = Field(
        default="10m",
        pattern=r"^(|[1-9][0-9]{0,2}[mh])$",
        description="So long after the alarm those are rung once more who have not read it; empty: nobody is",
    )
    worth_saying: str = Field(
        default="2h", pattern=_SPAN, description="So long an alarm is worth saying; what has not left by then does not"
    )

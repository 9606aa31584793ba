"""Staff who sign in to the office's pages."""

from __future__ import annotations

from pydantic import Field

from config import values


class Staff(values.Section):
    """How long somebody stays signed in, and what one person alone may not send."""

    idle_s: int = Field(
        default=1200, ge=60, le=43_200, description="Signed out after so many seconds in which nothing was done"
    )
    most_s: int = Field(default=43_200, ge=600, le=86_400, description="Signed out after so many seconds, however busy")
    second_person_over: int = Field(
        default=0,
        ge=0,
        le=1_000_000,
        description="A notice about more children than this is held until a second person approves it; 0: never",
    )

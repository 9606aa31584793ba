"""How messages leave: how many at once, how often again."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import BeforeValidator, Field, model_validator

from config import values


class Retry(values.Section):
    """How often and how far apart we try again what was certainly not taken."""

    base_s: float = Field(gt=0, description="Wait before the second try, in seconds; it doubles from try to try")
    max_s: float = Field(gt=0, le=86_400, description="Longest wait between two tries, in seconds")
    max_attempts: int = Field(ge=1, le=100, description="Tries in all; then the message has failed")

    @model_validator(mode="after")
    def _check_order(self) -> Self:
        if self.max_s < self.base_s:
            raise ValueError("must have a max_s that is no less than its base_s")
        return self


def _over(default: Retry) -> BeforeValidator:
    """Let a section that gives only some of the three figures keep the medium's own defaults for the rest."""
    return BeforeValidator(lambda given: {**default.model_dump(), **given} if isinstance(given, dict) else given)


_SMS_RETRY = Retry(base_s=5, max_s=600, max_attempts=8)
_EMAIL_RETRY = Retry(base_s=300, max_s=21_600, max_attempts=14)
_VOICE_RETRY = Retry(base_s=300, max_s=1800, max_attempts=4)


class Retries(values.Section):
    """Trying again, by medium."""

    sms: Annotated[Retry, _over(_SMS_RETRY)] = Field(default=_SMS_RETRY, description="Texts: about ten minutes in all")
    email: Annotated[Retry, _over(_EMAIL_RETRY)] = Field(default=_EMAIL_RETRY, description="Email: two days in all")
    voice: Annotated[Retry, _over(_VOICE_RETRY)] = Field(default=_VOICE_RETRY, description="Calls: half an hour in all")


class Sending(values.Section):
    """How the outbox works."""

    concurrency: int = Field(default=20, ge=1, le=1000, description="Texts or calls in flight at once for each sender")
    urgent_slots: int = Field(
        default=4, ge=0, description="How many of them are kept free for emergencies and absences"
    )
    lease_s: float = Field(
        default=120.0,
        gt=0,
        le=3600,
        description="After this a claimed message counts as left behind, in seconds; "
        "keep TimeoutStopSec of the systemd unit above it",
    )
    poll_s: float = Field(
        default=1.0, gt=0, le=60, description="Pause between two looks at an empty outbox, in seconds"
    )
    in_doubt_grace_s: float = Field(
        default=60.0, gt=0, le=3600, description="Wait before we ask the provider about a message in doubt, in seconds"
    )
    in_doubt_patience_s: float = Field(
        default=600.0, gt=0, le=86_400, description="How long we look for evidence before staff must decide, in seconds"
    )
    sweep_s: float = Field(
        default=5.0,
        gt=0,
        le=60,
        description="Pause between two looks for messages that a worker left behind, and for evidence about doubts, "
        "in seconds",
    )
    lane_hold_s: float = Field(
        default=60.0,
        gt=0,
        le=3600,
        description="How long a sender rests after trouble that concerns all its messages, in seconds, "
        "where the provider does not say",
    )
    text_routes: Annotated[tuple[values.Route, ...], values.Listed] = Field(
        default=("twilio", "notify"),
        description="By which provider texts go, the first that fits and is in order: “notify if gsm and free”, then "
        "“twilio”. gsm: in the cheap alphabet; free: within what is free this year; cheapest: no other asks less; "
        "one_way: no answer is expected; can_wait: not urgent. What fits none goes by any",
    )
    email_routes: Annotated[tuple[values.Route, ...], values.Listed] = Field(
        default=("smtp", "notify"), description="The same of emails"
    )
    trial: bool = Field(
        default=True,
        description="Begin a new installation in trial mode: only guests get anything, until handbell trial end",
    )
    retry: Retries = Retries()

    @property
    def call_s(self) -> float:
        """The longest that one provider call may take, in seconds; the rest of the lease is for writing it down."""
        return 0.8 * self.lease_s

    @model_validator(mode="after")
    def _check_slots(self) -> Self:
        if self.urgent_slots >= self.concurrency:
            raise ValueError("must have fewer urgent_slots than its concurrency, or nothing else is ever sent")
        return self

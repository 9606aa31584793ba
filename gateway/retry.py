"""When to try again, and when to stop trying."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from channels.base import Medium


@dataclass(frozen=True, slots=True)
class Backoff:
    """Doubling waits: ``base`` seconds, then twice, four times … up to ``most`` seconds, ``tries`` retries in all."""

    base: float
    most: float
    tries: int


AHEAD_SECONDS = 2.0  #: the longest that a claimed message waits for its call; then the guard is asked again


@dataclass(frozen=True, slots=True)
class Policy:
    """Retry rules by medium.

    ``grace``  how long a doubtful call is left alone before evidence is looked for
    ``patience``  how long evidence is looked for before the rule for the purpose decides; of a provider that cannot be
    asked meanwhile see :meth:`longest`
    ``call``  the longest from a claim until its call has been made, or has not been
    ``lane_seconds``  how long a lane is held back when the provider does not say
    ``asked_most``  the longest that a provider's own wish is followed, in seconds: a date in another year is no wish
    """

    backoff: Mapping[Medium, Backoff] = field(default_factory=dict)
    grace: timedelta = timedelta(seconds=60)
    patience: timedelta = timedelta(minutes=10)
    call: timedelta = timedelta(seconds=98)
    lane_seconds: float = 60.0
    asked_most: float = 900.0

    def _of(self, medium: Medium) -> Backoff:
        return self.backoff.get(medium, Backoff(30.0, 3600.0, 5))

    def limit(self, medium: Medium) -> int:
        """How many retries a message has."""
        return self._of(medium).tries

    def delay(self, medium: Medium, retries: int, *, asked: float | None, key: str) -> timedelta:
        """The wait before retry number ``retries``: what the provider asked for at least, and jitter of up to a fifth.

        The jitter comes from the message's id, so that a crowd that failed together does not come back together.
        """
        rule = self._of(medium)
        plain = min(rule.most, rule.base * 2.0 ** max(0, retries - 1))
        spread = 1.0 + (zlib.crc32(f"{key}:{retries}".encode()) % 1000) / 5000
        return timedelta(seconds=max(plain, min(asked or 0.0, self.asked_most)) * spread)

    def longest(self, *, goes_again: bool) -> timedelta:
        """How long a provider that cannot be asked is waited for, in all: with the usual ten minutes of patience a day,
        and an hour for what goes again in doubt anyway.
        """
        return (6 if goes_again else 144) * self.patience

    def lane_hold(self, asked: float | None) -> timedelta:
        """How long to hold a whole lane back: a second at least, or all of a lane's messages would be turned away."""
        return timedelta(seconds=self.lane_seconds if asked is None else max(1.0, min(asked, self.asked_most)))

"""Whether everything in this process still comes round: what systemd's watchdog and ``/readyz`` ask."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

STUCK_SECONDS = 60  #: a loop that has not turned for so long hangs
STUCK_JOB_SECONDS = 300  #: a job may take longer: one that plans a message for every family of a trust


class Pulse:
    """When each loop and job last came round, well or ill, and how many seconds it may take for that."""

    def __init__(self, now: Callable[[], datetime]):
        self._now = now
        self._turned: dict[str, datetime] = {}
        self._patience: dict[str, float] = {}

    def expect(self, name: str, seconds: float = STUCK_SECONDS) -> None:
        """From now on this one is to come round within so many seconds."""
        self._patience[name] = seconds
        self.turn(name)

    def turn(self, name: str) -> None:
        """It has come round."""
        self._turned[name] = self._now()

    def stuck(self) -> list[str]:
        """Those that have not come round for too long."""
        now = self._now()
        waited = {name: (now - turned).total_seconds() for name, turned in self._turned.items()}
        return [name for name, seconds in waited.items() if seconds > self._patience.get(name, STUCK_SECONDS)]

"""How fast one number may speak: the generic cell rate algorithm (ITU-T I.371), which needs one timestamp a number."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

_LONGEST = 12  #: parts; no text has more


@dataclass(frozen=True, slots=True)
class Bucket:
    """``rate`` parts a second, ``burst`` parts at once; ``tat`` is the theoretical arrival time of the next part.

    In any window of one second at most ``rate + burst`` parts are paid for, as long as no text outgrows the burst: one
    that does goes alone, after a rest, and the lane rests again until it is paid off.
    """

    rate: float
    burst: float
    tat: datetime | None

    def wait(self, parts: int, *, now: datetime) -> float:
        """Seconds until ``parts`` may be sent; 0.0 = now. More parts than the burst go once the bucket is full."""
        interval = 1 / self.rate
        needed = min(float(parts), max(self.burst, 1.0)) * interval
        tolerance = max(self.burst, 1.0) * interval
        return max(0.0, (self._start(now) - now).total_seconds() + needed - tolerance - 1e-6)

    def paid(self, parts: int, *, now: datetime) -> Bucket:
        """The bucket after ``parts`` were sent."""
        return Bucket(self.rate, self.burst, self._start(now) + timedelta(seconds=parts / self.rate))

    def _start(self, now: datetime) -> datetime:
        """From when the next part counts.

        A moment further ahead than any text brings comes of a clock that has been set back since: not even an emergency
        would leave until then.
        """
        furthest = now + timedelta(seconds=(max(self.burst, 1.0) + _LONGEST) / self.rate)
        return now if self.tat is None or self.tat > furthest else max(self.tat, now)

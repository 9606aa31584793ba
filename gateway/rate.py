"""How fast one number may speak: the generic cell rate algorithm (ITU-T I.371), which needs one timestamp a number."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

_LONGEST = 12  #: parts; no text has more


@dataclass(slots=True)
class Bucket:
    """What one number may send at one moment: ``rate`` parts a second, ``burst`` parts at once.

    ``ahead``  seconds by which the theoretical arrival time of the next part lies ahead of the moment

    In any window of one second at most ``rate + burst`` parts are paid for, as long as no text outgrows the burst: one
    that does goes alone, after a rest, and the lane rests again until it is paid off.
    """

    rate: float
    burst: float
    ahead: float = 0.0

    def wait(self, parts: int) -> float:
        """Seconds until ``parts`` may be sent; 0.0 = now. More parts than the burst go once the bucket is full."""
        burst = max(self.burst, 1.0)
        return max(0.0, self.ahead + (min(float(parts), burst) - burst) / self.rate - 1e-6)

    def pay(self, parts: int) -> None:
        """Take ``parts`` out of the bucket."""
        self.ahead += parts / self.rate


def bucket(*, rate: float, burst: float, tat: datetime | None, now: datetime) -> Bucket:
    """The bucket as it is now; ``tat`` is the theoretical arrival time that was kept, None for a new number.

    One further ahead than any text brings comes of a clock that has been set back since: not even an emergency would
    leave until then.
    """
    ahead = (tat - now).total_seconds() if tat else 0.0
    furthest = (max(burst, 1.0) + _LONGEST) / rate
    return Bucket(rate, burst, 0.0 if ahead > furthest else max(0.0, ahead))

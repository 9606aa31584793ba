"""When nobody is disturbed by what can wait: pure functions of a moment and the school's own time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo

from scheduler.calendar import BadRule, to_utc


@dataclass(frozen=True, slots=True)
class QuietHours:
    """When nobody is disturbed by what can wait, in local time.

    ``start`` to ``end`` every day, over midnight where ``end`` is the earlier; none where both are the same.
    ``days`` are quiet all day: 0 is Monday, 6 is Sunday, as in :meth:`datetime.date.weekday`.
    """

    start: time
    end: time
    days: frozenset[int] = frozenset()

    def __post_init__(self) -> None:
        if not self.days <= frozenset(range(7)) or len(self.days) == 7:
            raise BadRule("Quiet days are numbers from 0 (Monday) to 6 (Sunday), and not all seven of them.")
        if self.start.tzinfo or self.end.tzinfo:
            raise BadRule("Quiet hours are in the school's own time, without a time zone.")

    def is_quiet(self, local: datetime) -> bool:
        """Whether a local time lies in the quiet; ``end`` itself does not."""
        return local.weekday() in self.days or self._in_hours(local.time())

    def next_allowed(self, at: datetime, tz: tzinfo) -> datetime:
        """Give ``at`` itself (aware UTC) if it is not quiet, else the end of the quiet in UTC.

        A quiet that has begun is not broken when the clocks go back.
        """
        instant = at.astimezone(UTC)
        while self.is_quiet(local := instant.astimezone(tz).replace(tzinfo=None)):
            if local.weekday() in self.days:
                end = datetime.combine(local.date() + timedelta(days=1), time())
            else:
                end = datetime.combine(local.date(), self.end)
                end += timedelta(days=1) if end <= local else timedelta()
            ended = to_utc(end, tz)
            instant = ended if ended > instant else end.replace(tzinfo=tz, fold=1).astimezone(UTC)
        return instant

    def _in_hours(self, clock: time) -> bool:
        if self.start <= self.end:
            return self.start <= clock < self.end
        return clock >= self.start or clock < self.end

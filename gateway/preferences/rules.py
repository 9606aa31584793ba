"""What the school has set: the topics, the limits, and when the digest goes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from config import sections
from gateway.preferences import topics
from scheduler import calendar

_DAY = timedelta(days=1)
_HORIZON = 100  #: days within which there is a school day, or every day is one for the digest


@dataclass(frozen=True, slots=True)
class Rules:
    """``per_day`` and ``per_week`` are texts to a family, 0 for any number; ``over`` what becomes of one beyond."""

    topics: topics.Topics
    per_day: int
    per_week: int
    over: str
    digest_at: time
    is_school_day: Callable[[date], bool]
    timezone: ZoneInfo

    @property
    def limited(self) -> bool:
        """Whether there is a limit at all."""
        return bool(self.per_day or self.per_week)

    def next_digest(self, after: datetime) -> datetime:
        """The first digest later than a moment."""
        day = after.astimezone(self.timezone).date()
        moments = (self._on(day + number * _DAY) for number in range(_HORIZON))
        days = (one for one in moments if one > after)
        first = next(days)
        return next((one for one in [first, *days] if self._is_school_day(one)), first)

    def _on(self, day: date) -> datetime:
        return calendar.to_utc(datetime.combine(day, self.digest_at), self.timezone)

    def _is_school_day(self, at: datetime) -> bool:
        return self.is_school_day(at.astimezone(self.timezone).date())


def load(settings: sections.Load, is_school_day: Callable[[date], bool], timezone: ZoneInfo) -> Rules:
    """The rules as they are set.

    Raises :class:`errors.BadInput` where the school's own topics are wrong.
    """
    return Rules(
        topics.load(settings.topics), settings.texts_per_day, settings.texts_per_week, settings.over,
        settings.digest_time, is_school_day, timezone,
    )  # fmt: skip

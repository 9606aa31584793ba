"""What the school has set: the topics, the limits, and when the digest goes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from config import sections
from gateway.models import Purpose
from gateway.preferences import load, topics
from scheduler import calendar

_DAY = timedelta(days=1)
_HORIZON = 100  #: days within which there is a school day, or every day is one for the digest


@dataclass(frozen=True, slots=True)
class Rules:
    """``per_day`` and ``per_week`` are texts to a family, 0 for any number, ``of_purpose`` those of one in a week.

    ``over`` is what becomes of one beyond.
    """

    topics: topics.Topics
    per_day: int
    per_week: int
    over: str
    digest_at: time
    is_school_day: Callable[[date], bool]
    timezone: ZoneInfo
    of_purpose: Mapping[str, int] = field(default_factory=dict[str, int])

    def most(self, purpose: Purpose) -> load.Most:
        """How many texts a family may get, for one more of this purpose."""
        return load.Most(self.per_day, self.per_week, self.of_purpose.get(purpose.value, 0), purpose)

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


def of(settings: sections.Load, is_school_day: Callable[[date], bool], timezone: ZoneInfo) -> Rules:
    """The rules as they are set.

    Raises :class:`errors.BadInput` where the school's own topics are wrong.
    """
    return Rules(
        topics.load(settings.topics), settings.texts_per_day, settings.texts_per_week, settings.over,
        settings.digest_time, is_school_day, timezone, settings.of_purpose,
    )  # fmt: skip

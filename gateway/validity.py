"""How long a message is worth delivering: what the provider is told, and whether another try still makes sense."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final

from gateway.models import Purpose

#: The longest that Twilio keeps a text (``ValidityPeriod`` of 36,000 seconds; its queue holds no more than ten hours).
LONGEST: Final = timedelta(hours=10)
#: Proposals of ours (domain notes, section 3.10). An alarm that comes an hour late alarms for nothing; the news that a
#: child is missing from school must not come when the child is home again. The rest may wait out a phone that is off.
_SPANS: Final[Mapping[Purpose, timedelta]] = MappingProxyType(
    {Purpose.EMERGENCY: timedelta(hours=1), Purpose.SAFEGUARDING: timedelta(hours=2)}
)


def span(purpose: Purpose) -> timedelta:
    """How long a message for this purpose may be on its way."""
    return _SPANS.get(purpose, LONGEST)


def seconds(purpose: Purpose, not_after: datetime | None, *, now: datetime) -> int:
    """For how many seconds the provider should try, from 1 to 36,000; never beyond ``not_after``."""
    left = span(purpose) if not_after is None else min(span(purpose), not_after - now)
    return max(1, int(left.total_seconds()))


def holds(purpose: Purpose, not_after: datetime | None, *, since: datetime, at: datetime) -> bool:
    """Whether a message that was due at ``since`` is still worth sending at another moment."""
    return at < since + span(purpose) and (not_after is None or at < not_after)

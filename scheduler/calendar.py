"""Wall-clock times and cron texts: at which instant a clock shows a time, and what a rule of five fields may say.

A cron text has five fields: minute, hour, day of the month, month, day of the week. In the last, ``1-5`` is Monday to
Friday, and 0 and 7 are both Sunday, as in Debian's cron (APScheduler counts Monday as 0, which is why its own parser is
not used). Where both days are given, either of them fires, unless one begins with a star. ``L`` is the month's last
day, ``LW`` its last weekday, ``5#2`` the second Friday, ``5L`` the last one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

import cronsim

_FIELDS = ("minute", "hour", "day of the month", "month", "day of the week")
#: Which value each field may hold, for the sentence that explains it.
_RANGES = (
    "0 to 59",
    "0 to 23",
    "1 to 31, or L",
    "1 to 12, or JAN to DEC",
    "0 to 7, or SUN to SAT; 1-5 is Monday to Friday",
)


class BadRule(ValueError):
    """The rule cannot fire; ``str()`` is a sentence that names the field."""


@dataclass(frozen=True, slots=True)
class Cron:
    """Again and again, by a cron text of five fields."""

    text: str

    def __post_init__(self) -> None:
        _check_cron(self.text)


def to_utc(local: datetime, tz: tzinfo) -> datetime:
    """Give the instant at which the clock shows a naive local time.

    A time shown twice is its first showing; a time leapt over is the first instant after the leap.
    """
    instant = local.replace(tzinfo=tz, fold=0).astimezone(UTC)
    if instant.astimezone(tz).replace(tzinfo=None) == local:
        return instant
    # Within a gap fold=0 counts with the offset before it and fold=1 with the one after it (PEP 495): the leap lies
    # between the two, and the clock stands still at neither. Halve until the instant of the leap is known.
    low, high = local.replace(tzinfo=tz, fold=1).astimezone(UTC), instant
    while high - low > timedelta(microseconds=1):
        middle = low + (high - low) / 2
        if middle.astimezone(tz).replace(tzinfo=None) < local:
            low = middle
        else:
            high = middle
    return high


def _check_cron(text: str) -> None:
    fields = text.split()
    if len(fields) != len(_FIELDS):
        raise BadRule(
            f"A cron text has five fields ({', '.join(_FIELDS)}), but {text!r} has {len(fields)}: "
            "30 8 * * 1-5 is half past eight, Monday to Friday."
        )
    for number, field in enumerate(fields):
        alone = ["*"] * len(fields)
        alone[number] = field
        if not re.fullmatch(r"[A-Za-z0-9*,/#-]+", field) or not _parses(" ".join(alone)):
            raise BadRule(f"The {_FIELDS[number]} {field!r} of {text!r} cannot be read: it may be {_RANGES[number]}.")
    if not _parses(text) or next(cronsim.CronSim(text, datetime(2000, 1, 1)), None) is None:  # noqa: DTZ001 - local time
        raise BadRule(f"The days of {text!r} never come: no such day of the month exists in those months.")


def _parses(text: str) -> bool:
    try:
        cronsim.CronSim(text, datetime(2000, 1, 1))  # noqa: DTZ001 - local time has no zone here
    except cronsim.CronSimError:
        return False
    return True

"""What is looked at before an announcement may leave: does it sound like an absence message, is its Wednesday one?

In Gateacre in 2012 the words for an absence went to four hundred families by mistake, and frightened them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from templates import library

_ABSENCE: Final = re.compile(
    r"\b(?:is|are|was|were|has been|have been|been marked|marked as) (?:absent|missing)\b"
    r"|\bnot (?:been )?(?:in|at|arrived (?:in|at)) school today\b|\b(?:has|have) not (?:arrived|registered)\b"
    r"|\bdid not (?:arrive|register|come in)\b|\bunexplained absence\b|\breason for [a-z' ]{0,20}absence\b"
    r"|\babsent from school\b|\bwhy (?:\w+ )?(?:is|are) not (?:in|at) school\b|\bwe do not know (?:why|where)\b"
    r"|\bwhere (?:is )?your child\b",
    re.I,
)
_DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MONTHS: Final = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip
_DATE: Final = re.compile(
    r"\b(?:(mon|tue|wed|thu|fri|sat|sun)[a-z]*,? )?(?:the )?(\d{1,2})(?:st|nd|rd|th)?(?: of)? "
    r"(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?(?:,? (\d{4}))?\b",
    re.I,
)
_BACK: Final = timedelta(days=60)  #: a day without a year that was longer ago than this is next year's


def sounds_like_absence(texts: Iterable[str], *, template: str = "") -> str:
    """The words that families would take for the question where their child is; ``""`` where there are none."""
    notice = library.notices().get(template)
    if template.startswith("absence") or (notice is not None and notice.worrying):
        return notice.title if notice else template
    found = (_ABSENCE.search(text.replace("’", "'")) for text in texts)
    return next((match[0] for match in found if match), "")


@dataclass(frozen=True, slots=True)
class Day:
    """A day that the words name. ``said`` is the weekday that stands beside it, ``""`` for none."""

    written: str
    day: date
    said: str

    @property
    def agrees(self) -> bool:
        """Whether the weekday is that of the day."""
        return not self.said or f"{self.day:%A}".casefold().startswith(self.said)


def days(text: str, *, today: date) -> tuple[list[Day], list[str]]:
    """The days that an English text names, and those that no calendar has (31 November)."""
    found, never = list[Day](), list[str]()
    for match in _DATE.finditer(text):
        weekday, number, month, year = match.groups()
        at = next(place for place, name in enumerate(_MONTHS, 1) if name.startswith(month.casefold()[:3]))
        try:
            day = _nearest(int(number), at, int(year) if year else None, today)
        except ValueError:
            never.append(match[0])
            continue
        found.append(Day(match[0], day, (weekday or "").casefold()))
    return found, never


def _nearest(number: int, month: int, year: int | None, today: date) -> date:
    if year is not None:
        return date(year, month, number)
    day = date(today.year, month, number)
    return day if day >= today - _BACK else date(today.year + 1, month, number)

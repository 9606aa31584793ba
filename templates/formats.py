"""Dates, times, lists and numbers as people write them in each language (CLDR, through Babel).

Babel puts hard spaces into some of them (U+202F before "PM", U+00A0 in numbers): one would turn a whole text message
from 160 characters a part to 70, so every format here gives plain spaces.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence
from decimal import Decimal
from functools import cache, lru_cache

from babel import Locale, dates, lists, numbers

from templates import languages

_HARD_SPACES = str.maketrans({"\u00a0": " ", "\u202f": " ", "\u2009": " "})


@cache
def locale(tag: str) -> Locale:
    """Give Babel's locale of a language; British English for a language that Babel does not know."""
    for candidate in languages.fallbacks(tag):
        row = languages.table().get(candidate)
        if row and row.locale:
            return Locale.parse(row.locale)
    raise LookupError("The table of languages has lost its English row.")


@lru_cache(maxsize=4096)
def date(value: datetime.date, tag: str) -> str:
    """Write weekday, day and month in full: ``Monday 3 November``.

    No year: a school's notices are about the weeks ahead, and the weekday settles what is left of doubt.
    """
    return plain(dates.format_date(value, _day_pattern(tag), locale(tag)))


@lru_cache(maxsize=64)
def long_date(value: datetime.date, tag: str) -> str:
    """The same with the year, for what is kept: ``Monday 3 November 2025``."""
    return plain(dates.format_date(value, "full", locale(tag)))


@lru_cache(maxsize=4096)
def time(value: datetime.time, tag: str) -> str:
    """Write hours and minutes as usual in the language; in English ``8:45am``, ``9am``, ``midday``, ``midnight``."""
    if locale(tag).language != languages.ENGLISH:
        # Yoruba's pattern in CLDR is "H:m", which would write 13:05 as 13:5.
        pattern = re.sub(r"\bm\b", "mm", str(locale(tag).time_formats["short"].pattern))
        return plain(dates.format_time(value.replace(tzinfo=None), pattern, locale=locale(tag)))
    if value.minute == 0 and value.hour in (0, 12):
        return "midday" if value.hour else "midnight"
    minutes = f":{value.minute:02}" if value.minute else ""
    return f"{value.hour % 12 or 12}{minutes}{'am' if value.hour < 12 else 'pm'}"


def moment(value: datetime.datetime, tag: str) -> str:
    """Write date and time: ``Monday 3 November, 9am``. The clock is the value's own; nothing is converted."""
    pattern = str(locale(tag).datetime_formats["medium"])
    return plain(pattern.replace("{1}", date(value.date(), tag)).replace("{0}", time(value.time(), tag)))


def names(items: Sequence[str], tag: str) -> str:
    """Write a list as the language does: ``Ana, Ben and Zofia``."""
    if len(items) == 1:
        return plain(items[0])
    return plain(lists.format_list(list(items), "standard", locale(tag)))


def choices(items: Sequence[str], tag: str) -> str:
    """Write alternatives as the language does: ``tea, coffee or milk``."""
    return plain(lists.format_list(list(items), "or", locale(tag)))


def number(value: int | Decimal | float, tag: str) -> str:
    """Write a number with the language's separators."""
    return plain(numbers.format_decimal(value, locale=locale(tag)))


def write(value: datetime.date | datetime.time | int | float | Decimal, tag: str) -> str:
    """Write a value as what it is: a moment, a day, a time of day or a number."""
    if isinstance(value, datetime.datetime):
        return moment(value, tag)
    if isinstance(value, datetime.date):
        return date(value, tag)
    if isinstance(value, datetime.time):
        return time(value, tag)
    return number(value, tag)


def digits(phone: str) -> str:
    """Space out a phone number so that a voice reads digit by digit and pauses between the groups."""
    groups = re.findall(r"\d+", re.sub(r"^\s*\+44[\s()0]*", "0", phone))
    return ", ".join(" ".join(group) for group in groups)


@cache
def _day_pattern(tag: str) -> str:
    """Give the locale's pattern for weekday, day and month, with weekday and month widened to full names.

    Babel's nearest skeleton may be one with short names (Polish ``pon.``); CLDR says to widen the fields (UTS 35,
    part 4, "Matching Skeletons"). Quoted words of the pattern (Portuguese ``'de'``) stay as they are.
    """
    skeletons = locale(tag).datetime_skeletons
    nearest = dates.match_skeleton("MMMMEEEEd", skeletons)
    if nearest is None:
        return "EEEE d MMMM"
    pieces = str(skeletons[nearest].pattern).split("'")
    widened = [
        re.sub(r"[Ec]+", "EEEE", re.sub(r"\bMMM\b", "MMMM", p)) if i % 2 == 0 else p for i, p in enumerate(pieces)
    ]
    return "'".join(widened)


def plain(text: str) -> str:
    """Write plain spaces for the hard ones."""
    return text if text.isascii() else text.translate(_HARD_SPACES)

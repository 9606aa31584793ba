"""Dates, times and numbers as a voice is to read them: what :mod:`templates.formats` writes for eyes, for ears.

A machine voice reads ``8:45am`` as letters, ``08:45`` with a nought and ``ص`` as the name of a letter. So an hour has
no nought before it; where a language counts to twelve, the part of the day stands in words (CLDR's flexible day
periods, through Babel); a number is not cut into groups of three, which some voices read one by one.
"""

from __future__ import annotations

import datetime
import re
from decimal import Decimal
from functools import cache, lru_cache
from types import MappingProxyType
from typing import Final

from babel import Locale, dates, numbers

from templates import formats, languages

_locale = formats.locale

#: In writing they are short or a bare number; a voice should say the word: French ``1er``, Italian ``1º``.
_FIRSTS: Final = MappingProxyType({"fr": "1er", "it": "1º", "pt-BR": "1º"})
#: Signs that stand for a word, which only eyes know: Lithuanian ``3 d.`` is ``3 diena``.
_SIGNS: Final = MappingProxyType({"lt": ("d.", "diena")})
_HOURS: Final = range(7, 22)  #: in which schools call
_ABBREVIATED: Final = 2  #: letters; a part of the day that has no more is no word
_MISTAKEN: Final = frozenset({"fil"})  #: CLDR's names of its morning and its small hours are the wrong way round
_FIRST_DAY: Final = re.compile(r"(?<!\d)1(?!\d)")


@lru_cache(maxsize=4096)
def date(value: datetime.date, tag: str) -> str:
    """Say weekday, day and month: ``Monday the 3rd of November``."""
    if _is_english(tag):
        weekday, month = (dates.format_date(value, field, _locale(tag)) for field in ("EEEE", "MMMM"))
        return f"{weekday} the {_ordinal(value.day)} of {month}"
    written = formats.date(value, tag)
    sign, word = _SIGNS.get(tag, ("", ""))
    if sign:
        written = written.replace(sign, word)
    if value.day == 1 and tag in _FIRSTS:
        written = _FIRST_DAY.sub(_FIRSTS[tag], written)
    return written


@lru_cache(maxsize=4096)
def time(value: datetime.time, tag: str) -> str:
    """Say hours and minutes: ``8:45 in the morning``, ``midday``; ``15:30`` where a language counts to twenty-four."""
    value = value.replace(tzinfo=None)
    if _is_english(tag) and value.minute == 0 and value.hour in (0, 12):
        return formats.time(value, tag)
    pattern = _clock(tag, full_hour=value.minute == 0)
    return formats.plain(dates.format_time(value, pattern, locale=_locale(tag)))


def moment(value: datetime.datetime, tag: str) -> str:
    """Say date and time. The clock is the value's own; nothing is converted."""
    pattern = str(_locale(tag).datetime_formats["medium"])
    return formats.plain(pattern.replace("{1}", date(value.date(), tag)).replace("{0}", time(value.time(), tag)))


def number(value: int | Decimal | float, tag: str) -> str:
    """Say a number, in one piece."""
    return formats.plain(numbers.format_decimal(value, locale=_locale(tag), group_separator=False))


def write(value: datetime.date | datetime.time | int | float | Decimal, tag: str) -> str:
    """Say a value as what it is: a moment, a day, a time of day or a number."""
    if isinstance(value, datetime.datetime):
        return moment(value, tag)
    if isinstance(value, datetime.date):
        return date(value, tag)
    if isinstance(value, datetime.time):
        return time(value, tag)
    return number(value, tag)


@cache
def _clock(tag: str, *, full_hour: bool) -> str:
    """The pattern of a clock time, for a full hour or any other."""
    locale = _locale(tag)
    of_twelve = _is_english(tag) or "a" in str(locale.time_formats["short"].pattern)
    if not of_twelve or tag in _MISTAKEN:
        return "H:mm"
    pattern = str(locale.datetime_skeletons["Bh" if full_hour else "Bhm"].pattern)
    # The short form is the one people say, where it is no abbreviation: Arabic's is a single letter.
    for part_of_day in ("B", "BBBB"):
        candidate = re.sub(r"B+", part_of_day, pattern)
        if all(_is_word(part_of_day, hour, locale) for hour in _HOURS):
            return candidate
    return "H:mm"


def _is_word(field: str, hour: int, locale: Locale) -> bool:
    try:
        found = dates.format_time(datetime.time(hour), field, locale=locale)
    except ValueError:  # CLDR has no words for the parts of the day in it
        return False
    return len(found) > _ABBREVIATED and "." not in found


def _is_english(tag: str) -> bool:
    return _locale(tag).language == languages.ENGLISH


def _ordinal(day: int) -> str:
    ending = "th" if day in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
    return f"{day}{ending}"

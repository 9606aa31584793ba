"""What a caller to the school's number hears, phrase by phrase."""

from __future__ import annotations

import datetime

from templates import dress, formats, phrases, values

Given = str | int | datetime.date | datetime.datetime


def say(name: str, language: str, **given: Given) -> str:
    """Give one phrase of the phone line in a language, with names, days and moments as a voice is to read them.

    A moment's clock is its own; nothing is converted.
    """
    used = phrases.language_for("line", language)
    clothes = dress.voice()
    return phrases.parsed("line", name, used).fill({n: clothes.value(_written(v, used)) for n, v in given.items()})


def _written(value: Given, language: str) -> str:
    if isinstance(value, datetime.datetime):
        return formats.moment(value, language)
    if isinstance(value, datetime.date):
        return formats.date(value, language)
    return values.clean(str(value))

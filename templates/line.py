"""What a caller to the school's number hears, phrase by phrase."""

from __future__ import annotations

import datetime

from templates import dress, phrases, spoken, values

Given = str | int | datetime.date | datetime.datetime


def say(name: str, language: str, **given: Given) -> str:
    """Give one phrase of the phone line in a language, with names, days and moments as a voice is to read them.

    A moment's clock is its own; nothing is converted.
    """
    used = phrases.language_for("line", language)
    clothes = dress.voice()
    return phrases.parsed("line", name, used).fill({n: clothes.value(_written(v, used)) for n, v in given.items()})


def _written(value: Given, language: str) -> str:
    return values.clean(str(value)) if isinstance(value, str | int) else spoken.write(value, language)

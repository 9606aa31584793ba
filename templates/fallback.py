"""The line in a family's language that goes with words in English: where help to read them is to be had.

It goes out although nobody may have reviewed it: it is one fixed sentence that says nothing about the child (decision
41).
"""

from __future__ import annotations

import re
from functools import cache
from typing import Final

from templates import dress, languages, phrases, segments, translations, values

#: A text message grows by no more than so many parts for the line: decision 41 has the figures. News that must be
#: understood may cost most.
MOST_MORE_MANDATORY: Final = 4
MOST_MORE: Final = 2


def line(medium: str, language: str, *, school_phone: str) -> str:
    """Give the line for ``sms`` or ``email``; ``""`` where there is none in the language or its kin."""
    used = phrases.language_for("fallback", language)
    if used == languages.ENGLISH:
        return ""
    phone = dress.plain(languages.direction(used)).phone(values.clean(school_phone))
    name = "text" if medium == "sms" else "email"
    return phrases.parsed("fallback", name, used).fill({"school_phone": phone})


def below(text: str, line: str, *, most_more: int, most: int) -> str:
    """Put the line below a text message that is tidied, unless it would cost too many parts more, or altogether.

    Latin letters lose their accents where that is cheaper: the line is short, and read all the same.
    """
    whole = min(_joined(text, line), _joined(text, segments.bare(line)), key=_parts)
    return whole if _parts(whole) <= min(_parts(text) + most_more, most) else text


def _joined(text: str, line: str) -> str:
    return segments.tidy(f"{text}\n{dress.of_its_own(line)}")


def _parts(text: str) -> int:
    return segments.count(text).parts


def above(text: str, line: str) -> str:
    """Put the line above a letter, as its first paragraph."""
    return f"{line}\n\n{text}"


def language_of(paragraph: str) -> str | None:
    """Say in which language a paragraph is the line of an email; None for any other paragraph."""
    return next((tag for tag in translations.languages_available() if _is_line(tag, paragraph)), None)


def _is_line(language: str, paragraph: str) -> bool:
    pattern = form(language)
    return pattern is not None and pattern.fullmatch(paragraph) is not None


@cache
def form(language: str) -> re.Pattern[str] | None:
    """Give what the line of an email looks like in a language, None for one without."""
    if phrases.language_for("fallback", language) != language or language == languages.ENGLISH:
        return None
    pieces = phrases.parsed("fallback", "email", language).pieces
    return re.compile(r"[^\n]{1,60}".join(map(re.escape, pieces)))

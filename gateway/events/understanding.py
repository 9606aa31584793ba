"""What a family's words say of coming to an event, in whichever of our languages. Reads, and knows no table.

Nothing is guessed: words that say both, or that a negation or a «perhaps» stands beside, are for a person. A digit is
the menu's business, and an opt-out word of the networks is never an answer.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import time
from functools import cache
from importlib import resources
from typing import Final

from gateway import optout
from gateway.events import offers
from gateway.models.types import Keyword
from gateway.understanding import folding

_MOST_WORDS: Final = 40  #: whoever writes more has something to say that a person must read
_ANSWERS: Final = (offers.COMING, offers.NOT_COMING, offers.NO_TIME)
_WHOLE: Final = {"yes": offers.COMING, "no": offers.NOT_COMING}
_SECTIONS: Final = ("coming", "not_coming", "no_time", "interpreter", "maybe", "negation", "courtesy", "yes", "no")
_CLOCK: Final = re.compile(r"(?<![\d:.])(\d{1,2})[:.h](\d{2})\s*(am|pm)?(?![\d:.])|(?<![\d:.])(\d{1,2})\s*(am|pm)\b")
_NOON: Final = 12

Phrase = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Understood:
    """What an answer says.

    ``meaning``      :data:`offers.Meaning`, or ``""`` where a person must read it
    ``interpreter``  whether one is asked for beside that
    ``clock``        a time of day that is named
    ``because``      which words led there, and in which language
    ``rest``         the words that no list knows
    """

    meaning: str = ""
    interpreter: bool = False
    clock: time | None = None
    because: Sequence[str] = ()
    rest: str = ""


@cache
def phrases() -> Mapping[Phrase, Sequence[tuple[str, str]]]:
    """Every phrase of ``words.toml``, folded as answers are: its (section, language) each."""
    data = tomllib.loads((resources.files("gateway.events") / "words.toml").read_text("utf-8"))
    found: dict[Phrase, list[tuple[str, str]]] = {}
    for language, sections in data.items():
        for section in _SECTIONS:
            for text in sections.get(section, ()):
                found.setdefault(_words(text), []).append((section, language))
    return found


@cache
def _longest() -> int:
    return max(map(len, phrases()))


def read(text: str, *, language: str = "") -> Understood:
    """Say what an answer means. ``language`` is the one on file: it decides what a word means that two have."""
    if optout.read(text).keyword is Keyword.OPT_OUT:
        return Understood(because=("an opt-out word of the networks is no answer",))
    words = _words(text)
    clock = _clock(text)
    if len(words) > _MOST_WORDS:
        return Understood(clock=clock, because=("too long for a machine",), rest=text)
    found, unknown = _found(words, language)
    sections = {section for section, _, _ in found}
    because = tuple(f"“{' '.join(phrase)}” says {section.replace('_', ' ')} ({tag})" for section, phrase, tag in found)
    interpreter = "interpreter" in sections
    answers: list[str] = [one for one in _ANSWERS if one in sections]
    if offers.NO_TIME in answers and offers.NOT_COMING in answers:
        answers = [offers.NO_TIME]  # «can't come, none of the times suit»
    rest = sum(len(phrase) for section, phrase, _ in found if section in ("courtesy", *_WHOLE))
    if not answers and len(words) == rest:
        answers = sorted({meaning for section, meaning in _WHOLE.items() if section in sections})
    if len(answers) != 1 or "maybe" in sections:
        return Understood("", interpreter, clock, because, unknown)
    if answers == [offers.COMING] and not sections.isdisjoint({"negation", "no"}):
        return Understood("", interpreter, clock, because, unknown)
    return Understood(answers[0], interpreter, clock, because, unknown)


def _found(words: Sequence[str], language: str) -> tuple[list[tuple[str, Phrase, str]], str]:
    """The phrases in a text, the longest at each place, each with its section and language; and the other words."""
    at, found, unknown = 0, list[tuple[str, Phrase, str]](), list[str]()
    while at < len(words):
        for length in range(min(_longest(), len(words) - at), 0, -1):
            phrase = tuple(words[at : at + length])
            if known := phrases().get(phrase):
                section, tag = _of(known, language, alone=length == len(words))
                found.append((section, phrase, tag))
                at += length
                break
        else:
            unknown.append(words[at])
            at += 1
    return found, " ".join(unknown)


def _of(known: Sequence[tuple[str, str]], language: str, *, alone: bool) -> tuple[str, str]:
    """What a phrase is: in the family's language first; a «no» that stands among other words is a negation."""
    base = language.split("-")[0].split("_")[0]
    ranked = sorted(known, key=lambda one: (one[1] != base, one[1] != "en", (one[0] == "negation") is alone))
    return ranked[0]


def _words(text: str) -> Phrase:
    return tuple(token.word for token in folding.tokens(folding.fold(text)) if not token.is_break)


def _clock(text: str) -> time | None:
    """The one time of day that a text names: ``4.10pm``, ``16:10``, ``5pm``."""
    found = set[time]()
    for match in _CLOCK.finditer(folding.fold(text)):
        hour, minute = int(match[1] or match[4]), int(match[2] or 0)
        half = match[3] or match[5] or ""
        if half:
            hour = hour % _NOON + (_NOON if half == "pm" else 0)
        if hour < 24 and minute < 60:
            found.add(time(hour, minute))
    return found.pop() if len(found) == 1 else None


def same_clock(said: time, meant: time) -> bool:
    """Whether two times of day may be the same one: nobody says «pm» of an afternoon at school."""
    if said == meant:
        return True
    return said.minute == meant.minute and said.hour < _NOON and said.hour + _NOON == meant.hour

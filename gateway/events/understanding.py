"""What a family's words say of coming to an event, in whichever of our languages. Reads, and knows no table.

Nothing is guessed: words that say both, or that a negation or a «perhaps» stands beside, are for a person, as is what
is asked: «is dad coming?» is no answer. A time of day is a choice only where nothing else is said: who «can't do 4.10»
names it, too. A digit alone is the menu's business, and an opt-out word of the networks is never an answer.
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
from gateway.understanding import folding, menu

_MOST_WORDS: Final = 40  #: whoever writes more has something to say that a person must read
_ANSWERS: Final = (offers.COMING, offers.NOT_COMING, offers.NO_TIME)
_WHOLE: Final = {"yes": offers.COMING, "no": offers.NOT_COMING}
_SECTIONS: Final = (
    "coming", "not_coming", "no_time", "interpreter", "maybe", "negation", "courtesy", "choice", "yes", "no",
)  # fmt: skip
_ASKED: Final = frozenset({"coming", "not_coming", "yes", "no"})  #: what says nothing where it is asked
_CHOOSING: Final = frozenset({"coming", "interpreter", "courtesy", "choice", "yes"})  #: what may stand beside a choice
_CLOCK: Final = re.compile(r"(?<![\d:.])(\d{1,2})[:.h](\d{2})\s*(am|pm)?(?![\d:.])|(?<![\d:.])(\d{1,2})\s*(am|pm)\b")
_NOON: Final = 12

Phrase = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Understood:
    """What an answer says.

    ``meaning``      :data:`offers.Meaning`, or ``""`` where a person must read it
    ``interpreter``  whether one is asked for beside that
    ``clock``        the time of day that is chosen
    ``digit``        the digit that is chosen, in words such as “number 2 please”
    ``because``      which words led there, and in which language
    ``rest``         the words that no list knows
    """

    meaning: str = ""
    interpreter: bool = False
    clock: time | None = None
    digit: str = ""
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
    clauses = _clauses(text)
    if sum(len(words) for words, _ in clauses) > _MOST_WORDS:
        return Understood(because=("too long for a machine",), rest=text)
    found, unknown = _found(clauses, language)
    sections = {section for section, _, _ in found}
    because = tuple(f"“{' '.join(phrase)}” says {section.replace('_', ' ')} ({tag})" for section, phrase, tag in found)
    interpreter = "interpreter" in sections
    clock, digit = _chosen(text, clauses, language)
    answers: list[str] = [one for one in _ANSWERS if one in sections]
    if offers.NO_TIME in answers and offers.NOT_COMING in answers:
        answers = [offers.NO_TIME]  # «can't come, none of the times suit»
    if not answers and not unknown and sections <= {"courtesy", *_WHOLE}:
        answers = sorted({meaning for section, meaning in _WHOLE.items() if section in sections})
    unsure = answers == [offers.COMING] and not sections.isdisjoint({"negation", "no"})
    clear = len(answers) == 1 and "maybe" not in sections and not unsure
    return Understood(answers[0] if clear else "", interpreter, clock, digit, because, " ".join(unknown))


def _clauses(text: str) -> list[tuple[Phrase, bool]]:
    """The words between signs, each with whether it is a question."""
    found, words = list[tuple[Phrase, bool]](), list[str]()
    for token in folding.tokens(folding.fold(text)):
        if not token.is_break:
            words.append(token.word)
        elif words:
            found.append((tuple(words), token.word == "?"))
            words = []
    return [*found, (tuple(words), False)] if words else found


def _found(
    clauses: Sequence[tuple[Phrase, bool]], language: str
) -> tuple[list[tuple[str, Phrase, str]], Sequence[str]]:
    """The phrases in a text, the longest at each place, each with its section and language; and the other words."""
    found, unknown = list[tuple[str, Phrase, str]](), list[str]()
    count = sum(len(words) for words, _ in clauses)
    for words, asked in clauses:
        at = 0
        while at < len(words):
            for length in range(min(_longest(), len(words) - at), 0, -1):
                phrase = tuple(words[at : at + length])
                known = phrases().get(phrase)
                section, tag = _of(known, language, alone=length == count) if known else ("", "")
                if section and not (asked and section in _ASKED):
                    found.append((section, phrase, tag))
                    at += length
                    break
            else:
                unknown.append(words[at])
                at += 1
    return found, unknown


def _chosen(text: str, clauses: Sequence[tuple[Phrase, bool]], language: str) -> tuple[time | None, str]:
    """The time of day or the digit that is chosen, where nothing is said beside that: «4.10 please», «number 2»."""
    clock, words = _clock(text), [word for some, _ in clauses for word in some]
    if clock is not None:
        clauses = _clauses(_CLOCK.sub(" ", folding.fold(text)))
    digits = [digit for word in words if (digit := menu.digit(word))] if clock is None else []
    if clock is None:
        clauses = [(tuple(word for word in some if not menu.digit(word)), asked) for some, asked in clauses]
    found, unknown = _found([(some, False) for some, _ in clauses], language)
    if unknown or not _CHOOSING.issuperset(section for section, _, _ in found):
        return None, ""
    return clock, digits[0] if len(digits) == 1 else ""


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

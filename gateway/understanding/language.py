"""A language's file: read, checked, and made ready for finding.

The shape is told in ``docs/replies.md``. What is wrong in a file is told with its line and its cure, all at once.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from gateway import errors, toml
from gateway.understanding import finding, folding, meaning, patterns, spelling

WEIGHTS: Mapping[str, int] = {"sure": 3, "likely": 2, "hint": 1}
#: Tables of lists that name no intent; what each does is told in ``judging``.
HELPING = ("neutral", "alarm", "safe", "only_a_head", "no_reason", "maybe", "asking", "after_register", "over", "away")
SECTIONS = (*(one.value for one in meaning.Intent if one is not meaning.Intent.OPT_OUT), *HELPING)
_SHORT = 3  #: letters of a stem that too many words begin with to tell a language by a long one
_DAY_LISTS = ("weekdays", "months", "numbers")
_DAY_WORDS = (
    "yesterday",
    "morning",
    "afternoon",
    "today",
    "tomorrow",
    "since",
    "since_after",
    "from",
    "to",
    "and",
    "so_far",
    "until",
    "back",
    "lasting",
    "day",
    "week",
    "hours",
    "minutes",
    "within",
    "this_week",
    "next_week",
)
_TOP = ("language", "name", "ordinary", "prefixes", "spelling", "sounds", "groups", "negation", "days", *SECTIONS)


@dataclass(frozen=True)
class Language:
    """One language, ready: ``index`` finds its patterns, ``speller`` its misspelt words."""

    tag: str
    name: str
    index: finding.Index
    spelt: Mapping[str, tuple[str, ...]]
    sounds: Mapping[str, str]
    prefixes: tuple[str, ...]
    words: frozenset[str]
    stems: tuple[str, ...]
    short: tuple[str, ...]
    ordinary: frozenset[str]
    stops: frozenset[str]
    numbers: Mapping[str, int]

    @cached_property
    def speller(self) -> spelling.Speller:
        """Finds what a misspelt word was meant to be; made when the first is met."""
        return spelling.Speller(self.words, self.stems, self.ordinary, self.sounds)

    def knows(self, word: str) -> bool:
        """Whether a word is one of this language's, as far as its lists go."""
        listed = word in self.words or word in self.ordinary or word in self.spelt
        return listed or word.startswith(self.stems) or (len(word) <= _SHORT + 3 and word.startswith(self.short))


@dataclass(frozen=True, slots=True)
class File:
    """A file of words as it was written: its name for messages, its text, and what TOML makes of it."""

    name: str
    text: str
    data: Mapping[str, Any]


@dataclass(slots=True)
class _Making:
    """A language in the making: what its files have said so far, and what is wrong with them."""

    problems: list[errors.Problem]
    spelt: dict[str, tuple[str, ...]] = field(default_factory=dict)
    sounds: dict[str, str] = field(default_factory=dict)
    groups: dict[str, patterns.Choice] = field(default_factory=dict)
    every: list[patterns.Pattern] = field(default_factory=list)
    ordinary: set[str] = field(default_factory=set)
    stops: set[str] = field(default_factory=set)
    numbers: dict[str, int] = field(default_factory=dict)
    prefixes: list[str] = field(default_factory=list)
    name: str = ""


def open_file(path: Path) -> File:
    """Read a file of words. Raises :class:`errors.BadInput` with file, line and cure."""
    return File(str(path), *toml.read(path, shown=str(path)))


def tag(file: File) -> str:
    """The language that a file is for. Raises :class:`errors.BadInput`."""
    found = file.data.get("language")
    if not isinstance(found, str) or not re.fullmatch(r"[A-Za-z]{2,3}(-[A-Za-z]{2,4})?", found):
        cure = 'Begin the file with language = "pl" (a short name of the language, as families have it on file).'
        raise errors.BadInput([errors.Problem("it does not say which language it is for.", cure, file.name, 1)])
    return found


def make(files: Sequence[File]) -> Language:
    """Make a language of its files; the later ones add to the earlier. Raises :class:`errors.BadInput`."""
    making = _Making([])
    for file in files:
        _read(file, making)
    if making.problems:
        raise errors.BadInput(making.problems)
    if not any(one.section == "asking" for one in making.every):
        # Weaker than a list of its own: it counts only where a question mark stands (see ``judging``).
        making.every += [replace(one, section="asking", weight=1) for one in making.every if one.section == "question"]
    words, stems = set[str](), set[str]()
    for pattern in making.every:
        _collect(pattern.elements, words, stems)
    return Language(
        tag=tag(files[0]),
        name=making.name,
        index=finding.Index(making.every),
        spelt=making.spelt,
        sounds=making.sounds,
        prefixes=tuple(sorted(making.prefixes, key=len, reverse=True)),
        words=frozenset(words),
        stems=tuple(sorted(one for one in stems if len(one) > _SHORT)),
        short=tuple(sorted(one for one in stems if (2 if one.isascii() else 1) < len(one) <= _SHORT)),
        ordinary=frozenset(making.ordinary),
        stops=frozenset(making.stops),
        numbers=making.numbers,
    )


def _read(file: File, making: _Making) -> None:
    data = file.data
    making.name = str(data.get("name") or making.name or tag(file))
    for key in data:
        if key not in _TOP:
            making.problems.append(_unknown(file, key, key, _TOP))
    making.ordinary |= {_fold(one) for one in _split(file, making, "ordinary", data.get("ordinary", ""))}
    making.prefixes += [_fold(one) for one in _split(file, making, "prefixes", data.get("prefixes", ""))]
    _read_spelling(file, making)
    _read_sounds(file, making)
    for name, listed in _table(file, making, "groups").items():
        found = [one.elements for one in _parsed(file, making, ("groups", name), listed, weight=0)]
        making.groups[name] = patterns.choice([*([making.groups[name]] for _ in [0] if name in making.groups), *found])
    _read_negation(file, making)
    _read_days(file, making)
    for section in SECTIONS:
        for strength, listed in _table(file, making, section).items():
            if strength not in WEIGHTS:
                making.problems.append(_unknown(file, strength, f"{section}.{strength}", tuple(WEIGHTS)))
                continue
            making.every += _parsed(file, making, (section, strength), listed, weight=WEIGHTS[strength])


def _read_spelling(file: File, making: _Making) -> None:
    for written, meant in _table(file, making, "spelling").items():
        if not isinstance(meant, str) or not meant.strip():
            what, cure = f"“{written}” stands for nothing.", f'Write {written} = "the word that is meant".'
            making.problems.append(_problem(file, what, cure, ("spelling", written)))
            continue
        making.spelt[_fold(written)] = tuple(token.word for token in folding.tokens(folding.fold(meant)))


def _read_sounds(file: File, making: _Making) -> None:
    for written, meant in _table(file, making, "sounds").items():
        if not isinstance(meant, str):
            what, cure = f"“{written}” sounds like nothing.", f'Write {written} = "the letters that sound so".'
            making.problems.append(_problem(file, what, cure, ("sounds", written)))
            continue
        making.sounds[_fold(written)] = _fold(meant)


def _read_negation(file: File, making: _Making) -> None:
    for name, listed in _table(file, making, "negation").items():
        if name == "stops":
            making.stops |= {_fold(one) for one in _split(file, making, "negation.stops", listed)}
        elif name in ("before", "close", "after"):
            making.every += _parsed(file, making, ("negation", name), listed, weight=0)
        else:
            making.problems.append(_unknown(file, name, f"negation.{name}", ("before", "close", "after", "stops")))


def _read_days(file: File, making: _Making) -> None:
    for name, listed in _table(file, making, "days").items():
        if name in _DAY_WORDS:
            making.every += _parsed(file, making, ("days", name), listed, weight=0)
        elif name not in _DAY_LISTS:
            making.problems.append(_unknown(file, name, f"days.{name}", (*_DAY_WORDS, *_DAY_LISTS)))
        elif not isinstance(listed, list) or (name != "numbers" and len(listed) != {"weekdays": 7, "months": 12}[name]):
            many = {"weekdays": "seven, from Monday", "months": "twelve"}.get(name, "from one on")
            what, cure = f"this must be a list of texts: {many}.", 'Write ["…", "…"]; one text may hold several words.'
            making.problems.append(_problem(file, what, cure, ("days", name)))
        else:
            for number, one in enumerate(listed):
                found = _parsed(file, making, ("days", f"{name}.{number}"), one, weight=0)
                making.every += found
                if name == "numbers":
                    making.numbers |= dict.fromkeys((_fold(part) for part in patterns.split(one)), number + 1)


def _parsed(
    file: File, making: _Making, place: tuple[str, str], listed: object, *, weight: int
) -> list[patterns.Pattern]:
    found, section = list[patterns.Pattern](), place[0] if weight else ".".join(place)
    for source in _split(file, making, ".".join(place), listed):
        try:
            found.append(
                patterns.parse(
                    source,
                    section=section,
                    weight=weight,
                    groups=making.groups,
                    expand=lambda word: making.spelt.get(word, (word,)),
                )
            )
        except patterns.BadPattern as error:
            what = f"“{source}” cannot be read: {error}"
            making.problems.append(
                errors.Problem(what, "docs/replies.md has the grammar.", file.name, _line(file, place[0], source))
            )
    return found


def _split(file: File, making: _Making, place: str, listed: object) -> Iterator[str]:
    texts = [listed] if isinstance(listed, str) else listed
    if not isinstance(texts, list) or not all(isinstance(one, str) for one in texts):
        what, cure = f"“{place}” must be words.", 'Put them in quotes: "fever, sore throat".'
        making.problems.append(_problem(file, what, cure, place.split(".")))
        return
    yield from patterns.split(texts)


def _table(file: File, making: _Making, name: str) -> Mapping[str, Any]:
    found = file.data.get(name, {})
    if not isinstance(found, dict):
        what, cure = f"“{name}” must be a table.", f"Write [{name}] on a line of its own, and its lists below."
        making.problems.append(_problem(file, what, cure, (name,)))
        return {}
    return found


def _unknown(file: File, key: str, place: str, known: Iterable[str]) -> errors.Problem:
    known = tuple(known)
    near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
    cure = f"Did you mean {near[0]}?" if near else f"There are: {', '.join(known)}."
    table, _, name = place.rpartition(".")
    return _problem(file, f"there is no “{key}” here.", cure, (table, name) if table else (name,))


def _problem(file: File, what: str, cure: str, place: Sequence[str]) -> errors.Problem:
    *table, name = place
    return errors.Problem(what, cure, file.name, _line(file, ".".join(table), name))


def _line(file: File, table: str, words: str) -> int:
    """The line on which something stands, at or after the head of its table; 0 where it cannot be told."""
    inside = not table
    for number, line in enumerate(file.text.splitlines(), start=1):
        inside = inside or re.match(rf"\s*\[{re.escape(table)}\]|\s*{re.escape(table)}\.", line) is not None
        if inside and words in line:
            return number
    return 0


def _fold(word: str) -> str:
    return folding.fold(word.strip())


def _collect(elements: Iterable[patterns.Element], words: set[str], stems: set[str]) -> None:
    """Gather the words and stems of a pattern."""
    for one in elements:
        match one:
            case patterns.Word(text, stem):
                (stems if stem else words).add(text)
            case patterns.Choice() as several:
                words |= several.words
                stems |= set(several.stems)
                for other in several.others:
                    _collect(other, words, stems)
            case _:
                pass

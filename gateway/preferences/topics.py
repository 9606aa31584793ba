"""The topics that families may decline, how they call them in their languages, and STOP MENUS by text.

STOP alone stays what it is (``gateway/optout``): it is asked first, and a topic can have no name that would make one of
the networks' words of it. Only words that mean nothing but stopping go with a topic: who texts CANCEL CLUBS may mean a
place in one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import resources
from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from gateway import errors, optout
from gateway.definitions import model
from gateway.registers import files
from templates import languages

EVERY: Final = "*"  #: in a preference: every topic that has none of its own
OTHER: Final = "other"  #: what is of no topic, and can be declined all the same: good news, surveys

_STOP: Final = frozenset({"stop", "unsubscribe", "arret", "arrêt", "stopio", "قف", "توقف"})
_START: Final = frozenset({"start", "unstop"})
_RESERVED: Final = frozenset({OTHER, "all", "everything"})

_Name = Annotated[str, StringConstraints(min_length=1, max_length=40, strip_whitespace=True)]
_Names = Annotated[list[_Name], Field(min_length=1)]


class Topics(BaseModel):
    """Every topic by key, with its names by language: the first is shown, each is understood."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    drafts: list[model.Language] = []
    topics: dict[model.Key, dict[model.Language, _Names]]

    @model_validator(mode="after")
    def _check(self) -> Topics:
        known = dict[str, str]()
        for key, names in self.topics.items():
            if "en" not in names:
                raise ValueError(f'topic “{key}” has no English name — add en = ["…"]')
            for name in [key, *(name for each in names.values() for name in each)]:
                folded = optout.fold(name)
                if folded in _RESERVED or optout.read(f"stop {folded}").keyword or optout.read(folded).keyword:
                    raise ValueError(f"“{name}” is a word on which phone networks or Handbell act — name it otherwise")
                if known.setdefault(folded, key) != key:
                    raise ValueError(f"“{name}” names two topics — name one of them otherwise")
        return self

    def shown(self, key: str, language: str, *, drafts: bool) -> str:
        """How a topic is called in a language, in English where nobody has read that name."""
        names = self.topics.get(key, {"en": [key]})
        for tag in languages.fallbacks(language):
            if tag in names and (drafts or tag not in self.drafts):
                return names[tag][0]
        return names["en"][0]

    def find(self, said: str) -> str:
        """The key of a topic by any of its names, or ``""``."""
        return self._by_name.get(optout.fold(said), "")

    @cached_property
    def _by_name(self) -> Mapping[str, str]:
        found = {optout.fold(key): key for key in self.topics}
        for key, names in self.topics.items():
            found |= {optout.fold(name): key for each in names.values() for name in each}
        return found


@dataclass(frozen=True, slots=True)
class Said:
    """What a text says of a topic: no more of it, or that again. ``word`` is how the topic was called."""

    topic: str
    stop: bool
    word: str


def read(text: str, topics: Topics) -> Said | None:
    """What the whole of a text says of a topic: ``STOP MENUS``, ``stop trips.``, ``UNSTOP MENUS``; else None."""
    if optout.read(text).keyword:
        return None  # a whole STOP is never about a topic
    word, _, rest = optout.fold(text).partition(" ")
    topic = topics.find(rest) if rest else ""
    if not topic or word not in _STOP | _START:
        return None
    return Said(topic, word in _STOP, rest)


def load(path: Path | None) -> Topics:
    """The school's topics, or those that come with Handbell.

    Raises :class:`errors.BadInput` with file, line and cure of every mistake.
    """
    return _default() if path is None else files.read(path, Topics)


@cache
def _default() -> Topics:
    return files.read(resources.files("gateway.preferences") / "topics.toml", Topics)


def declinable(definition: model.Definition) -> str:
    """What families may decline a notice by, ``""`` where they cannot: a topic, or ``other`` for what is of none."""
    if definition.purpose.urgent:
        return ""
    return definition.topic or ("" if definition.purpose.mandatory else OTHER)


def check(definition: model.Definition, topics: Topics) -> Sequence[errors.Problem]:
    """What is wrong with the topic that a definition names."""
    if not definition.topic or definition.topic in topics.topics:
        return []
    what = f"there is no topic “{definition.topic}”."
    return [errors.Problem(what, f"Write one of: {', '.join(topics.topics)}.", field="topic")]


def named(topics: Topics, wanted: str) -> str:
    """The key of a topic as staff name it; ``*`` and ``other`` too.

    Raises :class:`errors.NotFound` with those that there are.
    """
    if wanted in (EVERY, OTHER):
        return wanted
    if found := topics.find(wanted):
        return found
    raise errors.NotFound(
        f"There is no topic “{wanted}”. There are: {', '.join(topics.topics)}, {OTHER}, and * for all."
    )

"""Which plural forms a language has for whole numbers, by CLDR, and the rule that says which of them to take.

Babel has two opinions: its CLDR rules are right, its table for gettext is older (Welsh with five forms of six, Turkish
with one of two, Urdu and Somali by guess). Ours is written from CLDR 47 and goes into the header of every ``.po``;
``tests/templates/test_plurals.py`` holds it to Babel's CLDR data and to the corpus.
"""

from __future__ import annotations

import gettext
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Final

from templates import languages

_ONE: Final = "(n != 1)"  #: 1 alone is singular
_NONE_OR_ONE: Final = "(n > 1)"  #: 0 is, too
_SLAVIC_FEW: Final = "n%10 >= 2 && n%10 <= 4 && (n%100 < 12 || n%100 > 14) ? 1 : 2"
_MILLIONS: Final = "n != 0 && n%1000000 == 0 ? 1 : 2"  #: "un million d'enfants": such numbers take a preposition

#: (categories in CLDR's order, gettext's rule, tags)
_RULES: Final = (
    ("other", "0", "ig vi yo yue zh-Hans"),
    ("one other", _ONE, "bg ckb de el en hu ku ml ne nl ps so sq sw ta te tr ur"),
    ("one other", _NONE_OR_ONE, "ak am bn fa gu hi pa-Arab pa-Guru si ti"),
    ("one other", "(n%10 == 4 || n%10 == 6 || n%10 == 9)", "fil"),
    ("one many other", f"(n == 1 ? 0 : {_MILLIONS})", "es it pt-PT"),
    ("one many other", f"(n <= 1 ? 0 : {_MILLIONS})", "fr pt pt-BR"),
    ("one few other", "(n == 1 ? 0 : n >= 2 && n <= 4 ? 1 : 2)", "cs sk"),
    ("one few other", "(n == 1 ? 0 : n == 0 || n%100 >= 1 && n%100 <= 19 ? 1 : 2)", "ro"),
    ("one few other", "(n%10 == 1 && n%100 != 11 ? 0 : n%10 >= 2 && (n%100 < 11 || n%100 > 19) ? 1 : 2)", "lt"),
    ("one few many", f"(n == 1 ? 0 : {_SLAVIC_FEW})", "pl"),
    ("one few many", f"(n%10 == 1 && n%100 != 11 ? 0 : {_SLAVIC_FEW})", "ru uk"),
    ("zero one other", "(n%10 == 0 || n%100 >= 11 && n%100 <= 19 ? 0 : n%10 == 1 ? 1 : 2)", "lv"),
    ("zero one two few many other", "(n == 0 ? 0 : n == 1 ? 1 : n == 2 ? 2 : n == 3 ? 3 : n == 6 ? 4 : 5)", "cy"),
    (
        "zero one two few many other",
        "(n == 0 ? 0 : n == 1 ? 1 : n == 2 ? 2 : n%100 >= 3 && n%100 <= 10 ? 3 : n%100 >= 11 ? 4 : 5)",
        "ar",
    ),
)
_SHOWN: Final = 5  #: numbers by which a form is explained


@dataclass(frozen=True, slots=True)
class Rule:
    """The forms of a language: CLDR's ``categories`` in the order of ``msgstr[0]``, ``msgstr[1]`` …"""

    categories: tuple[str, ...]
    expression: str

    @property
    def header(self) -> str:
        """Give the line ``Plural-Forms`` of a catalogue."""
        return f"nplurals={len(self.categories)}; plural={self.expression};"

    def chooser(self) -> Callable[[int], int]:
        """Give what finds the form for a number, as gettext reads the rule."""
        return gettext.c2py(self.expression)

    def category(self, n: int) -> str:
        """Give CLDR's name of the form for a number."""
        return self.categories[self.chooser()(n)]

    def examples(self) -> tuple[str, ...]:
        """Give for each form some numbers that take it: ``1``, ``2, 3, 4, 22, 23 …``."""
        choose, found = self.chooser(), [list[int]() for _ in self.categories]
        for n in (*range(200), 1_000_000, 2_000_000):
            found[choose(n)].append(n)
        return tuple(", ".join(map(str, ns[:_SHOWN])) + (" …" if len(ns) > _SHOWN else "") for ns in found)


@cache
def _by_tag() -> dict[str, Rule]:
    return {tag: Rule(tuple(names.split()), rule) for names, rule, tags in _RULES for tag in tags.split()}


def rule(language: str) -> Rule:
    """Give the rule of a language, or of its base; of English for a language that CLDR has none for (Romani)."""
    rules = _by_tag()
    return rules.get(language) or rules.get(languages.base(language)) or rules[languages.ENGLISH]

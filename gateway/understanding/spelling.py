"""The known word that an unknown one was meant to be: one slip of the finger, in long words two.

A table of every known word with one or two letters left out gives the candidates in a few look-ups, however many words
are known; so a text of nothing but slips takes no longer than its length. Short words are left alone: "sock" is no
"sick". The first letter is taken to be right.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations

_LONG, _VERY_LONG, _LONGEST = 5, 9, 24


class Speller:
    """Knows the words and the beginnings of words of one language."""

    def __init__(self, words: Iterable[str], stems: Iterable[str], ordinary: Iterable[str]):
        kept = frozenset(ordinary)
        self._words = _table(word for word in words if word not in kept)
        self._stems = _table(stem for stem in stems if stem not in kept)

    def meant(self, word: str) -> str:
        """Give the word that an unknown one was meant to be, or ``""``."""
        if not _LONG <= len(word) <= _LONGEST or word.isdigit():
            return ""
        found = _nearest(word, self._words)
        if found:
            return found
        for size in range(min(len(word), 12), _LONG - 1, -1):
            if stem := _nearest(word[:size], self._stems):
                return stem + word[size:]
        return ""


def _slips(word: str) -> int:
    return 2 if len(word) >= _VERY_LONG else 1 if len(word) >= _LONG else 0


def _table(words: Iterable[str]) -> dict[str, list[str]]:
    table: dict[str, list[str]] = {}
    for word in words:
        if _LONG <= len(word) <= _LONGEST and word.isalpha():
            for shorter in _shortened(word, _slips(word)):
                table.setdefault(shorter, []).append(word)
    return table


def _shortened(word: str, slips: int) -> set[str]:
    """A word with up to so many letters left out, never the first."""
    found = {word}
    for left_out in range(1, slips + 1):
        for places in combinations(range(1, len(word)), left_out):
            found.add("".join(letter for at, letter in enumerate(word) if at not in places))
    return found


def _nearest(word: str, table: dict[str, list[str]]) -> str:
    best, fewest = "", 3
    for shorter in _shortened(word, _slips(word)):
        for known in table.get(shorter, ()):
            allowed = min(_slips(word), _slips(known))
            steps = distance(word, known, most=allowed)
            # Of two that are as near, the longer: families leave letters out more often than they add some.
            if steps <= allowed and (steps, -len(known), known) < (fewest, -len(best), best):
                best, fewest = known, steps
    return best


def distance(one: str, other: str, *, most: int) -> int:
    """Give the slips between two words: a letter more, less, wrong, or two swapped. ``most`` + 1 for any more."""
    if abs(len(one) - len(other)) > most:
        return most + 1
    before: list[int] = []
    row = list(range(len(other) + 1))
    for at, letter in enumerate(one, start=1):
        two_before, before, row = before, row, [at] + [0] * len(other)
        for place, its in enumerate(other, start=1):
            row[place] = min(before[place] + 1, row[place - 1] + 1, before[place - 1] + (letter != its))
            swapped = at > 1 and place > 1 and letter == other[place - 2] and one[at - 2] == its
            if swapped:
                row[place] = min(row[place], two_before[place - 2] + 1)
        if min(row) > most:
            return most + 1
    return row[-1]

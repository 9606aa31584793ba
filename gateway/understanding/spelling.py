"""The known word that an unknown one was meant to be: as it sounds, or with one slip of the finger, in long words two.

A table of every known word with one or two letters left out gives the candidates in a few look-ups, however many words
are known; so a text of nothing but slips takes no longer than its length. There short words are left alone ("sock" is
no "sick"), and the first letter is taken to be right. By sound ("rist", "drpd", "bokhaar") both may differ: a language
says which of its letters are written for one another (:class:`Sounds`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import combinations

_LONG, _VERY_LONG, _LONGEST = 5, 9, 24
_VOWELS = str.maketrans("", "", "aeiouy")
_HEARD, _CONSONANTS = 4, 3  #: letters of a word that is looked up by its sound, and consonants where its vowels differ


class Sounds:
    """The words and beginnings of words of one language, found by how they sound.

    ``alike`` leads from a spelling to the one that it sounds like; a ``$`` in it is the end of a word.
    """

    def __init__(self, alike: Mapping[str, str], words: Iterable[str], stems: Iterable[str]):
        self._alike = tuple(alike.items())
        self._words: dict[str, list[str]] = {}
        self._bones: dict[str, list[str]] = {}
        for word in sorted(word for word in words if word[:1].isalpha()) if alike else ():
            plain = self.plain(word)
            self._words.setdefault(plain, []).append(word)
            self._bones.setdefault(_bones(plain), []).append(word)
        self._stems = {self.plain(one): one for one in sorted(stems) if len(one) >= _HEARD} if alike else {}

    def plain(self, word: str) -> str:
        """The sound of a word: its letters, with one letter for all that sound so, and none twice in a row."""
        word += "$"
        for written, meant in self._alike:
            word = word.replace(written, meant)
        return "".join(letter for at, letter in enumerate(word[:-1]) if letter != word[at - 1] or not at)

    def meant(self, word: str) -> str:
        """Give the word that sounds so, or ``""``."""
        if not self._alike or not word[:1].isalpha():
            return ""
        plain = self.plain(word)
        if len(word) >= _HEARD and plain in self._words:
            return self._words[plain][0]
        bones = _bones(plain)
        slips = max(0, min(2, len(word) - _LONG + 1))
        if len(bones) >= _CONSONANTS:
            for known in self._bones.get(bones, ()):
                if _is_shortened(plain, self.plain(known)) or distance(plain, self.plain(known), most=slips) <= slips:
                    return known
        for size in range(len(plain), _HEARD - 1, -1):
            if plain[:size] in self._stems:
                return self._stems[plain[:size]]
        return ""


def _bones(plain: str) -> str:
    """A word without its vowels, but for one at its beginning."""
    return plain[:1] + plain[1:].translate(_VOWELS)


def _is_shortened(short: str, word: str) -> bool:
    """Whether a word is written without some of its vowels: «drpd», «cmin»."""
    letters = iter(word)
    return len(short) < len(word) and all(letter in letters for letter in short)


class Speller:
    """Knows the words and the beginnings of words of one language."""

    def __init__(self, words: Iterable[str], stems: Iterable[str], ordinary: Iterable[str], alike: Mapping[str, str]):
        kept = frozenset(ordinary)
        words, stems = list(words), list(stems)
        self._sounds = Sounds(alike, words, stems)
        self._words = _table(word for word in words if word not in kept)
        self._stems = _table(stem for stem in stems if stem not in kept)

    def meant(self, word: str) -> str:
        """Give the word that an unknown one was meant to be, or ``""``."""
        if len(word) > _LONGEST or word.isdigit():
            return ""
        return self._slipped(word) or self._sounds.meant(word)

    def _slipped(self, word: str) -> str:
        if len(word) < _LONG:
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

"""The small grammar in which the lists of a language are written. What they describe is found by ``finding``.

A pattern is words in their order::

    sick                 the word
    sick*                every word that begins so
    (mild|bad) cold      one of several; an alternative may be several words
    very? sick           with or without
    took .. to school    up to three words between, in the same sentence
    be in by #           a number, a time of day, or a number word
    <child> is in        one of the words of [groups] child
    ^ ill $              alone between the ends of a sentence
    not in ?             a question mark

Lists are split at commas and line ends.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from gateway.understanding import folding

_LEXEME = re.compile(r"\s*(\.\.|\(|\)\??|\||<[a-z_]+>\??|#\??|\^\??|\$|[^\s()|<>^$#]+)")


@dataclass(frozen=True, slots=True)
class Word:
    """A word, or with ``stem`` every word that begins so."""

    text: str
    stem: bool = False


@dataclass(frozen=True, slots=True)
class Number:
    """A number or a time of day."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Up to three words."""


@dataclass(frozen=True, slots=True)
class Edge:
    """Where a sentence begins, or ends."""

    end: bool


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several; the single words and stems of them apart, as there can be a hundred."""

    words: frozenset[str] = frozenset()
    stems: tuple[str, ...] = ()
    others: tuple[tuple[Element, ...], ...] = ()


Element = Word | Number | Gap | Edge | Choice


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern with what it stands for. Of each of ``needs``, words and stems, one must stand somewhere in a text that
    it is found in."""

    elements: tuple[Element, ...]
    section: str
    weight: int
    source: str
    needs: tuple[frozenset[str], ...] = ()


class BadPattern(ValueError):
    """A pattern that cannot be read: a sentence says why and what to do."""


Expand = Callable[[str], Sequence[str]]


def split(listed: str | Iterable[str]) -> Iterator[str]:
    """Give the patterns of a list: of a text with commas and line ends, or of several such texts."""
    for text in (listed,) if isinstance(listed, str) else listed:
        for line in text.splitlines():
            if not line.lstrip().startswith("# "):  # a remark, as TOML has none inside a text
                yield from filter(None, map(str.strip, line.split(",")))


def parse(
    source: str, *, section: str, weight: int, groups: Mapping[str, Choice], expand: Expand = lambda word: (word,)
) -> Pattern:
    """Read a pattern. ``expand`` says how the language writes a word out. Raises :class:`BadPattern`."""
    found = _LEXEME.findall(source)
    if "".join(found).replace(" ", "") != re.sub(r"\s", "", source):
        raise BadPattern("a sign in it has no meaning here.")
    reader = _Reader(list(found), groups, expand)
    elements = reader.sequence(inside=False)
    if not any(isinstance(one, Word | Number) or (isinstance(one, Choice) and _solid(one)) for one in elements):
        raise BadPattern("it has no word of its own.")
    if isinstance(elements[0], Gap) or isinstance(elements[-1], Gap):
        raise BadPattern("“..” stands between words, so it cannot begin or end it.")
    return Pattern(tuple(elements), section, weight, source, _needs(elements))


def choice(alternatives: Iterable[Sequence[Element]]) -> Choice:
    """Make one choice of several sequences."""
    words, stems, others = set[str](), list[str](), list[tuple[Element, ...]]()
    for one in alternatives:
        match tuple(one):
            case (Word(text, False),):
                words.add(text)
            case (Word(text, True),):
                stems.append(text)
            case (Choice() as inner,):
                words |= inner.words
                stems += inner.stems
                others += inner.others
            case several:
                others.append(several)
    return Choice(frozenset(words), tuple(stems), tuple(others))


def _solid(one: Choice) -> bool:
    return () not in one.others


def _needs(elements: Sequence[Element]) -> tuple[frozenset[str], ...]:
    """What must be there for each element behind the first, the rarest first."""
    found = [frozenset(words) for one in elements[1:] if (words := _openings(one))]
    return tuple(sorted(found, key=len))


def _openings(one: Element) -> set[str]:
    """The words, and stems with a star, that an element can begin with; none where it may begin with any."""
    match one:
        case Word(text, stem):
            return {text + "*" * stem}
        case Choice(words, stems, others):
            first = [_openings(other[0]) if other else set[str]() for other in others]
            return set[str]().union(words, (stem + "*" for stem in stems), *first) if all(first) else set()
        case _:
            return set()


class _Reader:
    """Reads the signs of one pattern from left to right."""

    def __init__(self, signs: list[str], groups: Mapping[str, Choice], expand: Expand):
        self.signs, self.groups, self.expand, self.at = signs, groups, expand, 0

    def sequence(self, *, inside: bool) -> list[Element]:
        found: list[Element] = []
        while self.at < len(self.signs):
            sign = self.signs[self.at]
            if sign[0] in "|)":
                if not inside:
                    raise BadPattern(f"“{sign}” has no “(” before it.")
                return found
            self.at += 1
            found += self.one(sign)
        if inside:
            raise BadPattern("a “(” is not closed: put a “)” where its alternatives end.")
        return found

    def one(self, sign: str) -> list[Element]:
        match sign:
            case "..":
                return [Gap()]
            case "^" | "$":
                return [Edge(sign == "$")]
            case "(":
                return [self.alternatives()]
        optional = len(sign) > 1 and sign.endswith("?")
        read = self.word(sign[:-1] if optional else sign)
        return [choice([read, ()])] if optional else read

    def alternatives(self) -> Choice:
        found = [self.sequence(inside=True)]
        while self.signs[self.at] == "|":
            self.at += 1
            found.append(self.sequence(inside=True))
        optional = self.signs[self.at] == ")?"
        self.at += 1
        if any(not one for one in found):
            raise BadPattern("an alternative between “(”, “|” and “)” is empty: for with or without, write “(…)?”.")
        return choice([*found, ()] if optional else found)

    def word(self, sign: str) -> list[Element]:
        if sign == "#":
            return [Number()]
        if sign.startswith("<"):
            name = sign.strip("<>")
            if name not in self.groups:
                known = ", ".join(sorted(self.groups)) or "none"
                raise BadPattern(f"there is no group <{name}> in [groups]; there are: {known}.")
            return [self.groups[name]]
        if sign in folding.BREAKS:
            return [Word(sign)]
        if sign.isascii() and sign.isalpha() and sign.islower():  # most of them, and reading thousands takes its time
            return [Word(one) for one in self.expand(sign)]
        stem = sign.endswith("*")
        words = [token.word for token in folding.tokens(folding.fold(sign.removesuffix("*"))) if not token.is_break]
        if not words or "*" in sign.removesuffix("*"):
            raise BadPattern(f"“{sign}” is no word; a star stands only at the end of one.")
        if stem:
            return [*map(Word, words[:-1]), Word(words[-1], True)]
        return [Word(one) for word in words for one in self.expand(word)]

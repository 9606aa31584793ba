"""A text cut into sentences, what each of them says in another language, and what is asked of a translation.

A sentence is translated, remembered and reviewed by itself. Every protected part must be in its translation once, and
no other, and its numbers must be the same: what breaks that rule is no translation, however well it reads.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from channels.translators.base import Marked
from gateway.translating import protecting
from gateway.translating.protecting import Kind, Part, Pieces
from templates import languages

#: Parts that a remembered sentence has in it as they are. Others would be somebody's, or different each time.
_KEPT_AS_WRITTEN: Final = frozenset({Kind.BLANK, Kind.PRICE, Kind.TIME, Kind.DATE, Kind.TERM, Kind.SCHOOL})
_STANDS_FOR = "\ufffc"  #: a protected part, while sentence ends are looked for (Unicode: object replacement character)
_END = re.compile(r"(?<!\s)\s*\n\s*|(?<=[.!?…])[\"'”’»)\]]*\s+|(?<=[。！？।۔؟])\s*")
_SHORT = re.compile(r"(?:^|[\s(])(?:mr|mrs|ms|dr|st|e\.g|i\.e|no|approx|tel|ext|[A-Z])\.$", re.IGNORECASE)
_LONGEST_SHORT = 12  #: characters, more than any of them has
_MOST_TIMES, _MOST_MORE = (
    10,
    1000,
)  #: a version so many times as long as its English, and so many characters more, is none
_SLOT = re.compile(r"\{#(\d+)\}|(\{[a-z][a-z0-9_]*\})")
_UNSPACED = frozenset({"zh", "yue"})
#: Numbers in words, which a service may rightly write in figures.
_SPELT = {
    "one": 1, "once": 1, "first": 1, "two": 2, "twice": 2, "second": 2, "three": 3, "third": 3, "four": 4, "fourth": 4,
    "five": 5, "fifth": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10, "eleven": 11, "twelve": 12,
    "noon": 12, "midday": 12, "quarter": 15, "twenty": 20, "thirty": 30, "half": 30, "hundred": 100,
}  # fmt: skip


class Unfit(Exception):
    """A translation that must not be used; ``str()`` says why, for whoever wrote the English."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence, and the white space after it."""

    pieces: Pieces
    gap: str = field(default="", compare=False)

    @property
    def parts(self) -> tuple[Part, ...]:
        """Its protected parts, in their order."""
        return tuple(protecting.parts(self.pieces))

    @property
    def speaks(self) -> bool:
        """Whether there is anything to translate: a placeholder alone says the same in every language."""
        return any(isinstance(piece, str) and any(map(str.isalpha, piece)) for piece in self.pieces)

    @property
    def personal(self) -> bool:
        """Whether it names somebody: then it is never remembered."""
        return any(part.kind is Kind.NAME for part in self.parts)

    def words(self) -> str:
        """What it says without its protected parts."""
        return " ".join(piece for piece in self.pieces if isinstance(piece, str))

    def written(self, mark: int) -> str:
        """What a mark stands for, ``""`` for one that was never sent."""
        return self.parts[mark].written if mark < len(self.parts) else ""

    def marked(self) -> Marked:
        """What a service may see of it: a mark, counted from nought, for each protected part."""
        return _marked(self.pieces, self.parts)

    def remembered(self) -> str:
        """As the memory knows it: numbers to ring and links are left out, as they are not part of what it says."""
        return _remembered(self.pieces, self.parts, lambda part: part.written)


@dataclass(frozen=True, slots=True)
class Version:
    """A sentence in another language. ``reviewed_by`` is who stands for it, ``""`` while it is a machine's."""

    sentence: Sentence
    pieces: Pieces
    reviewed_by: str = ""

    def shown(self) -> str:
        """As it goes out. A time that ends with a full stop, as in Panjabi, ends its sentence with it."""
        text = ""
        for piece in self.pieces:
            shows = piece if isinstance(piece, str) else piece.shows
            text += shows[1:] if text.endswith(".") and shows.startswith(".") else shows
        return text

    def marked(self) -> Marked:
        """What a service may see of it, to put it back into English."""
        return _marked(self.pieces, self.sentence.parts)

    def remembered(self) -> str:
        """As the memory keeps it."""
        return _remembered(self.pieces, self.sentence.parts, lambda part: part.shows)


def cut(pieces: Pieces) -> list[Sentence]:
    """Cut a text into sentences. Put together with their gaps, they are the text."""
    flat = "".join(piece if isinstance(piece, str) else _STANDS_FOR for piece in pieces)
    found, start = list[Sentence](), 0
    for end in _ends(flat):
        gap_at = start + len(flat[start:end].rstrip())
        found.append(Sentence(_slice(pieces, start, gap_at), flat[gap_at:end]))
        start = end
    return found


def _ends(flat: str) -> Iterator[int]:
    for found in _END.finditer(flat):
        before = flat[max(0, found.start() - _LONGEST_SHORT) : found.start()]
        after = flat[found.end() : found.end() + 1]
        a_line = "\n" in found[0]
        if found.end() == 0 or found.end() == len(flat) or (not a_line and (_SHORT.search(before) or after.islower())):
            continue
        yield found.end()
    if flat:
        yield len(flat)


def _slice(pieces: Pieces, start: int, end: int) -> Pieces:
    """The pieces from one place of the flat text to another, where a part takes one place."""
    found, at = list[str | Part](), 0
    for piece in pieces:
        size = len(piece) if isinstance(piece, str) else 1
        if at < end and at + size > start:
            found.append(piece[max(0, start - at) : end - at] if isinstance(piece, str) else piece)
        at += size
    return tuple(found)


def read(sentence: Sentence, answer: Marked, language: str) -> Version:
    """Take a service's answer for a sentence. Raises :class:`Unfit`."""
    parts = sentence.parts
    if any(isinstance(piece, int) and piece >= len(parts) for piece in answer):
        raise Unfit("something came back that was never sent")
    return _checked(
        sentence, _spaced([piece if isinstance(piece, str) else parts[piece] for piece in answer], language)
    )


def recall(sentence: Sentence, text: str, reviewed_by: str) -> Version:
    """Take a remembered translation for a sentence. Raises :class:`Unfit`."""
    open_parts = [part for part in sentence.parts if part.kind not in _KEPT_AS_WRITTEN]
    pieces, end = list[str | Part](), 0
    for found in _SLOT.finditer(text):
        pieces.append(text[end : found.start()])
        if found[2]:
            pieces.append(Part(Kind.BLANK, found[2], found[2]))
        elif int(found[1]) <= len(open_parts):
            pieces.append(open_parts[int(found[1]) - 1])
        else:
            raise Unfit("a link or number stands in it that the English has not")
        end = found.end()
    made = Version(sentence, (*pieces, text[end:]), reviewed_by)
    wanted = Counter(part.written for part in sentence.parts if part.kind in (Kind.BLANK, Kind.LINK, Kind.PHONE))
    if Counter(part.written for part in protecting.parts(made.pieces)) != wanted:
        raise Unfit("its placeholders are others than those of the English")
    shown = made.shown().casefold()
    for term in (part.shows for part in sentence.parts if part.kind is Kind.TERM):
        if not reviewed_by and term.casefold() not in shown:
            raise Unfit(f"the glossary says “{term}” by now")
    return made


def _checked(sentence: Sentence, pieces: Pieces) -> Version:
    parts = Counter(protecting.parts(pieces))
    wanted = Counter(sentence.parts)
    if lost := wanted - parts:
        raise Unfit(f"{_listed(Counter(part.written for part in lost.elements()))} got lost")
    if doubled := parts - wanted:
        raise Unfit(f"{_listed(Counter(part.written for part in doubled.elements()))} came back twice")
    english = sentence.words()
    words = " ".join(piece for piece in pieces if isinstance(piece, str))
    if len(words) > _MOST_TIMES * len(english) + _MOST_MORE:  # it would be hundreds of text messages
        raise Unfit(f"it came back with {len(words):,} characters for {len(english):,}")
    if not any(map(str.isalpha, words)):
        raise Unfit("it came back empty")
    if set("{}") & set(words):
        raise Unfit("it came back with a brace in it")
    if wrong := lost_number(english, words) or _new_number(english, words):
        raise Unfit(f"the number {wrong} was changed")
    return Version(sentence, pieces)


def lost_number(english: str, other: str) -> str:
    """A number of the English that is not in the other text, ``""`` when there is none."""
    return next(iter(_numbers(english) - _numbers(other)), "")


def _new_number(english: str, other: str) -> str:
    """A number that only the other text has; one that the English spells in words is none."""
    spelt = {str(_SPELT[word]) for word in re.findall(r"[a-z]+", english.casefold()) if word in _SPELT}
    return next((number for number in _numbers(other) - _numbers(english) if number not in spelt), "")


def _numbers(words: str) -> Counter[str]:
    figures = "".join(str(unicodedata.decimal(letter, letter)) for letter in words)
    together = re.sub(r"(?<=\d)[ ,.'\u00a0\u202f\u066c](?=\d{3}(?!\d))", "", figures)
    return Counter(number.lstrip("0") or "0" for number in re.findall(r"\d+", together))


def _spaced(pieces: Sequence[str | Part], language: str) -> Pieces:
    """One space between words, and one beside a protected part where the service has lost it."""
    found = [re.sub(r"\s+", " ", piece) if isinstance(piece, str) else piece for piece in pieces]
    if languages.base(language) not in _UNSPACED:
        for at, piece in enumerate(found):
            if not isinstance(piece, str) or not piece:
                continue
            before = at > 0 and piece[0].isalnum()
            after = at + 1 < len(found) and piece[-1].isalnum()
            found[at] = f"{' ' * before}{piece}{' ' * after}"
    if found and isinstance(found[0], str):
        found[0] = found[0].lstrip()
    if found and isinstance(found[-1], str):
        found[-1] = found[-1].rstrip()
    return tuple(piece for piece in found if piece)


def _marked(pieces: Pieces, parts: Sequence[Part]) -> Marked:
    """Each protected part by its number in the English; equal ones in their order."""
    free = list(range(len(parts)))
    found = list[str | int]()
    for piece in pieces:
        if isinstance(piece, str):
            found.append(piece)
            continue
        number = next((each for each in free if parts[each].written == piece.written), None)
        if number is None:
            found.append(piece.shows)
        else:
            free.remove(number)
            found.append(number)
    return tuple(found)


def _remembered(pieces: Pieces, parts: Sequence[Part], text_of: Callable[[Part], str]) -> str:
    open_parts = [part for part in parts if part.kind not in _KEPT_AS_WRITTEN]
    return "".join(
        piece
        if isinstance(piece, str)
        else text_of(piece)
        if piece.kind in _KEPT_AS_WRITTEN
        else f"{{#{open_parts.index(piece) + 1}}}"
        for piece in pieces
    )


def _listed(found: Counter[str]) -> str:
    return " and ".join(f"“{one}”" for one in found)

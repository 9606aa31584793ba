"""What no translation service may see or change, found in a text before it leaves the house.

Each such part stands outside the words: the service gets a mark in its place. What comes back is put together by us:
placeholders, names, telephone numbers, links and prices as they stood, times as the language writes them, the school's
own terms in the wording of its glossary.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import time
from enum import StrEnum
from typing import Final, TypeAlias

from templates import formats, languages


class Kind(StrEnum):
    """What a protected part is."""

    BLANK = "placeholder"  #: a placeholder, filled in for each family
    LINK = "link"
    PHONE = "phone number"
    PRICE = "price"
    TIME = "time"
    DATE = "date"  #: in figures; one in words is for the service to translate, and is compared afterwards
    TERM = "term of the glossary"
    SCHOOL = "school"
    NAME = "name"


@dataclass(frozen=True, slots=True)
class Part:
    """A protected part: as it is ``written`` in the text, and as the other language ``shows`` it."""

    kind: Kind
    written: str
    shows: str


#: A text taken apart: words for the service, and protected parts.
Pieces: TypeAlias = tuple[str | Part, ...]


@dataclass(frozen=True, slots=True)
class Care:
    """What to look for beside what every text may have. All in the spelling of the text, but terms in small letters."""

    language: str = languages.ENGLISH
    names: Collection[str] = ()
    school: Collection[str] = ()
    terms: Mapping[str, str] | None = None


_CLOCK = r"(?:1[0-2]|0?[1-9])(?:[.:][0-5]\d)?"
_HALF = r"\s?[ap](?:\.m\.|m\b)"
_ENDS = r"uk|com|org|net|info|edu|school|eu|ie|example"
#: Every capital that a name in Latin, Greek or Cyrillic letters begins with; an accent may be a letter of its own.
_CAPITAL = f"[{''.join(filter(str.isupper, map(chr, (*range(0x0530), *range(0x1E00, 0x1F00)))))}]"
_TITLE = r"\b(?:Mr|Mrs|Ms|Miss|Mx|Dr|Sir|Dame|Revd?|Prof|Cllr|Madame?)\b"
_NAME = rf"(?!{_TITLE})(?:{_CAPITAL}\.[^\S\n]*)*{_CAPITAL}[\w\u0300-\u036f'’-]*"
_PARTICLE = r"(?:(?:d[aeiou]|del|della|van|von|der|den|ter|el|al|bin|ibn|la|le|ap)(?:[^\S\n]+|-)|d['’])"
_BLANK: Final = ("blank", r"\{[a-z][a-z0-9_]*\}")
_LINKS: Final = (
    ("link", r"(?:https?://|www\.)[^\s<>]+|(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+"),
    ("site", rf"(?<![\w.-])(?:[a-z0-9-]+\.)+(?:{_ENDS})\b(?:/[^\s<>]*)?"),
)
_FIGURES: Final = (
    ("date", r"\b\d{1,2}/\d{1,2}(?:/\d{2,4})?\b|\b\d{4}-\d{2}-\d{2}\b"),
    ("phone", r"(?<![\w+])(?:\+\d|\(?0\d)[\d ()-]{7,}\d"),
    ("price", r"[£€$]\s?\d+(?:,\d{3})*(?:\.\d+)?|\b\d+p\b(?!\.m\b)"),
    # «4 to 5pm»: a service that saw the 4 alone would leave it in the morning.
    ("span", rf"\b{_CLOCK}(?:\s?[-–]\s?|\s(?:to|until|till|and|or)\s){_CLOCK}{_HALF}"),
    ("time", rf"\b{_CLOCK}{_HALF}|\b(?:[01]?\d|2[0-3]):[0-5]\d\b"),
    # All names after the first one too, up to an 's: a word too many stays English, a name too few leaves the house.
    ("titled", rf"{_TITLE}\.?\s+(?:{_PARTICLE})*{_NAME}(?:(?<!['’]s)[^\S\n]+(?:{_PARTICLE})*{_NAME})*"),
)
_KINDS: Final = {
    "blank": Kind.BLANK, "link": Kind.LINK, "site": Kind.LINK, "date": Kind.DATE, "phone": Kind.PHONE,
    "price": Kind.PRICE, "time": Kind.TIME, "titled": Kind.NAME, "name": Kind.NAME, "school": Kind.SCHOOL,
    "term": Kind.TERM,
}  # fmt: skip


def take_apart(text: str, care: Care) -> Pieces:
    """Find the protected parts of a text. Put together again, the pieces are the text."""
    pieces, end = list[str | Part](), 0
    for found in _pattern(care).finditer(text):
        if found.start() > end:
            pieces.append(text[end : found.start()])
        made = _made(found, care)
        pieces += made
        end = found.start() + len(whole(made))
    return tuple(pieces + ([text[end:]] if end < len(text) else []))


def _pattern(care: Care) -> re.Pattern[str]:
    """What stands first wins where two begin at the same place. A name goes before figures, none of which may take a
    piece out of it, and after links, out of which it must not take one."""
    listed = (("name", care.names, ""), ("school", care.school, ""), ("term", care.terms or (), "i"))
    own = [
        (kind, rf"(?{flag}:(?<!\w)(?:{'|'.join(map(re.escape, sorted(words, key=len, reverse=True)))})(?!\w))")
        for kind, words, flag in listed
        if words
    ]
    return re.compile("|".join(f"(?P<{kind}>{pattern})" for kind, pattern in (_BLANK, *_LINKS, *own, *_FIGURES)))


def _made(found: re.Match[str], care: Care) -> Pieces:
    written, kind = found[0], found.lastgroup or ""
    if kind == "span":
        return tuple(_span(written, care.language))
    if kind in ("link", "site"):  # at the end of a sentence its full stop is none of a link's
        written = written.rstrip(".,;:!?)’'\"")
    shows = written
    if kind == "time":
        shows = _time(written, care.language)
    elif kind == "term":
        shows = (care.terms or {}).get(written.casefold(), written)
    return (Part(_KINDS[kind], written, shows),)


def _span(written: str, language: str) -> Iterator[str | Part]:
    """The two ends of a span of time, each with its half of the day: 11 to 1pm begins in the morning."""
    clocks = list(re.finditer(rf"{_CLOCK}", written))
    first, second = clocks[0], clocks[1]
    half = "p" if re.search(r"p\.?m", written) else "a"
    other = "a" if half == "p" else "p"
    begins = half if _moment(first[0], half) < _moment(second[0], half) else other
    yield Part(Kind.TIME, first[0], formats.time(_moment(first[0], begins), language))
    yield written[first.end() : second.start()]
    yield Part(Kind.TIME, written[second.start() :], formats.time(_moment(second[0], half), language))


def _time(written: str, language: str) -> str:
    """A time of day as the language writes it."""
    half = re.search(r"([ap])\.?m", written)
    return formats.time(_moment(written, half[1] if half else ""), language)


def _moment(clock: str, half: str) -> time:
    hour, _, minute = re.sub(r"[^\d.:]", "", clock).rstrip(".").replace(".", ":").partition(":")
    shift = 12 if half == "p" else 0
    return time(int(hour) % 12 + shift if half else int(hour), int(minute or 0))


def whole(pieces: Pieces) -> str:
    """The text that was taken apart."""
    return "".join(piece if isinstance(piece, str) else piece.written for piece in pieces)


def parts(pieces: Pieces) -> Iterator[Part]:
    """Its protected parts, in their order."""
    return (piece for piece in pieces if isinstance(piece, Part))

"""The contract between the gateway and a service that translates. Standard library only.

A text goes out as words with marks in them: a mark stands for what no service may see or change, and comes back at its
place. How a mark is written is each service's own business. A service may lose one or double it: whoever asked looks.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from typing import Protocol, TypeAlias

#: Words, and numbers where the marks stand.
Marked: TypeAlias = tuple[str | int, ...]

#: Spellings of a language among which services choose, the best first; any other language has its tag alone. Panjabi in
#: Arabic letters is not here: what services call ``pa`` is written in Gurmukhi.
_SPELLINGS = {
    "en": ("en-GB", "en"),
    "fil": ("fil", "tl"),
    "pa-Guru": ("pa-Guru", "pa"),
    "pt-BR": ("pt-BR", "pb", "pt"),
    "pt-PT": ("pt-PT", "pt"),
    "zh-Hans": ("zh-Hans", "zh-CN", "zh"),
}


#: What no text may carry, and no database or file takes: control characters, marks that override directions, and half
#: characters, which JSON can spell.
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


class Trouble(StrEnum):
    """Why there is no translation: one closed vocabulary for every service."""

    AUTH = "auth"  #: our key
    QUOTA = "quota"  #: what was paid for is used up
    RATE = "rate"  #: too fast; ask again in a moment
    LANGUAGE = "language"  #: not one of its languages
    TOO_LONG = "too_long"
    GARBAGE = "garbage"  #: what answered does not speak like the service
    UNREACHABLE = "unreachable"
    SERVICE = "service"  #: its own trouble, or a refusal that nobody here knows

    @property
    def lasting(self) -> bool:
        """Whether the next question would meet the same trouble, whatever its language."""
        return self in (Trouble.AUTH, Trouble.QUOTA, Trouble.RATE, Trouble.UNREACHABLE, Trouble.GARBAGE)


class NotTranslated(Exception):
    """There is no translation. ``str()`` is a sentence for staff, without any words of the text."""

    def __init__(self, sentence: str, trouble: Trouble) -> None:
        super().__init__(sentence)
        self.trouble = trouble


class Translator(Protocol):
    """A service. It keeps nothing open between two questions, and asks for its list of languages once.

    ``name``  how the service is called in tables and sentences
    """

    name: str

    async def reach(self, tags: Iterable[str]) -> frozenset[str]:
        """Those of our language tags that it translates from English, and back. Raises :class:`NotTranslated`."""
        ...

    async def translate(
        self, texts: Sequence[Marked], *, source: str, target: str, context: str = ""
    ) -> Sequence[Marked]:
        """Translate texts, one answer for each in their order. Raises :class:`NotTranslated`.

        ``source`` is a language tag, or ``""`` where the service must find out; ``context`` is what stands around them,
        for services that read it: it is not translated.
        """
        ...


def read(answer: str, mark: re.Pattern[str]) -> Marked:
    """Take an answer apart at its marks, each of which gives its number; the words are escaped as in HTML and XML."""
    pieces = mark.split(_UNSEEN.sub("", answer))
    return tuple(int(piece) if place % 2 else html.unescape(piece) for place, piece in enumerate(pieces))


def code(tag: str, offered: Iterable[str]) -> str | None:
    """A service's own spelling of our language tag; None where it does not offer the language."""
    known = {one.casefold(): one for one in offered}
    return next((known[each.casefold()] for each in _SPELLINGS.get(tag, (tag,)) if each.casefold() in known), None)


def characters(texts: Iterable[Marked]) -> int:
    """How many characters services charge for: those of the words."""
    return sum(len(piece) for text in texts for piece in text if isinstance(piece, str))


def batches(texts: Sequence[Marked], *, most: int, most_characters: int) -> Iterator[Sequence[Marked]]:
    """Cut a list into questions of so many texts and characters at most; one longer text goes alone."""
    batch, size = list[Marked](), 0
    for text in texts:
        length = characters([text])
        if batch and (len(batch) == most or size + length > most_characters):
            yield batch
            batch, size = [], 0
        batch.append(text)
        size += length
    if batch:
        yield batch

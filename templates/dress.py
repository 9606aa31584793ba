"""How words and values are dressed for where they go: plain text, a voice or HTML.

Right-to-left text needs care: a Latin name or a number inside it drags the signs beside it to the wrong place. In plain
text each such value is put between U+2068 and U+2069 (Unicode Bidirectional Algorithm, UAX 9, "first strong isolate":
the value's own first letter decides); after U+2067 where an Urdu sentence begins with a Latin name. That is done only
where the text is UCS-2 anyway: one such mark in a GSM-7 text would more than double its price.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from templates import formats, languages

RIGHT_TO_LEFT_ISOLATE: Final = "\u2067"
FIRST_STRONG_ISOLATE: Final = "\u2068"
LEFT_TO_RIGHT_MARK: Final = "\u200e"  #: keeps the groups of a number in order where no isolate may stand: in a value
POP_ISOLATE: Final = "\u2069"

_RTL_BLOCKS: Final = "\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc"
_RTL_LETTER: Final = re.compile(f"[{_RTL_BLOCKS}]")
_OTHER_LETTER: Final = re.compile(rf"[^\W{_RTL_BLOCKS}]")
_LETTER: Final = re.compile(r"[^\W\d_]")
#: Begins with a line end, so that the search may leap from one to the next: it runs over every letter that goes out.
_BLANK_LINES: Final = re.compile(r"\n[ \t]*\n\s*")


def _same(text: str) -> str:
    return text


@dataclass(frozen=True, slots=True)
class Dress:
    """``value`` dresses what is put in, ``phone`` a number. Our own words and web addresses stay as they are.

    ``aloud``  dates, times and numbers are written for a voice to read (:mod:`templates.spoken`)
    """

    value: Callable[[str], str] = _same
    phone: Callable[[str], str] = _same
    aloud: bool = False


def plain(direction: languages.Direction) -> Dress:
    """Dress for a text message or the plain part of an email. Links stay bare, so that phones see them."""
    wrap = _isolate_in_rtl if direction == "rtl" else _isolate_in_ltr
    return Dress(value=wrap, phone=wrap)


def voice() -> Dress:
    """Dress for a call: phone numbers digit by digit, dates and times to be read aloud. Names stay as they are."""
    return Dress(phone=formats.digits, aloud=True)


def direction_of(words: str, language: str) -> languages.Direction:
    """Say which way a text runs: right to left only if it has letters that do (Urdu is often texted in Latin ones)."""
    return "rtl" if languages.direction(language) == "rtl" and _RTL_LETTER.search(words) else "ltr"


def of_its_own(line: str) -> str:
    """Keep a line that runs right to left from turning around what stands beside it in another way of writing."""
    return _wrap(line) if _RTL_LETTER.search(line) else line


def paragraph(text: str) -> str:
    """Escape a text for HTML; its line ends stay line ends."""
    return html.escape(text).replace("\n", "<br>\n")


def paragraphs(literal: str, one: Callable[[str], str] = paragraph) -> str:
    """Make HTML of a text, paragraph by paragraph; blank lines part them."""
    *parts, last = _BLANK_LINES.split(literal)
    return "</p>\n<p>".join([*(one(part.rstrip(" \t")) for part in parts), one(last)])


def _isolate_in_rtl(value: str) -> str:
    # A lone number keeps its order by itself; groups with spaces, as in phone numbers, do not.
    return _wrap(value) if _OTHER_LETTER.search(value) and not value.isdecimal() else value


def _isolate_in_ltr(value: str) -> str:
    return value if value.isascii() or not _RTL_LETTER.search(value) else _wrap(value)


def _wrap(value: str) -> str:
    # A line end closes every isolate (UAX 9, X8), so each line needs a pair of its own.
    return "\n".join(f"{_opening(line)}{line}{POP_ISOLATE}" if line else line for line in value.split("\n"))


def _opening(line: str) -> str:
    """What opens a line: one that begins with a Latin name, and goes on from right to left, runs as it goes on."""
    begins = _LETTER.search(line)
    leads = begins is not None and _RTL_LETTER.fullmatch(begins[0]) is None
    return RIGHT_TO_LEFT_ISOLATE if leads and _RTL_LETTER.search(line) else FIRST_STRONG_ISOLATE

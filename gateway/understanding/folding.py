"""One spelling for every letter, and the words of a text with the places at which they stand.

Accents are taken away where families leave them out on phones (Latin, Greek, Cyrillic), and the vowel signs of Arabic;
in the scripts of India a sign is a vowel and stays. Letters that look alike and are typed for one another become one,
as the three ye of Arabic, Urdu and Persian. The lists are folded in the same way, so any spelling may stand there.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

#: What is looked at of a text, in characters; and of its words, at its beginning and at its end: bounds the time.
MOST_CHARACTERS, _FIRST_WORDS, _LAST_WORDS = 10_000, 240, 60

_LETTERS = str.maketrans(
    {
        "ł": "l",
        "ı": "i",
        "ø": "o",
        "đ": "d",
        "ð": "d",
        "þ": "th",
        "æ": "ae",
        "œ": "oe",
        "ə": "e",
        **dict.fromkeys("ىیېۍےئ", "ي"),
        **dict.fromkeys("أإآٱ", "ا"),
        **dict.fromkeys("ہەةھۀۂۃ", "ه"),
        "ک": "ك",
        "ؤ": "و",
        "ۆ": "و",
        "ې": "ي",
        "ں": "ن",
        "ګ": "گ",
        "ړ": "ر",
        "ډ": "د",
        "ټ": "ت",
        "ڕ": "ر",
        "ڵ": "ل",
        **dict.fromkeys("’‘ʼ`´ʻ＇", "'"),
        "ё": "е",
        "ґ": "г",
        **dict.fromkeys("\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\u00ad\u0640\ufe0f\u0670", None),
        **dict.fromkeys("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069", None),
    }
)
#: Short ends of English words after an apostrophe that belong to the word itself: isn't.
_JOINED = re.compile(r"(?<=n)'(?=t\b)")
_TIME = re.compile(r"\d{1,2}[:.]\d{2}(?!\d|[:.]\d)")
_DATE = re.compile(r"\d{1,2}[/.-]\d{1,2}(?:[/.-]\d{2,4})?(?!\d)")
_SKIN = range(0x1F3FB, 0x1F400)


@dataclass(frozen=True, slots=True)
class Token:
    """A word, a sign of the end of a sentence (``.`` ``?`` ``!`` ``,``), or an emoji; ``start`` and ``end`` are places
    in the folded text, which :class:`Folded` keeps with it."""

    word: str
    start: int
    end: int

    @property
    def is_break(self) -> bool:
        """Whether a sentence or a part of one ends here."""
        return self.word in BREAKS


BREAKS = frozenset({".", "?", "!", ","})
QUESTION_MARKS = frozenset("?؟？⸮")
_BREAK_OF = {
    **dict.fromkeys(QUESTION_MARKS, "?"),
    **dict.fromkeys("!！¡", "!"),
    **dict.fromkeys(',،、，:;؛()[]{}"“”«»–—…/|\t', ","),
    **dict.fromkeys(".。।\n\r۔｡", "."),
}


def fold(text: str) -> str:
    """Give a text in the one spelling that lists and answers are compared in."""
    text = unicodedata.normalize("NFKC", text[:MOST_CHARACTERS]).replace("İ", "i").casefold().translate(_LETTERS)
    text = "".join(
        character
        for character in unicodedata.normalize("NFD", text)
        if not (unicodedata.category(character) == "Mn" and _is_accent(character))
    )
    text = unicodedata.normalize("NFC", text).translate(_LETTERS)
    return _JOINED.sub("", text)


@lru_cache(maxsize=512)
def _is_accent(character: str) -> bool:
    """Whether a mark is one that people leave out: Latin, Greek and Cyrillic accents, Arabic vowel signs."""
    return "\u0300" <= character <= "\u036f" or "\u0610" <= character <= "\u061a" or "\u064b" <= character <= "\u065f"


def tokens(folded: str) -> list[Token]:
    """Give the words of a folded text, with the breaks between its sentences, and its emoji."""
    found: list[Token] = []
    at, end = 0, len(folded)
    while at < end:
        character = folded[at]
        until = at + 1
        if character.isdigit() and (written := _TIME.match(folded, at) or _DATE.match(folded, at)):
            until = written.end()
            found.append(Token(_digits(written[0]), at, until))
        elif _alone(character):
            found.append(Token(character, at, until))
        elif _is_letter(character):
            while until < end and _is_letter(folded[until]) and not _alone(folded[until]):
                until += 1
            found.append(Token(_digits(folded[at:until]), at, until))
        elif character in _BREAK_OF or (character == "-" and folded[at - 1 : at] in {" ", ""}):
            _add_break(found, Token(_BREAK_OF.get(character, ","), at, until))
        at = until
    return found if len(found) <= _FIRST_WORDS + _LAST_WORDS else [*found[:_FIRST_WORDS], *found[-_LAST_WORDS:]]


def _add_break(found: list[Token], sign: Token) -> None:
    """One break is enough; of several in a row a question mark says most."""
    if found and found[-1].is_break:
        if sign.word == "?" or found[-1].word == ",":
            found[-1] = sign if found[-1].word != "?" else found[-1]
        return
    found.append(sign)


def _digits(word: str) -> str:
    if word.isascii():
        return word
    return "".join(str(unicodedata.decimal(one)) if one.isdecimal() else one for one in word)


@lru_cache(maxsize=4096)
def _is_letter(character: str) -> bool:
    return character.isalnum() or unicodedata.category(character) in {"Mn", "Mc"} or character in "&@%"


@lru_cache(maxsize=4096)
def _alone(character: str) -> bool:
    """Whether a character is a word by itself: Chinese and Japanese are written without spaces; emoji stand alone."""
    if ord(character) in _SKIN:
        return False
    category = unicodedata.category(character)
    return (
        "\u3400" <= character <= "\u9fff"
        or "\uf900" <= character <= "\ufaff"
        or (category in {"So", "Sk"} and ord(character) > 0x2000)
    )

"""Letters that got lost on the way into a file: a ``?`` where a letter was, or two wrong signs for one letter.

Only names are looked at. A note may well have a question mark in it; a name never has.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum

#: What a program writes in place of a letter that its encoding does not have.
MARKS = "?\ufffd"
#: How U+FFFD looks once it was itself read as cp1252: the letter was gone before.
TWICE_LOST = "ï¿½"
#: Signs of cp1252 that stand in no name. cp1250's and ISO-8859-2's ł, ą, ś, ż read as cp1252 become some of them.
SIGNS = frozenset("¡¢£¤¥¦§©«¬®°±²³¶¸¹»¼½¾¿×÷€‚„…†‡‰‹›™")

LONGEST = 100  #: a longer one is no name, and slow to compare

# Two letters in a row that may be one letter of UTF-8 read as cp1252, although both are letters: in «Äš» for «Ě» or
# «Ãœ» for «Ü». With other letters in front, «TOMÁŠ» and «KRÍŽ», they are what they look like.
_PAIR = re.compile(r"[ÃÄÅÎÏÐÑØÙ][ŠŒŽšœžŸ]")


class Damage(StrEnum):
    """What happened to a name."""

    LOST = "lost"  #: a mark stands where a letter was: nobody can tell which
    MANGLED = "mangled"  #: UTF-8 that was read as cp1252 or Latin-1: turned back without any doubt
    DOUBTFUL = "doubtful"  #: there are signs in it that no name has; which letters they were cannot be told for sure


_TAKEN = "It was taken as it stands, unless Handbell knows the right name already."
_CURE = "Export the file again as UTF-8, or correct the name in the school's records."
#: What to tell of one name, and its cure.
WORDS = {
    Damage.LOST: (f"A letter of this name was lost on the way into the file. {_TAKEN}", _CURE),
    Damage.DOUBTFUL: (f"There are signs in this name where letters were. {_TAKEN}", _CURE),
    Damage.MANGLED: (
        "This name was UTF-8 that some program read as Windows text. It was turned back.",
        "Export the file again as UTF-8, and do not save it from another program in between.",
    ),
}
#: What to tell of a file with many such names.
ENCODING = (
    "Many names in this file have lost letters: some program wrote or read it in the wrong encoding.",
    "Export it again as UTF-8 (in Excel: Save as, “CSV UTF-8”) and import it again.",
)


@dataclass(frozen=True, slots=True)
class Name:
    """A name as it is taken, and what is wrong with it if anything is."""

    text: str
    damage: Damage | None = None


def read(raw: str) -> Name:
    """Read a name before anything else tidies it: a no-break space may be half of a letter.

    A mangled one is turned back. That is no guess: bytes that are not UTF-8 do not make up letters of it by chance,
    and the other way to read them, «ZoÃ«», is nobody's name.
    """
    if raw.isascii():
        return Name(raw, Damage.LOST if "?" in raw else None)
    text = _turned_back(raw)
    if TWICE_LOST in raw or any(mark in text for mark in MARKS):
        return Name(text.replace(TWICE_LOST, "\ufffd"), Damage.LOST)
    if any(map(_is_sign, text)):
        return Name(raw, Damage.DOUBTFUL)
    return Name(text, Damage.MANGLED if text != raw else None)


def is_damaged(text: str) -> bool:
    """Whether letters of the name are unknown."""
    return any(letter in MARKS or _is_sign(letter) for letter in text)


def may_be(damaged: str, known: str) -> bool:
    """Whether a damaged name may be the known one: each mark or sign stands for one letter, or for a part of one."""
    if not is_damaged(damaged) or is_damaged(known) or len(damaged) > LONGEST:
        return False
    pattern = ""
    for run in re.findall(r"(.)(\1*)", _small(damaged), flags=re.DOTALL):
        letter, length = run[0], len(run[0] + run[1])
        wild = letter in MARKS or _is_sign(letter)
        pattern += rf"\S{{1,{length}}}" if wild else re.escape(letter * length)
    forms = {unicodedata.normalize(form, _small(known)) for form in ("NFC", "NFD")}
    return any(re.fullmatch(pattern, form) for form in forms)


def _small(name: str) -> str:
    """A name in small letters, as many as it had: a capital İ would become two, and each mark stands for one."""
    return "".join(letter.lower() if len(letter.lower()) == 1 else letter for letter in name)


def _turned_back(raw: str) -> str:
    """What the bytes of the name say as UTF-8, as often as they do: some files went wrong twice."""
    text = raw
    for _ in range(3):
        found = _once_back(text)
        if found is None:
            break
        text = found
    return text


def _once_back(text: str) -> str | None:
    if text.isascii() or not (any(map(_is_half, text)) or _PAIR.search(text)):
        return None
    try:
        found = b"".join(map(_bytes, text)).decode()
    except UnicodeError:
        return None
    return found if any(map(str.isalpha, found)) else None


def _bytes(letter: str) -> bytes:
    """The byte that was read as this letter. Windows reads the five that cp1252 leaves out as control characters."""
    try:
        return letter.encode("cp1252")
    except UnicodeEncodeError:
        return letter.encode("latin-1")


def _is_half(letter: str) -> bool:
    """Whether it can only be the second half of a letter: a byte from 80 to BF that is no letter by itself."""
    return not letter.isascii() and (not letter.isalpha() or letter in "ªºµƒˆ") and len(letter.encode("utf-8")) <= 3


def _is_sign(letter: str) -> bool:
    return letter in SIGNS or "\x80" <= letter <= "\x9f"

"""How many parts a text message takes, and the tidying that keeps it cheap.

The rules are those of 3GPP TS 23.038 (alphabets) and 23.040 (parts): a text whose every character is in the GSM 7-bit
alphabet goes as 160 septets in one part or 153 in each of several; any other text goes as UCS-2, 70 or 67 code units.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from typing import Final, Literal, NamedTuple

Encoding = Literal["GSM-7", "UCS-2"]

#: The basic alphabet, TS 23.038 section 6.2.1: one septet each. Note Ç without ç.
GSM_BASIC: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)

#: The extension table, section 6.2.1.1: an escape septet and one more.
GSM_EXTENDED: Final = frozenset("\f^{}\\[~]|€")
GSM: Final = GSM_BASIC | GSM_EXTENDED

#: (units in a lone part, units in each of several), by encoding: the header of a joined part takes six octets.
SIZES: Final[dict[Encoding, tuple[int, int]]] = {"GSM-7": (160, 153), "UCS-2": (70, 67)}

#: Characters that say the same as a cheap one. Only what a reader takes for the same: no "½" (2½ would become 21/2),
#: no letters with their accents taken off.
LOOK_ALIKES: Final = str.maketrans(
    {
        **dict.fromkeys("‘’‚‛ʼʹ′´`", "'"),
        **dict.fromkeys("“”„‟″«»", '"'),
        **dict.fromkeys("‐‑‒–—―−•", "-"),
        "…": "...",
        # spaces of every width, and the tab, which GSM does not have
        **dict.fromkeys(
            "\t\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000", " "
        ),
        **dict.fromkeys("\u2028\u2029\u0085\v", "\n"),
        # marks without width: soft hyphen, zero-width space and joiners, direction marks, variation selectors
        **dict.fromkeys("\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\u2066\u2067\u2068\u2069\ufe0e\ufe0f\ufeff", ""),
        # ligatures that come with text pasted out of a PDF
        "ﬀ": "ff",
        "ﬁ": "fi",
        "ﬂ": "fl",
        "ﬃ": "ffi",
        "ﬄ": "ffl",
    }
)

#: Letters that no decomposition takes apart, as people write them on a keyboard without them.
_BARE: Final = str.maketrans(
    {"ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ı": "i", "œ": "oe", "Œ": "OE", "ð": "d", "Ð": "D", "þ": "th", "Þ": "Th"}
)

#: All that can be in a text which tidying makes GSM-7.
REPLACEABLE: Final = GSM | frozenset(map(chr, LOOK_ALIKES))


def _all_of(characters: Iterable[str]) -> Callable[[str], object]:
    """What finds whether a text has no other characters: three times as fast as asking a set about each of them."""
    return re.compile(f"[{re.escape(''.join(sorted(characters)))}]*").fullmatch


_is_basic, _is_gsm, _is_replaceable = map(_all_of, (GSM_BASIC, GSM, REPLACEABLE))


class Segments(NamedTuple):
    """What a text costs. ``units`` are septets for GSM-7 and UTF-16 code units for UCS-2."""

    encoding: Encoding
    parts: int
    units: int


def count(text: str) -> Segments:
    """Count the parts of a text as it stands, without tidying it first.

    A pair that belongs together (escape and character, the two halves of a surrogate pair) is never split, so a part
    may have to stay one unit short. The empty text counts as one part, as Twilio's own calculator says.
    """
    encoding: Encoding = "GSM-7" if _is_gsm(text) else "UCS-2"
    lone, joined = SIZES[encoding]
    units = _septets(text) if encoding == "GSM-7" else utf16_units(text)
    if units <= lone:
        return Segments(encoding, 1, units)
    if units == len(text):
        return Segments(encoding, -(-units // joined), units)
    if encoding == "GSM-7":
        widths = (2 if character in GSM_EXTENDED else 1 for character in text)
    else:
        widths = (2 if character > "\uffff" else 1 for character in text)
    return Segments(encoding, _pack(widths, joined), units)


def utf16_units(text: str) -> int:
    """Count UTF-16 code units: two for an emoji, one for most else."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def tidy(text: str) -> str:
    """Replace look-alikes (curly quotes, dashes, hard spaces …) where that makes the whole text GSM-7.

    Where something else keeps the text UCS-2 anyway, nothing would be won and much could be lost (the joiners of
    Persian, of the Indic scripts and of emoji carry meaning), so only the line ends and the composition of accents
    are put right. What comes out is what is counted, previewed and sent.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if _is_gsm(text):
        return text
    composed = unicodedata.normalize("NFC", text)
    if _is_replaceable(composed):
        return composed.translate(LOOK_ALIKES)
    # NFC takes some Bengali letters apart: only take it where it does not make the text longer.
    return composed if composed == text or utf16_units(composed) <= utf16_units(text) else text


def fold(text: str) -> str:
    """Take off the accents that GSM-7 does not have, where that makes the text shorter by a part: Proszę, Prosze.

    Only for languages whose readers know it from their own texts; the school says for which. Accents that cost nothing
    (é, ö, ñ) stay, and so does a text that would cost as much without, or that has letters of another script.
    """
    folded = tidy(bare(text))
    return folded if _is_gsm(folded) and count(folded).parts < count(text).parts else text


def bare(text: str) -> str:
    """Write each letter that GSM-7 does not have without its accents, if it then has it; everything else stays."""
    return "".join(map(_without_accents, unicodedata.normalize("NFC", text)))


def dear(text: str) -> list[str]:
    """Give the characters for which alone a text is UCS-2, each once, in their order."""
    return [character for character in dict.fromkeys(text) if character not in REPLACEABLE]


def replaced(text: str, sent: str) -> dict[str, str]:
    """Give the characters of a text that :func:`tidy` replaced on its way to what was sent, and by what."""
    return {c: LOOK_ALIKES[ord(c)] for c in dict.fromkeys(text) if ord(c) in LOOK_ALIKES and c not in sent}


def _without_accents(character: str) -> str:
    if character in GSM:
        return character
    letters = unicodedata.normalize("NFD", character.translate(_BARE))
    plain = "".join(letter for letter in letters if unicodedata.category(letter) != "Mn")
    return plain if GSM.issuperset(plain) and plain else character


def _septets(text: str) -> int:
    return len(text) if _is_basic(text) else len(text) + sum(map(text.count, GSM_EXTENDED))


def _pack(widths: Iterable[int], size: int) -> int:
    """Fill parts of ``size`` units in order, never splitting one width; give the number of parts."""
    parts, used = 1, 0
    for width in widths:
        if used + width > size:
            parts, used = parts + 1, 0
        used += width
    return parts

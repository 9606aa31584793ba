"""Which answer of a menu a family means: by its digit, with or without courtesy, or by its words in any language.

Only what can mean one answer alone is taken: everything else is for a person to read. The networks' own words are not
this module's business: whoever asks has looked for them before (``gateway/optout.py``).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Final

from gateway.understanding import folding, menu

#: A digit, with a word of courtesy around it: «1 thank you», «Reply 2», «no. 3 please».
_AROUND: Final = re.compile(
    r"(?:(?:reply|answer|option|number|no)\W*)?(?P<key>\d)"
    r"(?:\W+(?:please|pls|thanks|thank you|thx|dziekuje|prosze|merci|gracias|shukriya|mulțumesc))*\W*",
    re.IGNORECASE,
)
#: A digit written out, as families do in English.
_SPELT: Final = {"one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7", "eight": "8"}


def key(text: str, options: Mapping[str, Sequence[str]]) -> str:
    """The key of the one option that a whole text means, or ``""``.

    ``options`` has the labels of each key, in whichever languages there are.
    """
    found = menu.digit(text) or _polite(text) or _SPELT.get(folding.fold(text).strip(" .!"), "")
    if found:
        return found if found in options else ""
    said = _words(text)
    meant = {one for one, labels in options.items() if said and any(said == _words(label) for label in labels)}
    return meant.pop() if len(meant) == 1 else ""


def _polite(text: str) -> str:
    found = _AROUND.fullmatch(text.strip())
    return str(unicodedata.decimal(found["key"])) if found else ""


def _words(text: str) -> tuple[str, ...]:
    """The words of a text in the one spelling, without its marks."""
    return tuple(token.word for token in folding.tokens(folding.fold(text)) if not token.is_break)

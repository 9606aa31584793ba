"""A digit alone: the answer of a menu, in whichever script it was typed."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from gateway.understanding.meaning import Intent

#: What the codes of our notices' answers mean (``templates/notices``).
ANSWERS: Final[Mapping[str, Intent]] = MappingProxyType(
    {
        "ill": Intent.ILLNESS,
        "appointment": Intent.MEDICAL_APPOINTMENT,
        "late": Intent.LATE,
        "will_call": Intent.WILL_CALL,
        "unaware": Intent.SAYS_PRESENT,
    }
)

#: Where it is not known what was asked: the menu that schools use most, and «should be in school».
USUAL: Final[Mapping[str, str]] = MappingProxyType({"1": "ill", "2": "appointment", "3": "will_call", "4": "unaware"})

_AROUND = " \t\r\n.,!)(#:*-\u200e\u200f\ufe0f\u20e3"


def digit(text: str) -> str:
    """The one digit that a whole text is, as 0 to 9, or ``""``."""
    said = text.strip(_AROUND)
    return str(unicodedata.decimal(said)) if len(said) == 1 and said.isdecimal() else ""

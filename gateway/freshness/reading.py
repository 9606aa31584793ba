"""What a family writes of its own details: a new number or mailbox, a code, or NO. Pure functions over the words.

Nothing is guessed: two numbers in one text, or one that cannot be called, are for a person to read.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final

from gateway import addresses, numbers
from gateway.models.types import LineType, PointKind

_LONGEST = 300  #: characters: a longer text says more than a number
_PHONE = re.compile(r"(?<![\w@.])[+(]*\d(?:[\s().\-/]*\d){6,16}(?![\w@])")
_SIGN = r"[^\s<>()\[\],;:\"@]"
#: Each part has an end (RFC 5321, 4.5.3.1): a mail of nothing but @ would take minutes otherwise.
_MAILBOX = re.compile(rf"(?<!{_SIGN})(?<!@){_SIGN}{{1,64}}@{_SIGN}{{1,190}}\.{_SIGN}{{1,63}}(?!@|{_SIGN})")
_CODE: Final = re.compile(r"\D{0,20}((?:\d[\s-]?){6})\D{0,20}")
_NO: Final = re.compile(r"\W*no\b\W*(?:(?:it|that|this)\s+(?:was(?:n't| not)|wasnt)\s+me\W*)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Detail:
    """A phone or mailbox that somebody names."""

    kind: PointKind
    address: str
    line_type: LineType = LineType.NONE


def detail(text: str) -> Detail | None:
    """The one phone or mailbox that a text names; None where it names none, several, or one that cannot be."""
    if len(text) > _LONGEST:
        return None
    text = _ascii_digits(text)
    mailboxes = [addresses.read(found.rstrip(".!?")) for found in _MAILBOX.findall(text)]
    phones = [numbers.read(found[0].replace("/", " ")) for found in _PHONE.finditer(_MAILBOX.sub(" ", text))]
    named = {Detail(PointKind.EMAIL, one) for one in mailboxes if isinstance(one, str)}
    named |= {Detail(PointKind.PHONE, one.e164, one.line_type) for one in phones if isinstance(one, numbers.Number)}
    return named.pop() if len(named) == 1 == len(mailboxes) + len(phones) else None


def without_details(text: str) -> str:
    """What a text says beside the number or mailbox that it names."""
    return _PHONE.sub(" ", _MAILBOX.sub(" ", _ascii_digits(text))).strip()


def tells(text: str) -> bool:
    """Whether a text is about the writer's own number or mailbox: «my number is», not «call me on»."""
    said = f" {_folded(text)} "
    return any(cue in said for cue in _cues())


def code(text: str) -> str:
    """The six digits that a text consists of, ``""`` for none."""
    found = _CODE.fullmatch(_ascii_digits(text).strip())
    return re.sub(r"\D", "", found[1]) if found else ""


def contests(text: str) -> bool:
    """Whether a text is the NO that we asked for, and not much more."""
    return _NO.fullmatch(text.strip()) is not None


def _ascii_digits(text: str) -> str:
    """A digit of any script as ours, and without marks that cannot be seen."""
    return "".join(
        str(unicodedata.decimal(one)) if one.isdecimal() else one for one in text if unicodedata.category(one) != "Cf"
    )


def _folded(text: str) -> str:
    return " ".join(re.sub(r"[^\w@']+", " ", unicodedata.normalize("NFKC", text).casefold()).split())


@cache
def _cues() -> tuple[str, ...]:
    source = tomllib.loads((resources.files("gateway.freshness") / "cues.toml").read_text("utf-8"))
    every: Iterable[str] = (cue for cues in source.values() for cue in cues)
    return tuple(f" {_folded(cue)} " if " " in cue or cue.isascii() else _folded(cue) for cue in every)

"""The state of one translation: who has read it, and whether it is still of the English of today.

It stands in the ``.po``, where every translator's tool keeps it, as a comment above the text::

    # state: reviewed by Anna Kowalska, 2026-11-28 (seal 3f2a91)

The seal is a check sum of the English and the translation that were read: a text changed since is a draft again,
whichever tool changed it. A text without such a line is what the header ``X-Handbell-State`` says: draft or machine.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from typing import Final, Literal, NamedTuple

#: ``source`` is our English (or the author's own words), ``reviewed`` checked by a named person, ``draft`` not yet read
#: by a speaker of the language, ``machine`` made by a computer for this one occasion or known to be no better.
State = Literal["source", "reviewed", "draft", "machine"]

#: What a catalogue knows besides: ``stale``, the English has changed since, and ``missing``; neither is ever used.
TextState = Literal["reviewed", "draft", "machine", "stale", "missing"]

#: The longest name in a review: with it the line stays one line.
LONGEST_NAME: Final = 50

_PREFIX: Final = "state:"
_TRUST: Final[tuple[State, ...]] = ("machine", "draft", "reviewed", "source")
_REVIEW: Final = re.compile(r"reviewed by (.+), (\d{4}-\d\d-\d\d)(?: \(seal ([0-9a-f]{6})\))?")


class Review(NamedTuple):
    """Who has read a translation and stands for it, and when (an ISO date)."""

    by: str
    on: str

    def __str__(self) -> str:
        return f"reviewed by {self.by}, {self.on}"


class Mark(NamedTuple):
    """What a text's comment says. ``review`` holds only while the seal is that of the text, or while there is none."""

    state: State
    review: Review | None = None


def trusted(state: State) -> bool:
    """Whether words may go out without the school having said that drafts may."""
    return state in ("source", "reviewed")


def weakest(found: Iterable[State]) -> State:
    """Give the state of several texts together; of none, ``source``."""
    have = set(found)
    for state in _TRUST:
        if state in have:
            return state
    return "source"


def default(said: str) -> State:
    """Read the header of a catalogue: nobody can have reviewed what is not there yet, so only two words count."""
    return "machine" if said.strip() == "machine" else "draft"


def read(comments: Iterable[str], *, seal: str, otherwise: State) -> Mark:
    """Read the comments of a text; ``seal`` is that of the text as it stands. What is malformed counts as a draft."""
    line = next((comment for comment in comments if comment.startswith(_PREFIX)), None)
    if line is None:
        return Mark(otherwise)
    said = line.removeprefix(_PREFIX).strip()
    found = _REVIEW.fullmatch(said)
    if found and found[3] in (None, seal):
        return Mark("reviewed", Review(found[1], found[2]))
    return Mark("machine" if said == "machine" else "draft")


def malformed(comments: Iterable[str]) -> str | None:
    """Give the line about the state that nobody understands, if there is one."""
    lines = [comment for comment in comments if comment.startswith(_PREFIX)]
    said = [line.removeprefix(_PREFIX).strip() for line in lines]
    if len(lines) > 1:
        return " / ".join(lines)
    good = not said or _REVIEW.fullmatch(said[0]) or said[0].partition(",")[0] in ("draft", "machine")
    return None if good else lines[0]


def write(comments: Iterable[str], said: str) -> list[str]:
    """Give the comments with another state; ``said`` without its prefix, or ``""`` for none of its own."""
    others = [comment for comment in comments if not comment.startswith(_PREFIX)]
    return [*others, f"{_PREFIX} {said}"] if said else others


def sealed(review: Review, seal: str) -> str:
    """Write a review for :func:`write`."""
    return f"{review} (seal {seal})"


def no_longer(comments: Iterable[str], *, seal: str) -> list[str]:
    """Take back a review whose text has changed, and keep who gave it: somebody to ask. Seal one that has no seal."""
    kept = list(comments)
    line = next((comment for comment in kept if comment.startswith(_PREFIX)), "")
    found = _REVIEW.fullmatch(line.removeprefix(_PREFIX).strip())
    if found is None:
        return kept
    review = Review(found[1], found[2])
    if found[3] in (None, seal):
        return write(kept, sealed(review, seal))
    return write(kept, f"draft, changed since {review}")


def seal(english: Iterable[str], translated: Iterable[str]) -> str:
    """Give the check sum of a text and its translation, of all plural forms."""
    told = "\0".join([*english, "", *translated])
    return hashlib.sha256(told.encode()).hexdigest()[:6]

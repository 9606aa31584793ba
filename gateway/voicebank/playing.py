"""A call from recordings: every part of it is there, piece by piece, or it is not in this language."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.voicebank.bank import Bank
from templates import aloud, phrases, words

_BODY = "body"
_MOST_CHILDREN = 12  #: as many as any language's plural forms need: Arabic has one that begins with eleven


@dataclass(frozen=True, slots=True)
class Call:
    """What one notice says in a call in one language, but for each family's own values."""

    renderer: words.Renderer
    shared: Mapping[str, Any]
    keys: phrases.Answers
    school: str
    school_phone: str

    def body(self, children: Sequence[str], *, recipient: str) -> list[aloud.Piece]:
        """The private part, cut up."""
        given = {**self.shared, "children": children} | ({"recipient": recipient} if recipient else {})
        return aloud.body(self.renderer, given, keys=self.keys)

    def around(self) -> dict[str, list[aloud.Piece]]:
        """The parts around it, cut up."""
        return aloud.around(self.renderer.language, school=self.school, school_phone=self.school_phone, keys=self.keys)


@dataclass(frozen=True, slots=True)
class Recorded:
    """A call whose every piece is there."""

    bank: Bank
    call: Call
    around: Mapping[str, list[dict[str, Any]]]

    def sounds(self, children: Sequence[str], *, recipient: str = "") -> dict[str, list[dict[str, Any]]]:
        """What one family hears for each part of the call, as it is stored with the message."""
        body = self.bank.put_together(self.call.renderer.language, self.call.body(children, recipient=recipient))
        return {**self.around, _BODY: body or []}


def recorded(bank: Bank, call: Call) -> Recorded | None:
    """The call from recordings, None where a piece is missing. Children's names are said, so none can be."""
    language = call.renderer.language
    found = {part: bank.put_together(language, pieces) for part, pieces in _every_part(call).items()}
    around = {part: pieces for part, pieces in found.items() if pieces is not None and part != _BODY}
    return Recorded(bank, call, around) if None not in found.values() else None


def to_record(call: Call) -> list[aloud.Piece]:
    """Everything that is to be recorded for it, each piece once."""
    every = (piece for part in _every_part(call).values() for piece in part)
    return list(dict.fromkeys(piece for piece in every if piece.kind != "name"))


def _every_part(call: Call) -> dict[str, list[aloud.Piece]]:
    """All that may be heard: by families of one child and of several, greeted by name or not."""
    heard = (call.body(["A"] * several, recipient=who) for several in range(1, _MOST_CHILDREN + 1) for who in ("A", ""))
    return {**call.around(), _BODY: list(itertools.chain.from_iterable(heard))}

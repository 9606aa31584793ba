"""A wording taken apart once, at its placeholders, and put together as often as there are people.

The whole template language is ``{name}``. What is put in is never looked at again, so braces, percent signs and tags
inside a value stay what they are: somebody's text.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from templates import errors

_PLACEHOLDER: Final = re.compile(r"\{([a-z][a-z0-9_]*)\}")


@dataclass(frozen=True, slots=True)
class Skeleton:
    """``pieces`` are our own words, always one more than the ``names`` that stand between them."""

    pieces: tuple[str, ...]
    names: tuple[str, ...]

    def fill(self, shown: Mapping[str, str]) -> str:
        """Put the values in. KeyError is a bug of the caller: values are checked before."""
        out = [self.pieces[0]]
        for name, piece in zip(self.names, self.pieces[1:], strict=True):
            out += (shown[name], piece)
        return "".join(out)

    def without(self, absent: Collection[str]) -> Skeleton:
        """Leave out the placeholders of optional values that were not given, with the space before them."""
        pieces: list[str] = [self.pieces[0]]
        names: list[str] = []
        for name, piece in zip(self.names, self.pieces[1:], strict=True):
            if name in absent:
                kept = pieces[-1].rstrip()
                pieces[-1] = kept + piece if kept or names else piece.lstrip()
            else:
                names.append(name)
                pieces.append(piece)
        return Skeleton(tuple(pieces), tuple(names))

    def inline(self, name: str, other: Skeleton) -> Skeleton:
        """Put another wording, placeholders and all, where ``name`` stands."""
        pieces: list[str] = [self.pieces[0]]
        names: list[str] = []
        for own, piece in zip(self.names, self.pieces[1:], strict=True):
            if own == name:
                pieces[-1] += other.pieces[0]
                pieces += other.pieces[1:]
                names += other.names
                pieces[-1] += piece
            else:
                names.append(own)
                pieces.append(piece)
        return Skeleton(tuple(pieces), tuple(names))

    def partly(self, shown: Mapping[str, str]) -> Skeleton:
        """Put in the values that there are already, and keep the other placeholders."""
        pieces: list[str] = [self.pieces[0]]
        names: list[str] = []
        for name, piece in zip(self.names, self.pieces[1:], strict=True):
            if name in shown:
                pieces[-1] += shown[name] + piece
            else:
                names.append(name)
                pieces.append(piece)
        return Skeleton(tuple(pieces), tuple(names))

    def join(self, between: str, other: Skeleton) -> Skeleton:
        """Put another wording after this one."""
        seam = self.pieces[-1] + between + other.pieces[0]
        return Skeleton((*self.pieces[:-1], seam, *other.pieces[1:]), self.names + other.names)

    def words(self) -> str:
        """Give our own words alone."""
        return "".join(self.pieces)


def parse(wording: str, *, where: str) -> Skeleton:
    """Take a wording apart. ``where`` names it in the error, e.g. ``the notice "closure" (sms)``.

    Raises :class:`errors.BadWording` for a brace that belongs to no placeholder.
    """
    found = _PLACEHOLDER.split(wording)
    skeleton = Skeleton(tuple(found[::2]), tuple(found[1::2]))
    stray = re.search(r".{0,12}[{}].{0,12}", skeleton.words())
    if stray:
        raise errors.BadWording(
            f"In {where} there is a brace that is not part of a placeholder, near “{stray[0]}”. "
            "Write placeholders like {date}, in small letters without spaces, and use no other braces."
        )
    return skeleton


def names(wording: str) -> list[str]:
    """Give the placeholders of a wording, sound or not, in order."""
    return _PLACEHOLDER.findall(wording)


def without_names(wording: str) -> str:
    """Give the words of a wording, sound or not, without its placeholders."""
    return _PLACEHOLDER.sub(" ", wording)

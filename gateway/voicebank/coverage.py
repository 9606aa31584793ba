"""What is to be recorded, what is there, and how many families it would serve."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from gateway.database import Session
from gateway.models import Contact
from gateway.models.types import core
from gateway.voicebank.bank import Bank
from templates import aloud

#: Values of these kinds are other words every time.
_FREE: Final = frozenset({"text", "url"})


@dataclass(frozen=True, slots=True)
class Notice:
    """One notice in one language. ``missing`` pieces are still to be recorded; ``free``: its words of the day, too."""

    key: str
    missing: Sequence[aloud.Piece]
    free: bool

    @property
    def whole(self) -> bool:
        """Whether it can be said, but for words of the day."""
        return not self.missing


@dataclass(frozen=True, slots=True)
class Language:
    """A language without a machine voice. ``families`` are the contacts who hear it; ``old`` recordings say what no
    wording of ours says any more.
    """

    tag: str
    families: int
    recorded: int
    wanted: int
    old: int
    notices: Sequence[Notice]


def of(bank: Bank, tag: str, *, families: int) -> Language:
    """How far one language is recorded."""
    lines = aloud.script(tag)
    known = {aloud.fingerprint(tag, line.piece.words) for line in lines}
    there = bank.clips.get(tag, {}).keys()
    notices = [_notice(bank, tag, key) for key in aloud.speakable(tag)]
    return Language(tag, families, len(known & there), len(known), len(there - known), notices)


def _notice(bank: Bank, tag: str, key: str) -> Notice:
    kinds = aloud.kinds(key) | {"phone"}
    pieces = [*_call(tag), *aloud.of_notice(key, tag)]
    pieces += [piece for kind in sorted(kinds - _FREE) for piece in aloud.values_of(kind, tag)]
    return Notice(key, bank.missing(tag, pieces), bool(kinds & _FREE))


def _call(tag: str) -> list[aloud.Piece]:
    return [line.piece for line in aloud.script(tag) if line.where == "call"]


async def every(session: Session, bank: Bank, speaks: Callable[[str], bool]) -> list[Language]:
    """The languages that no machine voice speaks: those that families hear, and those that somebody has recorded.

    The one that serves most families comes first.
    """
    heard = await families(session)
    wanted = {tag for tag in [*heard, *bank.clips] if tag and not speaks(tag)}
    found = [of(bank, tag, families=heard.get(tag, 0)) for tag in wanted]
    return sorted(found, key=lambda one: (-one.families, one.tag))


async def families(session: Session) -> dict[str, int]:
    """How many contacts hear each language in calls."""
    contact = core(Contact).c
    heard = sa.case((contact.spoken_language != "", contact.spoken_language), else_=contact.written_language)
    query = sa.select(heard, sa.func.count()).where(~contact.deceased).group_by(heard)
    return {str(tag): int(count) for tag, count in await session.execute(query)}

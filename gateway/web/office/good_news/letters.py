"""What each family would get: the very words that the kind hour would make, grouped where both parents get the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from channels.base import Medium
from gateway import context
from gateway.database import Session
from gateway.good_news import telling, versions
from gateway.models import MessageState, Praise
from gateway.web.office import naming
from templates import languages

_BY: Final = {Medium.SMS: "by text", Medium.EMAIL: "by email", Medium.VOICE: "by call"}
#: How words are marked that no speaker has read.
_UNREAD: Final = ("draft", "machine")
_GOES: Final = (MessageState.QUEUED, MessageState.HELD)


@dataclass(frozen=True, slots=True)
class Shown:
    """One message: about which pupils, in which language it is, by which medium, to how many people.

    ``wanted`` is the language that the family reads, where it is another; ``draft``: no person has read its words,
    ``machine``: a computer has just made them of a teacher's own.
    """

    pupil_ids: Sequence[int]
    language: str
    name: str
    wanted: str
    by: str
    body: str
    draft: bool
    machine: bool
    people: int

    def whom(self, names: Mapping[int, str]) -> str:
        """The children that it is about: ``Kofi’s and Hodan’s``."""
        return str(naming.listed([f"{names.get(one, 'the child')}’s" for one in self.pupil_ids]))

    @property
    def direction(self) -> str:
        """``rtl`` or ``ltr``."""
        return languages.direction(self.language)


@dataclass(frozen=True, slots=True)
class Letters:
    """All of them; ``unreached`` are the pupils of whom nobody would hear.

    ``untold`` are languages into which the computer puts the teacher's words as they leave, and has not yet.
    """

    shown: Sequence[Shown]
    unreached: Sequence[int]
    untold: Sequence[str] = ()

    @property
    def count(self) -> int:
        """How many messages there are."""
        return sum(one.people for one in self.shown)


async def of(
    session: Session,
    gateway: context.Gateway,
    praises: Sequence[Praise],
    *,
    said: versions.Versions | None = None,
    untold: Sequence[str] = (),
) -> Letters:
    """The messages of these praises, which need not be stored; ``said`` are their words in other languages."""
    rows = await telling.preview(session, gateway, praises, said)
    groups: dict[tuple[object, ...], list[int]] = {}
    found: dict[tuple[object, ...], Shown] = {}
    for row in rows:
        message = row.message
        if message.state not in _GOES:
            continue
        key = (tuple(row.pupil_ids), message.language, message.medium, message.body)
        groups.setdefault(key, []).append(message.contact_id or 0)
        wanted = row.wanted or message.language
        same = languages.base(wanted) == languages.base(message.language)
        found[key] = Shown(
            row.pupil_ids, message.language, languages.english(message.language),
            "" if same else languages.english(wanted), _BY[Medium(message.medium)], message.body,
            message.words_state in _UNREAD, bool(said) and message.words_state == "machine", len(groups[key]),
        )  # fmt: skip
    reached = {pupil_id for one in found.values() for pupil_id in one.pupil_ids}
    every = dict.fromkeys(one.pupil_id for one in praises)
    return Letters(list(found.values()), [one for one in every if one not in reached], untold)

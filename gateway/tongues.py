"""In which languages somebody can be written or spoken to, the best first.

A family that has Pashto on file and reads Dari, too, is better served by Dari than by English. Which languages are near
to one another is no fact that we could ship (some would be an insult): the contact's own further languages count, then
what the school has set (``languages.instead``). English is always there in the end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Protocol

from channels.base import Medium
from config import sections
from templates import languages

Chain = tuple[str, ...]  #: BCP 47 tags, the best first; without the English that follows by itself


class Speaker(Protocol):
    """Whoever has languages: a contact, or a row of one."""

    @property
    def written_language(self) -> str:
        """What they read, ``""`` when nobody has asked."""
        ...

    @property
    def spoken_language(self) -> str:
        """What they hear, ``""`` when nobody has asked."""
        ...

    @property
    def further_languages(self) -> str:
        """What they understand beside it, parted by spaces."""
        ...


def instead(settings: sections.Languages) -> Mapping[str, Chain]:
    """The school's own choice of what comes before English, by language."""
    return MappingProxyType(settings.chosen_instead())


def wanted(medium: Medium, who: Speaker, default: str) -> str:
    """The language that somebody wants a medium in: calls in the spoken one, where there is one."""
    return (who.spoken_language if medium is Medium.VOICE else "") or who.written_language or default


def chain(medium: Medium, who: Speaker, default: str, instead: Mapping[str, Chain] = MappingProxyType({})) -> Chain:
    """Give the languages to try for somebody by a medium. For a call, what they read comes after what they hear."""
    other = who.written_language if medium is Medium.VOICE else ""
    return following((wanted(medium, who, default), other, *who.further_languages.split()), instead)


def following(tags: Sequence[str], instead: Mapping[str, Chain] = MappingProxyType({})) -> Chain:
    """Give the languages to try where these are understood, each once."""
    return _following(tuple(tags), tuple((tag, instead[tag]) for tag in tags if tag in instead))


@lru_cache(maxsize=1024)
def _following(tags: Chain, instead: tuple[tuple[str, Chain], ...]) -> Chain:
    chosen = dict(instead)
    each = [*tags, *(one for tag in tags for one in chosen.get(tag, ()))]
    found = [tag for tag in dict.fromkeys(each) if tag]
    # Whoever reads English needs nothing after it.
    return tuple(found[: found.index(languages.ENGLISH) + 1] if languages.ENGLISH in found else found)

"""Which notice comes in which language by which medium, and how far its words can be trusted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from typing import Literal, NamedTuple

from templates import languages, library, translations, words

#: The weakest of a notice's texts, or ``missing`` where one of them is and English goes instead.
Covered = Literal["source", "reviewed", "draft", "machine", "missing"]


def of(language: str, *, only: str = "") -> dict[tuple[str, str], Covered]:
    """Give what a family that reads the language would get: (key of a notice, medium) -> state; ``only`` by one."""
    return {
        (key, medium): _one(key, medium, language)
        for key, notice in library.notices().items()
        for medium, table in library.MEDIA.items()
        if getattr(notice, table) is not None and only in ("", medium)
    }


def weighted(
    families: Mapping[str, int], medium: str, *, voices: Collection[str] | None = None
) -> dict[str, Counter[Covered]]:
    """Give for each notice how many families would get it in which state; ``families`` is by language.

    ``voices`` are the languages that a machine speaks: by call the words of any other are missing, recordings aside.
    """
    found: dict[str, Counter[Covered]] = {}
    for language, number in families.items():
        unspoken = medium == "voice" and voices is not None and language not in voices
        for (key, by), state in of(language).items():
            if by == medium:
                found.setdefault(key, Counter())["missing" if unspoken else state] += number
    return found


class Share(NamedTuple):
    """Which share of the families (0 to 1) would get a notice in their own language, reviewed or as a draft."""

    notice: str
    own: float
    reviewed: float
    draft: float
    missing: float


def shares(families: Mapping[str, int], medium: str, *, voices: Collection[str] | None = None) -> list[Share]:
    """Give the shares of every notice; see :func:`weighted`. Nothing where there are no families."""
    found: list[Share] = []
    for key, states in weighted(families, medium, voices=voices).items():
        if every := states.total():
            reviewed, draft = states["reviewed"] + states["source"], states["draft"] + states["machine"]
            own = reviewed + draft
            found.append(Share(key, own / every, reviewed / every, draft / every, states["missing"] / every))
    return found


def by_trust() -> dict[Literal["reviewed", "partly", "draft"], list[str]]:
    """Sort the languages that there are words in: every notice was read by a speaker, some were, or none."""
    found: dict[Literal["reviewed", "partly", "draft"], list[str]] = {"reviewed": [], "partly": [], "draft": []}
    for language in translations.languages_available():
        trusted = [state in ("source", "reviewed") for state in of(language).values()]
        found["reviewed" if all(trusted) else "partly" if any(trusted) else "draft"].append(language)
    return found


def _one(key: str, medium: str, language: str) -> Covered:
    made = words.prepare(key, language=language, medium=medium)
    return "missing" if made.language == languages.ENGLISH != language else made.state

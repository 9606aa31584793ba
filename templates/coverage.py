"""Which notice comes in which language by which medium, and how far its words can be trusted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Literal

from templates import languages, library, translations, words

#: The weakest of a notice's texts, or ``missing`` where one of them is and English goes instead.
Covered = Literal["source", "reviewed", "draft", "machine", "missing"]


def of(language: str) -> dict[tuple[str, str], Covered]:
    """Give what a family that reads the language would get: (key of a notice, medium) -> state."""
    return {
        (key, medium): _one(key, medium, language)
        for key, notice in library.notices().items()
        for medium, table in library.MEDIA.items()
        if getattr(notice, table) is not None
    }


def weighted(families: Mapping[str, int], medium: str) -> dict[str, Counter[Covered]]:
    """Give for each notice how many families would get it in which state; ``families`` is by language."""
    found: dict[str, Counter[Covered]] = {}
    for language, number in families.items():
        for (key, by), state in of(language).items():
            if by == medium:
                found.setdefault(key, Counter())[state] += number
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

"""Which notice comes in which language by which medium, and how far its words can be trusted."""

from __future__ import annotations

from typing import Literal

from templates import library, translations, words

#: The weakest of a notice's texts, or ``missing`` where one of them is and English goes instead.
Covered = Literal["source", "reviewed", "draft", "machine", "missing"]


def of(language: str) -> dict[tuple[str, str], Covered]:
    """Give the state of every notice by every medium in exactly that language: (key, medium) -> state."""
    return {
        (key, medium): _one(key, medium, language)
        for key, notice in library.notices().items()
        for medium, table in library.MEDIA.items()
        if getattr(notice, table) is not None
    }


def _one(key: str, medium: str, language: str) -> Covered:
    made = words.prepare(key, language=language, medium=medium)
    return made.state if made.language == language else "missing"


def by_trust() -> dict[Literal["reviewed", "partly", "draft"], list[str]]:
    """Sort the languages that there are words in: every notice was read by a speaker, some were, or none."""
    found: dict[Literal["reviewed", "partly", "draft"], list[str]] = {"reviewed": [], "partly": [], "draft": []}
    for language in translations.languages_available():
        trusted = [state in ("source", "reviewed") for state in of(language).values()]
        found["reviewed" if all(trusted) else "partly" if any(trusted) else "draft"].append(language)
    return found

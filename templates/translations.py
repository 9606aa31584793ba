"""The words in other languages: what the catalogues under ``templates/locale`` have, and how far to trust it."""

from __future__ import annotations

import gettext
from collections.abc import Iterable
from functools import cache
from importlib import resources
from typing import Final, Literal, NamedTuple, NoReturn

from templates import languages

DOMAIN: Final = "handbell"
STATE_HEADER: Final = "X-Handbell-State"

#: ``source`` is our English (or the author's own words), ``draft`` not yet read by a speaker of the language,
#: ``machine`` made by a computer and known as such, ``reviewed`` checked by a named person.
State = Literal["source", "draft", "machine", "reviewed"]


class Source(NamedTuple):
    """One English text to translate. ``context`` keeps equal words of different places apart (gettext's msgctxt)."""

    context: str
    text: str
    plural: str = ""


class Untranslated(LookupError):
    """The catalogue does not have the text. Caught by :func:`speaks`; never meets the user."""


class _Strict(gettext.NullTranslations):
    """What gettext falls back to: it says that the text is missing where gettext would quietly give the English."""

    def pgettext(self, context: str, message: str) -> NoReturn:
        raise Untranslated(context)

    def npgettext(self, context: str, msgid1: str, msgid2: str, n: int) -> NoReturn:
        raise Untranslated(context)


def put(source: Source, *, language: str, n: int = 1) -> str:
    """Give a text in exactly that language, in the plural form for ``n``; raises :class:`Untranslated`."""
    catalogue = _load(language)
    if catalogue is None:
        raise Untranslated(source.context)
    if source.plural:
        return catalogue.npgettext(source.context, source.text, source.plural, n)
    return catalogue.pgettext(source.context, source.text)


def speaks(language: str, sources: Iterable[Source]) -> bool:
    """Whether all of these texts are there in exactly that language."""
    try:
        for source in sources:
            put(source, language=language)
    except Untranslated:
        return False
    return True


def choose(language: str, sources: Iterable[Source]) -> str:
    """Give the language to use: itself, its base, or English. All of the texts or none: no message is half and half."""
    texts = tuple(sources)
    return next(tag for tag in languages.fallbacks(language) if tag == languages.ENGLISH or speaks(tag, texts))


def state(language: str) -> State:
    """Say how far the translation can be trusted."""
    if language == languages.ENGLISH:
        return "source"
    catalogue = _load(language)
    return read_state(catalogue.info().get(STATE_HEADER.lower(), "") if catalogue else "")


def trusted(language: str) -> bool:
    """Whether its words may go out without the school having said that drafts may."""
    return state(language) in ("source", "reviewed")


def read_state(said: str) -> State:
    """Read the header of a catalogue; what is missing or not a word of ours counts as a draft."""
    return "reviewed" if said == "reviewed" else "machine" if said == "machine" else "draft"


def languages_available() -> list[str]:
    """Give the tags of English, first, and of every language with a compiled catalogue."""
    return list(_available())


@cache
def _available() -> tuple[str, ...]:
    folder = resources.files("templates") / "locale"
    found = [entry.name for entry in folder.iterdir() if (entry / "LC_MESSAGES" / f"{DOMAIN}.mo").is_file()]
    return (languages.ENGLISH, *sorted(name.replace("_", "-") for name in found))


@cache
def _load(language: str) -> gettext.NullTranslations | None:
    if language == languages.ENGLISH:
        return gettext.NullTranslations()
    if language not in _available():
        return None
    path = resources.files("templates") / "locale" / language.replace("-", "_") / "LC_MESSAGES" / f"{DOMAIN}.mo"
    with path.open("rb") as file:
        catalogue = gettext.GNUTranslations(file)
    catalogue.add_fallback(_Strict())
    return catalogue

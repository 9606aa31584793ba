"""The words in other languages: what the catalogues have, and how far each text can be trusted.

The catalogues are those under ``templates/locale`` and, text by text above them, those of the school's own folder
(:func:`lay_over`): there is what its volunteers have reviewed.
"""

from __future__ import annotations

import gettext
import io
import itertools
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources
from typing import Final, NamedTuple, NoReturn

from templates import languages, states

DOMAIN: Final = "handbell"
STATE_HEADER: Final = "X-Handbell-State"
STATE_CONTEXT: Final = "state/"  #: before a text's own context: under it the ``.mo`` has the state of the text

State = states.State


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


def state(language: str, sources: Iterable[Source]) -> State:
    """Say how far these texts can be trusted together: as far as the weakest. They must be there: :func:`speaks`."""
    if language == languages.ENGLISH:
        return "source"
    return states.weakest(_state(language, source) for source in sources)


def _state(language: str, source: Source) -> State:
    catalogue = _load(language)
    if catalogue is None:
        return "draft"
    try:
        said = catalogue.pgettext(STATE_CONTEXT + source.context, source.text)
    except Untranslated:
        return _default(language)
    return "reviewed" if said.startswith("reviewed") else states.default(said)


def languages_available() -> list[str]:
    """Give the tags of English, first, and of every language with a catalogue."""
    return list(_available())


def lay_over(own: Mapping[str, bytes]) -> bool:
    """Lay the school's own catalogues, compiled, over ours; say whether they are others than before.

    For :mod:`templates.own_words` alone, which also clears what was made with those.
    """
    if own == _own:
        return False
    _own.clear()
    _own.update(own)
    for made in (_available, _load, _default):
        made.cache_clear()
    return True


#: The one thing that this package keeps of an installation, as gettext keeps its folders: the school's own words.
_own: dict[str, bytes] = {}


@cache
def _available() -> tuple[str, ...]:
    folder = resources.files("templates") / "locale"
    found = (entry.name for entry in folder.iterdir() if (entry / "LC_MESSAGES" / f"{DOMAIN}.mo").is_file())
    return (languages.ENGLISH, *sorted({name.replace("_", "-") for name in found} | _own.keys()))


@cache
def _load(language: str) -> gettext.NullTranslations | None:
    if language == languages.ENGLISH:
        return gettext.NullTranslations()
    if language not in _available():
        return None
    own = [gettext.GNUTranslations(io.BytesIO(_own[language]))] if language in _own else []
    layers = [*own, *_ours(language), _Strict()]
    for upper, lower in itertools.pairwise(layers):
        upper.add_fallback(lower)
    return layers[0]


def _ours(language: str) -> list[gettext.NullTranslations]:
    path = resources.files("templates") / "locale" / language.replace("-", "_") / "LC_MESSAGES" / f"{DOMAIN}.mo"
    if not path.is_file():
        return []
    with path.open("rb") as file:
        return [gettext.GNUTranslations(file)]


@cache
def _default(language: str) -> State:
    """What our catalogue's header says of the texts without a state of their own."""
    return states.default("".join(one.info().get(STATE_HEADER.lower(), "") for one in _ours(language)))

"""The words with which a family chooses its language, and is told that it has."""

from __future__ import annotations

from typing import Final

from templates import dress, languages, phrases, segments, states, words

NOTICE: Final = "language_menu"
ENGLISH_KEY, OWN_KEY = "1", "2"
_PROMISED: Final = ("absence_check", "absence_chase")  #: what a family that chooses a language must be able to read
KEYS: Final = ENGLISH_KEY + OWN_KEY  #: the answers of :data:`NOTICE`, in the order of its menu


def offered(language: str, *, drafts: bool) -> bool:
    """Whether a family may be asked if it wants this language: it would be asked about an absence in it, too.

    ``drafts``  whether the school sends what nobody has reviewed
    """
    if not may_be_named(language, drafts=drafts):
        return False
    made = [words.prepare(notice, language=language, medium="sms") for notice in _PROMISED]
    return all(one.language == language and (drafts or states.trusted(one.state)) for one in made)


def may_be_named(language: str, *, drafts: bool) -> bool:
    """Whether we have words in which this language is chosen, and they may go out."""
    if language == languages.ENGLISH or phrases.language_for("language", language) != language:
        return False
    return drafts or states.trusted(phrases.state("language", language))


def question(language: str, *, school: str, school_phone: str) -> str:
    """Ask by text, in English, and below it in the language itself: ``Reply 2 for اردو``."""
    asked = words.prepare(NOTICE, language=languages.ENGLISH, medium="sms")
    own = languages.table()[language].own
    english = asked.fill({"language": own, "school": school, "school_phone": school_phone}).text
    theirs = phrases.parsed("language", "reply", language).fill({"key": OWN_KEY})
    return segments.tidy(f"{english}\n{dress.of_its_own(theirs)}")


def chosen(language: str, *, school: str) -> str:
    """Thank them, in the language that they have chosen."""
    clothes = dress.plain(languages.direction(language))
    return segments.tidy(phrases.parsed("language", "chosen", language).fill({"school": clothes.value(school)}))


def press(language: str, key: str) -> str:
    """Say in a language which key of a call leads to it."""
    return phrases.parsed("language", "press", language).fill({"key": key})

"""The words that ask whether a phone or mailbox is still right, and those about a new one. None names a child."""

from __future__ import annotations

from typing import Final

from templates import dress, languages, phrases, segments

CONFIRMED_KEY, CHANGED_KEY = "1", "2"  #: those of the notice ``verify_details`` too
KEYS: Final = CONFIRMED_KEY + CHANGED_KEY
NO: Final = "NO"  #: the word with which a change is contested; no network takes it as opting out


def question(language: str, *, mailbox: bool) -> str:
    """Ask whether a number, or a mailbox, is still the best one."""
    return _say("mailbox" if mailbox else "number", language, yes=CONFIRMED_KEY, changed=CHANGED_KEY)


def ask_new(language: str, *, school: str, school_phone: str) -> str:
    """Ask for the new number or address."""
    return _say("ask_new", language, school=school, school_phone=school_phone)


def code(language: str, *, school: str, code: str) -> str:
    """Send a code to a new number or address."""
    return _say("code", language, school=school, code=code)


def sent(language: str, *, school: str) -> str:
    """Say that the code is on its way."""
    return _say("sent", language, school=school)


def checked(language: str, *, school: str) -> str:
    """Say that the code came back, and that a person decides."""
    return _say("checked", language, school=school)


def changed(language: str, *, school: str, school_phone: str) -> str:
    """Tell the old number or address that it was changed."""
    return _say("changed", language, school=school, school_phone=school_phone, no=NO)


def _say(name: str, language: str, **given: str) -> str:
    clothes = dress.plain(languages.direction(phrases.language_for("details", language)))
    filled = phrases.parsed("details", name, language).fill({k: clothes.value(v) for k, v in given.items()})
    return segments.tidy(filled)

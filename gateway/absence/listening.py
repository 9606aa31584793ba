"""Words: what the understanding of replies says, as the cases want it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from gateway.absence import meaning
from gateway.absence.meaning import Heard, Meaning
from gateway.understanding import language, reading
from gateway.understanding import meaning as words
from templates import library

_SURE = 0.5  #: below this a person reads it; what is urgent is never left for that


def by_words(known: Mapping[str, language.Language]) -> meaning.Understanding:
    """An understanding that reads the menu's digits, and words in the languages that are ``known``."""

    def understand(heard: Heard) -> Sequence[Meaning]:
        if pressed := meaning.by_menu(heard):
            return pressed
        menu = {answer.key: answer.code for answer in library.notice(meaning.CHECK).answers} if heard.asked else {}
        names = [child.name for child in heard.children]
        asked = reading.Asked(heard.day, names, menu=menu, language=heard.language)
        return tuple(_said(reading.understand(heard.body, asked, languages=known), heard))

    return understand


def _said(found: words.Meaning, heard: Heard) -> Iterator[Meaning]:
    """Of each child that is named; else of all that were asked about, or of the only one. A stranger's words are
    about no child that is known here."""
    if found.children:
        for name, one in found.children:
            pupil_ids = tuple(child.pupil_id for child in heard.children if child.name == name)
            yield from _meaning(one, pupil_ids)
    elif heard.asked or len(heard.children) <= 1 or found.urgent:
        yield from _meaning(found, tuple(child.pupil_id for child in heard.children))


def _meaning(one: words.Meaning, pupil_ids: Sequence[int]) -> Iterator[Meaning]:
    if one.urgent or one.confidence >= _SURE:
        yield Meaning(one.intent, pupil_ids, one.code or "", one.urgent, one.days.until, one.days.since)

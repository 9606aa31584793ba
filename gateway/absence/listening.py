"""Words: what the understanding of replies says, as the cases want it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import time

from gateway.absence import meaning
from gateway.absence.meaning import Child, Heard, Meaning
from gateway.understanding import children, language, reading
from gateway.understanding import meaning as words
from gateway.understanding.meaning import Intent
from templates import library


def by_words(
    known: Mapping[str, language.Language], *, registers_close: Callable[[], time] = lambda: reading.REGISTERS_CLOSE
) -> meaning.Understanding:
    """An understanding that reads the menu's digits, and words in the languages that are ``known``.

    ``registers_close`` is asked each time, as the calendar may change.
    """

    def understand(heard: Heard) -> Sequence[Meaning]:
        if pressed := meaning.by_menu(heard):
            return pressed
        if heard.unsure:  # the digit stands in the words, too
            return ()
        menu = {answer.key: answer.code for answer in library.notice(meaning.CHECK).answers} if heard.asked else {}
        called = _called(heard)
        asked = reading.Asked(
            heard.day, list(called), menu=menu, language=heard.language, registers_close=registers_close()
        )
        return tuple(said(reading.understand(heard.body, asked, languages=known), heard, called))

    return understand


def _called(heard: Heard) -> Mapping[str, Sequence[Child]]:
    """The children by the name that a family would write: two that share it («Ana», «Ana Maria») are together."""
    found: dict[str, list[Child]] = {}
    for child in (*heard.children, *heard.also):
        for word in children.words([child.name]):
            found.setdefault(word, []).append(child)
    return {group[0].name: group for group in found.values()}


def said(found: words.Meaning, heard: Heard, called: Mapping[str, Sequence[Child]]) -> Iterator[Meaning]:
    """Of each child that is named; else of all that were asked about, or of the only one. A stranger's words are
    about no child that is known here."""
    if found.children:
        for name, one in found.children:
            pupil_ids = tuple(child.pupil_id for child in called[name])
            if one.urgent or (len(pupil_ids) == 1 and one.confidence >= reading.SURE):
                yield _meaning(one, pupil_ids)
            else:  # not understood, or nobody knows which of two is meant: a person must read it
                yield Meaning(Intent.OTHER, pupil_ids)
        if found.urgent and not any(one.urgent for _, one in found.children):  # nobody knows of whom it is said
            yield _meaning(found, tuple(child.pupil_id for name, _ in found.children for child in called[name]))
    elif found.urgent or (found.confidence >= reading.SURE and (heard.asked or len(heard.children) <= 1)):
        yield _meaning(found, tuple(child.pupil_id for child in heard.children))


def _meaning(one: words.Meaning, pupil_ids: Sequence[int]) -> Meaning:
    return Meaning(
        intent=one.intent,
        pupil_ids=pupil_ids,
        code=one.code or "",
        urgent=one.urgent,
        until=one.days.until,
        since=one.days.since,
        times=one.times,
        named=one.days.named,
        over=one.over,
        away=one.away,
    )

"""``handbell explain reply``: what a family's answer means, and which words led there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.commands import lines, opening, showing

if TYPE_CHECKING:
    from datetime import date

    from gateway.understanding.meaning import Meaning

Text = Annotated[str | None, typer.Argument(metavar="TEXT", help="What the family wrote, in quotes.")]
Jsonl = Annotated[
    bool,
    typer.Option(
        "--jsonl", help='Read {"id", "text", "language"} objects from standard input, one a line, and answer each.'
    ),
]
#: A line that a mail program writes above or before what it quotes.
_QUOTES = re.compile(r"^\s*>|^\s*-{2,}|:\s*$", re.MULTILINE)


def reply(
    ctx: typer.Context,
    text: Text = None,
    jsonl: Jsonl = False,
    language: Annotated[str, typer.Option(help="The family's language on file, such as pl.")] = "",
    child: Annotated[
        list[str] | None, typer.Option(help="The name of a child of this family; again for each.", metavar="NAME")
    ] = None,
    notice: Annotated[str, typer.Option(help="The wording that is answered: its menu says what a digit means.")] = "",
    today: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The day on which it was written; else today.")
    ] = None,
) -> None:
    """Say what a family's answer means: intent, register code, urgency, until when, and the words that led there.

    To an invitation (--notice event_invitation): whether they are coming.
    """
    from gateway.understanding import library, reading
    from templates import library as wordings

    known = library.load(opening.words_folder(ctx))
    menu = {one.key: one.code for one in wordings.notice(notice).answers} if notice else None
    if menu and "coming" in menu.values() and text is not None and not jsonl:
        _tell_coming(text, menu, language)
        return
    day = (today or datetime.now(opening.timezone(ctx))).date()

    def understood(words: str, its_language: object = None) -> Meaning:
        spoken = its_language if isinstance(its_language, str) else language
        asked = reading.Asked(day, children=tuple(child or ()), menu=menu, language=spoken)
        return reading.understand(_own_words(words), asked, languages=known)

    def answered(words: str, line: Mapping[str, Any]) -> Mapping[str, object]:
        return _as_data(understood(words, line.get("language")))

    if jsonl == (text is not None):
        raise typer.BadParameter("give either a text or --jsonl.")
    if jsonl:
        lines.each(answered, failed=_nothing)
        return
    _tell(understood(text or ""))


def _tell_coming(text: str, menu: Mapping[str, str], language: str) -> None:
    """What an answer to an invitation says, and why."""
    from gateway.events import understanding
    from gateway.understanding import menu as digits

    found = understanding.read(_own_words(text), language=language)
    if digit := digits.digit(text) or found.digit:
        code = menu.get(digit, "")
        showing.say(
            f"{code.replace('_', ' ')}: “{digit}” is the menu's answer." if code else f"“{digit}” is no answer."
        )
        return
    said = found.meaning.replace("_", " ") or "not clear: a person must read it"
    showing.say(f"{said}{'; an interpreter is asked for' if found.interpreter else ''}.")
    if found.clock:
        showing.say(f"It chooses {found.clock:%H:%M}, where there is such a time.")
    for sentence in found.because:
        showing.say(f"{sentence}.")


def _own_words(text: str) -> str:
    """Leave out what a mail quotes. A text message has nothing of the kind, and is not touched."""
    if "\n" not in text or not _QUOTES.search(text):
        return text
    from gateway import wiring

    return wiring.new_words(text)


def _as_data(found: Meaning) -> Mapping[str, object]:
    told: dict[str, object] = {
        "intent": found.intent.value,
        "code": found.code,
        "urgent": found.urgent,
        "confidence": found.confidence,
        "because": " ".join(_sentence(one) for one in found.because),
        "until": _iso(found.days.until),
    }
    if found.days.back:
        told["back"] = _iso(found.days.back)
    if found.children:
        told["children"] = [
            {"name": name, "intent": one.intent.value, "code": one.code, "until": _iso(one.days.until)}
            for name, one in found.children
        ]
    return told


def _sentence(because: str) -> str:
    return because if because.endswith(".") else f"{because}."


def _nothing(why: str) -> Mapping[str, object]:
    nothing = {"intent": "other", "code": None, "urgent": False, "confidence": 0.0, "because": "", "until": None}
    return {**nothing, "error": why}


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None


def _tell(found: Meaning) -> None:
    code = f"suggested code {found.code}" if found.code else "no code suggested"
    until = f", until {found.days.until:%A %d %B}" if found.days.until else ""
    back = f", back on {found.days.back:%A %d %B}" if found.days.back else ""
    showing.say(f"{found.intent.value}, {code}{until}{back} (confidence {found.confidence:.0%}).")
    if found.urgent:
        showing.say("Urgent: a child may be missing or unsafe. A person must look at once.")
    for name, one in found.children:
        showing.say(f"{name}: {one.intent.value}, {f'code {one.code}' if one.code else 'no code'}.")
    for sentence in found.because:
        showing.say(_sentence(sentence))
    if not found.because:
        showing.say("No word in it says anything that is known: a person must read it.")

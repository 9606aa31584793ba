"""Answers that are ready, in a file that a school can copy and change: by key, in languages, with blanks to fill in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime, time
from importlib import resources
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from config.settings import Settings
from gateway import errors
from gateway.definitions import model
from gateway.registers import files
from templates import errors as wrong
from templates import languages, library, segments, skeleton

_Words = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
#: What every answer may name without anybody giving it.
_OWN: Final = frozenset({"school", "school_phone", "recipient"})


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Blank(_Strict):
    """A blank to fill in: what may stand there, and how the office is told."""

    type: Literal["text", "date", "time", "datetime", "number"] = "text"
    help: str = ""


class Answer(_Strict):
    """One answer."""

    title: _Words
    text: dict[model.Language, _Words]
    values: dict[str, Blank] = {}

    @model_validator(mode="after")
    def _whole(self) -> Answer:
        if "en" not in self.text:
            raise ValueError('an answer needs English at least — add text.en = "…"')
        if taken := self.values.keys() & (_OWN | library.DERIVED):
            raise ValueError(f"{sorted(taken)[0]} is filled in by Handbell — take it out of values")
        known = {name: library.Value(type="text", help="") for name in self.values.keys() | _OWN}
        for language, text in self.text.items():
            where = f"the words in {language}"
            try:
                library.check_names(skeleton.parse(text, where=where), known, where=where)
            except wrong.WordingError as error:
                raise ValueError(f"{error} — name it under values, or take it out") from None
        return self


class File(_Strict):
    """All answers by key. ``drafts`` are languages that no speaker has read: used only where the school allows that."""

    drafts: list[model.Language] = []
    answers: dict[model.Key, Answer] = Field(default={})


def load(settings: Settings) -> File:
    """The school's answers, or those that come with Handbell.

    Raises :class:`errors.BadInput` with file, line and cure of every mistake.
    """
    path: Path | None = settings.desk.canned
    return files.read(resources.files("gateway.desk") / "canned.toml" if path is None else path, File)


def find(file: File, key: str) -> Answer:
    """One answer.

    Raises :class:`errors.NotFound` with those that there are.
    """
    if key not in file.answers:
        raise errors.NotFound(f"There is no canned answer “{key}”. There are: {', '.join(sorted(file.answers))}.")
    return file.answers[key]


def words(file: File, answer: Answer, *, allow_drafts: bool) -> Mapping[str, str]:
    """Its words in the languages that may be used."""
    return {tag: text for tag, text in answer.text.items() if allow_drafts or tag not in file.drafts}


def filled(answer: Answer, given: Mapping[str, str]) -> dict[str, object]:
    """The blanks as what they are, read from how somebody typed them.

    Raises :class:`errors.BadInput` with every one that is missing, unknown, or cannot be read.
    """
    found: dict[str, object] = {}
    problems = [
        errors.Problem("there is no such blank in this answer.", "Take it out.", field=name)
        for name in given
        if name not in answer.values
    ]
    for name, blank in answer.values.items():
        if not given.get(name, "").strip():
            problems.append(errors.Problem("this blank is not filled in.", blank.help, field=name))
            continue
        try:
            found[name] = _read(blank, given[name].strip())
        except ValueError:
            problems.append(errors.Problem(f"“{given[name]}” is no {blank.type}.", _LOOKS[blank.type], field=name))
    if problems:
        raise errors.BadInput(problems)
    return found


def english(file: File, language: str, said: str) -> str:
    """What one of these answers, as it went in a language, says in English; ``""`` where it is none of them.

    What was filled into its blanks is put into the English as the family has it.
    """
    plain = segments.bare(_UNSEEN.sub("", said))
    for one in file.answers.values():
        theirs, ours = one.text.get(language, ""), one.text.get(languages.ENGLISH, "")
        if not theirs or not ours:
            continue
        parts = _BLANK.split(segments.bare(_UNSEEN.sub("", theirs)))
        # A blank may stand twice: what is in it is the same then, and the first says it.
        wanted = "".join(re.escape(part) if number % 2 == 0 else "(.+?)" for number, part in enumerate(parts))
        if found := re.search(rf"{wanted}(?:\n|$)", plain, re.DOTALL):
            values = dict(zip(parts[1::2], found.groups(), strict=True))
            pieces = _BLANK.split(ours)
            return "".join(values.get(piece, "…") if number % 2 else piece for number, piece in enumerate(pieces))
    return ""


_BLANK: Final = re.compile(r"\{(\w+)\}")
_UNSEEN: Final = re.compile("[\u2066-\u2069\u200e\u200f]")  #: what keeps names and numbers apart in another script

_LOOKS: Final = {
    "text": "",
    "date": "Write it as 2026-12-01.",
    "time": "Write it as 15:30.",
    "datetime": "Write it as 2026-12-01 15:30.",
    "number": "Write digits.",
}


def _read(blank: Blank, text: str) -> object:
    match blank.type:
        case "date":
            return date.fromisoformat(text)
        case "time":
            return time.fromisoformat(text)
        case "datetime":
            return datetime.fromisoformat(text)
        case "number":
            return int(text)
        case _:
            return text

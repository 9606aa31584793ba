"""The versions of a free text that a machine drafted: what stands beside them, and whether they may be used.

A text without such a note was typed by staff and is theirs. One with it is the machine's until somebody reviews it,
and stale once the English has changed. A review is sealed: it holds for the words that were read, and for no others.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field

from channels.base import Medium
from gateway import errors
from templates import languages, translations
from templates import states as library_states

if TYPE_CHECKING:
    from gateway.definitions.model import Definition

State = Literal["source", "draft", "machine", "reviewed", "stale"]

TEXT, SUBJECT, OPTION = "text", "subject", "option"


class Translation(BaseModel):
    """How the text of a language came about. `handbell notice translate` and `notice review` write it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    by: str = Field(default="", max_length=80, description="The service that drafted it; empty: a person typed it")
    english: str = Field(description="A fingerprint of the English it was made from: it is stale once that changes")
    back: dict[str, str] = Field(default={}, description="What it says, put back into English by the same service")
    reviewed_by: str = Field(default="", max_length=80, description="Who has read it and stands for it")
    reviewed_on: date | None = Field(default=None, description="When that was")
    seal: str = Field(
        default="", max_length=80, description="A check sum of the words that were read: others are a draft"
    )


def check_free(definition: Definition) -> None:
    """Refuse a notice of the library. Raises :class:`errors.Conflict`."""
    if not definition.text:
        raise errors.Conflict("The words of a template have translations of their own: see handbell words coverage.")


def english(definition: Definition) -> dict[str, str]:
    """The English words that families read in a free text: ``text``, ``subject``, and ``option 1`` of the answers."""
    found = {TEXT: definition.text[languages.ENGLISH]}
    if any(Medium.EMAIL in step.media for step in definition.steps):
        found[SUBJECT] = definition.subject.get(languages.ENGLISH) or definition.title
    return found | {f"{OPTION} {option.key}": option.label[languages.ENGLISH] for option in definition.replies.options}


def version(definition: Definition, tag: str) -> dict[str, str]:
    """The same in another language, as far as it is there."""
    found = {TEXT: definition.text.get(tag, ""), SUBJECT: definition.subject.get(tag, "")}
    found |= {f"{OPTION} {option.key}": option.label.get(tag, "") for option in definition.replies.options}
    return {part: words for part, words in found.items() if words.strip()}


def fingerprint(definition: Definition) -> str:
    """A short sum of the English words; another one says that they are others."""
    words = json.dumps(english(definition), ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(words.encode()).hexdigest()[:12]


def seal(definition: Definition, tag: str) -> str:
    """The check sum of a version and its English, as the library seals its own reviews."""
    parts = (english(definition), version(definition, tag))
    return library_states.seal(*([f"{part}\n{words}" for part, words in sorted(one.items())] for one in parts))


def state(definition: Definition, tag: str) -> State:
    """How far the text of a language can be trusted."""
    note = definition.translations.get(tag)
    if note is None:
        return "source"
    if note.english != fingerprint(definition):
        return "stale"
    if note.reviewed_by and note.seal not in ("", seal(definition, tag)):
        return "draft"
    return "reviewed" if note.reviewed_by else "machine"


def states(definition: Definition) -> dict[str, translations.State]:
    """The state of every text that may be used at all."""
    found = dict[str, translations.State]()
    for tag in definition.text:
        one = state(definition, tag)
        if one != "stale":
            found[tag] = one
    return found


def current(definition: Definition) -> Mapping[str, str]:
    """The texts without stale ones: those say something else than the English, so families get that instead."""
    return {tag: definition.text[tag] for tag in states(definition)}


def remarks(definition: Definition, *, allow_drafts: bool) -> list[str]:
    """What an author should know of versions that were drafted, one sentence each."""
    found = list[str]()
    for tag, note in definition.translations.items():
        match state(definition, tag):
            case "stale":
                found.append(f"{tag}: the English has changed since this was drafted; families get the English.")
            case "draft":
                out = "it goes out as it is" if allow_drafts else "families get the English until it is reviewed again"
                found.append(f"{tag}: changed since {note.reviewed_by} reviewed it; {out}.")
            case "machine" if allow_drafts:
                found.append(f"{tag}: drafted by {note.by or 'a machine'} and not reviewed; it goes out as it is.")
            case "machine":
                found.append(f"{tag}: drafted by {note.by or 'a machine'} and not reviewed; families get the English.")
            case "reviewed":
                found.append(f"{tag}: reviewed by {note.reviewed_by}, {note.reviewed_on or 'at some time'}.")
            case _:
                pass
    return found

"""A drafted or reviewed version put into a definition: into its data, or into the TOML that a person wrote."""

from __future__ import annotations

import tempfile
import tomllib
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import tomlkit

from gateway import errors
from gateway.definitions import model, reading, translated
from gateway.translating import drafting
from templates import languages

_Data = MutableMapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Maker:
    """How new tables are made: those with values, and those that only hold others."""

    table: Callable[[], Any]
    holder: Callable[[], Any]


_PLAIN = _Maker(dict, dict)
_TOML = _Maker(tomlkit.table, lambda: tomlkit.table(is_super_table=True))


def with_drafts(definition: model.Definition, drafts: list[drafting.Draft]) -> model.Definition:
    """The definition with drafts in it. Raises :class:`errors.BadDefinition`."""
    data = definition.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    for one in drafts:
        _put_draft(data, definition, one, _PLAIN)
    return reading.read(data)


def with_review(definition: model.Definition, tag: str, *, by: str, on: date) -> model.Definition:
    """The definition with a reviewer's name. Raises :class:`errors.BadDefinition`."""
    data = definition.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    _put_review(data, definition, tag, by=by, on=on.isoformat(), make=_PLAIN)
    return reading.read(data)


def write_drafts(path: Path, definition: model.Definition, drafts: list[drafting.Draft]) -> None:
    """Write drafts into a definition's file; whatever else its author wrote stays as it is.

    Raises :class:`errors.BadDefinition` or :class:`errors.NotReady`, and then has changed nothing.
    """

    def change(document: _Data) -> None:
        for one in drafts:
            _put_draft(document, definition, one, _TOML)

    _change(path, change)


def write_review(path: Path, definition: model.Definition, tag: str, *, by: str, on: date) -> None:
    """Write a reviewer's name into a definition's file; raises as :func:`write_drafts` does."""
    _change(path, lambda document: _put_review(document, definition, tag, by=by, on=on, make=_TOML))


def _put_draft(data: _Data, definition: model.Definition, one: drafting.Draft, make: _Maker) -> None:
    for part, words in one.text.items():
        _put(data, definition, part, tag=one.language, words=words, make=make)
    note = make.table()
    note["by"], note["english"] = one.by, translated.fingerprint(definition)
    if one.back:
        note["back"] = make.table()
        for part, words in one.back.items():
            note["back"][part] = _long(words)
    notes = data.setdefault("translations", make.holder())
    notes[_key(notes, one.language)] = note


def _put_review(data: _Data, definition: model.Definition, tag: str, *, by: str, on: date | str, make: _Maker) -> None:
    notes = data.setdefault("translations", make.holder())
    note = notes.setdefault(_key(notes, tag), make.table())
    note["english"], note["reviewed_by"], note["reviewed_on"] = translated.fingerprint(definition), by, on
    note["seal"] = translated.seal(definition, tag)
    note.pop("back", None)  # of words that may have been corrected since


def _put(data: _Data, definition: model.Definition, part: str, *, tag: str, words: str, make: _Maker) -> None:
    if part == translated.TEXT:
        texts = data["text"]
    elif part == translated.SUBJECT:
        texts = data.setdefault("subject", make.table())
        # With a subject of its own in one language, the title stands in for the others no more.
        texts.setdefault(_key(texts, languages.ENGLISH), definition.title)
    else:
        key = part.removeprefix(f"{translated.OPTION} ")
        texts = next(one for one in data["replies"]["options"] if one["key"] == key)["label"]
    texts[_key(texts, tag)] = _long(words)


def _key(texts: _Data, tag: str) -> str:
    """The spelling of a language that is there already: ``pt`` is ``pt-PT``."""
    return next((key for key in texts if languages.match(key) == tag), tag)


def _long(words: str) -> Any:
    """Words of several lines, as TOML writes them best."""
    return tomlkit.string(words, multiline=True) if "\n" in words and '"""' not in words else words


def _change(path: Path, change: Callable[[_Data], None]) -> None:
    path = path.resolve()  # what a link leads to, not the link
    reading.read_file(path)  # its own mistakes are told with their lines
    document = tomlkit.parse(path.read_bytes().decode("utf-8-sig"))
    change(document)
    text = tomlkit.dumps(document)
    reading.read(tomllib.loads(text), file=str(path), source=text)
    try:
        with tempfile.NamedTemporaryFile("wb", dir=path.parent, prefix=f".{path.name}.", delete=False) as new:
            new.write(text.encode())
        file = Path(new.name)
        file.chmod(path.stat().st_mode)
        file.replace(path)
    except OSError as error:
        raise errors.NotReady(f"{path} cannot be written: {error.strerror}.") from None

"""Reading a definition: from a TOML file or from JSON data, with every problem named by line and cure."""

from __future__ import annotations

import dataclasses
import difflib
import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

import pydantic
from pydantic import BaseModel

from gateway import errors
from gateway.definitions import model, words
from scheduler import calendar
from templates import library, values


def read_file(path: Path) -> model.Definition:
    """Read a definition file.

    Raises :class:`errors.BadDefinition` with file, line and cure of everything that is wrong.
    """
    data, text = toml(path)
    return read(data, file=str(path), source=text)


def toml(path: Path) -> tuple[dict[str, Any], str]:
    """What stands in a TOML file, and its text.

    Raises :class:`errors.BadDefinition`.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
        return tomllib.loads(text), text
    except (OSError, ValueError, RecursionError) as error:
        raise errors.BadDefinition([_unreadable(path, error)]) from None


def _unreadable(path: Path, error: OSError | ValueError | RecursionError) -> errors.Problem:
    file = str(path)
    match error:
        case FileNotFoundError():
            return errors.Problem("there is no such file.", "Look at the spelling and at the folder.", file=file)
        case UnicodeDecodeError() | IsADirectoryError():
            return errors.Problem("this is not a text file.", "Save it as UTF-8 text with the ending .toml.", file=file)
        case tomllib.TOMLDecodeError():
            line = re.search(r"line (\d+)", str(error))
            cure = "Look there for a quotation mark or a bracket that is missing."
            what = f"this cannot be read as TOML: {error}."
            return errors.Problem(what, cure, file=file, line=int(line[1]) if line else 0)
        case _:
            what = f"this file cannot be read: {getattr(error, 'strerror', '') or error}."
            return errors.Problem(what, "Look at who may read it.", file=file)


def read(data: Mapping[str, Any], *, file: str = "", source: str = "") -> model.Definition:
    """Check a definition's data. ``source`` is the TOML text, for line numbers.

    Raises :class:`errors.BadDefinition`.
    """
    try:
        definition = model.Definition.model_validate(data)
    except pydantic.ValidationError as error:
        problems = explained(error, file=file, source=source)
        problems += _placed(_in_spite_of_shape(data), file=file, source=source)
        raise errors.BadDefinition(problems) from None
    problems = _placed(_beyond_shape(definition), file=file, source=source)
    if problems:
        raise errors.BadDefinition(problems)
    return definition


def locate(problems: Iterable[errors.Problem], path: Path) -> list[errors.Problem]:
    """Problems that were found in a definition, with the file that it was read from and their lines."""
    source = path.read_bytes().decode("utf-8-sig")
    return [
        dataclasses.replace(one, file=str(path), line=one.line or line_of(source, tuple(one.field.split("."))))
        for one in problems
    ]


def _placed(found: words.Found, *, file: str, source: str) -> list[errors.Problem]:
    return [
        errors.Problem(text, file=file, field=field, line=line_of(source, tuple(field.split("."))))
        for field, text in found
    ]


def _in_spite_of_shape(data: Mapping[str, Any]) -> words.Found:
    """What can be told of a definition whose shape is wrong, so that nobody mends it in two rounds."""
    template, schedule = data.get("template"), data.get("schedule")
    found = words.braces(data)
    if isinstance(template, str) and template:
        found += _unknown_template(template)
    if isinstance(schedule, dict) and isinstance(schedule.get("cron"), str):
        found += _bad_cron(schedule["cron"])
    return found


def _beyond_shape(definition: model.Definition) -> words.Found:
    """What pydantic cannot know: wordings, their values, cron texts."""
    found = words.problems(definition)
    if definition.template:
        unknown = _unknown_template(definition.template)
        found += unknown or _misused_template(definition)
    return found + _bad_cron(definition.schedule.cron)


def _unknown_template(template: str) -> words.Found:
    known = library.notices()
    if template in known:
        return []
    return [("template", f"there is no wording “{template}”.{_nearest(template, known)}")]


def _misused_template(definition: model.Definition) -> words.Found:
    purposes = library.notice(definition.template).purposes
    found = [("values", text) for text in values.check_values(definition.template, definition.template_values())]
    if definition.purpose.value not in purposes:
        allowed = ", ".join(sorted(purposes))
        found.insert(0, ("purpose", f"the wording “{definition.template}” is for these purposes only: {allowed}."))
    return found


def _bad_cron(cron: str) -> words.Found:
    try:
        if cron:
            calendar.Cron(cron)
    except ValueError as error:
        return [("schedule.cron", str(error))]
    return []


#: What pydantic's kinds of fault mean to somebody who writes a definition: what is wrong, and the cure.
_FAULTS = {
    "string_type": ("this must be words.", 'Put them in quotes: "…".'),
    "string_too_short": ("this is empty.", "Write something."),
    "string_too_long": ("this is too long.", "Shorten it."),
    "list_type": ("this must be a list.", "Put it in square brackets: [ … ]."),
    "too_short": ("this is empty.", "Name at least one."),
    "dict_type": ("this must be a table.", "Write it in braces: { … }."),
    "model_type": ("this must be a table.", "Write it in braces: { … }."),
    "bool_type": ("this must be yes or no.", "Write true or false, without quotes."),
    "bool_parsing": ("this must be yes or no.", "Write true or false, without quotes."),
    "time_delta_type": ("this must be a waiting time.", "Write it in quotes, such as “20m” or “1h30m”."),
}
_KEY_CURES = {
    True: "Write small letters, digits, dots and dashes, 80 at most, such as closure-2026-12-01.",
    False: 'Write one digit from 1 to 9, in quotes: "1".',
}


def explained(
    error: pydantic.ValidationError, *, shape: type[BaseModel] = model.Definition, file: str = "", source: str = ""
) -> list[errors.Problem]:
    """What is wrong with data of a shape, each with its line in the TOML text and the cure."""
    found = list[errors.Problem]()
    for detail in error.errors(include_url=False):
        names = tuple(str(part) for part in detail["loc"] if part != "[key]")
        what, cure = _explained(detail, names, shape)
        found.append(errors.Problem(what, cure, file=file, line=line_of(source, names), field=".".join(names)))
    return found


def _explained(detail: Any, names: tuple[str, ...], shape: type[BaseModel]) -> tuple[str, str]:
    kind = detail["type"]
    if kind == "extra_forbidden":
        near = _nearest(names[-1], _keys_at(shape, names[:-1])).strip()
        return f"“{names[-1]}” is not a key of a definition.", near or "Take it out."
    if kind == "missing":
        return f"“{names[-1]}” is missing.", "Add it."
    if kind in ("enum", "literal_error"):
        expected = detail["ctx"]["expected"].replace("'", "")
        return f"“{detail['input']}” is not possible here.", f"Write one of: {expected}."
    if kind == "string_pattern_mismatch":
        return f"“{detail['input']}” cannot be a key.", _KEY_CURES[names == ("key",)]
    if kind in _FAULTS:
        return _FAULTS[kind]
    return detail["msg"].removeprefix("Value error, ").rstrip(".") + ".", ""


def _nearest(word: str, known: Any) -> str:
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f" Did you mean “{close[0]}”?" if close else ""


def _keys_at(shape: type[BaseModel], path: tuple[str, ...]) -> list[str]:
    """The keys that are allowed at a place of a definition."""
    for name in path:
        if name.isdigit():
            continue
        field = shape.model_fields.get(name)
        if field is None:
            return []
        inner = [
            kind
            for kind in (field.annotation, *get_args(field.annotation))
            if isinstance(kind, type) and issubclass(kind, BaseModel)
        ]
        if not inner:
            return []
        shape = inner[0]
    return [field.alias or name for name, field in shape.model_fields.items()]


def line_of(source: str, path: tuple[str, ...]) -> int:
    """The line on which a key of a TOML text stands, or the table that lacks it; 0 when it cannot be found."""
    best, line = 0, 0
    for number, here in _places(source):
        if len(here) > best and path[: len(here)] == here:
            best, line = len(here), number
    return line


def _places(source: str) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Every line that opens a table or gives a key, with the path of what it opens or gives."""
    table: tuple[str, ...] = ()
    counts: Counter[str] = Counter()
    closing = ""
    for number, raw in enumerate(source.splitlines(), 1):
        line = raw.strip()
        if closing:  # inside a text of several lines, whatever its words look like
            closing = "" if closing in line else closing
        elif header := re.match(r"^\[\[?\s*([^\]]+?)\s*\]\]?", line):
            name = header[1].replace(" ", "")
            table = tuple(name.split("."))
            if line.startswith("[["):
                table += (str(counts[name]),)
                counts[name] += 1
            yield number, table
        elif key := re.match(r"^([A-Za-z0-9_.\"'-]+)\s*=\s*(.*)", line):
            yield number, table + tuple(part.strip("\"'") for part in key[1].split("."))
            quotes = next((q for q in ('"""', "'''") if key[2].startswith(q)), "")
            closing = quotes if quotes and quotes not in key[2][3:] else ""


def schema() -> dict[str, Any]:
    """The JSON Schema of a definition, for editors."""
    return model.Definition.model_json_schema() | {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Handbell definition",
    }


def stored(data: Mapping[str, Any]) -> model.Definition:
    """A definition that was checked when it was stored."""
    return model.Definition.model_validate(data)

"""Reading a definition: from a TOML file or from JSON data, with every problem named by line and cure."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import pydantic
from pydantic import BaseModel

from gateway import errors
from gateway.definitions import model
from scheduler import calendar
from templates import library, values


def read_file(path: Path) -> model.Definition:
    """Read a definition file.

    Raises :class:`errors.BadDefinition` with file, line and cure of everything that is wrong.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
        data = tomllib.loads(text)
    except FileNotFoundError:
        raise errors.BadDefinition([errors.Problem("there is no such file.", file=str(path))]) from None
    except (UnicodeDecodeError, IsADirectoryError):
        problem = errors.Problem(
            "this is not a text file.", "Save it as UTF-8 text with the ending .toml.", file=str(path)
        )
        raise errors.BadDefinition([problem]) from None
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"line (\d+)", str(error))
        problem = errors.Problem(
            f"this cannot be read as TOML: {error}.", file=str(path), line=int(line[1]) if line else 0
        )
        raise errors.BadDefinition([problem]) from None
    return read(data, file=str(path), source=text)


def read(data: Mapping[str, Any], *, file: str = "", source: str = "") -> model.Definition:
    """Check a definition's data. ``source`` is the TOML text, for line numbers.

    Raises :class:`errors.BadDefinition`.
    """
    try:
        definition = model.Definition.model_validate(data)
    except pydantic.ValidationError as error:
        problems = [_problem(detail, file=file, source=source) for detail in error.errors(include_url=False)]
        raise errors.BadDefinition(problems) from None
    problems = [
        errors.Problem(text, file=file, field=field, line=line_of(source, tuple(field.split("."))))
        for field, text in _beyond_shape(definition)
    ]
    if problems:
        raise errors.BadDefinition(problems)
    return definition


def _beyond_shape(definition: model.Definition) -> list[tuple[str, str]]:
    """What pydantic cannot know: wordings, their values, cron texts."""
    found: list[tuple[str, str]] = []
    if definition.template:
        known = library.notices()
        if definition.template not in known:
            found.append(
                ("template", f"there is no wording “{definition.template}”.{_nearest(definition.template, known)}")
            )
        else:
            if definition.purpose.value not in known[definition.template].purposes:
                allowed = ", ".join(sorted(known[definition.template].purposes))
                found.append(("purpose", f"the wording “{definition.template}” is for these purposes only: {allowed}."))
            found += [
                ("values", text) for text in values.check_values(definition.template, definition.template_values())
            ]
    if definition.schedule.cron:
        try:
            calendar.Cron(definition.schedule.cron)
        except ValueError as error:
            found.append(("schedule.cron", str(error)))
    return found


def _problem(detail: Any, *, file: str, source: str) -> errors.Problem:
    path = tuple(part for part in detail["loc"] if part != "function-after[_somebody(), Audience]")
    names = tuple(str(part) for part in path)
    what, cure = detail["msg"].removeprefix("Value error, "), ""
    if detail["type"] == "extra_forbidden":
        what = f"“{names[-1]}” is not a key of a definition."
        cure = _nearest(names[-1], _keys_at(names[:-1])).strip() or "Take it out."
    elif detail["type"] == "missing":
        what, cure = f"“{names[-1]}” is missing.", "Add it."
    elif detail["type"] == "enum" or detail["type"] == "literal_error":
        expected = detail["ctx"]["expected"].replace("'", "")
        what, cure = f"“{detail['input']}” is not possible here.", f"Write one of: {expected}."
    elif not what.endswith("."):
        what += "."
    return errors.Problem(what, cure, file=file, line=line_of(source, names), field=".".join(names))


def _nearest(word: str, known: Any) -> str:
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f" Did you mean “{close[0]}”?" if close else ""


def _keys_at(path: tuple[str, ...]) -> list[str]:
    """The keys that are allowed at a place of a definition."""
    shape: type[BaseModel] = model.Definition
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
    table: tuple[str, ...] = ()
    counts: dict[str, int] = {}
    best = (0, 0)
    for number, raw in enumerate(source.splitlines(), 1):
        line = raw.strip()
        if header := re.match(r"^\[\[?\s*([^\]]+?)\s*\]\]?", line):
            name = header[1].replace(" ", "")
            table = tuple(name.split("."))
            if line.startswith("[["):
                table += (str(counts.get(name, 0)),)
                counts[name] = counts.get(name, 0) + 1
            here = table
        elif key := re.match(r"^([A-Za-z0-9_.\"'-]+)\s*=", line):
            here = table + tuple(part.strip("\"'") for part in key[1].split("."))
        else:
            continue
        depth = len(here) if path[: len(here)] == here else 0
        if depth > best[0]:
            best = (depth, number)
    return best[1]


def schema() -> dict[str, Any]:
    """The JSON Schema of a definition, for editors."""
    return model.Definition.model_json_schema() | {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Handbell definition",
    }


def stored(data: Mapping[str, Any]) -> model.Definition:
    """A definition that was checked when it was stored."""
    return model.Definition.model_validate(data)

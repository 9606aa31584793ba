"""A TOML file of the school's own, read into a model: every mistake named with its file, its line and its cure."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, TypeVar, get_args

import pydantic
from pydantic import BaseModel

from gateway import errors, toml
from gateway.definitions import reading

Model = TypeVar("Model", bound=BaseModel)

_FAULTS = {
    "string_type": ("this must be text.", "Write it in quotes."),
    "bool_type": ("this must be yes or no.", "Write true or false, without quotes."),
    "list_type": ("this must be a list.", "Write it in square brackets: [ … ]."),
    "int_type": ("this must be a whole number.", "Write it without quotes."),
}


def read(path: Path | Traversable, shape: type[Model]) -> Model:
    """Read a file into a model.

    Raises :class:`errors.BadInput` with file, line and cure of everything that is wrong.
    """
    name = path.name
    source, data = toml.read(path, shown=name)
    try:
        return shape.model_validate(data)
    except pydantic.ValidationError as error:
        raise errors.BadInput(list(_problems(error, shape, file=name, source=source))) from None


def _problems(
    error: pydantic.ValidationError, shape: type[BaseModel], *, file: str, source: str
) -> Iterator[errors.Problem]:
    for detail in error.errors():
        path = tuple(str(part) for part in detail["loc"])
        what, cure = _explained(detail, path, shape)
        yield errors.Problem(what, cure, file, reading.line_of(source, path), ".".join(path))


def _explained(detail: Any, path: tuple[str, ...], shape: type[BaseModel]) -> tuple[str, str]:
    kind = detail["type"]
    if kind == "extra_forbidden":
        near = difflib.get_close_matches(path[-1], _keys_at(shape, path[:-1]), n=1, cutoff=0.5)
        return f"there is no key “{path[-1]}” here.", f"Did you mean “{near[0]}”?" if near else "Take it out."
    if kind == "missing":
        return f"“{path[-1]}” is missing.", "Add it."
    if kind in ("enum", "literal_error"):
        return f"“{detail['input']}” is not possible here.", f"Write one of: {detail['ctx']['expected']}."
    if kind in _FAULTS:
        return _FAULTS[kind]
    what, _, cure = detail["msg"].removeprefix("Value error, ").partition(" — ")
    return f"{what.rstrip('.')}.", cure


def _keys_at(shape: type[BaseModel], path: tuple[str, ...]) -> list[str]:
    """The keys that are allowed at a place of the file."""
    for name in path:
        field = shape.model_fields.get(name) if not name.isdigit() else None
        for kind in _kinds(field.annotation) if field else ():
            shape = kind
    return [field.alias or name for name, field in shape.model_fields.items()]


def _kinds(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _kinds(inner)

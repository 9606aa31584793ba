"""``docs/definitions.md``: what may be written in a notice or event, from the fields of its model."""

from __future__ import annotations

import json
import types
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from enum import Enum
from importlib import resources
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from docs.writers import markdown
from gateway.definitions import model

_INTRO = """
A definition says one thing that the school wants said: who should hear it, in which words, by which media, and when.
It is written in TOML for `handbell notice send`, or in JSON of the same shape for the [HTTP API](api.md).

`handbell notice check` names every mistake with its line and its cure, and sends nothing. `handbell notice preview`
shows who would get what, and who would get nothing and why. [definition.schema.json](definition.schema.json) lets an
editor check and complete while you type; `handbell notice schema` prints the same.

The rules that no single key shows:

- The words are either a `template` (one of the [wordings](wordings.md)) with its `[values]`, or `[text]` of your own,
  in English at least. Families of other languages get the English where theirs is missing.
- A text that a machine drafted has a table `[translations.…]` beside it, and goes out as the
  [settings](settings.md) say until a person has reviewed it: [translating](translating.md).
- The media are either `media` (all at once) or `[[ladder]]` steps, one after another. A later step is left out for
  whoever an earlier one has reached; where an answer is expected, for whoever has answered. `until` changes that.
- `[again]` tries again after silence, by another medium, at another hour or in another language, for whoever has not
  answered: [fresh details](fresh-details.md).
- `kind = "event"` and an `[event]` table go together.
- Without `[schedule]` the notice goes out at once. A time that has gone by is refused.
- A `key` can be used once. To say it again, give it another key. It stays in the audit log for good: no names in it.
- Times are the school's own, as they stand on its clock: `2026-12-01T07:00:00`. Waiting times are `90s`, `20m`, `1h30m`
  or `2d`, and a year at most.
- The purpose decides what goes first, and whether a family can decline it: `emergency`, `safeguarding`, `statutory` and
  `service` are mandatory and have no unsubscribe link.
"""
_EXAMPLES = ("closure.toml", "choir.toml", "parents-evening.toml")
_ALIASES: tuple[tuple[object, str], ...] = (
    (model.Language, "language tag"),
    (model.Year, "year group"),
)
_PLAIN: dict[object, str] = {
    str: "text",
    bool: "`true` or `false`",
    int: "number",
    date: "date",
    datetime: "date and time",
    time: "time of day, in quotes",
    timedelta: "waiting time",
    Any: "value",
}


class Table(NamedTuple):
    """A table of a definition: its name with dots, its model, and whether there may be several of it."""

    name: str
    model: type[BaseModel]
    many: bool

    @property
    def heading(self) -> str:
        """As TOML writes it."""
        if not self.name:
            return "The definition itself"
        return f"`[[{self.name}]]`" if self.many else f"`[{self.name}]`"

    def inside(self, key: str) -> str:
        """The name of the table that one of its keys holds."""
        return f"{self.name}.{key}" if self.name else key


def page() -> str:
    """Give the page."""
    return markdown.whole(_parts())


def tables(shape: type[BaseModel] = model.Definition, name: str = "", *, many: bool = False) -> Iterator[Table]:
    """The definition and every table in it."""
    own = Table(name, shape, many)
    yield own
    for key, field in shape.model_fields.items():
        if inner := _inner(field.annotation):
            yield from tables(inner, _place(field, own, key), many=get_origin(field.annotation) is list)


def _parts() -> Iterator[str]:
    yield markdown.head("Definitions", "gateway/definitions/model.py")
    yield _INTRO
    yield "## Examples"
    folder = resources.files("gateway.practice") / "notices"
    for name in _EXAMPLES:
        yield f"[{name}](../gateway/practice/notices/{name}):"
        yield markdown.block((folder / name).read_text("utf-8"), "toml")
    for table in tables():
        yield f"## {table.heading}"
        yield table.model.__doc__ or ""
        rows = [
            (markdown.code(field.alias or key), _type(field, table, key), _default(field), f"{field.description}.")
            for key, field in table.model.model_fields.items()
        ]
        yield markdown.table(("key", "type", "default", "meaning"), rows)


def _type(field: FieldInfo, table: Table, key: str) -> str:
    if inner := _inner(field.annotation):
        own = next(tables(inner, _place(field, table, key), many=get_origin(field.annotation) is list))
        return f"{'tables' if own.many else 'table'} {own.heading}"
    return _say(field.annotation)


def _place(field: FieldInfo, table: Table, key: str) -> str:
    """The name of the table that a key holds; one for each language is shown by that of Polish."""
    return table.inside(key) + (".pl" if get_origin(field.annotation) is dict else "")


def _say(annotation: Any) -> str:
    for alias, name in _ALIASES:
        if annotation == alias:
            return name
    origin, inside = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _say(inside[0])
    if origin is Literal:
        return _one_of(inside)
    if origin in (Union, types.UnionType):
        return _say(next(kind for kind in inside if kind is not type(None)))
    if origin is list:
        return f"list: {_say(inside[0])}"
    if origin is dict:
        return f"table: {_say(inside[0])} = {_say(inside[1])}"
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return _one_of([word.value for word in annotation])
    return _PLAIN[annotation]


def _one_of(words: Sequence[str]) -> str:
    *others, last = (f"`{word}`" for word in words)
    return f"{', '.join(others)} or {last}" if others else last


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "**must be given**"
    value = field.default
    if value is None or isinstance(value, BaseModel):
        return ""
    if isinstance(value, timedelta):
        return markdown.code(json.dumps(f"{value // timedelta(seconds=1)}s"))
    return markdown.code(json.dumps(value, ensure_ascii=False))


def _inner(annotation: Any) -> type[BaseModel] | None:
    """The table that a key holds, alone or in a list, or None for a plain value."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_inner, get_args(annotation))), None)

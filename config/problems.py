"""Turning what Pydantic found into sentences that name the setting, its place and the cure."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from config import shape

#: Pydantic's kinds of error in our words. Unlisted kinds keep Pydantic's own.
_WORDS = {
    "missing": "is missing",
    "int_parsing": "must be a whole number",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "finite_number": "must be a number",
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "string_type": "must be text in quotes",
    "path_type": "must be a path in quotes",
    "tuple_type": "must be a list",
    "model_type": "must be a section of its own",
    "model_attributes_type": "must be a section of its own",
    "literal_error": "must be one of {expected}",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "string_too_long": "must have at most {max_length} characters",
    "string_too_short": "must have at least {min_length} characters",
    "too_short": "must have at least {min_length} characters",
}


class ConfigError(Exception):
    """The settings cannot be used. ``problems`` holds a sentence for each thing that is wrong; none shows a secret."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


def explain(error: ValidationError, *, model: type[BaseModel], place: Callable[[shape.Place], str]) -> list[str]:
    """Give a sentence for each error; ``place`` says where a setting was written, such as "in x.toml line 3"."""
    return [_explain_one(item, model, place) for item in error.errors(include_url=False)]


def nearest(name: str, choices: Sequence[str]) -> str:
    """Give the choice that is most like the name, or ``""``."""
    return next(iter(difflib.get_close_matches(name, choices, n=1, cutoff=0.6)), "")


def _explain_one(item: Any, model: type[BaseModel], place: Callable[[shape.Place], str]) -> str:
    where = shape.dotted(item["loc"])
    if position := place(item["loc"]):
        where = f"{where} {position}"
    if item["type"] == "extra_forbidden":
        return f"{where} is not a setting; {_suggest(item['loc'], model)}"
    field = shape.field_at(model, item["loc"])
    meaning = field.description if field else None
    return f"{where} {_say(item)}{_show(item, model)}." + (f" It means: {meaning}." if meaning else "")


def _say(item: Any) -> str:
    context = item.get("ctx", {})
    if item["type"] == "value_error":
        return str(context["error"])
    if words := _WORDS.get(item["type"]):
        return words.format(**context)
    return f"cannot be used: {item['msg']}"


def _show(item: Any, model: type[BaseModel]) -> str:
    """Quote a wrong value, if it is plain and short and certainly no secret."""
    value, field = item.get("input"), shape.field_at(model, item["loc"])
    # What our own checks refuse is not quoted: a token pasted into the wrong field looks like that. Neither is a list
    # that could not be read, nor a section given as one text, as either may hold secrets within.
    plain = isinstance(value, str | int | float) and value != "" and item["type"] not in ("missing", "value_error")
    leaf = field is not None and not shape.is_list(field) and shape.inner_model(field.annotation) is None
    if field is None or not (plain and leaf) or shape.is_secret(field) or len(str(value)) > 60:
        return ""
    return f", but is {value!r}"


def _suggest(loc: shape.Place, model: type[BaseModel]) -> str:
    name, parent = str(loc[-1]), shape.field_at(model, loc[:-1])
    holder = (shape.inner_model(parent.annotation) if parent else None) or model
    if close := nearest(name, list(holder.model_fields)):
        return f"did you mean {close}?"
    elsewhere = [key for key, _, _ in shape.leaves(model) if key.rsplit(".", 1)[-1] == name]
    if elsewhere:
        return f"did you mean {elsewhere[0]}?"
    return f"there are {', '.join(holder.model_fields)}"

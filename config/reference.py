"""The settings as documentation: a table of all of them, and the example file. Both come from the fields themselves."""

from __future__ import annotations

import json
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from config import settings, shape

_HEAD = """\
# Handbell's settings. Every line that begins with "# name =" shows a default: take the # away to change it.
# Secrets do not belong here: put each into a systemd credential of the same name (twilio.auth_token), or into the
# environment (HANDBELL_TWILIO__AUTH_TOKEN). Both overrule this file, the credential both.
# This file is made by config/reference.py; a test keeps it fresh.
"""
#: What a school must decide for itself, so that the example shows it in use. Keys as in :func:`describe`.
_IN_USE: dict[str, object] = {
    "school.name": "Oakfield Primary School",
    "school.short_name": "Oakfield",
    "school.phone": "0113 496 0000",
    "twilio.account_sid": "AC" + "0" * 32,
    "twilio.sms_senders[].address": "+441134960001",
    "twilio.voice_senders[].address": "+441134960002",
    "smtp.host": "mail.school.example",
    "smtp.from_address": "office@school.example",
}


class Entry(NamedTuple):
    """One setting: its dotted key, its type and default as written in the file, and what it means."""

    key: str
    type: str
    default: str
    help: str


def describe() -> list[Entry]:
    """Give every setting in the order of the file; a secret's default and a missing one are ``""``."""
    return [
        Entry(key, _type_name(field), "" if shape.is_secret(field) else _toml(default), field.description or "")
        for key, field, default in shape.leaves(settings.Settings)
    ]


def example() -> str:
    """Give ``handbell.example.toml``: every setting with its meaning, and a small school's own already in use."""
    whole = settings.Settings()
    top = [name for name, field in settings.Settings.model_fields.items() if not shape.inner_model(field.annotation)]
    lines = [_HEAD, *_write_fields(whole, "", only=top)]
    for name, field in settings.Settings.model_fields.items():
        if model := shape.inner_model(field.annotation):
            lines += _write_section(getattr(whole, name), name, model.__doc__ or "")
    return "\n".join(lines).rstrip() + "\n"


def _write_section(section: BaseModel, name: str, title: str) -> Iterator[str]:
    fields = type(section).model_fields
    yield f"# {title.splitlines()[0].rstrip('.')}."
    if plain := [key for key, field in fields.items() if shape.inner_model(field.annotation) is None]:
        yield f"[{name}]"
        yield from _write_fields(section, f"{name}.", only=plain)
    for key, field in fields.items():
        inner = shape.inner_model(field.annotation)
        if inner is None:
            continue
        if not shape.is_list(field):
            yield from _write_section(getattr(section, key), f"{name}.{key}", field.description or inner.__doc__ or "")
        elif any(shape.is_secret(secret) for secret in inner.model_fields.values()):
            yield f"# {key}: a secret, see the top of this file. {field.description}.\n"
        else:
            yield f"# {field.description}; one [[{name}.{key}]] for each.\n[[{name}.{key}]]"
            yield from _write_fields(inner, f"{name}.{key}[].", only=list(inner.model_fields))


def _write_fields(section: BaseModel | type[BaseModel], prefix: str, *, only: list[str]) -> Iterator[str]:
    """Write the fields of a section, or of a model where there is no section yet: then the fields have defaults."""
    model = section if isinstance(section, type) else type(section)
    for name in only:
        key, field = f"{prefix}{name}", model.model_fields[name]
        default = field.default if section is model else getattr(section, name)
        choices = f" ({_type_name(field)})" if get_origin(field.annotation) is Literal else ""
        yield f"# {field.description}{choices}."
        if shape.is_secret(field):
            yield f"# {name}: a secret, see the top of this file"
        elif key in _IN_USE:
            yield f"{name} = {_toml(_IN_USE[key])}"
        else:
            yield f"# {name} = {_toml(default)}" if default is not None else f"# {name}: not set"
    yield ""


def _type_name(field: FieldInfo) -> str:
    annotation: Any = field.annotation
    if get_origin(annotation) is tuple:
        return "list of " + _name_plain(get_args(annotation)[0])
    return _name_plain(annotation)


def _name_plain(annotation: Any) -> str:
    if get_origin(annotation) is Literal:
        return " | ".join(get_args(annotation))
    if isinstance(annotation, types.UnionType) or get_origin(annotation) is Annotated:
        return _name_plain(get_args(annotation)[0])
    words = {str: "text", int: "whole number", float: "number", bool: "true or false", Path: "path"}
    return words.get(annotation, "secret" if annotation is SecretStr else str(annotation))


def _toml(value: object) -> str:
    """Write a plain value as TOML; JSON's way of writing text, numbers and lists of text is TOML's too."""
    if value is None or value is PydanticUndefined:
        return ""
    if isinstance(value, Path):
        return json.dumps(str(value))
    return json.dumps(value, ensure_ascii=False)

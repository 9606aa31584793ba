"""Finding one's way through the sections by the names of their fields."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

Place = tuple[str | int, ...]


def inner_model(annotation: Any) -> type[BaseModel] | None:
    """Give the section that a field holds, alone or in a list, or None for a plain value."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(inner_model, get_args(annotation))), None)


def is_secret(field: FieldInfo) -> bool:
    """Whether a field holds a secret, or a list of them."""
    return field.annotation is SecretStr or SecretStr in get_args(field.annotation)


def is_list(field: FieldInfo) -> bool:
    """Whether a field holds a list."""
    return getattr(field.annotation, "__origin__", None) is tuple


def field_at(model: type[BaseModel], place: Place) -> FieldInfo | None:
    """Give the field at a place such as ``("twilio", "sms_senders", 0, "address")``, or None when there is none."""
    field: FieldInfo | None = None
    here: type[BaseModel] | None = model
    for name in place:
        if isinstance(name, str):
            field = here.model_fields.get(name) if here else None
            here = inner_model(field.annotation) if field else None
    return field


def leaves(model: type[BaseModel], prefix: str = "", default: Any = None) -> Iterator[tuple[str, FieldInfo, Any]]:
    """Give every setting by its dotted key, with its default; what stands in a list has ``[]`` in its key.

    ``default`` is the outer section's own default for this section, which overrules those of the fields. A setting
    that must be given has PydanticUndefined as its default.
    """
    for name, field in model.model_fields.items():
        inner = inner_model(field.annotation)
        value = field.default if default is None else getattr(default, name)
        if inner is None:
            yield f"{prefix}{name}", field, value
        elif is_list(field):
            yield from leaves(inner, f"{prefix}{name}[].")
        else:
            yield from leaves(inner, f"{prefix}{name}.", value)


def dotted(place: Place) -> str:
    """Write a place as a person would: ``twilio.sms_senders#2.address`` is the address of the second sender."""
    words = [f"#{name + 1}" if isinstance(name, int) else f".{name}" for name in place]
    return "".join(words).removeprefix(".")

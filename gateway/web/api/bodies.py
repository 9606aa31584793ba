"""What may stand in the body of a request, and a definition there: JSON, or TOML with the lines of its mistakes."""

from __future__ import annotations

import json
import math
import re
import tomllib
from typing import Annotated, Any

from fastapi import Request
from pydantic import AfterValidator, AwareDatetime, Field
from starlette.exceptions import HTTPException

from gateway import errors
from gateway.definitions import model, reading
from gateway.web.api import paging

Row = Annotated[int, Field(ge=1, le=paging.LARGEST_ID)]  #: the id of something
Moment = Annotated[AwareDatetime, AfterValidator(model.sensible_year)]

_DEEPEST = 20
_NOT_KEPT = f"it holds the character NUL, half a character, a number without end, or over {_DEEPEST} levels."


async def keepable(request: Request) -> None:
    """Refuse a body in JSON that holds, anywhere, what no database can: FastAPI looks at its shape alone."""
    try:
        data = json.loads(await request.body() or b"0")
    except (ValueError, RecursionError):
        return  # whoever reads it says what is wrong, or takes it for TOML
    if not _can_be_kept(data):
        raise errors.BadInput([errors.Problem(_NOT_KEPT)])


async def definition(request: Request) -> model.Definition:
    """Read and check the definition that a request carries.

    Raises :class:`errors.BadDefinition`, or 415 for another content type.
    """
    body = await request.body()
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _bad("this is not UTF-8 text.") from None
    match kind:
        case "application/toml":
            data, source = _toml(text), text
        case "application/json":
            data, source = _json(text), ""
        case _:
            raise HTTPException(415, "Send a definition as application/json or application/toml.")
    if not _can_be_kept(data):
        raise _bad(_NOT_KEPT)
    return reading.read(data, source=source)


def _toml(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"line (\d+)", str(error))
        raise _bad(f"this cannot be read as TOML: {error}.", line=int(line[1]) if line else 0) from None
    except (RecursionError, ValueError):
        raise _bad("this cannot be read as TOML: a number in it is too long, or it is nested too deeply.") from None


def _json(text: str) -> dict[str, Any]:
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        raise _bad(f"this cannot be read as JSON: {error.msg}.", line=error.lineno) from None
    except (RecursionError, ValueError):
        raise _bad("this cannot be read as JSON: a number in it is too long, or it is nested too deeply.") from None
    if not isinstance(data, dict):
        raise _bad("a definition is a JSON object.")
    return data


def _can_be_kept(value: object, depth: int = 0) -> bool:
    """Whether both databases can hold it as JSON. TOML has infinite numbers, JSON has lone surrogates and NUL."""
    match value:
        case str():
            return "\0" not in value and not any("\ud800" <= letter <= "\udfff" for letter in value)
        case float():
            return math.isfinite(value)
        case dict():
            return depth < _DEEPEST and all(_can_be_kept(part, depth + 1) for pair in value.items() for part in pair)
        case list():
            return depth < _DEEPEST and all(_can_be_kept(part, depth + 1) for part in value)
        case _:
            return True


def _bad(what: str, *, line: int = 0) -> errors.BadDefinition:
    return errors.BadDefinition([errors.Problem(what, line=line)])

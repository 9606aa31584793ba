"""The API's description (OpenAPI 3.1), with the shape of every error and of a definition."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from gateway.definitions import model
from gateway.web import problems

_REF = "#/components/schemas/"
_ABOUT = """
Every error is problem details (RFC 9457). Every POST takes an `Idempotency-Key`: asked again with the same key and the
same request, it answers what it answered before, and does nothing. Lists come in pages: `next` of one page is the
`cursor` of the following one. Times are UTC.
"""
_JSON_EXAMPLE = {
    "key": "closure-2026-12-01",
    "title": "School closed on Tuesday",
    "purpose": "emergency",
    "text": {"en": "Oakfield is closed on Tuesday 1 December: the heating has failed."},
    "audience": {"whole_school": True},
    "media": ["sms", "email"],
}
_TOML_EXAMPLE = """
key = "trip-2026-12-04"
title = "Museum trip"
purpose = "service"
media = ["email"]

[text]
en = "Year 4 go to the museum on Friday. Please send a packed lunch."

[audience]
years = [4]
"""

#: For the operations whose body is a definition: FastAPI reads none itself, as it may be TOML.
TAKES_DEFINITION: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": {"$ref": f"{_REF}Definition"}, "example": _JSON_EXAMPLE},
            "application/toml": {"schema": {"type": "string"}, "example": _TOML_EXAMPLE.lstrip()},
        },
    }
}


def of(api: FastAPI) -> dict[str, Any]:
    """Describe an API."""
    found = get_openapi(
        title="Handbell",
        version="1",
        summary="A school's messaging gateway",
        description=_ABOUT.strip(),
        routes=api.routes,
        servers=[{"url": "/api/v1"}],
    )
    schemas = found["components"]["schemas"]
    for kind in (problems.Problem, model.Definition):
        # Their parts keep out of the way of the API's own: a definition has steps and an event, and so have answers.
        schema = kind.model_json_schema(ref_template=f"{_REF}{kind.__name__}.{{model}}")
        schemas |= {f"{kind.__name__}.{name}": part for name, part in schema.pop("$defs", {}).items()}
        schemas[kind.__name__] = schema
    for operations in found["paths"].values():
        for operation in operations.values():
            operation["responses"]["default"] = _error()
            operation["responses"].pop("422", None)
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    return found


def _error() -> dict[str, Any]:
    example = {
        "type": "urn:handbell:problem:conflict",
        "title": "Conflict",
        "status": 409,
        "detail": "A notice “trip-2026-12-04” has been sent or scheduled already. Give this one another key.",
    }
    content = {problems.MEDIA_TYPE: {"schema": {"$ref": f"{_REF}Problem"}, "example": example}}
    return {"description": "It was not done; `detail` says why.", "content": content}

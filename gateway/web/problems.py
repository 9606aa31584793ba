"""Every error as problem details (RFC 9457): a sentence for a person, and for a machine the kind of problem."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from http import HTTPStatus
from typing import Any

import structlog
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from sqlalchemy import exc
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from gateway import errors

logger = structlog.get_logger()

MEDIA_TYPE = "application/problem+json"
_AGAIN = {"Retry-After": "30"}


class Fault(BaseModel):
    """One thing that is wrong with the request, where, and how to mend it."""

    what: str
    cure: str = ""
    field: str = Field(default="", description="The key, with dots between its parts")
    line: int = Field(default=0, description="The line of a TOML or JSON text; 0 when it cannot be told")


class Problem(BaseModel):
    """What went wrong (RFC 9457)."""

    type: str = Field(default="about:blank", description="The kind of problem, for a machine")
    title: str
    status: int
    detail: str = Field(default="", description="A sentence for a person")
    problems: list[Fault] = Field(default=[], description="Everything that is wrong with the request, all at once")


def respond(
    status: int,
    detail: str = "",
    *,
    kind: str = "",
    faults: Sequence[Fault] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Make an error response. ``kind`` is a word such as ``conflict``; without it the status says enough."""
    phrase = HTTPStatus(status).phrase
    problem = Problem(
        type=f"urn:handbell:problem:{kind}" if kind else "about:blank",
        title=kind.replace("-", " ").capitalize() if kind else phrase,
        status=status,
        detail=detail,
        problems=list(faults),
    )
    body = problem.model_dump_json(exclude={"problems"} if not faults else None)
    return Response(body, status_code=status, media_type=MEDIA_TYPE, headers=dict(headers or {}))


def of(error: Exception) -> Response:
    """The response for whatever was raised."""
    match error:
        case errors.HandbellError():
            return _of_ours(error)
        case RequestValidationError():
            return respond(422, "The request cannot be used.", kind="bad-input", faults=_faults(error))
        case HTTPException():
            detail = "" if error.detail == HTTPStatus(error.status_code).phrase else error.detail
            return respond(error.status_code, detail, headers=error.headers)
        case ClientDisconnect():
            return respond(400, "The request ended before all of it had come.")
        case exc.IntegrityError():
            return respond(409, "Somebody else was a moment faster. Look at it again.", kind="conflict")
        case exc.SQLAlchemyError() | OSError():
            logger.error("web.database_away", error=type(error).__name__)
            return respond(503, "The database does not answer. Try again.", kind="not-ready", headers=_AGAIN)
        case _:
            return respond(500, "Handbell itself failed. Its log says more under the X-Request-Id of this answer.")


def _of_ours(error: errors.HandbellError) -> Response:
    match error:
        case errors.BadInput():
            faults = [Fault(what=p.what, cure=p.cure, field=p.field, line=p.line) for p in error.problems]
            return respond(422, str(error), kind="bad-input", faults=faults)
        case errors.NotFound():
            return respond(404, str(error), kind="not-found")
        case errors.Conflict():
            return respond(409, str(error), kind="conflict")
        case errors.NotReady():
            return respond(503, str(error), kind="not-ready", headers=_AGAIN)
        case _:
            return respond(500, str(error))


def _faults(error: RequestValidationError) -> list[Fault]:
    """What FastAPI found. The first part of a place is where it looked: query, path, header or body."""
    return [_fault(detail) for detail in error.errors()]


def _fault(detail: Mapping[str, Any]) -> Fault:
    if detail["type"] == "json_invalid":
        cure = "Send one JSON object, with double quotes around names and texts, and without a comma after the last."
        return Fault(what=f"This is not JSON: {detail['ctx']['error']}, at character {detail['loc'][1]}.", cure=cure)
    where = ".".join(str(part) for part in detail["loc"][1:]) or str(detail["loc"][0])
    cure = "docs/api.md and /api/v1/openapi.json say what may stand here."
    return Fault(what=f"{detail['msg']}.", cure=cure, field=where)


def handlers() -> dict[int | type[Exception], Callable[[Request, Any], Coroutine[Any, Any, Response]]]:
    """The exception handlers of an application."""

    async def handle(_request: Request, error: Exception) -> Response:
        return of(error)

    kinds: tuple[int | type[Exception], ...] = (
        errors.HandbellError,
        RequestValidationError,
        HTTPException,
        ClientDisconnect,
        exc.SQLAlchemyError,
        OSError,
        Exception,
    )
    return dict.fromkeys(kinds, handle)

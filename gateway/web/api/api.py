"""The API as an application of its own, so that its description (OpenAPI) holds nothing else.

There is one in a process, for all of a trust's schools: its routes take a tenth of a second to put together.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from fastapi import Depends, FastAPI
from starlette.responses import JSONResponse, Response

from gateway.definitions import reading
from gateway.web import problems
from gateway.web.api import (
    absences,
    bodies,
    calendar,
    callers,
    campaigns,
    contacts,
    conversations,
    description,
    details,
    emergencies,
    events,
    inbound,
    letters,
    messages,
    notices,
    praises,
    reports,
    senders,
    surveys,
    translations,
)


@cache
def build() -> FastAPI:
    """Make the API; which site a request came to is said by the request (:func:`gateway.web.site.of`)."""
    # No documentation pages: they load scripts from elsewhere, which no page of ours may.
    api = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, exception_handlers=problems.handlers())
    school = (absences, calendar, campaigns, emergencies, events, praises, letters, surveys, reports)
    families = (messages, contacts, details, inbound, conversations)
    for part in (notices, translations, *families, *school, senders):
        api.include_router(part.routes, dependencies=[Depends(callers.caller), Depends(bodies.keepable)])

    @api.get("/definition-schema", summary="The JSON Schema of a notice definition", tags=["description"])
    async def schema() -> dict[str, Any]:
        """For editors, so it needs no token: it holds nothing about the school."""
        return reading.schema()

    @api.get("/openapi.json", include_in_schema=False)
    def openapi() -> Response:  # not async: the first time it takes half a second, in a thread
        return JSONResponse(described())

    return api


@cache
def described() -> dict[str, Any]:
    """Describe the API; made for the first one who asks, as few ever do."""
    return description.of(build())

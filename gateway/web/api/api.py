"""The API as an application of its own, so that its description (OpenAPI) holds nothing else."""

from __future__ import annotations

from typing import Any

from fastapi import Depends, FastAPI
from starlette.responses import JSONResponse, Response

from gateway.definitions import reading
from gateway.web import problems, site
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


def build(here: site.Site) -> FastAPI:
    """Make the API of a site."""
    # No documentation pages: they load scripts from elsewhere, which no page of ours may.
    api = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, exception_handlers=problems.handlers())
    api.state.site = here
    school = (absences, calendar, campaigns, emergencies, events, praises, letters, surveys, reports)
    families = (messages, contacts, details, inbound, conversations)
    for part in (notices, translations, *families, *school, senders):
        api.include_router(part.routes, dependencies=[Depends(callers.caller), Depends(bodies.keepable)])

    @api.get("/definition-schema", summary="The JSON Schema of a notice definition", tags=["description"])
    async def schema() -> dict[str, Any]:
        """For editors, so it needs no token: it holds nothing about the school."""
        return reading.schema()

    described = description.of(api)

    @api.get("/openapi.json", include_in_schema=False)
    async def openapi() -> Response:
        return JSONResponse(described)

    return api

"""One application: webhooks and pages as plain routes, the JSON API as a mounted one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount

from gateway import context
from gateway.accounts.passwords import Passwords
from gateway.phone_line.talking import Talking
from gateway.web import (
    entries,
    envelope,
    events,
    health,
    hooks,
    limits,
    media,
    problems,
    site,
    survey_page,
    topics,
    unsubscribe,
)
from gateway.web.api import api
from gateway.web.office import office


def build(
    gateway: context.Gateway,
    *,
    stuck: Callable[[], list[str]],
    failing: Callable[[], list[str]],
    arrived: Callable[[], None],
    planned: Callable[[], None],
    talking: Talking | None = None,
    practice: site.Practice | None = None,
    passwords: Passwords | None = None,
    closing: asyncio.Event | None = None,
    rehearse: site.Rehearse | None = None,
) -> envelope.Envelope:
    """Make the application. What it is told by and tells to the daemon is in :class:`site.Site`.

    ``closing`` is set when the web server ends: whatever streams to an open page ends then, too.
    """
    here = site.Site(
        gateway,
        stuck=stuck,
        failing=failing,
        arrived=arrived,
        planned=planned,
        talking=talking or Talking(),
        passwords=passwords or Passwords(),
        practice=practice,
        rehearse=rehearse,
    )
    app = Starlette(
        routes=routes(here, closing=closing),
        exception_handlers=problems.handlers(),
        middleware=[Middleware(site.Signpost, here=here)],
    )
    app.state.site = here
    return envelope.Envelope(app, new_id=gateway.new_id)


def routes(here: site.Site, *, closing: asyncio.Event | None = None) -> list[BaseRoute]:
    """Every way into a site; :mod:`gateway.web.entries` lists them."""
    largest = here.gateway.settings.web.max_body_bytes
    return [
        *hooks.routes(),
        entries.entry(
            "/hooks/{rest:path}", _nothing, by=entries.By.ANYBODY, methods=("POST",)
        ),  # a program called: it is told as programs are
        *health.routes(),
        *unsubscribe.routes(),
        *topics.routes(),
        *media.routes(),
        *events.routes(),
        *survey_page.routes(),
        Mount("/api/v1", app=limits.Limits(api.build(), size=largest)),
        Mount("/", app=office.build(here, closing=closing)),  # last: whatever else there is comes first
    ]


async def _nothing(_request: Request) -> Response:
    raise HTTPException(404)

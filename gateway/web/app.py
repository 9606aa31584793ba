"""One application: webhooks and pages as plain routes, the JSON API as a mounted one."""

from __future__ import annotations

from collections.abc import Callable

from starlette.applications import Starlette
from starlette.routing import BaseRoute, Mount
from starlette.types import ASGIApp

from gateway import context
from gateway.phone_line.talking import Talking
from gateway.web import (
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
    practice: ASGIApp | None = None,
) -> ASGIApp:
    """Make the application. What it is told by and tells to the daemon is in :class:`site.Site`."""
    here = site.Site(
        gateway, stuck=stuck, failing=failing, arrived=arrived, planned=planned, talking=talking or Talking()
    )
    largest = gateway.settings.web.max_body_bytes
    routes: list[BaseRoute] = [
        *hooks.routes(),
        *health.routes(),
        *unsubscribe.routes(),
        *topics.routes(),
        *media.routes(),
        *events.routes(),
        *survey_page.routes(),
    ]
    routes.append(Mount("/office", app=office.build(here)))
    routes.append(Mount("/api/v1", app=limits.Limits(api.build(here), size=largest)))
    if practice is not None:
        routes.append(Mount("/practice", app=limits.Limits(practice, size=largest)))
    app = Starlette(routes=routes, exception_handlers=problems.handlers())
    app.state.site = here
    return envelope.Envelope(app, new_id=gateway.new_id)

"""Several schools behind one socket: each has a host name of its own, and what comes by another name is nobody's.

A host name keeps schools apart in the browser too: a cookie, and whatever a page may do, ends at it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import structlog
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.core import Metric
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway import can_send, context, errors, metrics
from gateway.web import health, problems, site


class Hosts:
    """Hands each request to its school's pages.

    ``pages``    by host name, for as long as a school runs
    ``running``  by the school's key, those that do; ``away`` the keys of those that should
    """

    def __init__(self) -> None:
        self.pages: dict[str, tuple[str, ASGIApp]] = {}
        self.sites: dict[str, site.Site] = {}
        self.away: Callable[[], list[str]] = list

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        host = next((value for name, value in scope["headers"] if name == b"host"), b"").decode("latin-1").lower()
        found = self.pages.get(host) or self.pages.get(host.partition(":")[0])
        if found is None:
            await (await self._nobodys(Request(scope)))(scope, receive, send)
            return
        key, pages = found
        with structlog.contextvars.bound_contextvars(school=key):
            await pages(scope, receive, send)

    async def _nobodys(self, request: Request) -> Response:
        """What the trust's own monitoring asks, by the machine's own name or address."""
        if request.url.path in ("/livez", "/healthz"):
            return PlainTextResponse("ok")
        if request.url.path == "/metrics":
            return Response(self.metrics(), headers={"Content-Type": CONTENT_TYPE_LATEST})
        if request.url.path == "/readyz":
            return await self._ready()
        if self.away():  # it may be theirs: a provider that is told 404 does not bring its call again
            return problems.of(errors.NotReady("A school of this trust does not run just now. Try again in a minute."))
        return problems.respond(404, "No school is called by this address.", kind="not-found")

    async def _ready(self) -> Response:
        """Whether all schools work: 503 with the reasons, by school, where one does not."""
        asked = dict(self.sites)
        said = zip(asked, await asyncio.gather(*(_answer(key, here) for key, here in asked.items())), strict=True)
        found = {key: ["It does not run."] for key in self.away()}
        found |= {key: list(one.reasons) for key, one in said if one.reasons}
        return JSONResponse({"ready": not found, "reasons": found}, status_code=503 if found else 200)

    def metrics(self) -> bytes:
        """Every school's counters, each with the school's key as a label; one that does not run is not ready."""
        return generate_latest(_Labelled({key: here.gateway for key, here in self.sites.items()}, self.away()))


async def _answer(key: str, here: site.Site) -> can_send.Answer:
    """Whether one school can send; what the journal says of it meanwhile has the school's key."""
    with structlog.contextvars.bound_contextvars(school=key):
        return await health.answer(here)


class _Labelled:
    """The registries of several gateways, as one: a name may stand in the text only once."""

    def __init__(self, gateways: Mapping[str, context.Gateway], away: Sequence[str]) -> None:
        self._gateways, self._away = gateways, away

    def collect(self) -> list[Metric]:
        found: dict[str, Metric] = {}
        for key, gateway in self._gateways.items():
            for metric in gateway.metrics.collected.collect():
                merged = found.setdefault(metric.name, Metric(metric.name, metric.documentation, metric.type))
                for sample in metric.samples:
                    named: Any = sample._replace(labels={**sample.labels, "school": key})
                    merged.samples.append(named)
        if self._away:
            ready = found.setdefault(metrics.READY[0], Metric(*metrics.READY, "gauge"))
            for key in self._away:
                ready.add_sample(ready.name, {"school": key}, 0)
        return list(found.values())

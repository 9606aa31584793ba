"""Health: whether the process lives, whether it can work, and what Prometheus may ask.

These pages need no login and hold no personal data, but they are nobody's business outside: a proxy forwards only
``/hooks`` and ``/u``.
"""

from __future__ import annotations

from prometheus_client import CONTENT_TYPE_LATEST
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute

from gateway import can_send
from gateway.web import site
from gateway.web.entries import By, entry


def routes() -> list[BaseRoute]:
    """``/livez`` (also called ``/healthz``), ``/readyz`` and ``/metrics``, and for people ``/health``."""
    return [
        entry("/livez", alive, by=By.ANYBODY),
        entry("/healthz", alive, by=By.ANYBODY),
        entry("/readyz", ready, by=By.ANYBODY),
        entry("/metrics", metrics, by=By.ANYBODY),
        entry("/health", in_a_word, by=By.ANYBODY),
    ]


async def alive(_request: Request) -> Response:
    """The process runs and its loop turns. Nothing else is asked: what a restart cannot mend must not bring one."""
    return PlainTextResponse("ok")


async def in_a_word(request: Request) -> Response:
    """Whether it works, for anybody: yes or no, and not why."""
    well = not (await answer(site.of(request))).reasons
    return PlainTextResponse("yes\n" if well else "no\n", status_code=200 if well else 503)


async def ready(request: Request) -> Response:
    """Whether messages can leave and answers be taken in: 503 with the reasons where they cannot."""
    found = (await answer(site.of(request))).reasons
    return JSONResponse({"ready": not found, "reasons": list(found)}, status_code=503 if found else 200)


async def answer(here: site.Site) -> can_send.Answer:
    """Whether this process can send, and why not."""
    return await can_send.look(here.gateway, stuck=here.stuck(), failing=here.failing())


async def metrics(request: Request) -> Response:
    """The counters, as Prometheus reads them."""
    return Response(site.of(request).gateway.metrics.text(), headers={"Content-Type": CONTENT_TYPE_LATEST})

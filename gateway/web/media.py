"""Recorded phrases for calls, by an address that only we can make and that ends: ``/media/voice/{clip}``.

What is in them is what a call says to anybody, the names of children never among it; still nobody is to collect them.
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from gateway.models import Clip
from gateway.models.types import core
from gateway.web import problems, site
from gateway.web.entries import By, entry

_KEPT_FOR: Final = 60  #: seconds a provider keeps one: recorded anew, it must be heard anew soon


def routes() -> list[BaseRoute]:
    """``/media/voice/{clip_id}?until=…&token=…``."""
    return [entry("/media/voice/{clip_id:int}", play, by=By.LINK)]


async def play(request: Request) -> Response:
    """Give a recording, while its address holds. What is signed is as we wrote it, so it is a number."""
    gateway = site.of(request).gateway
    clip_id = request.path_params["clip_id"]
    until, token = request.query_params.get("until", ""), request.query_params.get("token", "")
    left = (
        int(until) - int(gateway.now().timestamp()) if until.isascii() and until.isdecimal() and len(until) < 12 else 0
    )
    if left <= 0 or not token.isascii() or not gateway.signed("voice", f"{clip_id}:{until}", token):
        return problems.respond(404, "This address is not ours, or too old.", kind="not-found")
    t = core(Clip).c
    async with gateway.database.read() as session:
        found = (await session.execute(sa.select(t.content_type, t.content).where(t.id == clip_id))).one_or_none()
    if found is None:
        return problems.respond(404, "There is no such recording any more.", kind="not-found")
    headers = {"Cache-Control": f"private, max-age={min(left, _KEPT_FOR)}"}
    return Response(found.content, media_type=found.content_type, headers=headers)

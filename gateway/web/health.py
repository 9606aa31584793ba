"""Health: whether the process lives, whether it can work, and what Prometheus may ask.

These pages need no login and hold no personal data, but they are nobody's business outside: a proxy forwards only
``/hooks`` and ``/u``.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Final
from zoneinfo import ZoneInfo

import sqlalchemy as sa
import structlog
from prometheus_client import CONTENT_TYPE_LATEST
from sqlmodel import col, select
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from channels.base import Reason
from gateway import circuits, context, failures, polling
from gateway.models import Audit, Sender
from gateway.web import site

logger = structlog.get_logger()

_DATABASE_SECONDS = 5.0
SEALED_WITHIN = timedelta(minutes=5)  #: the sealer works every second; a line this old and unsealed says it does not


def routes() -> list[Route]:
    """``/healthz``, ``/readyz`` and ``/metrics``."""
    return [Route("/healthz", alive), Route("/readyz", ready), Route("/metrics", metrics)]


async def alive(_request: Request) -> Response:
    """The process runs and its loop turns."""
    return PlainTextResponse("ok")


async def ready(request: Request) -> Response:
    """Whether messages can leave and answers be taken in: 503 with the reasons where they cannot."""
    here = site.of(request)
    reasons = [f"The {loop} has not turned for a minute." for loop in here.stuck()]
    reasons += [
        f"What {lane} does cannot be written down, so nothing leaves: look for a full disk or a locked database."
        for lane in here.failing()
    ]
    reasons += [receiver.trouble for receiver in here.gateway.receivers if receiver.trouble]
    try:
        async with asyncio.timeout(_DATABASE_SECONDS):
            reasons += await _look(here.gateway)
    except Exception as error:  # whatever the driver calls it; without its trace, as the next question comes in seconds
        logger.error("health.database_away", error=type(error).__name__)  # noqa: TRY400 - see above
        reasons.append("The database does not answer.")
    return JSONResponse({"ready": not reasons, "reasons": reasons}, status_code=503 if reasons else 200)


async def metrics(request: Request) -> Response:
    """The counters, as Prometheus reads them."""
    return Response(site.of(request).gateway.metrics.text(), headers={"Content-Type": CONTENT_TYPE_LATEST})


async def _look(gateway: context.Gateway) -> list[str]:
    now = gateway.now()
    async with gateway.database.read() as session:
        oldest = await session.scalar(select(sa.func.min(col(Audit.at))).where(col(Audit.link).is_(None)))
        refused = list(await session.scalars(_REFUSED))
        # Where webhooks come too, a list that cannot be read keeps nothing out.
        deaf = [] if gateway.public_url else await polling.troubles(session, gateway)
    found = [_refusal(sender, gateway.timezone) for sender in refused]
    if oldest is not None and oldest < now - SEALED_WITHIN:
        found.append("The audit log has not been sealed for five minutes.")
    return found + deaf


#: Whom the provider will not have until a person mends it; one that is slow or away mends itself.
_REFUSED: Final = (
    select(Sender)
    .where(col(Sender.active), col(Sender.open_since).is_not(None))
    .where(col(Sender.open_reason).in_([reason.value for reason in circuits.NEEDS_A_PERSON]))
    .order_by(col(Sender.id))
)


def _refusal(sender: Sender, timezone: ZoneInfo) -> str:
    """Which sender, since when, why, and what to do."""
    since = sender.open_since.astimezone(timezone) if sender.open_since else None
    cure = failures.ERRANDS[Reason(sender.open_reason)].cure
    return f"Sender {sender.id} ({sender.channel}) is held back since {since:%d %B %H:%M}: {sender.held_because} {cure}"

"""What every answer wears: a request id, security headers, a line in the journal; and nothing breaks through.

The journal gets the route's pattern and never the address itself: the address of an unsubscribe page is a key.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

import structlog
from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.types import Message, Receive, Scope, Send

from gateway.web import limits, problems

logger = structlog.get_logger()

#: For whatever does not say otherwise itself. Nothing inline, nothing from elsewhere, in nobody's frame.
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Envelope:
    """The outermost layer of the application."""

    def __init__(self, app: Starlette, *, new_id: Callable[[], str]):
        self.app, self._new_id = app, new_id

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id, begun, status = self._new_id(), time.monotonic(), 0

        async def dressed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-Id"] = request_id
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                if fault := limits.refuse_address(scope):
                    await problems.respond(400, fault)(scope, receive, dressed)
                else:
                    await self.app(scope, receive, dressed)
            except Exception as error:  # the last net: the server's own page would tell nobody what to do
                logger.exception("web.failed")
                if not status:
                    await problems.of(error)(scope, receive, dressed)
            finally:
                seconds = round(time.monotonic() - begun, 4)
                route = getattr(scope.get("route"), "path", "")
                logger.log(_level(status), "web.request", method=scope["method"], route=route, status=status, s=seconds)


def _level(status: int) -> int:
    """What went well is only for those who look closely: a large school brings thousands of receipts an hour."""
    if status < 400:
        return logging.DEBUG
    return logging.INFO if status < 500 else logging.WARNING

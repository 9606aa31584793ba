"""Emergency: how long it takes comes first, one check, then the list of who has not read it, and what follows."""

from __future__ import annotations

from starlette.routing import BaseRoute

from gateway.web.office import frame, live
from gateway.web.office.emergency import raising, telling, watching

__all__ = ["routes"]


def routes(pages: frame.Pages, streams: live.Live) -> list[BaseRoute]:
    """``/emergency`` and everything below it."""
    return [*raising.routes(pages), *watching.routes(pages, streams), *telling.routes(pages)]

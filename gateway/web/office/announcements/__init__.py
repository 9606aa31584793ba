"""Announcements: the list, the four questions, the check, and how far one has come."""

from __future__ import annotations

from starlette.routing import BaseRoute

from gateway.web.office import frame, live
from gateway.web.office.announcements import checking, listing, seen, sending, writing

__all__ = ["routes"]


def routes(pages: frame.Pages, streams: live.Live) -> list[BaseRoute]:
    """``/announcements`` and everything below it."""
    outlooks = seen.Outlooks()
    return [
        *listing.routes(pages, streams),
        *writing.routes(pages, outlooks),
        *checking.routes(pages, outlooks),
        *sending.routes(pages, streams),
    ]

"""Pages that keep themselves up to date: one stream for each open page (ui.md §8).

On connecting a page gets each of its parts whole, and again only the part that has changed. What happens in Handbell
leaves a line in the audit log, so one question, how far that log has come, says for all open pages whether there may be
news; and pages that show the same to the same kind of visitor are made once for all of them.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode

import sqlalchemy as sa
import structlog
from sqlmodel import col
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute

from gateway import errors
from gateway.models import Audit
from gateway.web import site
from gateway.web.office import door, frame, naming, visitors
from gateway.web.office.rights import Right

logger = structlog.get_logger()

TURN_SECONDS: Final = 1.0  #: how soon something new is on every page
BEAT_SECONDS: Final = 5.0  #: how often a page hears that the stream lives; it says so after 20 seconds of nothing
#: The parts of the frame that change: the menu's numbers, the phone's bar, and what does not go out.
_AROUND: Final = ("navigation", "bar", "warnings")

_HEADERS: Final = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
_OVER: Final = "event: over\ndata: over\n\n"

Values = Mapping[str, Any]
Read = Callable[[site.Site, visitors.Visitor, Mapping[str, str]], Awaitable[Values]]


@dataclass(frozen=True, slots=True)
class View:
    """A live page: what it is made from, and which of its blocks change.

    ``name``      of the page, in the address of its stream and in the menu
    ``template``  each of ``parts`` is a block of it, inside an element that has the block's name as ``id``
    ``read``      gives the values, for the page and for its parts, from the site, the visitor and what the address says
    ``own``       whether two people with the same role see different things on it; two teachers always do
    ``changed``   something that is another when there may be news of which the audit log does not know
    """

    name: str
    template: str
    parts: tuple[str, ...]
    right: Right
    read: Read
    own: bool = False
    changed: Callable[[], object] = lambda: None


@dataclass(slots=True)
class _Shown:
    """What one view shows to one kind of visitor, and how many look at it."""

    view: View
    visitor: visitors.Visitor
    given: Mapping[str, str]
    parts: Mapping[str, str] = field(default_factory=dict[str, str])
    news: asyncio.Event = field(default_factory=asyncio.Event)
    readers: int = 0
    gone: bool = False  #: what it shows is no longer there

    def wake(self) -> None:
        """Let everybody look who waits."""
        self.news.set()
        self.news = asyncio.Event()


class Live:
    """The streams of a site."""

    def __init__(self, pages: frame.Pages, closing: asyncio.Event) -> None:
        self._pages, self._closing = pages, closing
        self._views: dict[str, View] = {}
        self._shown: dict[object, _Shown] = {}
        self._turning: asyncio.Task[None] | None = None
        self._known = 0  #: how far the audit log has come
        # Stands for the proof of whoever looks, so that one rendering serves all of them; nobody can guess it.
        self._proof = f"proof-{secrets.token_hex(16)}"

    def add(self, view: View) -> View:
        """Give a page its stream."""
        self._views[view.name] = view
        return view

    def routes(self) -> list[BaseRoute]:
        """``/live?page=…`` and whatever else the page's own address says. The right asked for is that of the page."""
        return [door.page("/live", self.stream, right=Right.OWN, counts=False)]

    async def show(self, request: Request, view: View, *, status: int = 200, **more: Any) -> Response:
        """The page itself, from the same values as its stream; ``more`` is for its forms."""
        visitor, given = visitors.of(request), _given(request)
        values = await view.read(self._pages.here, visitor, given)
        address = urlencode([("page", view.name), *given.items()])
        around = {"here": view.name, "live": address}
        return await self._pages.render(request, view.template, status=status, **{**around, **values, **more})

    async def stream(self, request: Request) -> Response:
        """Everything that changes on one open page, until it is closed, its session ends, or the gateway stops."""
        visitor, asked = visitors.of(request), request.query_params.multi_items()
        name = asked[0][1] if asked and asked[0][0] == "page" else ""
        view, given = self._views.get(name), dict(asked[1:])  # a page may ask for a "page" of its own
        hidden = given.pop("hidden", "") == "yes"
        if view is None:
            raise HTTPException(404)
        if not visitor.may(view.right):
            raise HTTPException(403)
        if hidden != visitor.hide_names:  # the page is of before, and comes again as names stand now
            return StreamingResponse(iter([_OVER]), media_type="text/event-stream", headers=_HEADERS)
        key = (view.name, tuple(sorted(given.items())), visitor.role, visitor.forms, visitor.hide_names,
               visitor.account if view.own or visitor.forms else "")  # fmt: skip
        shown = self._shown.setdefault(key, _Shown(view, visitor, given))
        if not shown.parts:
            try:
                await self._refresh(shown)
            except BaseException:
                if not shown.readers:
                    self._shown.pop(key, None)
                raise
        events = self._events(request, key, shown, visitor)
        return StreamingResponse(events, media_type="text/event-stream", headers=_HEADERS)

    async def _events(
        self, request: Request, key: object, shown: _Shown, visitor: visitors.Visitor
    ) -> AsyncIterator[str]:
        shown.readers += 1
        self._shown[key] = shown
        self._begin()
        sent: dict[str, str] = {}
        checked = -1
        try:
            yield "retry: 1000\n\n"
            while not self._closing.is_set():
                news = shown.news
                for name, inside in shown.parts.items():
                    if sent.get(name) != inside:
                        sent[name] = inside
                        yield _partial(name, inside.replace(self._proof, visitor.csrf))
                yield f"event: beat\ndata: {self._clock()}\n\n"
                with suppress(TimeoutError):
                    await asyncio.wait_for(news.wait(), BEAT_SECONDS)
                # Whoever is signed out or hides names leaves a line in the log; whoever does nothing for long does not.
                over, log = shown.gone, self._known
                if not over and (log != checked or self._pages.here.gateway.now() >= visitor.ends_at):
                    over, checked = not await door.still(request, visitor), log
                if over:
                    yield _OVER
                    return
        finally:
            shown.readers -= 1
            if not shown.readers and self._shown.get(key) is shown:
                del self._shown[key]
            if self._closing.is_set() and self._turning is not None:
                await self._turning  # or it would read on from a database that is being closed

    def _begin(self) -> None:
        if self._turning is None or self._turning.done():
            self._turning = asyncio.create_task(self._turn(), name="live")

    async def _turn(self) -> None:
        """Look for news while anybody looks at a page."""
        known: object = None
        while self._shown and not self._closing.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), TURN_SECONDS)
            if not self._shown or self._closing.is_set():  # nobody looks any more, and the database may be going
                break
            try:
                mark = await self._mark()
                if mark != known:
                    for shown in list(self._shown.values()):
                        await self._refresh(shown)
                known = mark
            except Exception:  # the database is away: what is shown stays, and pages say that they are not live
                logger.exception("live.trouble")
        for shown in self._shown.values():
            shown.wake()

    async def _mark(self) -> object:
        """Changes whenever anything on any page may have: with every deed, and with every minute."""
        beside = [view.changed() for view in {shown.view.name: shown.view for shown in self._shown.values()}.values()]
        async with self._pages.here.gateway.database.read() as session:
            self._known = await session.scalar(sa.select(sa.func.max(col(Audit.id)))) or 0
        return self._known, self._clock(), beside

    async def _refresh(self, shown: _Shown) -> None:
        """Make a view's parts anew, and wake those who look at it where any has changed."""
        view, visitor = shown.view, shown.visitor
        try:
            values = await view.read(self._pages.here, visitor, shown.given)
        except (errors.NotFound, HTTPException):
            if not shown.parts:
                raise
            shown.gone = True
            shown.wake()
            return
        around = await self._pages.frame(visitor)
        filled = {"here": view.name, "live": "", **values, "csrf": self._proof}
        made = self._pages.parts(view.template, (*_AROUND, *view.parts), visitor, around, filled)
        if made != shown.parts:
            shown.parts = made
            shown.wake()

    def _clock(self) -> str:
        gateway = self._pages.here.gateway
        return naming.clock(gateway.now(), gateway.timezone)


def _given(request: Request) -> dict[str, str]:
    """What the address of a page says, as text."""
    path = {name: str(value) for name, value in request.path_params.items()}
    return dict(request.query_params) | path


def _partial(name: str, inside: str) -> str:
    """One part as one message: htmx puts it in its place, and what has not changed stays as it is."""
    whole = f'<hx-partial hx-target="#{name}" hx-swap="innerMorph">{inside}</hx-partial>'
    return "".join(f"data: {line}\n" for line in whole.replace("\r", "").split("\n")) + "\n"

"""The practice phones as a page: rendered on the server, without script, the same under Starlette and alone.

:func:`asgi` is mounted by the gateway at ``/practice``; :func:`routes` serve the same when the simulator runs alone.
"""

from __future__ import annotations

import importlib.resources
import re
import urllib.parse
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import jinja2
from aiohttp import web
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from channels.simulator import magic, wall
from channels.simulator.calls import NoCall
from channels.simulator.texts import CannotReply

if TYPE_CHECKING:
    from channels.simulator.server import Simulator

_NUMBER = re.compile(r"\+[1-9]\d{6,14}")
NameOf = Callable[[str], str]

POLICY = (
    "default-src 'none'; style-src 'self'; frame-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'self'"
)
#: For the HTML part of a mail, which is a stranger's: no script, no form, nothing fetched.
MAIL_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:"


@dataclass(frozen=True, slots=True)
class Visit:
    """What a browser asked. ``base`` is where the page is mounted, ``path`` what comes after it."""

    method: str
    base: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Shown:
    """What it gets."""

    body: str = ""
    status: int = 200
    kind: str = "text/html"
    headers: dict[str, str] = field(default_factory=dict)


def no_name(number: str) -> str:
    """Nobody is known by name."""
    return ""


class Page:
    """Shows the wall and does what its buttons say. ``name_of`` gives the person's name for a number or address."""

    def __init__(self, simulator: Simulator, *, name_of: NameOf = no_name) -> None:
        self._simulator = simulator
        self._name_of = name_of
        self._templates = jinja2.Environment(
            loader=jinja2.PackageLoader("channels.simulator", "pages"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
        )
        self._templates.filters["lang"] = wall.guess_language
        self._style = (importlib.resources.files("channels.simulator") / "pages" / "practice.css").read_text("utf-8")

    async def visit(self, visit: Visit) -> Shown:
        """Answer one request."""
        path = visit.path.strip("/")
        if visit.method == "POST":
            if not _same_site(visit.headers):
                return self._sorry(visit, "This came from another web site, so nothing was done.", 403)
            return await self._act(visit, path)
        if path == "practice.css":
            return Shown(self._style, kind="text/css", headers={"Cache-Control": "max-age=300"})
        if path.startswith("mail/"):
            return self._mail(visit, path.removeprefix("mail/"))
        if path:
            return self._sorry(visit, "There is no such page.", 404)
        return self._wall(visit)

    def _wall(self, visit: Visit) -> Shown:
        world, query = self._simulator.world, visit.query
        view = wall.look(world, show=query.get("show", ""), search=query.get("q", ""), page=query.get("page", ""))
        fates = sorted(magic.TEXT_FATES)
        return self._render(
            "wall.html", visit, view=view, name_of=self._name_of, fates=fates, calls=list(magic.CallFate), world=world
        )

    def _mail(self, visit: Visit, which: str) -> Shown:
        """The HTML part of one mail, alone in its frame."""
        mails = self._simulator.world.mails
        number, _, kind = which.partition(".")
        if kind != "html" or not number.isdigit() or not 1 <= int(number) <= len(mails):
            return self._sorry(visit, "There is no such mail.", 404)
        return Shown(mails[int(number) - 1].html, headers={"Content-Security-Policy": MAIL_POLICY})

    async def _act(self, visit: Visit, deed: str) -> Shown:
        pairs = urllib.parse.parse_qsl(visit.body.decode("utf-8", "replace"), keep_blank_values=True)
        form = dict(pairs)
        number, world = form.get("number", "").strip(), self._simulator.world
        if deed == "ring" and _NUMBER.fullmatch(number):
            world.phone(number)
        if number not in world.phones:
            return self._sorry(visit, "There is no such phone.", 404)
        try:
            match deed:
                case "ring":
                    self._simulator.ring(number, hands_on=True)
                case "reply" if form.get("text", "").strip():
                    self._simulator.reply(number, form["text"])
                case "press" if form.get("key") and not set(form["key"]) - set("0123456789*#"):
                    self._simulator.do(number, form["key"])
                case "call" if form.get("event") in {"lift", "decline", "hang up"}:
                    self._simulator.do(number, form["event"])
                case "switch":
                    world.switch(number, on=form.get("on") == "yes")
                case "behave":
                    world.behave(number, text=form.get("fate", ""), calls=form.get("calls", ""))
                case _:
                    return self._sorry(visit, "That button is not known, or its field was empty.", 422)
        except (CannotReply, NoCall) as no:
            return self._sorry(visit, str(no), 409)
        except (KeyError, ValueError):
            return self._sorry(visit, "That way of going wrong is not known.", 422)
        back = {"q": form.get("q", ""), "page": form.get("page", "")}
        where = f"{visit.base}/?{urllib.parse.urlencode({name: value for name, value in back.items() if value})}"
        return Shown(status=303, headers={"Location": f"{where.rstrip('?')}#p{number.lstrip('+')}"})

    def _sorry(self, visit: Visit, sentence: str, status: int) -> Shown:
        return self._render("sorry.html", visit, status=status, sentence=sentence)

    def _render(self, template: str, visit: Visit, *, status: int = 200, **values: object) -> Shown:
        body = self._templates.get_template(template).render(base=visit.base, **values)
        return Shown(body, status=status, headers={"Content-Security-Policy": POLICY, "Cache-Control": "no-store"})


def _same_site(headers: Mapping[str, str]) -> bool:
    """Whether a POST came from our own page. Browsers say so themselves; other programs say nothing and may."""
    if site := headers.get("sec-fetch-site"):
        return site in {"same-origin", "none"}
    origin = headers.get("origin")
    return not origin or urllib.parse.urlsplit(origin).netloc == headers.get("host")


def asgi(simulator: Simulator, *, name_of: NameOf = no_name) -> Starlette:
    """The page as an ASGI application, to be mounted."""
    page = Page(simulator, name_of=name_of)

    async def answer(request: Request) -> Response:
        visit = Visit(
            method=request.method,
            base=request.scope.get("root_path", "").rstrip("/"),
            path=request.path_params["path"],
            query=request.query_params,
            headers=request.headers,
            body=await request.body(),
        )
        shown = await page.visit(visit)
        return Response(shown.body, status_code=shown.status, media_type=shown.kind, headers=shown.headers)

    return Starlette(routes=[Route("/{path:path}", answer, methods=["GET", "POST"])])


def routes(simulator: Simulator) -> list[web.RouteDef]:
    """The page under ``/practice`` of the simulator's own server."""
    page = Page(simulator)

    async def answer(request: web.Request) -> web.Response:
        visit = Visit(
            method=request.method,
            base="/practice",
            path=request.match_info["path"],
            query=request.query,
            headers={name.lower(): value for name, value in request.headers.items()},
            body=await request.read(),
        )
        shown = await page.visit(visit)
        return web.Response(text=shown.body, status=shown.status, content_type=shown.kind, headers=shown.headers)

    async def enter(request: web.Request) -> web.Response:
        return web.Response(status=307, headers={"Location": "/practice/"})

    address = "/practice/{path:.*}"
    door: Callable[[web.Request], Awaitable[web.Response]] = enter
    return [web.get("/", door), web.get("/practice", door), web.get(address, answer), web.post(address, answer)]

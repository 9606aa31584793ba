"""The frame that every page stands in: navigation for whoever looks, counts, warnings, what was said, and the dress.

A page gives its template and its values to :meth:`Pages.render`, and a deed its next address to :meth:`Pages.done`.
docs/pages.md says how to add a page.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from types import CodeType
from typing import Any, Final
from urllib.parse import urlsplit

import jinja2
from jinja2.bccache import Bucket
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from gateway import context, tasks, trial
from gateway.absence import board, rules
from gateway.announcements import waiting
from gateway.backup import gap
from gateway.database import Session
from gateway.desk import inbox
from gateway.emergency import alarm
from gateway.freshness import approving
from gateway.models import Emergency
from gateway.web import site
from gateway.web.office import assets, carriers, naming, navigation, rights, said, visitors

#: What every page is sent with beside what :mod:`gateway.web.envelope` puts on everything (CSP among it).
_HEADERS: Final = {"X-Robots-Tag": "noindex", "Cache-Control": "no-store"}


@dataclass(frozen=True, slots=True)
class Frame:
    """What stands around a page, and changes while it is open."""

    counts: Mapping[str, int] = field(default_factory=dict[str, int])
    media: tuple[carriers.Carrier, ...] = ()
    trial: bool = False
    restored: gap.Standing = field(default_factory=gap.Standing)
    alarms: Sequence[Emergency] = ()  #: what this visitor may let go as the second person

    @property
    def down(self) -> list[carriers.Carrier]:
        """What does not go out at all."""
        return [one for one in self.media if one.down_since]


class _Compiled(jinja2.BytecodeCache):
    """The templates as code, compiled once for all sites of a process: all of them take a second and more."""

    def __init__(self) -> None:
        self._kept = dict[tuple[str, str], CodeType]()

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self._kept.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        if bucket.code:
            self._kept[bucket.key, bucket.checksum] = bucket.code


_compiled: Final = cache(_Compiled)


def environment() -> jinja2.Environment:
    """What the templates are rendered in; each site puts its own clock, names and numbers into one of its own."""
    return jinja2.Environment(
        loader=jinja2.PackageLoader("gateway.web.office"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        optimized=False,  # or what a filter of one site makes of a fixed word would stand in the code for all
        bytecode_cache=_compiled(),
    )


class Pages:
    """Makes the pages of a site."""

    def __init__(self, here: site.Site) -> None:
        self.here, self.assets = here, assets.load()
        gateway = here.gateway
        self._templates = environment()
        self._templates.filters.update(naming.filters(gateway.timezone, gateway.now))
        self._templates.globals.update(
            asset=self.assets.url,
            school=gateway.settings.school,
            practice=gateway.settings.practice.enabled,
            now=gateway.now,
            today=gateway.today,
            quiet=lambda: gateway.quiet,
            Right=rights.Right,
        )

    async def render(
        self,
        request: Request,
        name: str,
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        **values: Any,
    ) -> Response:
        """A whole page: ``name`` is a file of ``templates/`` that extends ``base.html``."""
        visitor = visitors.of(request)
        frame = await self.frame(visitor)
        once = said.heard(request, self.here.gateway)
        around = {"here": "", "live": "", **self._around(visitor, frame), "said": once, "path": _path(request)}
        body = self._whole(name, {**around, **values})
        response = Response(body, status_code=status, media_type="text/html", headers={**_HEADERS, **(headers or {})})
        if once is not None:
            response.delete_cookie(said.COOKIE)
        return response

    def bare(
        self,
        request: Request,
        name: str,
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        **values: Any,
    ) -> Response:
        """A page that asks the database nothing: for whoever is not signed in, and for what went wrong.

        Where it extends ``base.html`` itself, it has the menu of whoever is signed in, without numbers.
        """
        visitor = visitors.found_or_none(request)
        around = self._around(visitor, Frame()) if visitor else {"visitor": None, naming.HIDE: False}
        proof = getattr(request.state, "csrf", "")
        plain = {"here": "", "live": "", "said": None, "path": "", **around, "csrf": proof}
        body = self._whole(name, {**plain, **values})
        return Response(body, status_code=status, media_type="text/html", headers={**_HEADERS, **(headers or {})})

    def done(self, request: Request, path: str, text: str = "", *, undo: str = "") -> Response:
        """The answer to a deed: go to ``path``, and say there what was done; with ``undo``, how to take it back.

        With names hidden the next page says no more than that it was done.
        """
        response = RedirectResponse(path, status_code=303, headers={"Cache-Control": "no-store"})
        if text:
            hidden = visitors.of(request).hide_names
            said.say(response, self.here.gateway, "Saved." if hidden else text, undo=undo)
        return response

    def parts(
        self, name: str, ids: Iterable[str], visitor: visitors.Visitor, frame: Frame, values: Mapping[str, Any]
    ) -> dict[str, str]:
        """The blocks of a page by name, each as the inside of the element that has its name as ``id``."""
        template, base = self._templates.get_template(name), self._templates.get_template("base.html")
        around = {"here": "", "live": "", "said": None, "path": "", **self._around(visitor, frame), **values}
        context = template.new_context(self._with_macros(around))
        blocks = base.blocks | template.blocks
        return {one: "".join(blocks[one](context)) for one in ids}

    async def frame(self, visitor: visitors.Visitor) -> Frame:
        """What stands around the pages of this visitor now."""
        async with self.here.gateway.database.read() as session:
            return Frame(
                await counts(session, self.here.gateway, visitor),
                tuple(await carriers.read(session)),
                await trial.goes_on(session),
                await gap.standing(session),
                await alarm.waiting(session) if visitor.may(rights.Right.APPROVE_EMERGENCY) else (),
            )

    def _around(self, visitor: visitors.Visitor, frame: Frame) -> dict[str, Any]:
        return {
            "visitor": visitor,
            "navigation": navigation.of(visitor, practice=self.here.gateway.settings.practice.enabled),
            "frame": frame,
            "csrf": visitor.csrf,
            naming.HIDE: visitor.hide_names,
        }

    def _with_macros(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The macros know what the page knows: whether names are hidden, and the proof that a form is ours."""
        macros = self._templates.get_template("_m.html").make_module(dict(values))
        return {**values, "m": macros}

    def _whole(self, name: str, values: Mapping[str, Any]) -> str:
        return self._templates.get_template(name).render(self._with_macros(values))


async def counts(session: Session, gateway: context.Gateway, visitor: visitors.Visitor) -> dict[str, int]:
    """The numbers beside the navigation, by the key of its item; what the visitor may not see is not counted."""
    found: dict[str, int] = {}
    if navigation.may_see(visitor, "today"):
        decided = rules.load(gateway.settings, gateway.year)
        found["today"] = await board.needing(session, decided, gateway.today(), forms=visitor.forms)
    if navigation.may_see(visitor, "replies"):
        found["replies"] = await inbox.count(
            session, "needs", inbox.of(visitor.role, visitor.name, visitor.forms), gateway
        )
    if visitor.may(rights.Right.APPROVE_ANNOUNCEMENTS):
        found["announcements"] = await waiting.held(session)
    if navigation.may_see(visitor, "contact-details"):
        found["contact-details"] = await approving.waiting(session)
    if visitor.may(rights.Right.SEE_TASKS):
        found["tasks"] = sum((await tasks.count(session)).values())
    return found


def _path(request: Request) -> str:
    """Where this page is, for a form that comes back to it."""
    found = urlsplit(str(request.url))
    return f"{found.path}?{found.query}" if found.query else found.path

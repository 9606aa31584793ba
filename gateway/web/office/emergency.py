"""The office's page to alarm families: how long it takes is shown first, then a list that keeps itself up to date.

The list asks to be loaded again by a header, so that it needs no script. What changes something is a form with a proof
that it is ours: a browser sends the password along with whatever page asks it to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl

import jinja2
import sqlalchemy as sa
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from gateway import chosen, context, errors, notices
from gateway.emergency import alarm, alarmed, following, passing, roll_call, shown
from gateway.models import Emergency, EmergencyPart, NoticeState
from gateway.models.types import core
from gateway.web import limits, site
from gateway.web.office import pages, visitors

_REFRESH: Final = {"Refresh": "10"}
_LARGEST_BODY = 65_536
_LATEST = 5  #: emergencies that the first page names
_FIELDS: Final = ("what", "do", "more", "forms")
_KEEP: Final = {"Cache-Control": "no-store"}


def routes(templates: jinja2.Environment) -> list[Route]:
    """``/office/emergency`` and what it links to."""
    shown_ = Pages(templates)
    limited = [Middleware(limits.Limits, size=_LARGEST_BODY)]
    return [
        Route("/emergency", shown_.ask, methods=["GET"]),
        Route("/emergency", shown_.act, methods=["POST"], middleware=limited),
        Route("/emergency/{key}", shown_.roll, methods=["GET"]),
        Route("/emergency/{key}/approve", shown_.approve, methods=["POST"], middleware=limited),
        Route("/emergency/{key}/tell", shown_.ask_what, methods=["GET"]),
        Route("/emergency/{key}/tell", shown_.tell, methods=["POST"], middleware=limited),
    ]


@dataclass(frozen=True, slots=True)
class Pages:
    """The pages. Each asks first who looks; what acts asks whether they may, and whether the form is ours."""

    templates: jinja2.Environment

    async def ask(self, request: Request) -> Response:
        """An empty form, and the emergencies there were."""
        visitor = await visitors.who(request)
        return await self._form(request, visitor, dict.fromkeys(_FIELDS, ""))

    async def act(self, request: Request) -> Response:
        """First show what it would come to; then, by a button on that, send it."""
        visitor, form = await _acting(request)
        gateway, here = site.of(request).gateway, site.of(request)
        given = {name: form.get(name, "").strip() for name in _FIELDS}
        try:
            asked = _asked(given, form.get("key", ""))
            if form.get("act") == "send":
                async with gateway.database.write() as session:
                    sent = await alarm.send(session, gateway, asked, by=visitor)
                here.planned()
                return RedirectResponse(f"emergency/{sent.key}", status_code=303)
            async with gateway.database.read() as session:
                outlook = await alarm.preview(session, gateway, asked)
                key = await alarm.next_key(session, gateway)
        except (errors.BadInput, errors.Conflict) as error:
            return await self._form(request, visitor, given, problem=str(error), status=422)
        return await self._form(request, visitor, given, outlook=outlook, key=key)

    async def roll(self, request: Request) -> Response:
        """Child by child, who has read it; it loads itself again while the emergency goes on."""
        visitor = await visitors.who(request)
        gateway = site.of(request).gateway
        async with gateway.database.read() as session:
            emergency = await alarm.find(session, request.path_params["key"])
            found = await roll_call.read(session, gateway, emergency)
            parts = await alarm.parts(session, emergency)
        body = self.templates.get_template("emergency_list.html").render(
            school=gateway.settings.school.name,
            title=shown.headline(found),
            up="../",
            found=found,
            held=any(notice.state is NoticeState.HELD for _, notice in parts),
            sentences=passing.sentences(found.passed) + _sent(parts),
            answers=shown.answers,
            proof=_proof(gateway, visitor),
            clock=lambda at: at.astimezone(gateway.timezone).strftime("%H:%M:%S"),
        )
        return pages.page(body, headers=_KEEP | ({} if emergency.over_at else _REFRESH))

    async def approve(self, request: Request) -> Response:
        """The second person lets it go."""
        visitor, _ = await _acting(request)
        here, key = site.of(request), request.path_params["key"]
        async with here.gateway.database.write() as session:
            emergency = await alarm.find(session, key)
            await notices.approve(session, here.gateway, emergency.key, approver=visitor)
        here.planned()
        return RedirectResponse(f"../{key}", status_code=303)

    async def ask_what(self, request: Request) -> Response:
        """The forms for an update and for the all-clear: on a page that does not load itself again while you type."""
        return await self._tell_form(request, await visitors.who(request))

    async def tell(self, request: Request) -> Response:
        """Send an update or the all-clear."""
        visitor, form = await _acting(request)
        here, key = site.of(request), request.path_params["key"]
        try:
            async with here.gateway.database.write() as session:
                if form.get("act") == "all-clear":
                    await following.all_clear(session, here.gateway, key, form.get("now", "").strip(), by=visitor)
                else:
                    what, do = alarm.by_language(form.get("what", ""), form.get("do", ""), _lines(form.get("more", "")))
                    await following.update(session, here.gateway, key, what, do, by=visitor, as_key=form.get("key", ""))
        except (errors.BadInput, errors.Conflict) as error:
            return await self._tell_form(request, visitor, problem=str(error), status=422)
        here.planned()
        return RedirectResponse(f"../{key}", status_code=303)

    async def _form(
        self,
        request: Request,
        visitor: str,
        given: Mapping[str, str],
        *,
        problem: str = "",
        outlook: alarm.Outlook | None = None,
        key: str = "",
        status: int = 200,
    ) -> Response:
        gateway = site.of(request).gateway
        async with gateway.database.read() as session:
            latest = sa.select(Emergency).order_by(core(Emergency).c.id.desc()).limit(_LATEST)
            emergencies = list(await session.scalars(latest))
        body = self.templates.get_template("emergency.html").render(
            school=gateway.settings.school.name,
            title="Alarm families",
            up="",
            emergencies=emergencies,
            given=given,
            problem=problem,
            times=shown.times(outlook.channels) if outlook else [],
            remarks=shown.remarks(outlook) if outlook else [],
            unreached=shown.unreached(outlook) if outlook else [],
            examples=shown.examples(outlook) if outlook else [],
            key=key,
            proof=_proof(gateway, visitor),
        )
        return pages.page(body, status=status, headers=_KEEP)

    async def _tell_form(self, request: Request, visitor: str, *, problem: str = "", status: int = 200) -> Response:
        gateway = site.of(request).gateway
        async with gateway.database.read() as session:
            emergency = await alarm.find(session, request.path_params["key"])
            facts = (await alarmed.find(session, gateway, emergency)).facts()
            key = await chosen.next_key(session, f"{emergency.key}-update")
        body = self.templates.get_template("emergency_tell.html").render(
            school=gateway.settings.school.name,
            title="Tell those who were alarmed",
            up="../../",
            emergency=emergency,
            sentences=following.sentences(facts),
            next=key,
            problem=problem,
            proof=_proof(gateway, visitor),
        )
        return pages.page(body, status=status, headers=_KEEP)


def _asked(given: Mapping[str, str], key: str) -> alarm.Asked:
    forms = [one.strip() for one in given["forms"].split(",") if one.strip()]
    what, do = alarm.by_language(given["what"], given["do"], _lines(given["more"]))
    return alarm.Asked(what, do, {"forms": forms} if forms else {"whole_school": True}, key)


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _sent(parts: Sequence[tuple[Any, Any]]) -> list[str]:
    later = ((part, notice) for part, notice in parts if part.part is not EmergencyPart.ALARM)
    return [f"{notice.title}, by {part.by}: {' '.join(following.sentences(part.facts))}" for part, notice in later]


def _proof(gateway: context.Gateway, visitor: str) -> str:
    """What a form carries to show that this site made it, for this visitor, today."""
    return gateway.sign("office form", f"{visitor} {gateway.today()}")


async def _acting(request: Request) -> tuple[str, dict[str, str]]:
    """Who acts, and what their form says.

    Raises 401, or 403 for a token that may only read and for a form that is not ours, or is of yesterday.
    """
    visitor = await visitors.who(request, acting=True)
    body = (await request.body()).decode("utf-8", "replace")
    form = dict(parse_qsl(body, keep_blank_values=True, max_num_fields=50))
    gateway = site.of(request).gateway
    proof = form.get("proof", "")
    if not proof.isascii() or not gateway.signed("office form", f"{visitor} {gateway.today()}", proof):
        raise HTTPException(403, "This form is not from this page, or from another day. Open the page again.")
    if "\0" in body or "%00" in body:
        raise HTTPException(422, "These words cannot be sent.")
    return visitor, form

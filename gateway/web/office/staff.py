"""Who may come in, for IT and the head: people, what they are, their links, and where they are signed in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from gateway import errors
from gateway.absence import board
from gateway.accounts import links, sessions, staff
from gateway.database import Session
from gateway.models import Account
from gateway.roles import Role
from gateway.trust import visiting
from gateway.web import site
from gateway.web.office import door, frame, rights, visitors
from gateway.web.office.good_news import tiles

Faults = Sequence[tuple[str, str]]
Deed = Callable[[Session, Account, Request], Awaitable[str]]  #: gives a link to show, or ""


def routes(pages: frame.Pages) -> list[BaseRoute]:
    """``/staff`` and a page a person."""
    shown, right = Pages(pages), rights.Right.MANAGE_STAFF
    return [
        door.page("/staff", shown.everybody, right=right),
        door.page("/staff", shown.add, right=right, methods=("POST",)),
        door.page("/staff/{account}", shown.one, right=right),
        door.page("/staff/{account}/{deed}", shown.act, right=right, methods=("POST",)),
    ]


@dataclass(frozen=True, slots=True)
class Pages:
    """The pages."""

    pages: frame.Pages

    async def everybody(self, request: Request) -> Response:
        """Everybody, and a form for the next one."""
        return await self._everybody(request, {"name": "", "email": "", "role": ""})

    async def add(self, request: Request) -> Response:
        """Let somebody in, and show the link that they are to be given: this once."""
        gateway, form = site.of(request).gateway, await door.form(request)
        given, own = {name: form.get(name, "").strip() for name in ("name", "email", "role")}, form.getlist("forms")
        try:
            role = _role(given["role"])
            async with gateway.database.write() as session:
                account = await staff.add(
                    session,
                    gateway.new_id(),
                    name=given["name"],
                    email=given["email"],
                    role=role,
                    forms=own,
                    means=door.deed(request),
                )
                value = await links.make(session, account, means=door.deed(request))
        except (errors.BadInput, errors.Conflict) as error:
            return await self._everybody(request, given, own=own, problems=door.faults(error, "forms"))
        return await self._one(request, account.id, link=value)

    async def one(self, request: Request) -> Response:
        """One person: what they are, their links, and where they are signed in."""
        return await self._one(request, request.path_params["account"])

    async def act(self, request: Request) -> Response:
        """Change something about a person."""
        gateway, which = site.of(request).gateway, request.path_params["account"]
        deed = _DEEDS.get(request.path_params["deed"])
        if deed is None:
            raise HTTPException(404)
        await door.form(request)
        try:
            async with gateway.database.write() as session:
                account = await staff.find(session, which)
                link = await deed(session, account, request)
        except (errors.BadInput, errors.Conflict) as error:
            return await self._one(request, which, problems=door.faults(error))
        if link:
            return await self._one(request, account.id, link=link)
        return self.pages.done(request, f"/staff/{account.id}", _SAID.get(request.path_params["deed"], "Saved."))

    async def _everybody(
        self, request: Request, given: dict[str, str], *, own: Sequence[str] = (), problems: Faults = ()
    ) -> Response:
        gateway = site.of(request).gateway
        async with gateway.database.read() as session:
            people = await staff.listed(session)
            forms = await staff.forms(session, *(one.id for one in people))
            classes = await tiles.forms(session, visitors.of(request), gateway.today())
        return await self.pages.render(
            request, "staff.html", status=422 if problems else 200, people=people, forms=forms, given=given,
            own=own, classes=classes, roles=rights.ROLES, problems=problems, clock=_clock(request), here="staff",
            inside=sum(not one.disabled_at for one in people),
        )  # fmt: skip

    async def _one(self, request: Request, which: str, *, problems: Faults = (), link: str = "") -> Response:
        gateway, spans = site.of(request).gateway, visitors.spans(site.of(request).gateway)
        async with gateway.database.read() as session:
            account = await staff.one(session, which)
            own = (await staff.forms(session, account.id))[account.id]
            classes = await tiles.forms(session, visitors.of(request), gateway.today())
            values: dict[str, Any] = {
                "person": account,
                "forms": sorted(own, key=board.by_year),
                "classes": sorted(own | {*classes}, key=board.by_year),  # nobody may be in one of theirs any more
                "sessions": await sessions.listed(session, account.id, spans=spans, now=gateway.now()),
                "waiting": await links.is_waiting(session, account.id, now=gateway.now()),
            }
        address = f"{gateway.office_url}/new-password/{link}" if link else ""
        return await self.pages.render(
            request, "staff_one.html", status=422 if problems else 200, roles=rights.ROLES, problems=problems,
            link=address, clock=_clock(request), here="staff", **values,
        )  # fmt: skip


async def _set_role(session: Session, account: Account, request: Request) -> str:
    form, means = await door.form(request), door.deed(request)
    await staff.set_role(session, account, _role(form.get("role", "")), means=means)
    return ""


async def _set_forms(session: Session, account: Account, request: Request) -> str:
    form = await door.form(request)
    await staff.set_forms(session, account, form.getlist("forms"), means=door.deed(request))
    return ""


async def _link(session: Session, account: Account, request: Request) -> str:
    return await links.make(session, account, means=door.deed(request))


async def _disable(session: Session, account: Account, request: Request) -> str:
    await staff.disable(session, account, means=door.deed(request))
    await visiting.stay_home(session, account.email)
    return ""


async def _enable(session: Session, account: Account, request: Request) -> str:
    await staff.enable(session, account, means=door.deed(request))
    if await visiting.home(session, account.email):  # by their own school, as before
        return ""
    return await links.make(session, account, means=door.deed(request))


async def _end(session: Session, account: Account, request: Request) -> str:
    """End one of their sign-ins, or all."""
    form, means = await door.form(request), door.deed(request)
    if one := form.get("session", ""):
        await sessions.end(session, account.id, one, why="it", means=means)
    else:
        await sessions.end_all(session, account.id, why="it", means=means)
    return ""


async def _forget_codes(session: Session, account: Account, request: Request) -> str:
    await staff.forget_codes(session, account, means=door.deed(request))
    await sessions.end_all(session, account.id, why="codes", means=door.deed(request))
    return ""


_DEEDS: Final[dict[str, Deed]] = {
    "role": _set_role,
    "forms": _set_forms,
    "link": _link,
    "disable": _disable,
    "enable": _enable,
    "end-sessions": _end,
    "no-codes": _forget_codes,
}


_SAID: Final = {
    "role": "Their role is changed, and they are signed out.",
    "forms": "Their classes are changed, and they are signed out.",
    "disable": "They may not come in any more.",
    "enable": "They may come in again.",
    "end-sessions": "They are signed out.",
    "no-codes": "They are asked for no code any more.",
}


def _role(given: str) -> Role:
    try:
        return Role(given)
    except ValueError:
        raise errors.BadInput([errors.Problem("Choose what they are.", field="role")]) from None


def _clock(request: Request) -> Callable[[Any], str]:
    zone = site.of(request).gateway.timezone
    return lambda at: at.astimezone(zone).strftime("%-d %B, %-H:%M") if at else ""

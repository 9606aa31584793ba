"""Links that work once: the very first person comes in by the daemon's, everybody else by one that IT has made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from gateway import errors
from gateway.accounts import links, passwords, signatures, staff
from gateway.models import Account
from gateway.roles import Role
from gateway.web import site
from gateway.web.office import door, frame, rights, sign_in

_SLOWED: Final = "a chance word of 256 bits, good for once"
_FIRST: Final = (Role.HEAD, Role.IT)  #: what the first person can be: somebody who can let others in


def routes(pages: frame.Pages) -> list[BaseRoute]:
    """``/first-run/{value}`` and ``/new-password/{value}``. To open one does nothing: programs open links too."""
    shown, public = Pages(pages), rights.Right.PUBLIC
    return [
        door.page("/first-run/{value}", shown.ask_first, right=public),
        door.page("/first-run/{value}", shown.first, right=public, methods=("POST",), slowed=_SLOWED),
        door.page("/new-password/{value}", shown.ask, right=public),
        door.page("/new-password/{value}", shown.choose, right=public, methods=("POST",), slowed=_SLOWED),
    ]


@dataclass(frozen=True, slots=True)
class Pages:
    """The two forms."""

    pages: frame.Pages

    async def ask_first(self, request: Request) -> Response:
        """Ask the first person who they are."""
        await _look(request, first=True)
        return self._first(request, {"name": "", "email": "", "role": Role.HEAD.value})

    async def first(self, request: Request) -> Response:
        """Take the first person in, and sign them in."""
        here, form, value = site.of(request), await door.form(request), request.path_params["value"]
        await _look(request, first=True)
        given = {name: form.get(name, "").strip() for name in ("name", "email", "role")}
        try:
            role = _role(given["role"])
            passwords.check(form.get("password", ""), about=_known(request, given["name"], given["email"]))
            hashed = await here.passwords.hash(form.get("password", ""))
            async with here.gateway.database.write() as session:
                await links.use(session, value, first=True, now=here.gateway.now())
                by = door.deed(request, by="handbell")
                account = await staff.add(
                    session, here.gateway.new_id(), name=given["name"], email=given["email"], role=role, means=by
                )
                await staff.set_password(session, account, hashed, means=by)
                cookie = await sign_in.begin(session, request, account)
        except (errors.BadInput, errors.Conflict) as error:
            return self._first(request, given, problems=door.faults(error, "password"))
        return sign_in.signed_in(request, account, cookie, back="/")

    async def ask(self, request: Request) -> Response:
        """Ask somebody for a password of their own."""
        return self._new(request, await _look(request, first=False))

    async def choose(self, request: Request) -> Response:
        """Keep the password, and sign them in; whoever uses a phone for a code is asked for it."""
        here, form, value = site.of(request), await door.form(request), request.path_params["value"]
        account = await _look(request, first=False)
        if account is None:
            raise HTTPException(404)
        try:
            passwords.check(form.get("password", ""), about=_known(request, account.name, account.email))
        except errors.BadInput as error:
            return self._new(request, account, problems=door.faults(error, "password"))
        hashed = await here.passwords.hash(form.get("password", ""))
        async with here.gateway.database.write() as session:
            account = await links.use(session, value, first=False, now=here.gateway.now())
            if account is None or account.disabled_at is not None:
                raise HTTPException(404)
            await staff.set_password(
                session, account, hashed, means=door.deed(request, by=signatures.of_account(account.name))
            )
            cookie = await sign_in.begin(session, request, account, waits_for_code=bool(account.secret))
        if account.secret:
            return sign_in.half_in(request, cookie, back="/")
        return sign_in.signed_in(request, account, cookie, back="/")

    def _first(self, request: Request, given: dict[str, str], *, problems: Sequence[tuple[str, str]] = ()) -> Response:
        roles = [(role.value, *rights.ROLES[role]) for role in _FIRST]
        return self.pages.bare(
            request,
            "first_run.html",
            status=422 if problems else 200,
            given=given,
            roles=roles,
            problems=problems,
            shortest=passwords.SHORTEST,
        )

    def _new(self, request: Request, account: Account | None, *, problems: Sequence[tuple[str, str]] = ()) -> Response:
        return self.pages.bare(
            request,
            "new_password.html",
            status=422 if problems else 200,
            person=account,
            problems=problems,
            shortest=passwords.SHORTEST,
        )


async def _look(request: Request, *, first: bool) -> Account | None:
    """Whose the link is. Raises :class:`errors.NotFound` for one that opens nothing."""
    gateway = site.of(request).gateway
    async with gateway.database.read() as session:
        if first and not await staff.nobody(session):
            raise errors.NotFound("Somebody has come in by the first link already. Sign in, or ask them for a link.")
        return await links.look(session, request.path_params["value"], first=first, now=gateway.now())


def _role(given: str) -> Role:
    for role in _FIRST:
        if given == role.value:
            return role
    raise errors.BadInput([errors.Problem("Choose what you are at the school.", field="role")])


def _known(request: Request, name: str, email: str) -> tuple[str, ...]:
    """What anybody knows of a person, and would try first."""
    school = site.of(request).gateway.settings.school
    return (*name.split(), *email.replace("@", ".").split("."), *school.name.split(), school.short_name)

"""Your own account: where you are signed in, your password and the code of your phone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import segno
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from gateway import errors
from gateway.accounts import codes, delays, passwords, sessions, staff
from gateway.database import Session
from gateway.models import Account
from gateway.web import site
from gateway.web.office import door, frame, rights, sign_in, visitors


def routes(pages: frame.Pages) -> list[BaseRoute]:
    """``/account`` and what it does."""
    shown, own, post = Pages(pages), rights.Right.OWN, ("POST",)
    return [
        door.page("/account", shown.show, right=own),
        door.page("/account/password", shown.change_password, right=own, methods=post),
        door.page("/account/codes", shown.ask_codes, right=own),
        door.page("/account/codes", shown.turn_on, right=own, methods=post),
        door.page("/account/no-codes", shown.turn_off, right=own, methods=post),
        door.page("/account/end-sessions", end, right=own, methods=post),
    ]


@dataclass(frozen=True, slots=True)
class Pages:
    """The pages. What would let a stranger at an open screen stay asks for the password again."""

    pages: frame.Pages

    async def show(self, request: Request) -> Response:
        """Where you are signed in, and the forms."""
        return await self._show(request)

    async def change_password(self, request: Request) -> Response:
        """Keep a new password. You are signed in anew, and nowhere else."""
        here, form, visitor = site.of(request), await door.form(request), visitors.of(request)
        fresh = form.get("new", "")
        try:
            account = await _proved(request)
        except errors.BadInput as error:
            return await self._show(request, problems=door.faults(error, "password"))
        try:
            passwords.check(fresh, about=(*account.name.split(), *account.email.replace("@", ".").split(".")))
        except errors.BadInput as error:
            return await self._show(request, problems=door.faults(error, "new"))
        hashed = await here.passwords.hash(fresh)
        async with here.gateway.database.write() as session:
            account = await staff.find(session, visitor.account)
            await staff.set_password(session, account, hashed, means=door.deed(request))
            value = await sign_in.begin(session, request, account)
        return sign_in.signed_in(request, account, value, back="/account")

    async def ask_codes(self, request: Request) -> Response:
        """A secret for the phone to read, and a form for its first code."""
        return await self._codes(request, codes.new_half())

    async def turn_on(self, request: Request) -> Response:
        """Ask for codes from now on, and show the sheet for a lost phone: this once."""
        gateway, form, visitor = site.of(request).gateway, await door.form(request), visitors.of(request)
        half = form.get("half", "")
        if not codes.is_half(half):
            raise HTTPException(422)
        try:
            await _proved(request)
        except errors.BadInput as error:
            return await self._codes(request, half, problems=door.faults(error, "password"))
        try:
            secret = codes.secret(gateway.sign, visitor.account, half)
            step = codes.first_step(secret, form.get("code", ""), now=gateway.now())
        except errors.BadInput as error:
            return await self._codes(request, half, problems=door.faults(error, "code"))
        async with gateway.database.write() as session:
            account = await staff.find(session, visitor.account)
            sheet = await codes.turn_on(session, account, half, step, means=door.deed(request))
            await sessions.end_all(session, account.id, why="codes", but=visitor.session, means=door.deed(request))
        return await self.pages.render(request, "account_sheet.html", sheet=sheet)

    async def turn_off(self, request: Request) -> Response:
        """Ask for no codes any more."""
        gateway, visitor = site.of(request).gateway, visitors.of(request)
        try:
            await _proved(request)
        except errors.BadInput as error:
            return await self._show(request, problems=door.faults(error, "again"))
        async with gateway.database.write() as session:
            await staff.forget_codes(session, await staff.find(session, visitor.account), means=door.deed(request))
        return door.to("/account")

    async def _show(self, request: Request, *, problems: Sequence[tuple[str, str]] = ()) -> Response:
        gateway, visitor = site.of(request).gateway, visitors.of(request)
        async with gateway.database.read() as session:
            account = await staff.one(session, visitor.account)
            values = await _facts(session, request, account)
        zone = gateway.timezone
        return await self.pages.render(
            request, "account.html", status=422 if problems else 200, problems=problems, person=account,
            here="account", several=bool(gateway.database.school), role=rights.ROLES[visitor.role],
            mine=visitor.session, shortest=passwords.SHORTEST,
            clock=lambda at: at.astimezone(zone).strftime("%-d %B, %-H:%M"), **values,
        )  # fmt: skip

    async def _codes(self, request: Request, half: str, *, problems: Sequence[tuple[str, str]] = ()) -> Response:
        gateway, visitor = site.of(request).gateway, visitors.of(request)
        async with gateway.database.read() as session:
            account = await staff.one(session, visitor.account)
        secret = codes.secret(gateway.sign, account.id, half)
        address = codes.address(secret, email=account.email, school=gateway.settings.school.short_name)
        picture = segno.make(address, error="m").svg_inline(scale=4, border=2, title="The secret, for a camera")
        return await self.pages.render(
            request, "account_codes.html", status=422 if problems else 200, problems=problems, secret=secret, half=half,
            person=account, picture=picture,
        )  # fmt: skip


async def end(request: Request) -> Response:
    """End one of your sign-ins, or all but this one."""
    gateway, visitor, form = site.of(request).gateway, visitors.of(request), await door.form(request)
    async with gateway.database.write() as session:
        if one := form.get("session", ""):
            await sessions.end(session, visitor.account, one, why="own", means=door.deed(request))
        else:
            await sessions.end_all(session, visitor.account, why="own", but=visitor.session, means=door.deed(request))
    return door.to("/account")


async def _facts(session: Session, request: Request, account: Account) -> dict[str, Any]:
    gateway = site.of(request).gateway
    open_: Sequence[Any] = await sessions.listed(session, account.id, spans=visitors.spans(gateway), now=gateway.now())
    return {"sessions": open_, "left": await codes.left(session, account.id)}


async def _proved(request: Request) -> Account:
    """Whoever is signed in, once they have typed their password again.

    Raises :class:`errors.BadInput` for a wrong one, and where there were too many.
    """
    here, form, visitor = site.of(request), await door.form(request), visitors.of(request)
    gateway, counted = here.gateway, [delays.browser(f"again {visitor.account}")]
    async with gateway.database.write() as session:
        account = await staff.one(session, visitor.account)
        if not account.password:
            raise errors.BadInput([errors.Problem("Your password and your codes are at your own school.")])
        wait = await delays.count(session, counted, now=gateway.now())
    if wait:
        raise errors.BadInput([errors.Problem(f"Too many tries went wrong. Try again in {wait} seconds.")])
    if not await here.passwords.fits(account.password, form.get("password", "")):
        async with gateway.database.write() as session:
            await door.deed(request).record(session, "sign_in.failed", account.id, known=True, again=True)
        raise errors.BadInput([errors.Problem("This is not your password.")])
    async with gateway.database.write() as session:
        await delays.forgive(session, counted, now=gateway.now())
    return account

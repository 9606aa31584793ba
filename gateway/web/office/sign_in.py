"""Signing in and out: email and password, then the code of a phone where somebody uses one."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from gateway.accounts import codes, delays, sessions, signatures, staff
from gateway.database import Session
from gateway.models import Account
from gateway.web import site
from gateway.web.office import door, frame, naming, rights, visitors

_WRONG: Final = "This email and password do not belong together. Try again, or ask IT for a new link."
_WRONG_CODE: Final = "This code is wrong, or was used already. Wait for the next one on your phone."
_KNOWN_FOR: Final = timedelta(days=180)
_LONGEST: Final = 200
_SLOWED: Final = "each failure makes the next try wait longer"

#: What a browser calls itself, in the words that its own list of sign-ins shows.
_BROWSERS: Final = (
    ("Edg", "Edge"),
    ("OPR", "Opera"),
    ("Firefox", "Firefox"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
)
_SYSTEMS: Final = (
    ("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows"), ("Mac OS", "Mac"),
    ("CrOS", "Chromebook"), ("Linux", "Linux"),
)  # fmt: skip


def routes(pages: frame.Pages) -> list[BaseRoute]:
    """``/sign-in``, its second step, and the way out."""
    shown = Pages(pages)
    public, own = rights.Right.PUBLIC, rights.Right.OWN
    return [
        door.page("/sign-in", shown.ask, right=public),
        door.page("/sign-in", shown.check, right=public, methods=("POST",), slowed=_SLOWED),
        door.page("/sign-in/code", shown.ask_code, right=public),
        door.page("/sign-in/code", shown.check_code, right=public, methods=("POST",), slowed=_SLOWED),
        door.page("/sign-out", leave, right=own, methods=("POST",)),
        door.page("/sign-in/stay", still_in, right=own, methods=("POST",)),
        door.page("/sign-in/left", still_in, right=public, counts=False),
    ]


@dataclass(frozen=True, slots=True)
class Pages:
    """The two forms."""

    pages: frame.Pages

    async def ask(self, request: Request) -> Response:
        """Ask who it is. Whoever is signed in goes on."""
        back = door.local(request.query_params.get("next", "/"))
        if visitors.found_or_none(request) is not None:
            return door.to(back)
        return self._ask(request, back=back, ended="ended" in request.query_params)

    async def check(self, request: Request) -> Response:
        """Look at email and password. What is wrong is not said: it would show who has an account."""
        here, form = site.of(request), await door.form(request)
        gateway, email = here.gateway, form.get("email", "")[:_LONGEST]
        password, back = form.get("password", "")[:_LONGEST], door.local(form.get("next", "/"))
        async with gateway.database.write() as session:
            account = await staff.by_email(session, email)
            counted = _counted(request, email, account)
            wait = await delays.count(session, counted, now=gateway.now())
        if wait:
            return self._ask(request, back=back, email=email, problem=_told(wait), wait=wait)
        usable = account is not None and account.disabled_at is None
        good = await here.passwords.fits(account.password if account else "", password)
        if account is None or not good or not usable:
            async with gateway.database.write() as session:
                await door.deed(request).record(session, "sign_in.failed", account.id if account else "", known=usable)
            return self._ask(request, back=back, email=email, problem=_WRONG)
        fresh = await here.passwords.hash(password) if here.passwords.is_old(account.password) else ""
        return await self._let_in(request, account, counted, back=back, rehashed=fresh)

    async def _let_in(
        self, request: Request, account: Account, counted: list[delays.Counted], *, back: str, rehashed: str
    ) -> Response:
        gateway = site.of(request).gateway
        async with gateway.database.write() as session:
            await delays.forgive(session, counted, now=gateway.now())
            now = await session.get_one(Account, account.id, with_for_update=True)
            if now.disabled_at is not None or now.password != account.password:  # changed since we looked
                return self._ask(request, back=back, email=account.email, problem=_WRONG)
            if rehashed:
                now.password = rehashed
                session.add(now)
            value = await begin(session, request, now, waits_for_code=bool(now.secret))
        if not account.secret:
            return signed_in(request, account, value, back=back)
        return half_in(request, value, back=back)

    async def ask_code(self, request: Request) -> Response:
        """Ask for the code of the phone."""
        back = door.local(request.query_params.get("next", "/"))
        if visitors.found_or_none(request) is not None:
            return door.to(back)
        if await _half_in(request) is None:
            return door.to(door.with_next(door.SIGN_IN, back))
        return self._ask_code(request, back=back)

    async def check_code(self, request: Request) -> Response:
        """Look at the code; with a good one the sign-in begins anew, under another id."""
        gateway, form = site.of(request).gateway, await door.form(request)
        back, half = door.local(form.get("next", "/")), await _half_in(request)
        if half is None:
            return door.to(door.with_next(door.SIGN_IN, back))
        async with gateway.database.write() as session:
            account = await session.get_one(Account, half.account.id, with_for_update=True)
            counted = [delays.code(account.id)]
            if wait := await delays.count(session, counted, now=gateway.now()):
                return self._ask_code(request, back=back, problem=_told(wait), wait=wait)
            by = signatures.of_account(account.name)
            code, deed = form.get("code", "")[:_LONGEST], door.deed(request, by=by)
            used = await codes.use(session, account, code, sign=gateway.sign, means=deed)
            value = ""
            if not used:
                await door.deed(request).record(session, "sign_in.failed", account.id, known=True, code=True)
            else:
                await delays.forgive(session, counted, now=gateway.now())
                await sessions.end(session, account.id, half.row.id, why="code", means=door.deed(request, by=by))
                value = await begin(session, request, account)
        if not used:
            return self._ask_code(request, back=back, problem=_WRONG_CODE)
        return signed_in(request, account, value, back="/account" if used == "paper" else back)

    def _ask(
        self,
        request: Request,
        *,
        back: str,
        email: str = "",
        problem: str = "",
        ended: bool = False,
        wait: int = 0,
    ) -> Response:
        minutes = site.of(request).gateway.settings.staff.idle_s // 60
        status = 429 if wait else 422 if problem else 200
        values: dict[str, Any] = {
            "back": back,
            "email": email,
            "problems": [("password", problem)] if problem else [],
            "ended": ended,
            "minutes": minutes,
        }
        return _later(self.pages.bare(request, "sign_in.html", status=status, **values), wait)

    def _ask_code(self, request: Request, *, back: str, problem: str = "", wait: int = 0) -> Response:
        status = 429 if wait else 422 if problem else 200
        return _later(
            self.pages.bare(
                request, "sign_in_code.html", status=status, back=back, problems=[("code", problem)] if problem else []
            ),
            wait,
        )


async def leave(request: Request) -> Response:
    """Sign this browser out."""
    gateway, visitor = site.of(request).gateway, visitors.of(request)
    async with gateway.database.write() as session:
        await sessions.end(session, visitor.account, visitor.session, why="left", means=door.deed(request))
    response = door.to(door.SIGN_IN)
    door.drop(gateway, response, visitors.SESSION)
    return response


async def still_in(_request: Request) -> Response:
    """How long they stay signed in: the door says it in ``Handbell-Ends-In``. A POST says that they are there.

    Whoever has been signed out has nothing left, and is led nowhere: a script asks.
    """
    return Response(status_code=204)


async def begin(session: Session, request: Request, account: Account, *, waits_for_code: bool = False) -> str:
    """Begin a sign-in in the caller's transaction, and give the value of its cookie."""
    gateway = site.of(request).gateway
    return await sessions.begin(
        session,
        account,
        gateway.new_id(),
        spans=visitors.spans(gateway),
        browser=_browser(request.headers.get("user-agent", "")),
        waits_for_code=waits_for_code,
        means=door.deed(request, by=signatures.of_account(account.name)),
    )


def half_in(request: Request, value: str, *, back: str) -> Response:
    """Lead on to the code of the phone."""
    response = door.to(door.with_next("/sign-in/code", back))
    door.keep(site.of(request).gateway, response, visitors.SESSION, value, span=None)
    return response


def signed_in(request: Request, account: Account, value: str, *, back: str) -> Response:
    """Lead on with the cookie of a sign-in, and with one by which this browser is known the next time."""
    gateway, response = site.of(request).gateway, door.to(back)
    door.keep(gateway, response, visitors.SESSION, value, span=None)
    nonce = secrets.token_urlsafe(16)
    known = f"{account.id}.{nonce}.{gateway.sign('known browser', f'{account.id} {nonce}')}"
    door.keep(gateway, response, visitors.KNOWN, known, span=_KNOWN_FOR)
    return response


def _counted(request: Request, email: str, account: Account | None) -> list[delays.Counted]:
    """What a try counts against: a browser of this very person's, or else the name and the address."""
    gateway = site.of(request).gateway
    of, _, rest = request.cookies.get(visitors.cookie(gateway, visitors.KNOWN), "").partition(".")
    nonce, _, token = rest.partition(".")
    if account is not None and of == account.id and gateway.signed("known browser", f"{of} {nonce}", token):
        return [delays.browser(nonce)]
    return [delays.name(email), delays.address(request.client.host if request.client else "")]


async def _half_in(request: Request) -> sessions.Found | None:
    """The sign-in that waits for its code."""
    _, found = await visitors.look(request)
    return found if found is not None and found.row.waits_for_code and not found.over else None


def _told(wait: int) -> str:
    span = naming.count(wait, "second") if wait < 120 else naming.count(round(wait / 60), "minute")
    return f"Too many tries went wrong. Try again in {span}, or ask IT for a new link."


def _later(response: Response, wait: int) -> Response:
    if wait:
        response.headers["Retry-After"] = str(wait)
    return response


def _browser(agent: str) -> str:
    """``Firefox, Windows``: enough to tell one's own sign-ins apart."""
    found = [next((name for mark, name in known if re.search(mark, agent)), "") for known in (_BROWSERS, _SYSTEMS)]
    return ", ".join(one for one in found if one) or "a browser"

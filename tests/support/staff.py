"""People of the school in a browser of their own, without a browser: cookies are kept, forms are filled in and sent.

desk = await staff.desk(site, Role.OFFICE)         # signed in, without a password that would take its time
page = await desk.get("/today")
await desk.post("/hide-names", hide="1")
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlencode

import argon2

from gateway import audit
from gateway.accounts import means, sessions, staff
from gateway.models import Account
from gateway.roles import Role
from gateway.web.office import visitors
from support.website import NOW, Answer, Running

#: As quick as argon2 can be: tests sign in often.
QUICK = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
PASSWORD = "three odd words"


@dataclass
class Browser:
    """One browser: its cookies, and the last page that it was shown."""

    site: Running
    cookies: dict[str, str] = field(default_factory=dict[str, str])
    page: Answer | None = None
    account: Account | None = None

    async def ask(self, method: str, path: str, *, headers: dict[str, str] | None = None, **options: Any) -> Answer:
        cookie = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        answer = await self.site.ask(method, path, headers=cookie | (headers or {}), **options)
        for line in answer.headers.getall("Set-Cookie", []):  # type: ignore[attr-defined]
            for name, morsel in SimpleCookie(line).items():
                self.cookies[name] = morsel.value
                if morsel["max-age"] == "0":
                    del self.cookies[name]
        return answer

    async def get(self, path: str, **options: Any) -> Answer:
        self.page = await self.ask("GET", path, **options)
        return self.page

    async def post(
        self,
        path: str,
        *,
        csrf: str | None = None,
        headers: dict[str, str] | None = None,
        **fields: str | Sequence[str],
    ) -> Answer:
        """Send a form. It carries the proof of the page that was looked at last, if that had one, or else our own."""
        given = {"csrf": self.csrf if csrf is None else csrf} | fields
        typed = {"Content-Type": "application/x-www-form-urlencoded"} | (headers or {})
        return await self.ask("POST", path, headers=typed, data=urlencode(given, doseq=True))

    @property
    def csrf(self) -> str:
        if self.page is not None and (found := re.search(r'name="csrf" value="([^"]*)"', self.page.text)):
            return html.unescape(found[1])
        return self.own

    own: str = ""


async def lines(site: Running, action: str) -> list[tuple[str, str, str]]:
    """The lines of the audit log about an action, the newest first: who, about whom, facts."""
    async with site.gateway.database.read() as session:
        return [(one.actor, one.subject, one.body) for one in await audit.lines_about(session, action=action)]


def visitor(role: Role, *, forms: Iterable[str] = (), hide_names: bool = False) -> visitors.Visitor:
    """A visitor who is nobody's account."""
    return visitors.Visitor("1", "Somebody", role, frozenset(forms), "proof", hide_names, "1", NOW)


async def person(
    site: Running, role: Role, *, name: str = "", forms: Sequence[str] = (), password: str = PASSWORD
) -> Account:
    """Somebody who may come in."""
    gateway = site.gateway
    called = name or f"A {role.name.title().replace('_', ' ')}"
    email = f"{called.casefold().replace(' ', '.')}@school.example"
    async with gateway.database.write() as session:
        by = means.Means(gateway.log, gateway.now())
        account = await staff.add(session, gateway.new_id(), name=called, email=email, role=role, forms=forms, means=by)
        await staff.set_password(session, account, QUICK.hash(password) if password else "", means=by)
    return account


async def desk(site: Running, role: Role, *, name: str = "", forms: Sequence[str] = ()) -> Browser:
    """Somebody who is signed in."""
    gateway, account = site.gateway, await person(site, role, name=name, forms=forms)
    session_id = gateway.new_id()
    async with gateway.database.write() as session:
        value = await sessions.begin(
            session, account, session_id, spans=visitors.spans(gateway), means=means.Means(gateway.log, gateway.now())
        )
    cookies = {visitors.cookie(gateway, visitors.SESSION): value}
    opened = Browser(site, cookies, account=account)
    opened.own = gateway.sign("office form", session_id)
    return opened


async def sign_in(browser: Browser, account: Account, password: str = PASSWORD, **fields: str) -> Answer:
    """Fill in the form."""
    if browser.page is None or 'name="password"' not in browser.page.text:
        await browser.get("/sign-in")
    return await browser.post("/sign-in", email=account.email, password=password, **fields)

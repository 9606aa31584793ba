"""The numbers and addresses that Handbell sends as, and the tokens of programs: held, let go, made and ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from gateway import allowance, bell, errors, numbers, outbox, senders, tokens
from gateway.accounts import staff
from gateway.database import Session
from gateway.models import Sender
from gateway.web import site
from gateway.web.office import door, frame, visitors
from gateway.web.office.rights import Right

Faults = Sequence[tuple[str, str]]
_LARGEST_ID: Final = 2**31 - 1
#: For how long a sender is held back: what is chosen, hours, how it is called.
SPANS: Final = {"1": "One hour", "24": "A day", "168": "A week"}

_A_GUEST: Final = "You come from another school, and a token would outlast that. Somebody who works here makes it."


def routes(pages: frame.Pages) -> list[BaseRoute]:
    """``/settings/senders`` and ``/settings/tokens``."""
    shown, see, change = Pages(pages), Right.SEE_SETTINGS, Right.CHANGE_SENDING
    return [
        door.page("/settings/senders", shown.senders, right=see),
        door.page("/settings/senders/{sender:int}/hold", shown.hold, right=change, methods=("POST",)),
        door.page("/settings/senders/{sender:int}/release", shown.release, right=change, methods=("POST",)),
        door.page("/settings/tokens", shown.tokens, right=see),
        door.page("/settings/tokens", shown.create, right=change, methods=("POST",)),
        door.page("/settings/tokens/revoke", shown.revoke, right=change, methods=("POST",)),
    ]


@dataclass(frozen=True, slots=True)
class Pages:
    """The pages."""

    pages: frame.Pages

    async def senders(self, request: Request) -> Response:
        """Every sender, what waits for it, and what holds it back."""
        return await self._senders(request)

    async def hold(self, request: Request) -> Response:
        """Hold a sender back: its messages wait, and none is lost."""
        gateway, visitor, form = site.of(request).gateway, visitors.of(request), await door.form(request)
        span = form.get("span", "")
        if span not in SPANS:
            return await self._senders(request, problems=[("", "Choose for how long.")])
        now, number = gateway.now(), _id(request)
        async with gateway.database.write() as session:
            row = await session.get(Sender, number)
            if row is None or not row.active:
                raise errors.NotFound("There is no such sender.")
            await senders.hold(
                session, number, until=now + timedelta(hours=int(span)), because=f"{visitor.name} holds it back.",
                code="", log=gateway.log, now=now, by=visitor.signature,
            )  # fmt: skip
            await bell.ring(session)
        name = numbers.at_home(row.address) if numbers.is_phone(row.address) else row.address
        return self.pages.done(
            request,
            "/settings/senders",
            f"{name} is held back.",
            undo=f"/settings/senders/{number}/release",
        )

    async def release(self, request: Request) -> Response:
        """Let a sender go again."""
        gateway, visitor = site.of(request).gateway, visitors.of(request)
        await door.form(request)
        async with gateway.database.write() as session:
            held = await senders.release(
                session, _id(request), actor=visitor.signature, log=gateway.log, now=gateway.now()
            )
        if not held:
            return await self._senders(request, problems=[("", "It is not held back any more.")])
        return self.pages.done(request, "/settings/senders", "It sends again.")

    async def tokens(self, request: Request) -> Response:
        """The tokens there are."""
        return await self._tokens(request, {"name": "", "read_only": ""})

    async def create(self, request: Request) -> Response:
        """Make a token, and show it: this once."""
        gateway, visitor, form = site.of(request).gateway, visitors.of(request), await door.form(request)
        given = {"name": form.get("name", "").strip(), "read_only": form.get("read_only", "")}
        try:
            async with gateway.database.write() as session:
                await _check_no_guest(session, visitor)
                token = await tokens.create(
                    session, given["name"], log=gateway.log, now=gateway.now(), actor=visitor.signature,
                    read_only=given["read_only"] == "yes",
                )  # fmt: skip
        except errors.BadInput as error:
            return await self._tokens(request, given, problems=[("name", str(error))])
        except errors.Conflict as error:
            return await self._tokens(request, given, problems=[("name", str(error))])
        return await self._tokens(request, {"name": "", "read_only": ""}, token=token, of=given["name"])

    async def revoke(self, request: Request) -> Response:
        """Let a token open nothing any more."""
        gateway, visitor, form = site.of(request).gateway, visitors.of(request), await door.form(request)
        name = form.get("name", "")
        async with gateway.database.write() as session:
            await tokens.revoke(session, name, log=gateway.log, now=gateway.now(), actor=visitor.signature)
        return self.pages.done(request, "/settings/tokens", f"The token {name} opens nothing any more.")

    async def _senders(self, request: Request, *, problems: Faults = ()) -> Response:
        gateway = site.of(request).gateway
        async with gateway.database.read() as session:
            found = await senders.listed(session)
            queued = await outbox.by_sender(session)
        now = gateway.now()
        return await self.pages.render(
            request, "senders.html", status=422 if problems else 200, here="settings", senders=found, queued=queued,
            problems=problems, spans=SPANS, local=lambda at: at.astimezone(gateway.timezone),
            used=lambda one: allowance.used(one, today=gateway.today()),
            closed=senders.is_closed,
            held=lambda one: bool(one.open_since or (one.held_until and one.held_until > now)),
        )  # fmt: skip

    async def _tokens(
        self, request: Request, given: dict[str, str], *, problems: Faults = (), token: str = "", of: str = ""
    ) -> Response:
        gateway = site.of(request).gateway
        async with gateway.database.read() as session:
            found = await tokens.listed(session)
        return await self.pages.render(
            request, "tokens.html", status=422 if problems else 200, here="settings", tokens=found, given=given,
            problems=problems, token=token, of=of, local=lambda at: at.astimezone(gateway.timezone),
        )  # fmt: skip


def _id(request: Request) -> int:
    found: int = request.path_params["sender"]
    if found > _LARGEST_ID:
        raise HTTPException(404)
    return found


async def _check_no_guest(session: Session, visitor: visitors.Visitor) -> None:
    """Raise :class:`errors.Conflict` for somebody of another school of the trust, who has no password here."""
    if not (await staff.one(session, visitor.account)).password:
        raise errors.Conflict(_A_GUEST)

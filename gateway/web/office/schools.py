"""Other schools of the trust: somebody who may come to them goes there from their own, without signing in again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from gateway import context, errors, golive
from gateway.accounts import signatures, staff
from gateway.database import Session
from gateway.models import Account
from gateway.trust import visiting
from gateway.web import site
from gateway.web.office import door, frame, rights, sign_in, visitors

_SLOWED: Final = "a chance word of 256 bits, good for once and for a minute"
_NO_CODES: Final = (
    "Nobody is {role} at this school by a password alone. Use a code of your phone at {home} (under your own name), "
    "then come again."
)
_OWN_ACCOUNT: Final = "You have an account of your own at this school: sign in with its password."


def routes(pages: frame.Pages) -> list[BaseRoute]:
    """``/schools``, and ``/visit/{value}``, by which somebody comes in. To open one does nothing."""
    shown, own, public = Pages(pages), rights.Right.OWN, rights.Right.PUBLIC
    return [
        door.page("/schools", shown.listed, right=own),
        door.page("/schools", shown.leave_for, right=own, methods=("POST",)),
        door.page("/visit/{value}", shown.ask, right=public),
        door.page("/visit/{value}", shown.come_in, right=public, methods=("POST",), slowed=_SLOWED),
    ]


@dataclass(frozen=True, slots=True)
class Pages:
    """The list, the way there, and the way in."""

    pages: frame.Pages

    async def listed(self, request: Request) -> Response:
        """The schools that the visitor may come to."""
        gateway, visitor = _trust(request), visitors.of(request)
        async with gateway.database.read() as session:
            account = await staff.one(session, visitor.account)
            found = await visiting.elsewhere(session, account.email)
        roles = {one.key: rights.ROLES[one.role][0] for one in found}
        return await self.pages.render(request, "schools.html", here="schools", schools=found, roles=roles)

    async def leave_for(self, request: Request) -> Response:
        """Make a pass, and lead there: by a page, as our forms may lead to no other host."""
        gateway, visitor, form = _trust(request), visitors.of(request), await door.form(request)
        async with gateway.database.write() as session:
            account = await staff.one(session, visitor.account)
            key, codes = form.get("school", ""), bool(account.secret)
            to, value = await visiting.give_pass(session, account.email, key, codes=codes, now=gateway.now())
            await door.deed(request).record(session, "visit.left_for", account.id, school=to.key)
        url = f"{to.office_url}/visit/{value}"
        return self.pages.bare(request, "visit_go.html", to=to, url=url, headers={"Refresh": f"0; url={url}"})

    async def ask(self, request: Request) -> Response:
        """Say who comes from where, and ask whether they want to."""
        gateway = _trust(request)
        async with gateway.database.read() as session:
            guest = await visiting.look(session, request.path_params["value"], now=gateway.now())
        return self.pages.bare(request, "visit.html", guest=guest, role=rights.ROLES[guest.role])

    async def come_in(self, request: Request) -> Response:
        """Use the pass up, and sign them in."""
        gateway = _trust(request)
        async with gateway.database.write() as session:
            guest = await visiting.take_pass(session, request.path_params["value"], now=gateway.now())
            account = await _account(session, request, guest)
            if not guest.codes and await golive.asks_for_codes(session, guest.role):
                raise errors.Conflict(_NO_CODES.format(role=rights.ROLES[guest.role][0], home=guest.home))
            value = await sign_in.begin(session, request, account)
        return sign_in.signed_in(request, account, value, back="/")


async def _account(session: Session, request: Request, guest: visiting.Guest) -> Account:
    """Their account here: made when they first come, without a password.

    Raises :class:`errors.Conflict` where they have one of their own, or somebody else has their name.
    """
    gateway, by = site.of(request).gateway, door.deed(request, by=signatures.of_account(guest.name))
    account = await staff.by_email(session, guest.email)
    if account is None:
        return await staff.add(session, gateway.new_id(), name=guest.name, email=guest.email, role=guest.role, means=by)
    if account.password:
        raise errors.Conflict(_OWN_ACCOUNT)
    if account.disabled_at is not None:
        raise HTTPException(403, "This school lets you in no more. Ask its head.")
    await staff.set_role(session, account, guest.role, means=by)
    return account


def _trust(request: Request) -> context.Gateway:
    """The gateway of a school of a trust. Raises 404 where a school is the only one."""
    gateway = site.of(request).gateway
    if not gateway.database.school:
        raise HTTPException(404)
    return gateway

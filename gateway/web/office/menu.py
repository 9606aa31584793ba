"""More: every page on one page, with the keyboard's keys; and the switch that hides names."""

from __future__ import annotations

import sqlalchemy as sa
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from gateway.accounts import sessions
from gateway.models import Pupil
from gateway.models.types import core
from gateway.web import site
from gateway.web.office import door, frame, visitors
from gateway.web.office.rights import Right

KEYS = (
    ("J K", "Next and previous reply"),
    ("1", "Take the suggestion"),
    ("2", "Choose another code"),
    ("3", "Tell the safeguarding lead"),
    ("4", "No answer needed"),
    ("R", "Write an answer"),
    ("/", "Search"),
    ("?", "This list"),
)


def routes(pages: frame.Pages) -> list[BaseRoute]:
    """``/``, ``/menu`` and ``/hide-names``."""

    async def menu(request: Request) -> Response:
        """Everything, as far as the visitor may see it."""
        return await pages.render(request, "menu.html", here="menu", keys=KEYS)

    return [
        door.page("/", home, right=Right.OWN),
        door.page("/menu", menu, right=Right.OWN),
        door.page("/hide-names", hide_names, right=Right.OWN, methods=("POST",)),
    ]


async def home(request: Request) -> Response:
    """To the first page of whoever it is; while the school has nobody yet, to where its lists are taken in."""
    gateway, visitor = site.of(request).gateway, visitors.of(request)
    if visitor.may(Right.IMPORT_PEOPLE):
        async with gateway.database.read() as session:
            if await session.scalar(sa.select(core(Pupil).c.id).limit(1)) is None:
                return door.to("/import")
    return door.to("/today" if visitor.may(Right.SEE_TODAY) else "/menu")


async def hide_names(request: Request) -> Response:
    """Let names be initials for this sign-in, or names again, and go back to where one was."""
    form, visitor = await door.form(request), visitors.of(request)
    hide = form.get("hide") == "yes"
    async with site.of(request).gateway.database.write() as session:
        await sessions.hide_names(session, visitor.account, visitor.session, hide=hide, means=door.deed(request))
    return door.to(door.local(form.get("back", "/")))

"""Contact details to sort out, and what the office does about each: ask, decide, put right, hand on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, get_args

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from config import sections
from gateway import audit, errors
from gateway.families import mending, worklist
from gateway.freshness import approving, export, nagging, reports
from gateway.models import Contact
from gateway.web import site
from gateway.web.office import door, frame, live, standing, visitors
from gateway.web.office.rights import Right
from templates import library, samples, words

_HERE: Final = "/contact-details"
_WHOLE: Final = ("stopped", "old")
_CSV: Final = "text/csv; charset=utf-8"


def routes(pages: frame.Pages, streams: live.Live) -> list[BaseRoute]:
    """``/contact-details`` and its deeds."""
    parts = ("state", "nobody", "new", "stopped", "old", "fresh", "export")
    view = streams.add(live.View("contact-details", "details.html", parts, Right.SEE_DETAILS, read))
    shown, decide, post = Acts(pages, streams, view), Right.DECIDE_DETAILS, ("POST",)
    return [
        door.page(_HERE, shown.show, right=Right.SEE_DETAILS),
        door.page(f"{_HERE}/ask", shown.ask, right=Right.ASK_FAMILIES, methods=post),
        door.page(f"{_HERE}/use", shown.use, right=decide, methods=post),
        door.page(f"{_HERE}/new/{{detail:int}}", shown.decide, right=decide, methods=post),
        door.page(f"{_HERE}/new-details.csv", shown.hand_on, right=decide, methods=post),
        door.page(f"{_HERE}/reports/{{which}}.csv", shown.report, right=decide),
    ]


async def read(here: site.Site, _visitor: visitors.Visitor, given: Mapping[str, str]) -> Mapping[str, Any]:
    """Everything on the page, in one view of the database."""
    gateway = here.gateway
    kind = given.get("kind", "")
    async with gateway.database.read() as session:
        work = await worklist.read(session, gateway, whole=kind if kind in _WHOLE else "")
    return {
        "here": "contact-details",
        "work": work,
        "reports": reports.REPORTS,
        "icon_of": standing.icon,
        "rules": gateway.settings.freshness,
        "asked_words": _asked_words(gateway.settings.school),
        "now_": gateway.now(),
        "typed": {},
        "problems": [],
    }


def _asked_words(school: sections.School) -> str:
    """What a family reads when it is asked, in English, with a made-up name."""
    made = words.prepare(nagging.NOTICE, language="en", medium="sms")
    given = samples.values_of(library.notices()[nagging.NOTICE], "usual")
    return made.fill(given | {"school": school.short_name, "school_phone": school.phone}).text


@dataclass(frozen=True, slots=True)
class Acts:
    """The page and its deeds. Each deed is one that the command line and the API have, too."""

    pages: frame.Pages
    streams: live.Live
    view: live.View

    async def show(self, request: Request) -> Response:
        """The page, alive."""
        return await self.streams.show(request, self.view)

    async def ask(self, request: Request) -> Response:
        """Ask one family, or all of whom nothing was heard for long."""
        here, form, by = site.of(request), await door.form(request), visitors.of(request).signature
        try:
            async with here.gateway.database.write() as session:
                if form.get("all"):
                    silent = await nagging.silent(session, here.gateway)
                    asked, not_asked = await mending.ask_all(session, here.gateway, silent, by=by)
                    said = _of_all(asked, not_asked, len(silent))
                else:
                    contact = await session.get(Contact, door.number(form.get("contact", "")))
                    if contact is None:
                        raise errors.NotFound("This person is not on file any more.")
                    await mending.ask(session, here.gateway, contact.id or 0, by=by)
                    said = f"{contact.full_name} is asked. The answer updates this list."
        except errors.Conflict as error:
            return await self._again(request, [("", str(error))])
        here.planned()
        return self.pages.done(request, _HERE, said)

    async def use(self, request: Request) -> Response:
        """Use another address in the place of one that does not exist."""
        here, form, by = site.of(request), await door.form(request), visitors.of(request).signature
        point, address = door.number(form.get("point", "")), form.get("address", "").strip()
        try:
            async with here.gateway.database.write() as session:
                row = await mending.use_instead(session, here.gateway, point, address, by=by)
        except errors.BadInput as error:
            problems = [(f"address-{point}", one.what) for one in error.problems]
            return await self._again(request, problems, {point: address})
        except errors.Conflict as error:
            return await self._again(request, [(f"address-{point}", str(error))], {point: address})
        here.planned()
        return self.pages.done(
            request, _HERE, f"{row.address} is used from now on. It goes on the list for the school system."
        )

    async def decide(self, request: Request) -> Response:
        """Use a new number or address, or refuse it."""
        here, form, by = site.of(request), await door.form(request), visitors.of(request).signature
        detail = door.number(str(request.path_params["detail"]))
        try:
            async with here.gateway.database.write() as session:
                if form.get("act") == "refuse":
                    await approving.refuse(session, here.gateway, detail, by=by, why=form.get("why", "").strip()[:500])
                    said = "Refused. Nothing was changed."
                else:
                    row = await approving.approve(
                        session, here.gateway, detail, by=by,
                        unproved=form.get("unproved") == "yes", keep_old=form.get("act") == "both",
                    )  # fmt: skip
                    said = f"It is used from now on. {'The old one is told.' if row.told_at else ''}"
        except errors.Conflict as error:
            return await self._again(request, [(f"new-{detail}", str(error))])
        here.planned()
        return self.pages.done(request, _HERE, said.strip())

    async def hand_on(self, request: Request) -> Response:
        """What was approved, for whoever keeps the school's records. Each comes once, unless all are wanted."""
        gateway, form, by = site.of(request).gateway, await door.form(request), visitors.of(request).signature
        async with gateway.database.write() as session:
            found = await export.approved(session, everything=form.get("everything") == "yes")
            text = export.csv_of(found, timezone=gateway.timezone)
            await export.mark(session, gateway, [row.id or 0 for row, *_ in found], by=by)
            line = audit.Line("details.list_shown", "", {"count": len(found)}, by)
            await gateway.log.record(session, line, now=gateway.now())
        return _file(text, f"new-details-{gateway.today():%Y-%m-%d}.csv")

    async def report(self, request: Request) -> Response:
        """Families who can hardly be reached, as a file."""
        gateway, by = site.of(request).gateway, visitors.of(request).signature
        which = next((one for one in get_args(reports.Which) if one == request.path_params["which"]), None)
        if which is None:
            raise HTTPException(404)
        async with gateway.database.write() as session:
            lines = await reports.rows(session, gateway, which)
            line = audit.Line("details.list_shown", f"report:{which}", {"count": len(lines)}, by)
            await gateway.log.record(session, line, now=gateway.now())
        _, columns = reports.REPORTS[which]
        return _file(export.csv_of_report(lines, columns), f"details-{which}.csv")

    async def _again(
        self, request: Request, problems: list[tuple[str, str]], typed: Mapping[int, str] | None = None
    ) -> Response:
        """The page once more, with what is wrong and everything that was typed."""
        return await self.streams.show(request, self.view, status=422, problems=problems, typed=typed or {})


def _of_all(asked: int, not_asked: int, of: int) -> str:
    said = f"{asked} {'family is' if asked == 1 else 'families are'} asked, each in its own language."
    if not_asked:
        said += f" {not_asked} cannot be asked: they have no phone or mailbox of their own."
    left = of - asked - not_asked
    return said + (f" {left} are left: press again in a while." if left > 0 else " Answers update this list.")


def _file(text: str, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(text, media_type=_CSV, headers=headers)

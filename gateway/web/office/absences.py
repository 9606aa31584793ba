"""The day's absences as a page, its codes as CSV, and one case as a page to print. Nothing can be changed here."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from importlib import resources
from typing import Final

import jinja2
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.absence import chronology, export, rules, states, strangers, views
from gateway.models import AbsenceCase, CaseState, Pupil
from gateway.web import site
from gateway.web.office import visitors

_DAY = timedelta(days=1)
_MOST = 5_000
_YEARS = (2000, 2100)
_LARGEST_ID = 2**31 - 1
_POLICY = "default-src 'none'; style-src {style}; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

#: What a state is called on the page, and how it looks: colour is a request, what is settled is grey.
_SAID: Final = {
    CaseState.ASKING: ("Asked, waiting", "waiting"),
    CaseState.UNREAD: ("Answered, needs reading", "answered"),
    CaseState.EXPECTED: ("On the way, not here yet", "waiting"),
    CaseState.TO_CONFIRM: ("Answered, to be confirmed", "answered"),
    CaseState.ALARM: ("Look for the child now", "urgent"),
    CaseState.SEEN: ("In school", "settled"),
    CaseState.EXPLAINED: ("Explained", "settled"),
    CaseState.SAFE: ("Safe", "settled"),
    CaseState.HANDED_OVER: ("With a person", "urgent"),
}
#: The most urgent first.
_ORDER: Final = {"urgent": 0, "answered": 1, "waiting": 2, "settled": 3}


def routes() -> list[Route]:
    """``/office/absences`` and what it links to."""
    folder = resources.files("gateway.web") / "office"
    templates = jinja2.Environment(
        loader=jinja2.PackageLoader("gateway.web", "office"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages = Pages(templates, style=(folder / "office.css").read_text("utf-8"))
    return [
        Route("/office/office.css", pages.give_style),
        Route("/office/absences", pages.day),
        Route("/office/absences.csv", pages.codes),
        Route("/office/absences/{case_id:int}", pages.case),
    ]


@dataclass(frozen=True, slots=True)
class Row:
    """One child on the page."""

    case: AbsenceCase
    pupil: Pupil
    state: str
    look: str


@dataclass(frozen=True, slots=True)
class Pages:
    """The pages. Each asks first who looks."""

    templates: jinja2.Environment
    style: str

    async def give_style(self, _request: Request) -> Response:
        """The pages' own style sheet; it says nothing of anybody."""
        return Response(self.style, media_type="text/css", headers={"Cache-Control": "max-age=3600"})

    async def day(self, request: Request) -> Response:
        """Every child who is, or was, not accounted for on a day; those whom somebody must act on first."""
        await visitors.check(request)
        gateway = site.of(request).gateway
        on, today = _asked_day(request, gateway.today()), gateway.today()
        async with gateway.database.read() as session:
            found = await views.listed(session, day=on, limit=_MOST)
            after = gateway.now() - _DAY
            unknown = await strangers.listed(session, after=after, today=today) if on == today else []
        rows = sorted((Row(case, pupil, *_SAID[case.state]) for case, pupil in found), key=lambda row: _ORDER[row.look])
        body = self.templates.get_template("absences.html").render(
            school=gateway.settings.school.name,
            title=_title(rows),
            day=on,
            before=on - _DAY,
            after=on + _DAY if on < today else None,
            rows=rows,
            strangers=unknown,
            clock=lambda at: at.astimezone(gateway.timezone).strftime("%H:%M"),
        )
        return _page(body, style="'self'")

    async def codes(self, request: Request) -> Response:
        """The same as ``handbell absence export``."""
        await visitors.check(request)
        gateway = site.of(request).gateway
        on = _asked_day(request, gateway.today())
        async with gateway.database.read() as session:
            lines = await views.day_list(session, rules.load(gateway.settings), on)
        headers = {"Content-Disposition": f'attachment; filename="absences-{on:%Y-%m-%d}.csv"'}
        text = export.csv_of(lines, timezone=gateway.timezone)
        return Response(text, media_type="text/csv; charset=utf-8", headers=headers)

    async def case(self, request: Request) -> Response:
        """The chronology of one case, to print for safeguarding or the police."""
        await visitors.check(request)
        gateway, case_id = site.of(request).gateway, min(request.path_params["case_id"], _LARGEST_ID)
        async with gateway.database.read() as session:
            page = await chronology.read(session, case_id, today=gateway.today())
        school = gateway.settings.school.name
        body = chronology.html(page, school=school, timezone=gateway.timezone, printed=gateway.now())
        return _page(body, style=_hash_of_style(body))  # the page is whole in one file, so that it can be handed on


def _title(rows: Sequence[Row]) -> str:
    open_ = sum(row.case.state in states.OPEN or row.case.state is CaseState.HANDED_OVER for row in rows)
    children = "child" if len(rows) == 1 else "children"
    if not rows:
        return "No child has been asked about"
    if not open_:
        return f"Every one of {len(rows)} absent {children} is accounted for"
    return f"{open_} of {len(rows)} absent {children} {'is' if open_ == 1 else 'are'} not yet accounted for"


def _asked_day(request: Request, today: date) -> date:
    """The day that is asked for, as ``?date=2026-11-23``; else today."""
    given = request.query_params.get("date", "")
    try:
        day = date.fromisoformat(given) if given else today
    except ValueError:
        day = date.min
    if not _YEARS[0] <= day.year <= _YEARS[1]:
        raise HTTPException(422, "Write the date as 2026-11-23.")
    return day


def _page(body: str, *, style: str) -> Response:
    headers = {"Content-Security-Policy": _POLICY.format(style=style), "X-Robots-Tag": "noindex"}
    return Response(body, media_type="text/html", headers=headers)


def _hash_of_style(body: str) -> str:
    """Allows the one style that stands in the page, and no other (CSP level 2)."""
    found = re.search(r"<style>(.*?)</style>", body, re.DOTALL)
    digest = hashlib.sha256((found[1] if found else "").encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"

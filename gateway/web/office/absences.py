"""The day's absences as a page, its codes as CSV, and one case as a page to print. Nothing can be changed here."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import jinja2
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.absence import chronology, export, rules, states, strangers, views
from gateway.models import AbsenceCase, CaseState, Pupil
from gateway.web import site
from gateway.web.office import pages, visitors

_DAY = timedelta(days=1)
_MOST = 5_000
_YEARS = (2000, 2100)
_LARGEST_ID = 2**31 - 1

#: How a state looks: colour is a request, what is settled is grey.
_LOOKS: Final = {
    CaseState.ASKING: "waiting",
    CaseState.UNREAD: "answered",
    CaseState.EXPECTED: "waiting",
    CaseState.TO_CONFIRM: "answered",
    CaseState.ALARM: "urgent",
    CaseState.SEEN: "settled",
    CaseState.EXPLAINED: "settled",
    CaseState.SAFE: "settled",
    CaseState.HANDED_OVER: "urgent",
}
#: The most urgent first.
_ORDER: Final = {"urgent": 0, "answered": 1, "waiting": 2, "settled": 3}


def routes(templates: jinja2.Environment) -> list[Route]:
    """``/office/absences`` and what it links to."""
    shown = Pages(templates)
    return [
        Route("/absences", shown.day),
        Route("/absences.csv", shown.codes),
        Route("/absences/{case_id:int}", shown.case),
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

    async def day(self, request: Request) -> Response:
        """Every child who is, or was, not accounted for on a day; those whom somebody must act on first."""
        await visitors.who(request)
        gateway = site.of(request).gateway
        on, today = _asked_day(request, gateway.today()), gateway.today()
        async with gateway.database.read() as session:
            found = await views.listed(session, day=on, limit=_MOST)
            after = gateway.now() - _DAY
            unknown = await strangers.listed(session, after=after, today=today) if on == today else []
        rows = [Row(case, pupil, states.WORDS[case.state], _LOOKS[case.state]) for case, pupil in found]
        rows.sort(key=lambda row: _ORDER[row.look])
        body = self.templates.get_template("absences.html").render(
            school=gateway.settings.school.name,
            title=_title(rows),
            up="",
            day=on,
            now=gateway.now(),
            before=on - _DAY,
            after=on + _DAY if on < today else None,
            rows=rows,
            strangers=unknown,
            clock=lambda at: at.astimezone(gateway.timezone).strftime("%H:%M"),
        )
        return pages.page(body)

    async def codes(self, request: Request) -> Response:
        """The same as ``handbell absence export``."""
        visitor = await visitors.who(request)
        gateway = site.of(request).gateway
        on = _asked_day(request, gateway.today())
        async with gateway.database.write() as session:
            lines = await views.day_list(session, rules.load(gateway.settings, gateway.year), on)
            await gateway.log.record(session, export.shown(on, to=visitor), now=gateway.now())
        headers = {"Content-Disposition": f'attachment; filename="absences-{on:%Y-%m-%d}.csv"'}
        text = export.csv_of(lines, timezone=gateway.timezone)
        return Response(text, media_type="text/csv; charset=utf-8", headers=headers)

    async def case(self, request: Request) -> Response:
        """The chronology of one case, to print for safeguarding or the police; that you looked is written down."""
        visitor = await visitors.who(request)
        gateway, case_id = site.of(request).gateway, min(request.path_params["case_id"], _LARGEST_ID)
        async with gateway.database.write() as session:
            page = await chronology.read(session, case_id, today=gateway.today())
            await gateway.log.record(session, chronology.shown(case_id, to=visitor), now=gateway.now())
        school = gateway.settings.school.name
        body = chronology.html(page, school=school, timezone=gateway.timezone, printed=gateway.now())
        return pages.page(
            body, style=_hash_of_style(body)
        )  # the page is whole in one file, so that it can be handed on


def _title(rows: Sequence[Row]) -> str:
    # Morning and afternoon of one child are two cases.
    absent = len({row.case.pupil_id for row in rows})
    unknown = states.OPEN | {CaseState.HANDED_OVER}
    open_ = len({row.case.pupil_id for row in rows if row.case.state in unknown})
    children = "child" if absent == 1 else "children"
    if not rows:
        return "No child has been asked about"
    if not open_:
        return f"Every one of {absent} absent {children} is accounted for"
    return f"{open_} of {absent} absent {children} {'is' if open_ == 1 else 'are'} not yet accounted for"


def _asked_day(request: Request, today: date) -> date:
    """The day that is asked for, as ``?date=2026-11-23``; else today."""
    given = request.query_params.get("date", request.query_params.get("day", ""))
    try:
        day = date.fromisoformat(given) if given else today
    except ValueError:
        day = date.min
    if not _YEARS[0] <= day.year <= _YEARS[1]:
        raise HTTPException(422, "Write the date as 2026-11-23.")
    return day


def _hash_of_style(body: str) -> str:
    """Allows the one style that stands in the page, and no other (CSP level 2)."""
    found = re.search(r"<style>(.*?)</style>", body, re.DOTALL)
    digest = hashlib.sha256((found[1] if found else "").encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"

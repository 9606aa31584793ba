"""Reports: a term on one page for the head, governors and inspectors, each chart under what it shows.

Every figure is one of :mod:`gateway.reports`, so it is that of the command line and the API. To count a large school's
term takes seconds, so what was counted is shown for some minutes, with the time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from gateway import context
from gateway.reports import counting, figures, pack, sheets, term
from gateway.web import site
from gateway.web.office import charts, door, frame, visitors
from gateway.web.office.rights import Right

_KEPT: Final = timedelta(minutes=5)  #: how long what was counted is shown
_ALIKE: Final = 0.05  #: languages whose shares are as near as this are reached alike
_SOONER: Final = 5  #: minutes by which mornings must differ that are called sooner or later


def routes(pages: frame.Pages) -> list[BaseRoute]:
    """``/reports``, a term of them, each as CSV, and the inspector's pack."""
    shown, see = Page(pages), Right.SEE_REPORTS
    return [
        door.page("/reports", shown.latest, right=see),
        door.page("/reports/{term}.csv", shown.sheets, right=see),
        door.page("/reports/{term}", shown.show, right=see),
        door.page("/reports/{term}/pack.zip", shown.pack, right=see),
        door.page("/reports/{term}/{name}.csv", shown.sheet, right=see),
    ]


@dataclass(slots=True)
class Page:
    """The pages, and what was counted for them."""

    pages: frame.Pages
    counted: dict[str, term.Overview] = field(default_factory=dict[str, term.Overview])
    counting: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def latest(self, request: Request) -> Response:
        """To the term that was chosen, or else the latest."""
        gateway = site.of(request).gateway
        known = term.begun(gateway.year.days, gateway.today())
        wanted = request.query_params.get("term", "")
        return door.to(f"/reports/{next((one.key for one in known if one.key == wanted), known[0].key)}")

    async def show(self, request: Request) -> Response:
        """The page, on the screen and on paper."""
        gateway = site.of(request).gateway
        found = await self._overview(request)
        return await self.pages.render(
            request,
            "reports.html",
            here="reports",
            terms=term.begun(gateway.year.days, gateway.today()),
            found=found,
            goes_on=found.term.last > gateway.today(),
            updates=_updates(found),
            reached=_reached(found),
            back=_back(found),
            classes=found.classes(),
            others=figures.OTHERS,
            hears_least=_hears_least(found.classes()),
            mornings=_mornings(found),
            charts=charts,
        )

    async def sheet(self, request: Request) -> Response:
        """One report for a spreadsheet."""
        name = request.path_params["name"]
        if name not in counting.NAMES:
            raise HTTPException(404)
        gateway, period = site.of(request).gateway, _period(request)
        async with gateway.database.read() as session:
            report = await counting.read(session, gateway, name, period)
        return _csv(sheets.csv_of(report), f"{name}-{request.path_params['term']}")

    async def sheets(self, request: Request) -> Response:
        """Everything on the page for a spreadsheet."""
        found = await self._overview(request)
        written = "\r\n".join(sheets.csv_of(report) for report in found.reports.values())
        return _csv(written, f"reports-{found.term.key}")

    async def pack(self, request: Request) -> Response:
        """The inspector's pack; that it was made is written down, with its sum."""
        gateway, period, by = site.of(request).gateway, _period(request), visitors.of(request).signature
        async with gateway.database.read() as session:
            packed = await pack.build(session, gateway, period)
        async with gateway.database.write() as session:
            await pack.record(session, gateway, period, packed, by=by)
        headers = {"Content-Disposition": f'attachment; filename="reports-{request.path_params["term"]}.zip"'}
        return Response(packed, media_type="application/zip", headers=headers)

    async def _overview(self, request: Request) -> term.Overview:
        """What was counted lately, or is counted now: once, however many people ask."""
        gateway, wanted = site.of(request).gateway, _term(request)
        async with self.counting:
            kept = self.counted.get(wanted.key)
            if kept is None or kept.term != wanted or not _is_fresh(kept, gateway):
                async with gateway.database.read() as session:
                    kept = await term.read(session, gateway, wanted)
                self.counted[wanted.key] = kept
        return kept


def _is_fresh(kept: term.Overview, gateway: context.Gateway) -> bool:
    same_day = kept.counted_at.astimezone(gateway.timezone).date() == gateway.today()
    return same_day and gateway.now() - kept.counted_at < _KEPT


def _term(request: Request) -> term.Term:
    gateway, key = site.of(request).gateway, request.path_params["term"]
    found = next((one for one in term.begun(gateway.year.days, gateway.today()) if one.key == key), None)
    if found is None:
        raise HTTPException(404)
    return found


def _period(request: Request) -> figures.Period:
    gateway, wanted = site.of(request).gateway, _term(request)
    last = min(wanted.last, gateway.today())
    return figures.period(wanted.first, last, today=gateway.today(), timezone=gateway.timezone)


def _csv(written: str, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    return Response(written, media_type="text/csv; charset=utf-8", headers=headers)


@dataclass(frozen=True, slots=True)
class Chart:
    """A finding as a heading, one or two sentences, and what is drawn."""

    finding: str
    about: str = ""
    bars: Sequence[charts.Bar] = ()
    line: Sequence[charts.Point] = ()


def _updates(found: term.Overview) -> Chart:
    children, ahead = found.number("updates", "children"), found.number("updates", "children ahead of it")
    none, pace = found.number("updates", "children with none"), found.number("updates", "pace of four a year")
    rows = found.reports["updates"].table("Children by number of updates").rows
    bars = [charts.Bar(str(row[0]).replace("none", "None"), int(row[1] or 0), row[0] == "none") for row in rows]
    if not isinstance(children, int) or not children:
        return Chart("Nobody is on roll yet")
    about = f"{ahead:,} of {children:,} children are ahead of a four-a-year pace." if isinstance(ahead, int) else ""
    if isinstance(none, int) and 0 < none < children:
        about += f" {none:,} have had none."
    if none == children:
        finding, bars = "No child has had an update yet", []
    elif not isinstance(ahead, int):
        finding = "Hardly any child has had more than “four a year”"
    elif 2 * ahead > children:
        finding = "Most children have had more than “four a year”"
    else:
        finding = f"{ahead:,} of {children:,} children have had more than “four a year”"
    return Chart(finding, f"{about} Four a year is a pace of {pace} by now.".strip(), bars)


def _reached(found: term.Overview) -> Chart:
    shares = found.shares("reach", "People reached, by language", 2, 1)
    if not shares:
        return Chart("Nothing has been sent yet")
    if len(shares) == 1:
        return Chart(f"{shares[0][1]:.0%} have been reached", bars=_percent(shares))
    return Chart(_least(shares, "Every language is reached alike", "are reached least"), bars=_percent(shares))


def _back(found: term.Overview) -> Chart:
    shares = found.shares("answers", "Who wrote back, by language", 2, 1)
    if not any(share for _, share in shares):
        return Chart("Nobody has written back yet")
    if len(shares) == 1:
        return Chart(f"{shares[0][1]:.0%} have written back", bars=_percent(shares))
    return Chart(_least(shares, "Every language writes back alike", "write back least"), bars=_percent(shares))


def _least(shares: Sequence[tuple[str, float]], alike: str, least: str) -> str:
    if shares[0][1] - shares[-1][1] < _ALIKE:
        return alike
    name = shares[-1][0]
    return f"Families of {figures.OTHERS.partition(',')[0]} languages {least}" if name == figures.OTHERS else (
        f"Families who read {name} {least}"
    )  # fmt: skip


def _percent(shares: Sequence[tuple[str, float]]) -> list[charts.Bar]:
    uneven = shares[0][1] - shares[-1][1] >= _ALIKE
    last = len(shares) - 1
    return [charts.Bar(name, round(100 * share), uneven and n == last) for n, (name, share) in enumerate(shares)]


def _hears_least(classes: Sequence[term.Class]) -> str:
    told = [(float(one.updates), one.name) for one in classes if one.updates and one.name != figures.OTHERS]
    if len(told) < 2 or not max(told)[0]:
        return "Class by class"
    if min(told)[0] == max(told)[0]:
        return "Every class hears alike"
    return f"{min(told)[1]} hears least, {max(told)[1]} most"


def _mornings(found: term.Overview) -> Chart:
    rows = found.reports["absences"].table("When everybody was accounted for").rows
    line = [
        charts.Point(str(row[0]), charts.minutes(row[2]))
        for row in rows
        if row[0] != figures.OTHERS and row[2] is not None
    ]
    usual = found.number("absences", "everybody known by")
    if not line:
        return Chart("Too few absences to say how soon children are accounted for")
    change = line[-1].minutes - line[0].minutes
    if len(line) > 1 and change <= -_SOONER:
        finding = "Absences are accounted for sooner"
    elif len(line) > 1 and change >= _SOONER:
        finding = "Absences are accounted for later than they were"
    else:
        finding = f"Absences are accounted for by {usual}"
    return Chart(finding, line=line)

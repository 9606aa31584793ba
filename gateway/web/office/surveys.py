"""Surveys: what families have answered so far, live, and the end of one: you said, we did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from gateway import errors
from gateway.surveys import asking, closing, results
from gateway.web import site
from gateway.web.office import door, frame, live, naming, visitors
from gateway.web.office.rights import Right
from templates import languages

_LISTED: Final = 30
_FIELDS: Final = ("you_said", "we_did", "reason")
_LONGEST: Final = 500  #: characters of what is typed


def routes(pages: frame.Pages, streams: live.Live) -> list[BaseRoute]:
    """``/surveys``, one with its results, and its end."""
    view = streams.add(live.View("survey", "survey.html", ("state", "answers"), Right.SEE_REPORTS, read))
    shown = Page(pages, streams, view)
    return [
        door.page("/surveys", shown.listing, right=Right.SEE_REPORTS),
        door.page("/surveys/{key}", shown.show, right=Right.SEE_REPORTS),
        door.page("/surveys/{key}/results.csv", shown.sheet, right=Right.SEE_REPORTS),
        door.page("/surveys/{key}/close", shown.close, right=Right.SEND_ANNOUNCEMENTS, methods=("POST",)),
    ]


@dataclass(frozen=True, slots=True)
class Page:
    """The pages."""

    pages: frame.Pages
    streams: live.Live
    view: live.View

    async def listing(self, request: Request) -> Response:
        """The latest surveys."""
        async with site.of(request).gateway.database.read() as session:
            found = await results.heads(session, limit=_LISTED)
        return await self.pages.render(request, "surveys.html", here="surveys", found=found)

    async def show(self, request: Request) -> Response:
        """One of them, alive."""
        return await self.streams.show(request, self.view)

    async def sheet(self, request: Request) -> Response:
        """The same for a spreadsheet."""
        async with site.of(request).gateway.database.read() as session:
            found = await results.read(session, await asking.find(session, request.path_params["key"]))
        headers = {"Content-Disposition": f'attachment; filename="{found.survey.key}.csv"'}
        return Response(results.csv_of(found), media_type="text/csv; charset=utf-8", headers=headers)

    async def close(self, request: Request) -> Response:
        """Tell those who answered what they said and what the school did, or write down why not."""
        here, form, key = site.of(request), await door.form(request), request.path_params["key"]
        typed = {name: form.get(name, "").strip()[:_LONGEST] for name in _FIELDS}
        if form.get("how") == closing.REASON:
            asked = {"reason": typed["reason"]}
        else:
            asked = {"you_said": typed["you_said"], "we_did": typed["we_did"]}
        try:
            async with here.gateway.database.write() as session:
                done = await closing.close(session, here.gateway, key, **asked, by=visitors.of(request).signature)
        except errors.BadInput as error:
            problems = [(field or "how", sentence) for field, sentence in door.faults(error)]
            more = {"typed": typed | {"how": form.get("how", "")}, "problems": problems}
            return await self.streams.show(request, self.view, status=422, **more)
        here.planned()
        told = f"{naming.count(done.told, 'person is', 'people are')} told what you did." if done.told else ""
        return self.pages.done(request, f"/surveys/{key}", f"The survey is closed. {told}".strip())


async def read(here: site.Site, _visitor: visitors.Visitor, given: Mapping[str, str]) -> Mapping[str, Any]:
    """The results as they are now.

    Raises :class:`errors.NotFound`.
    """
    async with here.gateway.database.read() as session:
        found = await results.read(session, await asking.find(session, given.get("key", "")))
        answer = await closing.said(session, found.survey) if found.survey.closing == closing.TOLD else None
    return {
        "here": "surveys",
        "answer": answer,
        "found": found,
        "survey": found.survey,
        "most": [_most(one) for one in found.questions],
        "named": results.named,
        "languages": languages,
        "typed": dict.fromkeys((*_FIELDS, "how"), ""),
        "problems": [],
        "smallest": results.SMALLEST,
    }


def _most(one: results.Question) -> str:
    """What most have answered, as a heading; ``""`` where nothing may be shown, or nothing is said by most."""
    counts: Mapping[str, int] = one.counts or {}
    leading: Sequence[str] = [key for key, count in counts.items() if 2 * count > sum(counts.values()) > 0]
    return f"Most say: {one.labels.get(leading[0], leading[0])}" if leading else ""

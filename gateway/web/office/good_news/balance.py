"""The balance of good and bad news, by class, group or teacher: the same as ``handbell balance``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from gateway.good_news import balance, hours, sheet
from gateway.web import site
from gateway.web.office import door, frame
from gateway.web.office.rights import Right

_BY: Final = {"form": "By class", "group": "By group", "teacher": "By teacher"}


def routes(pages: frame.Pages) -> list[BaseRoute]:
    """``/good-news/balance``, and the same as CSV."""
    shown = Page(pages)
    return [
        door.page("/good-news/balance", shown.show, right=Right.SEE_REPORTS),
        door.page("/good-news/balance.csv", shown.as_csv, right=Right.SEE_REPORTS),
    ]


@dataclass(frozen=True, slots=True)
class Page:
    """The pages."""

    pages: frame.Pages

    async def show(self, request: Request) -> Response:
        """A line for each class, group or teacher."""
        by = _by(request)
        lines = await _lines(request, by)
        since = hours.counted_from(site.of(request).gateway)
        return await self.pages.render(
            request, "good_news_balance.html", here="good-news", by=by, ways=_BY, lines=lines, since=since,
            most=max((line.good for line in lines), default=1) or 1, ratio=balance.ratio,
        )  # fmt: skip

    async def as_csv(self, request: Request) -> Response:
        """The same for a spreadsheet."""
        by = _by(request)
        written = sheet.of_lines(await _lines(request, by), by)
        headers = {"Content-Disposition": f'attachment; filename="balance-{by}.csv"'}
        return Response(written, media_type="text/csv; charset=utf-8", headers=headers)


def _by(request: Request) -> str:
    by = request.query_params.get("by", "")
    return by if by in _BY else "form"


async def _lines(request: Request, by: str) -> Sequence[balance.Line]:
    gateway = site.of(request).gateway
    wanted = balance.Wanted(hours.counted_from(gateway))
    async with gateway.database.read() as session:
        if by == "teacher":
            return await balance.by_teacher(session, gateway, wanted)
        found = await balance.of(session, gateway, wanted)
    return found.by_form() if by == "form" else found.by_group()

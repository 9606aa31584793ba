"""What the school can tell of itself, as figures and as CSV."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from gateway.definitions import model
from gateway.reports import counting, figures, sheets
from gateway.web import site

routes = APIRouter(prefix="/reports", tags=["reports"])

First = Annotated[model.Day | None, Query(alias="from", description="The first day; else 1 September")]
Last = Annotated[model.Day | None, Query(alias="until", description="The last day; else today")]


class Table(BaseModel):
    """One table of a report; a share is a number from 0 to 1."""

    title: str
    columns: list[str]
    rows: list[list[str | int | float | None]]
    note: str


class Report(BaseModel):
    """What was counted. It names nobody, and rows of fewer than five people are added up."""

    key: str
    title: str
    first: date = Field(description="The first day")
    last: date = Field(description="The last day")
    says: list[str] = Field(description="Sentences for somebody in a hurry")
    tables: list[Table]
    numbers: dict[str, str | int | float | None] = Field(description="Single ones, null where too few stand behind it")


@routes.get("/{name}", summary="One report")
async def one(request: Request, name: str, first: First = None, last: Last = None) -> Report:
    """``reach``, ``answers``, ``updates``, ``good-news``, ``absences`` or ``cost``."""
    report, period = await _read(request, name, first, last)
    tables = [
        Table(title=t.title, columns=list(t.columns), rows=[list(row) for row in t.rows], note=t.note)
        for t in report.tables
    ]
    told: dict[str, Any] = {"key": report.key, "title": report.title, "says": list(report.says), "tables": tables}
    told["numbers"] = dict(report.numbers)
    return Report(first=period.first, last=period.last, **told)


@routes.get("/{name}/csv", summary="One report as CSV", response_class=Response)
async def sheet(request: Request, name: str, first: First = None, last: Last = None) -> Response:
    """The same figures for a spreadsheet."""
    report, period = await _read(request, name, first, last)
    headers = {"Content-Disposition": f'attachment; filename="{report.key}-{period.last:%Y-%m-%d}.csv"'}
    return Response(sheets.csv_of(report), media_type="text/csv; charset=utf-8", headers=headers)


async def _read(
    request: Request, name: str, first: date | None, last: date | None
) -> tuple[figures.Report, figures.Period]:
    gateway = site.of(request).gateway
    period = figures.period(first, last, today=gateway.today(), timezone=gateway.timezone)
    async with gateway.database.read() as session:
        return await counting.read(session, gateway, name, period), period

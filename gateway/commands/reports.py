"""``handbell report``: what the school can tell of itself, and the inspector's pack."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway import errors
from gateway.commands import marks, opening, options, showing

if TYPE_CHECKING:
    from gateway.context import Gateway
    from gateway.reports.figures import Period, Report

First = Annotated[str, typer.Option("--from", metavar="DATE", help="The first day; else 1 September.")]
Last = Annotated[str, typer.Option("--until", metavar="DATE", help="The last day; else today.")]


def show(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="reach, answers, updates, good-news, absences or cost.")],
    first: First = "",
    last: Last = "",
    page: Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write a page with charts.")] = None,
    sheet: Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="Write the figures as CSV.")] = None,
    json: options.Json = False,
) -> None:
    """Show one report: counted from what was sent and answered on these days. It names nobody."""
    from gateway.reports import counting, sheets
    from gateway.reports import page as writing

    async def job(gateway: Gateway) -> None:
        period = _period(gateway, first, last)
        async with gateway.database.read() as session:
            report = await counting.read(session, gateway, name, period)
        if page:
            school, now = gateway.settings.school.name, gateway.now()
            _keep(page, writing.html([report], school=school, period=period, made=now).encode())
        if sheet:
            _keep(sheet, sheets.csv_of(report).encode())
        if json:
            showing.data(asdict(report) | {"from": period.first, "until": period.last})
        elif not (page or sheet):
            _say(report, period)

    opening.work(ctx, job)


def pack(
    ctx: typer.Context,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The ZIP to write.")],
    actor: options.As,
    first: First = "",
    last: Last = "",
) -> None:
    """Write the inspector's pack: every report as page and CSV, and the head of the audit log. It names nobody."""
    from gateway.reports import pack as packing

    async def job(gateway: Gateway) -> None:
        period = _period(gateway, first, last)
        async with gateway.database.read() as session:
            packed = await packing.build(session, gateway, period)
        async with gateway.database.write() as session:
            await packing.record(session, gateway, period, packed, by=actor)
        _keep(out, packed)

    opening.work(ctx, job)


def _period(gateway: Gateway, first: str, last: str) -> Period:
    from gateway.reports import figures

    today = gateway.today()
    since, until = (marks.day_of(raw, today) if raw else None for raw in (first, last))
    return figures.period(since, until, today=today, timezone=gateway.timezone)


def _say(report: Report, period: Period) -> None:
    from gateway.reports import sheets

    showing.say(f"{report.title}, {period}")
    for sentence in report.says:
        showing.say(sentence)
    for table in report.tables:
        showing.say()
        rows = ([sheets.shown(cell) for cell in row] for row in table.rows)
        showing.table(table.columns, rows, title=table.title, right=",".join(table.columns[1:]))
        if table.note:
            showing.say(table.note)


def _keep(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        raise errors.NotReady(f"{path} cannot be written: {error.strerror}.") from None
    showing.say(f"Written to {path}.")

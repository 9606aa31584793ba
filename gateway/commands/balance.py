"""``handbell balance``: who has had good news, who none, and how it stands against bad news."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.commands import opening, options, praise, showing

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from gateway.context import Gateway
    from gateway.good_news.balance import Child, Line


class By(StrEnum):
    """What a line stands for."""

    PUPIL = "pupil"
    FORM = "form"
    GROUP = "group"
    TEACHER = "teacher"


def show(
    ctx: typer.Context,
    by: Annotated[By, typer.Option("--by", help="A line for each pupil, form, group or teacher.")] = By.PUPIL,
    form: Annotated[str, typer.Option(metavar="FORM", help="Only this form.")] = "",
    group: Annotated[str, typer.Option(metavar="GROUP", help="Only this group, such as SEN, EAL or FSM.")] = "",
    since: Annotated[
        str, typer.Option(metavar="DATE", help="Counted from this day; else from the first of the term, or September.")
    ] = "",
    csv: Annotated[bool, typer.Option("--csv", help="Print CSV for a spreadsheet.")] = False,
    json: options.Json = False,
) -> None:
    """Show good and bad news, those first who have had nothing good for longest.

    Bad are absence checks and notices with worrying = true.
    """
    from gateway.good_news import balance, sheet

    async def job(gateway: Gateway) -> None:
        wanted = balance.Wanted(praise.since_of(since, gateway), form, group)
        async with gateway.database.read() as session:
            if by is By.TEACHER:
                lines: Sequence[Line] = await balance.by_teacher(session, gateway, wanted)
                children: Sequence[Child] = ()
            else:
                found = await balance.of(session, gateway, wanted)
                lines = found.by_form() if by is By.FORM else found.by_group() if by is By.GROUP else ()
                children = found.children if by is By.PUPIL else ()
        if csv:
            written = sheet.of_children(children) if by is By.PUPIL else sheet.of_lines(lines, by.value)
            showing.say(written.rstrip())
        elif json:
            showing.data([_child(one) for one in children] or [_line(one) for one in lines])
        else:
            _show(children, lines, by, wanted.since, gateway.today())

    opening.work(ctx, job)


def _show(children: Sequence[Child], lines: Sequence[Line], by: By, since: date, today: date) -> None:
    from gateway.good_news import balance

    showing.say(f"Counted since {since:%d/%m/%Y}.")
    if by is By.PUPIL:
        columns = ("pupil", "form", "groups", "last good news", "good to bad")
        showing.table(
            columns,
            (
                (
                    f"{one.pupil.called} {one.pupil.surname}",
                    one.pupil.form,
                    ", ".join(one.groups),
                    _last(one.last_good, today),
                    balance.ratio(one.good, one.bad),
                )
                for one in children
            ),
        )
        return
    if by is By.TEACHER:  # nobody is one teacher's to praise
        rows = [(one.name, one.pupils, balance.ratio(one.good, one.bad)) for one in lines]
        showing.table(("teacher", "praised or worried about", "good to bad"), rows)
        return
    sums = ((one.name, one.pupils, one.without, balance.ratio(one.good, one.bad)) for one in lines)
    showing.table((by.value, "pupils", "without good news", "good to bad"), sums)


def _last(day: date | None, today: date) -> str:
    if day is None:
        return "never"
    weeks = (today - day).days // 7
    return f"{day:%d/%m/%Y}" + (f", {showing.count(weeks, 'week')} ago" if weeks else "")


def _child(one: Child) -> dict[str, Any]:
    pupil = one.pupil
    return {
        "pupil": pupil.source_id,
        "name": f"{pupil.called} {pupil.surname}",
        "form": pupil.form,
        "groups": list(one.groups),
        "good": one.good,
        "bad": one.bad,
        "last_good": one.last_good,
    }


def _line(one: Line) -> dict[str, Any]:
    return {"name": one.name, "pupils": one.pupils, "good": one.good, "bad": one.bad, "without": one.without}

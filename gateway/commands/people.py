"""``handbell people``: pupils, who answers for them, and who would be told of an absence."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.commands import opening, options, showing

if TYPE_CHECKING:
    from gateway.context import Gateway
    from gateway.roll import Line, Person, Way

_AT_ONCE = 100  #: pupils in one printed table
COLUMNS = ("pupil", "no.", "contact", "relation", "phones and mailboxes", "may hear", "absence text")


def list_all(
    ctx: typer.Context,
    name: Annotated[str, typer.Option(metavar="NAME", help="Part of the name of a pupil or of a contact.")] = "",
    form: Annotated[str, typer.Option(metavar="FORM", help="Only this form.")] = "",
    year: Annotated[str, typer.Option(metavar="YEAR", help="Only this year: N, R or 1 to 13.")] = "",
    json: options.Json = False,
) -> None:
    """List pupils with their contacts in the order in which they are asked, and whom an absence text would reach."""
    from gateway import roll

    async def job(gateway: Gateway) -> None:
        wanted = roll.Wanted(year=year, form=form, name=name)
        async with (
            gateway.database.read() as session,
            aclosing(roll.lines(session, wanted, today=gateway.today())) as lines,
        ):
            if json:
                await showing.listed(_plain(line) async for line in lines)
            else:
                await _tables(lines)

    opening.work(ctx, job)


async def _tables(lines: AsyncIterator[Line]) -> None:
    rows, printed = list[Sequence[str]](), False
    pupils = 0
    async for line in lines:
        rows += _rows(line)
        pupils += 1
        if pupils % _AT_ONCE == 0:
            showing.table(COLUMNS, rows)
            rows, printed = [], True
    if rows or not printed:
        showing.table(COLUMNS, rows)


def _rows(line: Line) -> list[Sequence[str]]:
    pupil = f"{line.pupil.called} {line.pupil.surname}" + (f", {line.pupil.form}" if line.pupil.form else "")
    texted = dict[int, str]()
    for contact, point in line.texted:
        texted[contact.id or 0] = " ".join(filter(None, (texted.get(contact.id or 0), point.address)))
    rows: list[Sequence[str]] = [
        (
            pupil if index == 0 else "",
            str(person.tie.priority),
            person.contact.full_name or person.contact.source_id,
            ", ".join(filter(None, (person.tie.relation, "PR" if person.tie.parental_responsibility else ""))),
            "\n".join(map(_way, person.ways)),
            person.why_not or "yes",
            texted.get(person.contact.id or 0, ""),
        )
        for index, person in enumerate(line.people)
    ]
    return rows or [(pupil, "", "nobody", "", "", "", "")]


def _way(way: Way) -> str:
    point = way.point
    notes = [_kind(way), point.label, point.state.value, *(f"no {medium}" for medium in way.opted_out)]
    return f"{point.address} ({', '.join(filter(None, notes))})"


def _kind(way: Way) -> str:
    return way.point.line_type.value if way.point.kind == "phone" else way.point.kind.value


def _plain(line: Line) -> dict[str, Any]:
    pupil = line.pupil
    return {
        "id": pupil.id,
        "source_id": pupil.source_id,
        "upn": pupil.upn,
        "name": f"{pupil.called} {pupil.surname}",
        "year": pupil.year,
        "form": pupil.form,
        "contacts": list(map(_contact, line.people)),
        "absence_text": [
            {"contact_id": contact.id, "name": contact.full_name, "address": point.address, "label": point.label}
            for contact, point in line.texted
        ],
    }


def _contact(person: Person) -> dict[str, Any]:
    contact, tie = person.contact, person.tie
    return {
        "id": contact.id,
        "source_id": contact.source_id,
        "name": contact.full_name,
        "relation": tie.relation,
        "priority": tie.priority,
        "parental_responsibility": tie.parental_responsibility,
        "lives_with": tie.lives_with,
        "may_be_contacted": not person.why_not,
        "why_not": person.why_not,
        "no_contact": tie.no_contact,
        "no_contact_from": tie.no_contact_from,
        "no_contact_until": tie.no_contact_until,
        "points": [
            {
                "address": way.point.address,
                "kind": _kind(way),
                "label": way.point.label,
                "rank": way.point.rank,
                "state": way.point.state.value,
                "opted_out": [medium.value for medium in way.opted_out],
                "why_no_text": way.texts,
            }
            for way in person.ways
        ],
    }

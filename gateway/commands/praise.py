"""``handbell praise``: good news from teachers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.commands import marks, opening, options, showing

if TYPE_CHECKING:
    from datetime import date
    from zoneinfo import ZoneInfo

    from gateway.context import Gateway
    from gateway.good_news.praising import Listed

Number = Annotated[int, typer.Argument(metavar="NUMBER", help="The praise's number, from handbell praise list.")]


def add(
    ctx: typer.Context,
    pupil: Annotated[str, typer.Argument(metavar="PUPIL", help="Name, as Ana or “Ana Nowak”, MIS id or UPN.")],
    kind: Annotated[str, typer.Argument(metavar="KIND", help="effort, kindness, progress, attendance or other.")],
    actor: options.As,
    words: Annotated[str, typer.Argument(metavar="WORDS", help="A few words of your own, in English.")] = "",
    staff: Annotated[str, typer.Option("--from", metavar="NAME", help="Who praises, as families read it.")] = "",
    form: Annotated[str, typer.Option(metavar="FORM", help="The child's form, where the name is not enough.")] = "",
    since: Annotated[
        str, typer.Option(metavar="DATE", help="With attendance: since when; else since this term began.")
    ] = "",
    sure: Annotated[bool, typer.Option("--sure", help="Send words all the same that are doubted.")] = False,
    json: options.Json = False,
) -> None:
    """Send praise home. It leaves at the kind hour, with all else that is good news for the family that day."""
    from gateway.good_news import praising

    async def job(gateway: Gateway) -> None:
        day = marks.day_of(since, gateway.today()) if since else None
        given = praising.Given(pupil, kind, staff, words, day, form, sure)
        async with gateway.database.write() as session:
            made = await praising.add(session, gateway, given, by=actor)
        if json:
            showing.data(_plain(made))
            return
        child, number = f"{made.pupil.called} {made.pupil.surname}", made.praise.id
        showing.say(
            f"Good news of {child}, {made.praise.kind}: it goes {showing.when(made.praise.due_at, gateway.timezone)}. "
            f"To take it back before: handbell praise withdraw {number}"
        )

    opening.work(ctx, job)


def list_all(
    ctx: typer.Context,
    waiting: Annotated[bool, typer.Option("--waiting", help="Only what has not left.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many of the newest.")] = 30,
    json: options.Json = False,
) -> None:
    """List praise, the newest first: what waits, and whether the family was told."""
    from gateway.good_news import praising, telling

    async def job(gateway: Gateway) -> None:
        async with gateway.database.read() as session:
            found = await praising.listed(session, waiting=waiting, limit=limit)
            states = await telling.outcomes(session, [one.praise for one in found])
        if json:
            showing.data([_plain(one) | {"state": _state(one, states)} for one in found])
            return
        columns = ("no.", "child", "form", "kind", "words", "from", "goes", "state")
        showing.table(columns, (_row(one, states, gateway.timezone) for one in found))

    opening.work(ctx, job)


def withdraw(ctx: typer.Context, number: Number, actor: options.As) -> None:
    """Take praise back that has not left."""
    from gateway.good_news import praising

    async def job(gateway: Gateway) -> None:
        async with gateway.database.write() as session:
            taken = await praising.withdraw(session, gateway, number, by=actor)
        showing.say(f"Praise {number} of {taken.pupil.called} {taken.pupil.surname} is taken back; nobody was told.")

    opening.work(ctx, job)


def _state(one: Listed, states: dict[int, str]) -> str:
    if one.praise.withdrawn_at is not None:
        return f"taken back by {one.praise.withdrawn_by}"
    return states.get(one.praise.id or 0, "waits")


def _row(one: Listed, states: dict[int, str], timezone: ZoneInfo) -> tuple[object, ...]:
    praise, child = one.praise, one.pupil
    goes = showing.when(praise.told_at or praise.due_at, timezone) if praise.withdrawn_at is None else ""
    name = f"{child.called} {child.surname}"
    return (praise.id, name, child.form, praise.kind, praise.words, praise.staff, goes, _state(one, states))


def _plain(one: Listed) -> dict[str, Any]:
    kept = ("id", "kind", "words", "since", "staff", "by", "said_at", "due_at", "told_at", "withdrawn_at")
    praise = {name: getattr(one.praise, name) for name in kept}
    return praise | {"pupil": one.pupil.source_id, "name": one.pupil.called, "form": one.pupil.form}


def since_of(raw: str, gateway: Gateway) -> date:
    """From which day on the balance is counted: this term, else this school year, unless one is named."""
    from gateway.good_news import hours

    return marks.day_of(raw, gateway.today()) if raw else hours.counted_from(gateway)

"""``handbell event``: another time or place, cancelled, who was there, and what follows from that."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway import errors
from gateway.commands import opening, options, showing
from gateway.commands.event import Key

if TYPE_CHECKING:
    from gateway.context import Gateway
    from gateway.database import Session
    from gateway.events.changes import Told

_MOMENTS = ["%d/%m/%Y %H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M"]


def change(
    ctx: typer.Context,
    key: Key,
    actor: options.As,
    starts: Annotated[datetime | None, typer.Option(formats=_MOMENTS, help="The new beginning.")] = None,
    ends: Annotated[datetime | None, typer.Option(formats=_MOMENTS, help="The new end.")] = None,
    place: Annotated[str | None, typer.Option(help="The new place.")] = None,
    details: Annotated[str, typer.Option(metavar="TEXT", help="What has changed and why, in full sentences.")] = "",
) -> None:
    """Move an event. Times to choose from move along; families who have not said no are told."""
    from gateway import planner
    from gateway.events import changes

    async def deed(session: Session, gateway: Gateway) -> Told:
        begins, until = (planner.moment(one, gateway.timezone) if one else None for one in (starts, ends))
        return await changes.change(session, gateway, key, changes.Change(begins, until, place, details), by=actor)

    _do(ctx, deed, "changed")


def cancel(
    ctx: typer.Context,
    key: Key,
    actor: options.As,
    details: Annotated[str, typer.Option(metavar="TEXT", help="Why, or what comes instead, in full sentences.")] = "",
) -> None:
    """Cancel an event. What has not left is taken back; families who have not said no are told."""
    from gateway.events import changes

    async def deed(session: Session, gateway: Gateway) -> Told:
        return await changes.cancel(session, gateway, key, details=details, by=actor)

    _do(ctx, deed, "cancelled")


def _do(ctx: typer.Context, deed: Callable[[Session, Gateway], Awaitable[Told]], done: str) -> None:
    async def job(gateway: Gateway) -> None:
        async with gateway.database.write() as session:
            told = await deed(session, gateway)
        families = showing.count(told.guests, "family is", "families are")
        known = f"{families} told now" if told.guests else "nobody knows of it yet, so nobody is told that"
        showing.say(f"“{told.event.title}” is {done}; {known}.")
        for notice in told.notices:
            showing.say(f"Follow it: handbell notice show {notice.key}")

    opening.work(ctx, job)


def attended(
    ctx: typer.Context,
    key: Key,
    actor: options.As,
    came: Annotated[list[int] | None, typer.Argument(metavar="GUEST…", help="Those who were there.")] = None,
    file: Annotated[
        Path | None, typer.Option(help="A file with the numbers of those who were there, one a line.")
    ] = None,
    everybody: Annotated[
        bool, typer.Option("--booked", help="Everybody who said that they were coming was there.")
    ] = False,
    rest_missed: Annotated[
        bool, typer.Option("--rest-missed", help="Whoever else had not said no did not come.")
    ] = False,
    send: Annotated[
        bool, typer.Option("--send", help="Then thank them, and tell the others that they were missed.")
    ] = False,
    again: Annotated[
        list[str] | None,
        typer.Option(metavar="FROM/UNTIL/MINUTES", help="New times for them: 2026-12-15T16:00/2026-12-15T18:00/10"),
    ] = None,
    details: Annotated[str, typer.Option(metavar="TEXT", help="Something more for those who were missed.")] = "",
) -> None:
    """Note who was there; thank them, and offer the others a new time."""
    from gateway.events import changes, views

    async def job(gateway: Gateway) -> None:
        async with gateway.database.write() as session:
            wanted = {*(came or ()), *(_numbers(file) if file else ())}
            if everybody:
                whole = await views.whole(session, key)
                wanted |= {one.guest.id or 0 for one in whole.guests if one.guest.state.value == "coming"}
            count = await changes.attended(session, gateway, key, came=wanted, rest_missed=rest_missed, by=actor)
            showing.say(f"Noted of {showing.count(count, 'family', 'families')}.")
            if not send:
                return
            times = [_session(one) for one in again or ()]
            told = await changes.follow_up(session, gateway, key, details=details, again=times, by=actor)
        showing.say(f"{showing.count(told.guests, 'family is', 'families are')} written to now.")

    opening.work(ctx, job)


def _numbers(path: Path) -> list[int]:
    try:
        return [int(line) for line in path.read_text("utf-8-sig").split() if line.strip()]
    except (OSError, ValueError):
        raise errors.BadInput([errors.Problem(f"{path} is no list of guests.", "One number a line.")]) from None


def _session(written: str) -> Any:
    from gateway.definitions import model

    try:
        starts, ends, minutes = written.split("/")
        return model.EventSession.model_validate(
            {"starts": starts, "ends": ends, "minutes": int(minutes), "again": True}
        )
    except ValueError:
        cure = "Write from, until and minutes: 2026-12-15T16:00/2026-12-15T18:00/10"
        raise errors.BadInput([errors.Problem(f"“{written}” are no times.", cure)]) from None

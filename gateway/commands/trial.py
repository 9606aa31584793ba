"""``handbell trial``: whether only guests get anything, who they are, and the end of it."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.commands import golive, opening, options, showing

if TYPE_CHECKING:
    from gateway.context import Gateway


class Deed(StrEnum):
    """What is done with the guest list."""

    LIST = "list"
    ADD = "add"
    REMOVE = "remove"


def status(ctx: typer.Context, json: options.Json = False) -> None:
    """Say whether a trial goes on, who its guests are, and what would go out by itself after it."""
    from gateway import golive as checking
    from gateway import trial

    async def job(gateway: Gateway) -> None:
        async with gateway.database.read() as session:
            found, guests = await trial.found(session), await trial.guests(session)
            waiting = await checking.goes_by_itself(session, now=gateway.now())
        goes_on = found is not None and found.ended_at is None
        if json:
            known = found.model_dump(exclude={"id"}) if found else {}
            showing.data({"trial": goes_on, **known, "guests": [one.model_dump() for one in guests],
                          "goes_by_itself": waiting})  # fmt: skip
            return
        if found is None:
            showing.say("There was no trial here: messages reach families.")
        elif found.ended_at:
            ended = showing.when(found.ended_at, gateway.timezone)
            showing.say(f"{found.ended_by} ended the trial on {ended}: messages reach families.")
        else:
            showing.say("The trial goes on: only guests get anything, families nothing, not even an alarm.")
            _say_what_goes(waiting)
        if goes_on or guests:
            rows = (
                (one.address, one.name, showing.when(one.added_at, gateway.timezone), one.added_by) for one in guests
            )
            showing.table(("guest", "name", "added", "by"), rows)

    opening.work(ctx, job)


def guests(
    ctx: typer.Context,
    actor: options.As,
    deed: Annotated[Deed, typer.Argument(metavar="[list|add|remove]", help="What to do.")] = Deed.LIST,
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="A phone number or an email address.")] = "",
    name: Annotated[str, typer.Option(help="Whose it is.")] = "",
) -> None:
    """List, add or remove those whom messages reach during the trial.

    A phone gets texts and calls. Add staff who have agreed to it, and the numbers that are alerted of urgent things.
    """
    if deed is Deed.LIST:
        status(ctx)
        return
    if not address:
        raise typer.BadParameter("which phone number or email address?", param_hint="ADDRESS")
    if deed is Deed.ADD and not name:
        raise typer.BadParameter("whose is it?", param_hint="--name")
    from gateway import trial

    async def job(gateway: Gateway) -> None:
        log, now = gateway.log, gateway.now()
        async with gateway.database.write() as session:
            if deed is Deed.ADD:
                guest = await trial.add_guest(session, address, name, actor=actor, log=log, now=now)
                said = f"{guest.address} gets messages during the trial, as far as they are meant for them."
            else:
                await trial.remove_guest(session, address, actor=actor, log=log, now=now)
                said = "They get nothing any more during the trial."
        showing.say(said)

    opening.work(ctx, job)


def test(ctx: typer.Context, actor: options.As) -> None:
    """Write to every guest, so that they see something arrive and can try STOP."""
    from gateway import golive as checking

    async def job(gateway: Gateway) -> int:
        async with gateway.database.write() as session:
            return await checking.send_test(session, gateway, actor=actor)

    sent = opening.work(ctx, job)
    showing.say(f"{showing.count(sent, 'guest is', 'guests are')} written to.")


def end(
    ctx: typer.Context,
    actor: options.As,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask again.")] = False,
) -> None:
    """Let messages reach families from now on, once the go-live check finds nothing bad.

    What was held back meanwhile is never sent.
    """
    from gateway import golive as checking

    async def job(gateway: Gateway) -> None:
        findings = await checking.check(gateway)
        golive.show(findings)
        async with gateway.database.read() as session:
            waiting = await checking.goes_by_itself(session, now=gateway.now())
        _say_what_goes(waiting)
        if not yes and all(one.state != "bad" for one in findings):
            typer.confirm("Let messages reach families?", abort=True)
        async with gateway.database.write() as session:
            await checking.end_trial(session, gateway, findings, actor=actor)
        showing.say("The trial is over: messages reach families. What it held back stays unsent.")

    opening.work(ctx, job)


def _say_what_goes(waiting: Sequence[str]) -> None:
    if waiting:
        showing.say(f"After the trial goes out by itself, at its time: {', '.join(waiting)}.")

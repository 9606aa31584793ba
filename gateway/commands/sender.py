"""``handbell sender``: the numbers and From addresses that Handbell sends as."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from gateway import errors
from gateway.commands import opening, options, showing

if TYPE_CHECKING:
    from datetime import date

    from gateway.context import Gateway
    from gateway.models import Sender


def list_all(ctx: typer.Context, json: options.Json = False) -> None:
    """List senders, their rates, and what holds any of them back.

    They are set up in the settings file.
    """
    from gateway import senders

    async def job(gateway: Gateway) -> None:
        async with gateway.database.read() as session:
            found = await senders.listed(session)
        if json:
            showing.data([sender.model_dump(exclude={"tat"}) for sender in found])
            return
        now = gateway.now()
        rows = (
            (
                sender.id,
                sender.medium,
                sender.address,
                f"{sender.rate:g} a second",
                "active" if sender.active else "not in the settings",
                _parts(sender, gateway.today()),
                showing.when(sender.held_until, gateway.timezone)
                if sender.held_until and sender.held_until > now
                else "",
                sender.held_because if sender.held_until and sender.held_until > now else "",
            )
            for sender in found
        )
        showing.table(("id", "medium", "address", "rate", "state", "parts this year", "held until", "because"), rows)

    opening.work(ctx, job)


def _parts(sender: Sender, today: date) -> str:
    """The text parts that were handed over as this sender in the financial year, and how many are free."""
    from gateway import allowance

    if sender.medium != "sms":
        return ""
    used = allowance.used(sender, today=today)
    return f"{used:,} of {sender.free_parts:,} free" if sender.free_parts else f"{used:,}"


def release(
    ctx: typer.Context,
    sender_id: Annotated[int, typer.Argument(metavar="ID", help="The id, from handbell sender list.")],
    actor: options.As,
) -> None:
    """End the hold of a sender, once its trouble is mended."""
    from gateway import senders

    async def job(gateway: Gateway) -> None:
        async with gateway.database.write() as session:
            if not await senders.release(session, sender_id, actor=actor, log=gateway.log, now=gateway.now()):
                raise errors.NotFound(f"There is no sender {sender_id} that is held back. See handbell sender list.")
        showing.say(f"Sender {sender_id} sends again.")

    opening.work(ctx, job)

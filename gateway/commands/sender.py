"""``handbell sender``: the numbers and From addresses that Handbell sends as."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from gateway import errors
from gateway.commands import opening, options, showing

if TYPE_CHECKING:
    from gateway.context import Gateway


def list_all(ctx: typer.Context, json: options.Json = False) -> None:
    """List senders, their rates, and what holds any of them back.

    They are set up in the settings file.
    """
    from sqlmodel import col, select

    from gateway.models import Sender

    async def job(gateway: Gateway) -> None:
        async with gateway.database.read() as session:
            found = (await session.scalars(select(Sender).order_by(col(Sender.id)))).all()
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
                showing.when(sender.held_until, gateway.timezone)
                if sender.held_until and sender.held_until > now
                else "",
                sender.held_because if sender.held_until and sender.held_until > now else "",
            )
            for sender in found
        )
        showing.table(("id", "medium", "address", "rate", "state", "held until", "because"), rows)

    opening.work(ctx, job)


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

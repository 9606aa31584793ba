"""``handbell absence reasons`` and ``withdraw``: what is known beforehand, and taking it back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from gateway.commands import opening, options, showing

if TYPE_CHECKING:
    from gateway.context import Gateway


def list_all(ctx: typer.Context, json: options.Json = False) -> None:
    """List for whom nobody will be asked, today or on later days, and who said why."""
    from gateway.absence import reasons

    async def job(gateway: Gateway) -> None:
        async with gateway.database.read() as session:
            found = await reasons.standing(session, today=gateway.today())
        if json:
            showing.data([reason.model_dump() | {"pupil": pupil.source_id} for reason, pupil in found])
            return
        columns = ("reason", "child", "form", "from", "until", "session", "code", "said by", "taken down by")
        rows = (
            (
                reason.id,
                f"{pupil.called} {pupil.surname}",
                pupil.form,
                f"{reason.first:%d/%m/%Y}",
                f"{reason.last:%d/%m/%Y}",
                reason.session.upper(),
                reason.code,
                reason.said_by,
                reason.taken_by,
            )
            for reason, pupil in found
        )
        showing.table(columns, rows)

    opening.work(ctx, job)


def withdraw(
    ctx: typer.Context,
    reason_id: Annotated[int, typer.Argument(metavar="REASON", help="Its number, from handbell absence reasons.")],
    actor: options.As,
) -> None:
    """Take back what was written down: from now on the child is asked about again.

    A case that rests on it already goes on with handbell absence resume.
    """
    from gateway.absence import cases, reasons

    async def job(gateway: Gateway) -> None:
        means = cases.Means(gateway.log, gateway.now())
        async with gateway.database.write() as session:
            await reasons.withdraw(session, reason_id, by=actor, means=means)
        showing.say(f"Reason {reason_id} is taken back.")

    opening.work(ctx, job)

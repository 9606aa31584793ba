"""``handbell audit``: the log of every deed, and the proof that nobody has changed it."""

from __future__ import annotations

import json as codec
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from gateway import errors
from gateway.commands import opening, options, showing

if TYPE_CHECKING:
    from gateway.context import Gateway
    from gateway.models import Audit


def show(
    ctx: typer.Context,
    about: Annotated[str, typer.Option(metavar="SUBJECT", help="Only about this, such as message:01JD…")] = "",
    action: Annotated[str, typer.Option(help="Only of this action, such as notice.approved.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="How many of the newest.")] = 50,
    json: options.Json = False,
) -> None:
    """Show lines of the audit log, the newest first."""
    from gateway import audit, messages

    async def job(gateway: Gateway) -> None:
        async with gateway.database.read() as session:
            if about.startswith("message:") and not action:
                lines: Sequence[Audit] = await messages.deeds(session, about.removeprefix("message:"), limit=limit)
            else:
                lines = await audit.lines_about(session, about, action=action, limit=limit)
        if json:
            showing.data([line.model_dump() | {"body": codec.loads(line.body)} for line in lines])
            return
        columns = ("line", "when", "who", "action", "about", "facts")
        rows = (
            (row.link, showing.when(row.at, gateway.timezone), row.actor, row.action, row.subject, row.body)
            for row in lines
        )
        showing.table(columns, rows, right="line")

    opening.work(ctx, job)


def verify(
    ctx: typer.Context,
    against: Annotated[str, typer.Option(metavar="HASH", help="A head hash that was published earlier.")] = "",
    json: options.Json = False,
) -> None:
    """Prove that no line was changed, added or removed.

    Recomputes the whole log. Ends with 1, naming the first bad row, when it is broken.
    """

    async def job(gateway: Gateway) -> None:
        async with gateway.database.read() as session:
            verdict = await gateway.log.verify(session, expect_head=against.strip().lower())
        if json:
            found = {"sealed": verdict.sealed, "unsealed": verdict.unsealed, "head": verdict.head}
            showing.data(found | {"fault": verdict.fault or None})
        if verdict.fault:
            raise errors.AuditBroken(verdict.fault)
        if not json:
            lines = showing.count(verdict.sealed, "line")
            showing.say(
                f"Nothing was changed or removed among {lines} in the chain; {verdict.unsealed} not sealed yet."
            )
            showing.say(f"Head hash: {verdict.head}")
            if not against:
                showing.say("Keep it elsewhere: with --against it shows later whether lines were cut off at the end.")

    opening.work(ctx, job)

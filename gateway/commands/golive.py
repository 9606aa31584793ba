"""``handbell golive``: what must be true before messages reach families."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.commands import opening, options, showing

if TYPE_CHECKING:
    from gateway.context import Gateway
    from gateway.doctor import Finding


def check(ctx: typer.Context, json: options.Json = False) -> None:
    """Look whether the school can begin; Handbell must be running.

    Ends with 1 while something is bad that nobody answers for.
    """
    from gateway import golive

    findings = opening.work(ctx, golive.check)
    if json:
        showing.data([{"name": f.name, "state": f.state, "sentence": f.sentence, "cure": f.cure} for f in findings])
    else:
        show(findings)
    if any(one.state == "bad" for one in findings):
        raise typer.Exit(1)


def waive(
    ctx: typer.Context,
    of: Annotated[str, typer.Argument(metavar="NAME", help="The finding, as the check calls it.")],
    because: Annotated[str, typer.Option("--because", metavar="WHY", help="The reason; it is kept.")],
    actor: options.As,
) -> None:
    """Answer for a finding of the check, by your name and with a reason."""
    if not because.strip():
        raise typer.BadParameter("say why.", param_hint="--because")
    from gateway import golive

    async def job(gateway: Gateway) -> None:
        findings = await golive.check(gateway)
        async with gateway.database.write() as session:
            await golive.waive(
                session, of, because.strip(), findings=findings, actor=actor, log=gateway.log, now=gateway.now()
            )
        showing.say(f"{actor} answers for “{of}”.")

    opening.work(ctx, job)


def show(findings: Sequence[Finding]) -> None:
    """Print findings as a table."""
    showing.table(("", "what", "finding", "cure"), ((f.state, f.name, f.sentence, f.cure) for f in findings))

"""``handbell task``: what no machine may decide, and who has seen to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from gateway.commands import opening, options, showing

if TYPE_CHECKING:
    from gateway.context import Gateway


def list_all(
    ctx: typer.Context,
    everything: Annotated[bool, typer.Option("--all", help="Those that are done too, the newest first.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 200,
    json: options.Json = False,
) -> None:
    """List what staff must see to, urgent things first."""
    from gateway import tasks

    async def job(gateway: Gateway) -> None:
        async with gateway.database.read() as session:
            found = await tasks.listed(session, everything=everything, limit=limit)
        if json:
            showing.data([task.model_dump(exclude={"open_key"}) | {"open": bool(task.open_key)} for task in found])
            return
        rows = (
            (
                task.id,
                "urgent" if task.urgent else "",
                showing.when(task.again_at, gateway.timezone),
                task.times,
                task.subject,
                task.what,
                f"done by {task.done_by}" if task.done_at else task.cure,
            )
            for task in found
        )
        showing.table(("id", "", "last", "times", "about", "what", "cure"), rows, right="times")

    opening.work(ctx, job)


def done(
    ctx: typer.Context,
    task_id: Annotated[int, typer.Argument(metavar="ID", help="The task's id, from handbell task list.")],
    actor: options.As,
) -> None:
    """Note that somebody has seen to a task.

    When its cause comes again, it is asked again.
    """
    from gateway import tasks

    async def job(gateway: Gateway) -> None:
        async with gateway.database.write() as session:
            await tasks.done(session, task_id, by=actor, log=gateway.log, now=gateway.now())
        showing.say(f"Task {task_id} is done.")

    opening.work(ctx, job)

"""``handbell token``: the keys to the HTTP API, for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from gateway.commands import opening, options, showing

if TYPE_CHECKING:
    from gateway.context import Gateway

Name = Annotated[str, typer.Argument(metavar="NAME", help="What the token is for, such as timetable.")]


def create(
    ctx: typer.Context,
    name: Name,
    actor: options.As,
    read_only: Annotated[
        bool, typer.Option("--read-only", help="It may look at everything, and change nothing.")
    ] = False,
) -> None:
    """Make a token and print it.

    It is shown this once: only its fingerprint is kept.
    """
    from gateway import tokens

    async def job(gateway: Gateway) -> None:
        async with gateway.database.write() as session:
            token = await tokens.create(
                session, name, log=gateway.log, now=gateway.now(), actor=actor, read_only=read_only
            )
        showing.say(token)
        showing.remark("Keep it in a safe place: it is not shown again.")

    opening.work(ctx, job)


def revoke(ctx: typer.Context, name: Name, actor: options.As) -> None:
    """End a token: whoever holds it is refused from now on."""
    from gateway import tokens

    async def job(gateway: Gateway) -> None:
        async with gateway.database.write() as session:
            await tokens.revoke(session, name, log=gateway.log, now=gateway.now(), actor=actor)
        showing.say(f"The token {name} is ended.")

    opening.work(ctx, job)


def list_all(ctx: typer.Context, json: options.Json = False) -> None:
    """List tokens by name.

    The tokens themselves are not kept.
    """
    from gateway import tokens

    async def job(gateway: Gateway) -> None:
        async with gateway.database.read() as session:
            found = await tokens.listed(session)
        if json:
            fields = {"name", "read_only", "created_at", "revoked_at"}
            showing.data([token.model_dump(include=fields) for token in found])
            return
        zone = gateway.timezone
        rows = (
            (
                t.name,
                "read" if t.read_only else "all",
                showing.when(t.created_at, zone),
                showing.when(t.revoked_at, zone),
            )
            for t in found
        )
        showing.table(("name", "may", "made", "ended"), rows)

    opening.work(ctx, job)

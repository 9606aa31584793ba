"""``handbell explain route``: by which provider a message would go now, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from gateway.commands import opening, showing

if TYPE_CHECKING:
    from gateway.context import Gateway


def route(
    ctx: typer.Context,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="The words, in quotes.")],
    medium: Annotated[Literal["sms", "email"], typer.Option(help="A text, or an email.")] = "sms",
    to: Annotated[str, typer.Option(help="The number or mailbox.")] = "+447700900000",
    answered: Annotated[bool, typer.Option("--answered", help="An answer is expected.")] = False,
    urgent: Annotated[bool, typer.Option("--urgent", help="It is an emergency, or about a child's safety.")] = False,
    files: Annotated[bool, typer.Option("--files", help="Files go along with the email.")] = False,
) -> None:
    """Say by which provider a message would go now, and why: every rule of the settings in its order."""
    from channels.base import Medium
    from gateway import routing
    from templates import segments

    async def job(gateway: Gateway) -> None:
        kind = Medium(medium)
        parts = segments.count(text).parts if kind is Medium.SMS else 1
        ask = routing.Ask(kind, text, parts, answered=answered, urgent=urgent, files=files)
        async with gateway.database.read() as session:
            router = await gateway.router(session)
        choice = router.choose(ask, to)
        sender = routing.same_for(choice.senders, to)
        showing.say(f"{choice.because} It goes as {sender.address}." if sender else "There is nothing to send it as.")
        rows = [
            (way.rule.written or way.rule.by, way.grade.name.lower(), way.because or "fits")
            for way in router.ways(ask, to)
        ]
        showing.table(("rule", "how it suits", "because"), rows)
        for account, left in router.free.items():
            showing.say(f"{account}: {max(0, left):,} parts are still free this year.")

    opening.work(ctx, job)

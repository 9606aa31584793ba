"""``handbell status``: can we send, and what waits? Once, or as it changes."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.commands import opening, options, showing

if TYPE_CHECKING:
    from rich.console import RenderableType

    from gateway.can_send import Answer
    from gateway.context import Gateway

_EVERY_SECONDS = 2.0
_ASK_SECONDS = 8.0  #: /readyz waits for the database for some seconds itself
_KINDS = ("alarms", "absences", "announcements", "good news and questions")


def show(
    ctx: typer.Context,
    live: Annotated[bool, typer.Option("--live", help="Go on showing it, until Ctrl-C.")] = False,
    json: options.Json = False,
) -> None:
    """Say whether messages leave and answers come in, why not, and what waits.

    Ends with 1 where they do not.
    """

    if live and json:
        raise typer.BadParameter("--live is for people to watch: leave it out, and ask as often as you like.")

    async def job(gateway: Gateway) -> bool:
        if live:
            return await _follow(gateway)
        answer = await _look(gateway)
        if json:
            from gateway.web.api import shapes

            showing.data(shapes.CanSend.of(answer, gateway.now()).model_dump(mode="json"))
        else:
            showing.console().print(_drawn(answer, gateway))
        return not answer.reasons

    with contextlib.suppress(KeyboardInterrupt):
        if not opening.work(ctx, job):
            raise typer.Exit(1)


async def _follow(gateway: Gateway) -> bool:
    from rich.live import Live

    with Live(console=showing.console(), auto_refresh=False) as shown:
        while True:
            shown.update(_drawn(await _look(gateway), gateway), refresh=True)
            await asyncio.sleep(_EVERY_SECONDS)


async def _look(gateway: Gateway) -> Answer:
    """What the database says, and what the daemon, if it has a port, says of itself: its reasons are the whole."""
    from gateway import can_send

    answer = await can_send.look(gateway)
    if "web" not in gateway.settings.roles:
        return answer
    return dataclasses.replace(answer, reasons=await _daemon(gateway, answer))


async def _daemon(gateway: Gateway, answer: Answer) -> list[str]:
    import aiohttp

    web = gateway.settings.web
    try:
        limit = aiohttp.ClientTimeout(total=_ASK_SECONDS)
        async with (
            aiohttp.ClientSession(timeout=limit) as client,
            client.get(f"{web.here}/readyz") as asked,
        ):
            return own((await asked.json())["reasons"], gateway.settings.school_key)
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError, LookupError):
        return [f"Handbell does not answer at port {web.port}: is it running?", *answer.reasons]


def own(reasons: Sequence[str] | Mapping[str, Sequence[str]], school: str) -> list[str]:
    """One school's reasons among those that the daemon gives: of a trust they are by school."""
    return [*(reasons.get(school, ()) if isinstance(reasons, Mapping) else reasons)]


def _drawn(answer: Answer, gateway: Gateway) -> RenderableType:
    from rich.console import Group
    from rich.text import Text

    now = gateway.now()
    head = Text(f"{gateway.settings.school.short_name}, {showing.when(now, gateway.timezone)}", style="bold")
    can = Text("Messages leave, and answers come in.", style="green")
    parts: list[RenderableType] = [head, *([] if answer.reasons else [can])]
    parts += [Text(f"✗ {showing.harmless(reason)}", style="red") for reason in answer.reasons]
    if answer.trial:
        parts.append(Text("Trial: only guests get anything. See handbell trial status.", style="yellow"))
    if answer.copy:
        style = "" if answer.copy.state == "ok" else "yellow"
        parts.append(Text(f"{answer.copy.sentence} {answer.copy.cure}".rstrip(), style=style))
    ways = (
        (way.sender.id, way.sender.medium, way.sender.address, way.state(now), f"{way.waiting:,}",
         _wait(way.oldest, now), way.sender.held_because if way.state(now) != "sends" else "")
        for way in answer.ways
    )  # fmt: skip
    parts.append(showing.grid(("sender", "medium", "address", "state", "waiting", "late by", "because"), ways,
                              right="waiting, late by"))  # fmt: skip
    queues = (
        (_KINDS[priority], medium, f"{count:,}", _wait(oldest, now))
        for (medium, priority), (count, oldest) in sorted(answer.queued.items(), key=lambda one: (one[0][1], one[0][0]))
    )
    if answer.queued:
        parts.append(showing.grid(("kind", "medium", "waiting", "late by"), queues, right="waiting, late by"))
    return Group(*parts)


def _wait(since: datetime | None, now: datetime) -> str:
    """How long something has been due, as ``2:05:09``; nothing where it is not."""
    if since is None or since >= now:
        return ""
    return str(now - since).partition(".")[0]

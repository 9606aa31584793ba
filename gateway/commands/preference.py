"""``handbell preference``: what a family wants to hear of, by which medium, and what it got this week."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from gateway import errors
from gateway.commands import opening, options, showing

if TYPE_CHECKING:
    from gateway.context import Gateway
    from gateway.models import Wish

Contact = Annotated[int, typer.Argument(metavar="CONTACT", help="The id, from handbell contact list.")]
Topic = Annotated[str, typer.Argument(metavar="TOPIC", help="clubs, menus …; other: what has none; all: every topic.")]
_HOW = "at_once, digest or off"


def show(ctx: typer.Context, contact_id: Contact, json: options.Json = False) -> None:
    """Show how a contact hears of each topic, and how many texts its family got this week."""
    from gateway.commands import preference_table

    async def job(gateway: Gateway) -> None:
        async with gateway.database.read() as session:
            found = await preference_table.find(session, gateway, contact_id)
        if json:
            showing.data(found.as_data())
        else:
            preference_table.show(found, gateway.timezone)

    opening.work(ctx, job)


def set_one(
    ctx: typer.Context,
    contact_id: Contact,
    topic: Topic,
    actor: options.As,
    sms: Annotated[str, typer.Option("--text", metavar="HOW", help=f"By text: {_HOW}.")] = "",
    email: Annotated[str, typer.Option("--email", metavar="HOW", help=f"By email: {_HOW}.")] = "",
    voice: Annotated[str, typer.Option("--call", metavar="HOW", help="By call: at_once or off.")] = "",
) -> None:
    """Note how a contact wants to hear of a topic. Emergencies and a child's safety come all the same."""
    from channels.base import Medium
    from gateway.preferences import topics, wishes

    given = {Medium.SMS: sms, Medium.EMAIL: email, Medium.VOICE: voice}
    wanted = {medium: _wish(how) for medium, how in given.items() if how}
    if not wanted:
        raise errors.Conflict("Say how: --text off, --email digest, --call at_once, or several of them.")

    async def job(gateway: Gateway) -> None:
        key = topics.EVERY if topic == "all" else topics.named(gateway.preferences.topics, topic)
        async with gateway.database.write() as session:
            await wishes.choose(session, contact_id, key, wanted, by=actor, log=gateway.log, now=gateway.now())

    opening.work(ctx, job)
    showing.say("Noted. Emergencies and a child's safety come all the same.")


def list_topics(ctx: typer.Context, json: options.Json = False) -> None:
    """List the topics that families may decline, and how they text it."""

    async def job(gateway: Gateway) -> None:
        found = gateway.preferences.topics.topics
        if json:
            showing.data({key: dict(names) for key, names in found.items()})
            return
        rows = [(key, f"STOP {names['en'][0].upper()}", ", ".join(sorted(names))) for key, names in found.items()]
        showing.table(("topic", "by text", "has a name in"), rows)

    opening.work(ctx, job)


def _wish(how: str) -> Wish:
    from gateway.models import Wish

    try:
        return Wish(how.strip().lower().replace(" ", "_").replace("-", "_"))
    except ValueError:
        raise errors.Conflict(f"“{how}” is no way to hear of something. Write {_HOW}.") from None

"""``handbell contact doubles|merge|part``: two contacts on file who are one person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from gateway.commands import opening, options, showing

if TYPE_CHECKING:
    from gateway.context import Gateway
    from gateway.one_person.showing import Whole

Kept = Annotated[int, typer.Argument(metavar="CONTACT", help="The id of the contact who stays.")]
Other = Annotated[int, typer.Argument(metavar="OTHER", help="The id of the one who becomes part of it.")]


def doubles(ctx: typer.Context, json: options.Json = False) -> None:
    """List contacts who may be one person: of one name, with a child, a phone or a mailbox in common."""
    from gateway.one_person import doubles as finding

    async def job(gateway: Gateway) -> None:
        async with gateway.database.read() as session:
            found = await finding.find(session)
        if json:
            showing.data([{"kept": o.kept, "other": o.other, "name": o.name, "because": o.because} for o in found])
            return
        showing.table(("contact", "other", "name", "because"), ((o.kept, o.other, o.name, o.because) for o in found))
        if found:
            showing.say("What would become of a pair: handbell contact merge CONTACT OTHER. It changes nothing yet.")

    opening.work(ctx, job)


def merge(
    ctx: typer.Context,
    contact_id: Kept,
    other_id: Other,
    actor: options.As,
    yes: Annotated[bool, typer.Option("--yes", help="Do it. Without this it is only shown.")] = False,
    json: options.Json = False,
) -> None:
    """Show what would become of two contacts who are one person, and with --yes make them one.

    Phones and mailboxes, children, bars, wishes, messages and conversations of the second become the first one's; where
    both have something, the stricter holds. No import makes two of them again.
    """
    from gateway.one_person import joining
    from gateway.one_person import showing as plans

    async def job(gateway: Gateway) -> None:
        if yes:
            async with gateway.database.write() as session:
                whole = await joining.merge(session, contact_id, other_id, by=actor, log=gateway.log, now=gateway.now())
        else:
            async with gateway.database.read() as session:
                whole = await plans.whole(session, contact_id, other_id, now=gateway.now())
        if json:
            showing.data({**plans.plain(whole), "done": yes})
            return
        _say(whole)
        if yes:
            showing.say(f"They are one: contact {contact_id}. {_TAKEN_BACK.format(contact=contact_id)}")
        else:
            showing.say("Nothing was changed. The same with --yes does it; it cannot be taken back in one step.")

    opening.work(ctx, job)


_TAKEN_BACK = (
    "Should they be two after all: handbell contact part {contact} and the other's id in the school's records."
)


def _say(whole: Whole) -> None:
    showing.say(f"{whole.other} would be {whole.kept}.")
    for warning in whole.warnings:
        showing.say(f"Mind: {warning}")
    for title, lines in (
        ("The person", whole.person), ("Children", whole.children), ("Phones and mailboxes", whole.ways),
        ("What the other wants to hear of, where it is not less already", whole.wishes),
    ):  # fmt: skip
        if lines:
            showing.say(f"{title}:")
            for line in lines:
                showing.say(f"    {line}")
    if whole.moves:
        showing.say(f"It follows: {', '.join(f'{number} {called}' for called, number in whole.moves.items())}.")


def part(
    ctx: typer.Context,
    contact_id: Kept,
    source_id: Annotated[str, typer.Argument(metavar="ID", help="The other's id in the school's records.")],
    actor: options.As,
) -> None:
    """Let an id of the school's records that was merged be a contact of its own again.

    The next import gives it its children, phones and mailboxes. What was said stays with the one who is on file, and
    every bar holds for both until somebody lifts it.
    """
    from gateway.one_person import joining

    async def job(gateway: Gateway) -> None:
        async with gateway.database.write() as session:
            other = await joining.part(session, contact_id, source_id, by=actor, log=gateway.log, now=gateway.now())
        showing.say(
            f"{source_id} is contact {other.id}, and has no phone and no mailbox before the next import. "
            "Every bar holds for both; handbell contact lift where it is not theirs."
        )

    opening.work(ctx, job)

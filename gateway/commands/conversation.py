"""``handbell conversation``: who answers which family by when, and what staff do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway import errors
from gateway.commands import opening, options, showing

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from zoneinfo import ZoneInfo

    from channels.base import Medium
    from gateway.context import Gateway
    from gateway.database import Session
    from gateway.desk.thread import Said, Thread, Which
    from gateway.models import Contact, Conversation

Id = Annotated[int, typer.Argument(metavar="ID", help="The conversation's number, from handbell conversation list.")]


def list_all(
    ctx: typer.Context,
    me: options.As,
    waiting: Annotated[bool, typer.Option("--waiting", help="Only where words wait to be read.")] = False,
    overdue: Annotated[bool, typer.Option("--overdue", help="Only what nobody has answered in time.")] = False,
    closed: Annotated[bool, typer.Option("--closed", help="Those that are closed, the newest first.")] = False,
    mine: Annotated[bool, typer.Option("--mine", help="Only your own (see --as).")] = False,
    owner: Annotated[str, typer.Option(metavar="NAME", help="Only those of this person.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 50,
    json: options.Json = False,
) -> None:
    """List open conversations: what is due first comes first."""
    from gateway.desk import thread

    if waiting + overdue + closed > 1:
        raise errors.BadInput([errors.Problem("Only one of --waiting, --overdue and --closed can be shown.")])
    which: Which = "waiting" if waiting else "overdue" if overdue else "closed" if closed else "open"

    async def job(gateway: Gateway) -> None:
        query = thread.listed(which, owner=me if mine else owner, now=gateway.now(), today=gateway.today())
        async with gateway.database.read() as session:
            found = (await session.execute(thread.in_turn(query, which).limit(limit))).all()
        if json:
            showing.data([_plain(conversation, contact) for conversation, contact in found])
            return
        showing.table(
            ("id", "from", "by", "about", "owner", "due", "waiting since", "outcome"),
            (_row(conversation, contact, gateway.timezone) for conversation, contact in found),
        )

    opening.work(ctx, job)


def _row(conversation: Conversation, contact: Contact | None, timezone: ZoneInfo) -> tuple[object, ...]:
    due = "now" if conversation.urgent else showing.when(conversation.due_at, timezone)
    return (
        conversation.id,
        _who(conversation, contact),
        _by(conversation.medium),
        conversation.kind,
        conversation.owner,
        due,
        showing.when(conversation.waiting_since, timezone),
        conversation.outcome.replace("_", " "),
    )


def _who(conversation: Conversation, contact: Contact | None) -> str:
    from gateway.commands import preview

    return contact.full_name if contact else preview.masked(conversation.address)


def _by(medium: Medium) -> str:
    """A phone's texts and calls are one conversation."""
    return "email" if medium.value == "email" else "phone"


def _plain(conversation: Conversation, contact: Contact | None) -> dict[str, Any]:
    left_out = {"address", "merged_into_id"}
    return conversation.model_dump(exclude=left_out) | {"from": _who(conversation, contact)}


def show(ctx: typer.Context, conversation_id: Id, json: options.Json = False) -> None:
    """Show a conversation: everything that was said both ways, and what staff noted."""
    from gateway.desk import thread

    async def job(gateway: Gateway) -> None:
        async with gateway.database.read() as session:
            found = await thread.read(session, conversation_id)
        if json:
            showing.data(_whole(found))
            return
        for line in _lines(found, gateway.timezone):
            showing.say(line)

    opening.work(ctx, job)


def _whole(found: Thread) -> dict[str, Any]:
    said = [
        {"id": one.id, "at": one.at, "kind": one.kind, "who": one.who, "medium": one.medium, "text": one.text}
        | {"state": one.state, "voice": one.voice, "gist": one.gist}
        for one in found.said
    ]
    return found.root.model_dump(exclude={"address", "merged_into_id"}) | {"from": found.contact, "said": said}


def _lines(found: Thread, timezone: ZoneInfo) -> list[str]:
    from gateway.commands import preview

    root = found.root
    who = found.contact or preview.masked(root.address)
    media = " and ".join(sorted({_by(one.medium) for one in found.addresses}))
    head = f"Conversation {root.id} with {who}, by {media}: {root.state}"
    head += f" ({root.outcome.replace('_', ' ')}, by {root.closed_by})." if root.outcome else "."
    lines = [head]
    if root.owner or root.kind:
        lines.append(f"About: {root.kind or 'nothing yet'}. Owner: {root.owner or 'nobody yet'}.")
    if root.due_at:
        lines.append(f"Due: {'now' if root.urgent else showing.when(root.due_at, timezone)}.")
    if root.left_at:
        lines.append("This number or mailbox is somebody else's now: answer another way.")
    if found.others:
        lines.append("Somebody else had this address before: what was said with them is not shown.")
    return [*lines, "", *(_line(one, timezone) for one in found.said)]


def _line(one: Said, timezone: ZoneInfo) -> str:
    who = {"reply": one.who or "family", "note": f"NOTE by {one.who}", "answer": "school"}.get(one.kind, one.kind)
    facts = ", ".join(filter(None, [f"reply {one.id}" if one.kind == "reply" else "", one.medium or ""]))
    about = f" ({facts})" if facts else ""
    state = f" [{one.state}]" if one.state else ""
    play = f" To hear it: handbell replies play {one.id} --out message.wav" if one.voice else ""
    gist = f"\n    In English, by a machine: {one.gist}" if one.gist else ""
    return f"{showing.when(one.at, timezone)}  {who}{about}{state}: {one.text}{play}{gist}"


def take(
    ctx: typer.Context,
    conversation_id: Id,
    actor: options.As,
    name: Annotated[str, typer.Argument(metavar="[NAME]", help="Who is to answer; you, if nobody is named.")] = "",
) -> None:
    """Say who answers a conversation: you, or somebody else."""
    from gateway.desk import deeds

    owner = name or actor
    _do(ctx, lambda gateway, session: deeds.take(session, gateway, conversation_id, owner, by=actor))
    showing.say(f"Conversation {conversation_id} is {owner}'s.")


def note(
    ctx: typer.Context,
    conversation_id: Id,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What to note.")],
    actor: options.As,
) -> None:
    """Write something beside a conversation. It is never sent to anybody."""
    from gateway.desk import deeds

    _do(ctx, lambda gateway, session: deeds.note(session, gateway, conversation_id, text, by=actor))
    showing.say("It is noted.")


def kind(
    ctx: typer.Context,
    conversation_id: Id,
    about: Annotated[str, typer.Argument(metavar="KIND", help="absence, question or complaint.")],
    actor: options.As,
) -> None:
    """Say what a conversation is about, which decides by when it is due."""
    from gateway.desk import deeds

    _do(ctx, lambda gateway, session: deeds.sort(session, gateway, conversation_id, about, by=actor))
    showing.say(f"Conversation {conversation_id} is of kind {about}.")


def answer(
    ctx: typer.Context,
    conversation_id: Id,
    actor: options.As,
    text: Annotated[str, typer.Argument(metavar="[TEXT]", help="The words, or leave them out with --canned.")] = "",
    canned: Annotated[str, typer.Option(metavar="KEY", help="A canned answer, from conversation canned.")] = "",
    value: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="A blank of it, such as date=2026-12-01.")
    ] = None,
    language: Annotated[str, typer.Option(metavar="LANGUAGE", help="The language of your words, such as pl.")] = "en",
    up_to: Annotated[
        int | None, typer.Option(metavar="REPLY", help="The last reply that you have seen: later ones wait on.")
    ] = None,
) -> None:
    """Answer whoever wrote, by text or email as they did.

    A canned answer goes in the family's language where it has that.
    """
    from gateway.desk import answering

    said = answering.Answer(text, language, canned, dict(_pair(one) for one in value or ()), up_to)
    sent = _do(ctx, lambda gateway, session: answering.answer(session, gateway, conversation_id, said, by=actor))
    showing.say(f"The answer is on its way as message {sent.id}.")


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise errors.BadInput([errors.Problem(f"“{text}” is no blank filled in.", "Write it as date=2026-12-01.")])
    return name.strip(), value


def merge(
    ctx: typer.Context,
    conversation_id: Id,
    other: Annotated[int, typer.Argument(metavar="OTHER", help="The conversation that becomes part of it.")],
    actor: options.As,
) -> None:
    """Make one conversation of two of the same person, such as text and email."""
    from gateway.desk import deeds

    found = _do(ctx, lambda gateway, session: deeds.merge(session, gateway, conversation_id, other, by=actor))
    showing.say(f"They are conversation {found.id} now.")


def close(
    ctx: typer.Context,
    conversation_id: Id,
    outcome: Annotated[str, typer.Argument(help="answered, no_answer_needed, passed_on, duplicate or not_for_us.")],
    actor: options.As,
) -> None:
    """Close a conversation with its outcome. The family's next words open it again."""
    from gateway.desk import deeds
    from gateway.models import ConversationState

    async def act(gateway: Gateway, session: Session) -> str:
        closed = await deeds.close(session, gateway, conversation_id, outcome, by=actor)
        if closed.state is ConversationState.OPEN:
            return f"Words came this very moment, so it is open again: read them with conversation show {closed.id}."
        return f"Conversation {conversation_id} is closed."

    showing.say(_do(ctx, act))


def canned_answers(ctx: typer.Context, json: options.Json = False) -> None:
    """List the canned answers, with the languages and the blanks that they have."""
    from gateway.desk import canned

    file = canned.load(opening.settings(ctx))
    if json:
        showing.data(file.model_dump(mode="json"))
        return
    showing.table(
        ("key", "title", "languages", "blanks", "words"),
        (
            (key, one.title, ", ".join(one.text), ", ".join(one.values), one.text["en"])
            for key, one in file.answers.items()
        ),
    )


def _do(ctx: typer.Context, deed: Callable[[Gateway, Session], Awaitable[Any]]) -> Any:
    async def job(gateway: Gateway) -> Any:
        async with gateway.database.write() as session:
            return await deed(gateway, session)

    return opening.work(ctx, job)

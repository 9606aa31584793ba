"""``handbell message``: the whole history of one message, and sending it again."""

from __future__ import annotations

import json as codec
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.commands import opening, options, showing

if TYPE_CHECKING:
    from gateway.context import Gateway
    from gateway.database import Session
    from gateway.models import Message

Id = Annotated[str, typer.Argument(metavar="ID", help="The message's id.")]


def show(ctx: typer.Context, message_id: Id, json: options.Json = False) -> None:
    """Show one message: its words, every try, every receipt and answer, and its lines in the audit log."""

    from gateway import digest, messages

    async def job(gateway: Gateway) -> None:
        async with gateway.database.read() as session:
            message = await messages.find(session, message_id)
            history = await _history(session, message)
            inside = await digest.within(session, message.id)
        if json:
            showing.data({"message": message.model_dump(mode="json"), "history": history})
            return
        showing.say(
            f"{message.medium} to {message.address or 'nobody'}, {message.language or 'no words'}{_read(message)}"
        )
        showing.say(f"State: {message.state}. {message.reason_text or message.reason}".rstrip())
        if message.remark:
            showing.say(message.remark)
        if inside:
            showing.say(f"Within it: {', '.join(inside)}.")
        for words in (message.subject, message.body):
            if words:
                showing.say("\n".join(f"    {line}" for line in words.splitlines()))
        rows = [(showing.when(line["at"], gateway.timezone), line["what"], line["detail"]) for line in history]
        showing.table(("when", "what", "detail"), rows)

    opening.work(ctx, job)


def again(ctx: typer.Context, message_id: Id, actor: options.As) -> None:
    """Send a failed message again, as a new one.

    Once only, and every check of the first one is made anew.
    """

    from gateway import messages

    async def job(gateway: Gateway) -> None:
        async with gateway.database.write() as session:
            copy = await messages.again(session, gateway, message_id, actor=actor)
        showing.say(f"It goes again as {copy.id}.")

    opening.work(ctx, job)


def _read(message: Message) -> str:
    """Who had read the words, where they are a translation."""
    return f" ({message.words_state})" if message.words_state not in ("", "source") else ""


async def _history(session: Session, message: Message) -> list[dict[str, Any]]:
    """Everything that is known to have happened to a message, oldest first."""
    from sqlmodel import col, select

    from gateway import messages
    from gateway.models import Attempt, Reply

    lines: list[dict[str, Any]] = [{"at": message.created_at, "what": "planned", "detail": ""}]
    for attempt in await session.scalars(select(Attempt).where(Attempt.message_id == message.id)):
        lines.append({"at": attempt.begun_at, "what": f"try {attempt.number} begun", "detail": attempt.worker})
        if attempt.ended_at:
            detail = " ".join(word for word in (attempt.code, attempt.reason, attempt.text) if word)
            lines.append({"at": attempt.ended_at, "what": f"try {attempt.number}: {attempt.outcome}", "detail": detail})
    for row in await messages.receipts(session, message):
        detail = " ".join(str(word) for word in (row.event.get("code"), row.event.get("reason"), row.outcome) if word)
        lines.append({"at": row.received_at, "what": f"receipt: {row.event.get('state')}", "detail": detail})
    replies = await session.scalars(select(Reply).where(col(Reply.message_id) == message.id))
    lines += [{"at": reply.at, "what": "answer", "detail": reply.keys or reply.body} for reply in replies]
    for deed in await messages.deeds(session, message.id):
        facts = codec.dumps(messages.facts(deed, message.id), ensure_ascii=False)
        lines.append({"at": deed.at, "what": f"audit: {deed.action}", "detail": f"{deed.actor} {facts}"})
    return sorted(lines, key=lambda line: line["at"])

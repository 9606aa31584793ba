"""``handbell message``: the whole history of one message, and sending it again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway import errors
from gateway.commands import opening, options, showing

if TYPE_CHECKING:
    from gateway.context import Gateway
    from gateway.database import Session
    from gateway.models import Message

Id = Annotated[str, typer.Argument(metavar="ID", help="The message's id.")]


def show(ctx: typer.Context, message_id: Id, json: options.Json = False) -> None:
    """Show one message: its words, every try, every receipt and answer, and its lines in the audit log."""

    async def job(gateway: Gateway) -> None:
        async with gateway.database.read() as session:
            message = await _find(session, message_id)
            history = await _history(session, message)
        if json:
            showing.data({"message": message.model_dump(mode="json"), "history": history})
            return
        showing.say(f"{message.medium} to {message.address or 'nobody'}, {message.language or 'no words'}")
        showing.say(f"State: {message.state}. {message.reason_text or message.reason}".rstrip())
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

    async def job(gateway: Gateway) -> None:
        async with gateway.database.write() as session:
            copy = await _send_again(session, gateway, message_id, actor=actor)
        showing.say(f"It goes again as {copy.id}.")

    opening.work(ctx, job)


async def _find(session: Session, message_id: str) -> Message:
    from gateway.models import Message

    message = await session.get(Message, message_id)
    if message is None:
        raise errors.NotFound(f"There is no message “{message_id}”. handbell notice show gives those of a notice.")
    return message


async def _history(session: Session, message: Message) -> list[dict[str, Any]]:
    """Everything that is known to have happened to a message, oldest first."""
    from sqlmodel import col, select

    from gateway import audit
    from gateway.models import Attempt, Inbound, Reply

    lines: list[dict[str, Any]] = [{"at": message.created_at, "what": "planned", "detail": ""}]
    for attempt in await session.scalars(select(Attempt).where(Attempt.message_id == message.id)):
        lines.append({"at": attempt.begun_at, "what": f"try {attempt.number} begun", "detail": attempt.worker})
        if attempt.ended_at:
            detail = " ".join(word for word in (attempt.code, attempt.reason, attempt.text) if word)
            lines.append({"at": attempt.ended_at, "what": f"try {attempt.number}: {attempt.outcome}", "detail": detail})
    receipts = select(Inbound).where(Inbound.kind == "receipt", _concerns(message))
    for row in await session.scalars(receipts):
        detail = " ".join(str(word) for word in (row.event.get("code"), row.event.get("reason"), row.outcome) if word)
        lines.append({"at": row.received_at, "what": f"receipt: {row.event.get('state')}", "detail": detail})
    replies = await session.scalars(select(Reply).where(col(Reply.message_id) == message.id))
    lines += [{"at": reply.at, "what": "answer", "detail": reply.keys or reply.body} for reply in replies]
    deeds = await audit.lines_about(session, f"message:{message.id}", limit=1000)
    lines += [{"at": d.at, "what": f"audit: {d.action}", "detail": f"{d.actor} {d.body}"} for d in deeds]
    return sorted(lines, key=lambda line: line["at"])


def _concerns(message: Message) -> Any:
    """Receipts that name the message, or what the provider calls it."""
    import sqlalchemy as sa

    from gateway.models import Inbound
    from gateway.models.types import core

    event = core(Inbound).c.event
    named = event["message_id"].as_string() == message.id
    return sa.or_(named, event["ref"].as_string() == message.ref) if message.ref else named


async def _send_again(session: Session, gateway: Gateway, message_id: str, *, actor: str) -> Message:
    from sqlmodel import select

    from gateway import audit
    from gateway.models import About, Message, MessageState

    first, now = await _find(session, message_id), gateway.now()
    if first.state is not MessageState.FAILED:
        raise errors.Conflict(f"Only a failed message can be sent again: this one is {first.state}.")
    if first.not_after and first.not_after <= now:
        raise errors.Conflict("It is no longer worth saying: its time is over.")
    # The same place in the run for every second sending: two people who press the button send it once.
    slot = f"{first.slot}:again"
    taken = select(Message.id).where(Message.run_id == first.run_id, Message.slot == slot)
    if other := await session.scalar(taken):
        raise errors.Conflict(f"It was sent again already, as {other}.")
    values: dict[str, Any] = first.model_dump() | {"id": gateway.new_id(), "slot": slot, "only_if": ""}
    values |= {"state": MessageState.QUEUED, "reason": "", "reason_text": "", "ref": "", "lease_until": None}
    values |= {"attempt": 0, "retries": 0, "due_at": now, "created_at": now, "changed_at": now}
    copy = Message(**values)
    session.add(copy)
    await session.flush()
    about = await session.scalars(select(About.pupil_id).where(About.message_id == first.id))
    session.add_all([About(message_id=copy.id, pupil_id=pupil_id) for pupil_id in about])
    line = audit.Line("message.again", f"message:{first.id}", {"as": copy.id}, actor)
    await gateway.log.record(session, line, now=now)
    return copy

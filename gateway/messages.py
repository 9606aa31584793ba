"""One message and what became of it: its receipts, and sending it again when it failed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

import sqlalchemy as sa
from sqlmodel import col, select

from gateway import audit, bell, context, digest, errors, guard, outbox, senders
from gateway.database import Session
from gateway.models import Attempt, Audit, Inbound, Message, MessageState

_TOGETHER: Final = ("outbox.claimed", "outbox.accepted")  #: one line of these names every message of a commit


async def find(session: Session, message_id: str) -> Message:
    """A message by its id.

    Raises :class:`errors.NotFound`.
    """
    message = await session.get(Message, message_id)
    if message is None:
        raise errors.NotFound(f"There is no message “{message_id}”.")
    return message


async def receipts(session: Session, message: Message) -> Sequence[Inbound]:
    """What the provider said of it, oldest first: by our own id, or by the provider's where it named no other."""
    ours = col(Inbound.message_id) == message.id
    theirs = sa.and_(col(Inbound.message_id) == "", col(Inbound.ref) == message.ref)
    query = select(Inbound).where(Inbound.kind == "receipt", sa.or_(ours, theirs) if message.ref else ours)
    return (await session.scalars(query.order_by(col(Inbound.id)))).all()


async def again(session: Session, gateway: context.Gateway, message_id: str, *, actor: str) -> Message:
    """Send a failed message once more, as a new row. The guard asks everything again when it is claimed.

    Raises :class:`errors.NotFound`, or :class:`errors.Conflict` when it did not fail or was sent again already.
    """
    first, now = await find(session, message_id), gateway.now()
    if first.state is not MessageState.FAILED:
        raise errors.Conflict(f"Only a failed message can be sent again: this one is {first.state.value}.")
    if first.not_after and first.not_after <= now:
        raise errors.Conflict("It is no longer worth saying: its time is over.")
    slot = f"{first.slot}{guard.AGAIN}"
    # What went in a digest had no sender of its own.
    sender_id = await (
        digest.sender(session, gateway, first) if first.sender_id is None else senders.heir(session, first.sender_id)
    )
    if sender_id is None:
        raise errors.Conflict(f"{guard.REASONS['no_sender']} Set one up first.")
    if await guard.taken_back(session, first.id):
        raise errors.Conflict(guard.REASONS["cancelled"])
    copy_id = gateway.new_id()
    taken = select(Message.id).where(Message.run_id == first.run_id, Message.slot == slot)
    other = await session.scalar(taken)
    if other or not await outbox.copy(
        session, first, new_id=copy_id, sender_id=sender_id, due_at=now, only_if=guard.kept(first.only_if), now=now
    ):
        raise errors.Conflict(f"It was sent again already, as {other or await session.scalar(taken)}.")
    line = audit.Line("message.again", f"message:{first.id}", {"as": copy_id}, actor)
    await gateway.log.record(session, line, now=now)
    await bell.ring(session)
    return await find(session, copy_id)


async def deeds(session: Session, message_id: str, *, limit: int = 1000) -> list[Audit]:
    """Every line of the audit log about a message, newest first.

    The lane writes one line for all that it claims, or sees taken, in one commit. Such a line bears the very moment
    that the calls' own rows have.
    """
    calls = await session.execute(select(Attempt.begun_at, Attempt.ended_at).where(Attempt.message_id == message_id))
    moments = [moment for call in calls for moment in call if moment is not None]
    shared = await audit.lines_at(session, _TOGETHER, moments) if moments else ()
    lines = [line for line in shared if message_id in json.loads(line.body)["messages"]]
    lines += await audit.lines_about(session, f"message:{message_id}", limit=limit)
    return sorted(lines, key=lambda line: line.id or 0, reverse=True)[:limit]


def facts(line: Audit, message_id: str) -> dict[str, Any]:
    """What a line says of this message: of one that names many, how many there were, and this one's own word."""
    found: dict[str, Any] = json.loads(line.body)
    together = found.get("messages")
    if line.action not in _TOGETHER or together is None:
        return found
    own = {"attempt": together[message_id]} if isinstance(together, dict) else {}
    return {name: value for name, value in found.items() if name != "messages"} | own | {"together": len(together)}

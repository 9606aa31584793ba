"""A provider's word about one of our messages: it changes the message, and what we know of the contact point."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlmodel import select

from channels.base import Reason, Receipt, ReceiptState
from gateway import audit, outbox, points
from gateway.database import Session
from gateway.models import Message, MessageState

#: How a call's last word is marked by the voice channel: it says only that nobody pressed a key.
CALL_ENDED = "completed"

_AFTER = {
    ReceiptState.ACCEPTED: MessageState.ACCEPTED,
    ReceiptState.DELIVERED: MessageState.DELIVERED,
    ReceiptState.FAILED: MessageState.FAILED,
}

#: Reasons that speak of the parent's number or mailbox. Everything else is the provider's fault or ours.
_BLAMES_THE_POINT = {Reason.BAD_ADDRESS, Reason.UNREACHABLE, Reason.BLOCKED}


async def apply(session: Session, receipt: Receipt, *, log: audit.Log, now: datetime) -> str:
    """Let a receipt change its message. Gives a word for what came of it.

    ``changed``  the message followed an arrow
    ``stale``    it was in a state that the receipt may not change (double, or out of order): harmless
    ``unknown``  there is no such message, or not yet
    """
    message = await _find(session, receipt)
    if message is None:
        return "unknown"
    if receipt.code == CALL_ENDED and message.state is MessageState.DELIVERED:
        return "stale"
    after = _AFTER[receipt.state]
    values: dict[str, Any] = {"reason": "", "reason_text": "", "lease_until": None}
    if after is MessageState.FAILED:
        values["reason"] = (receipt.reason or Reason.OTHER).value
        values["reason_text"] = f"The provider says: {receipt.code or values['reason']}."
    if receipt.ref and not message.ref:
        values["ref"] = receipt.ref
    if not await outbox.change(session, message.id, after, now=now, **values):
        return "stale"
    facts = {"reason": values["reason"], "code": receipt.code, "by": "receipt"}
    await log.record(session, audit.Line(f"message.{after.value}", f"message:{message.id}", facts), now=now)
    await _learn(session, message, receipt, log=log, now=now)
    return "changed"


async def _find(session: Session, receipt: Receipt) -> Message | None:
    """Our own id first: it is there even when the provider's was never stored."""
    if receipt.message_id:
        return await session.get(Message, receipt.message_id, populate_existing=True)
    if not receipt.ref:
        return None
    return (await session.scalars(select(Message).where(Message.ref == receipt.ref).limit(1))).first()


async def _learn(session: Session, message: Message, receipt: Receipt, *, log: audit.Log, now: datetime) -> None:
    """What the receipt proves about the phone or mailbox: every contact point with that address shares it."""
    if receipt.state is ReceiptState.DELIVERED:
        await points.good(session, message.medium, message.address, at=receipt.at)
    elif receipt.state is ReceiptState.FAILED and receipt.reason is Reason.OPTED_OUT:
        await points.opt_out(session, message.medium, message.address, how=f"provider:{receipt.code}", log=log, now=now)
    elif receipt.state is ReceiptState.FAILED and receipt.reason in _BLAMES_THE_POINT:
        await points.bad(session, message, receipt.reason, log=log, now=now)

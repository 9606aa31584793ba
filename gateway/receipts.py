"""A provider's word about one of our messages: it changes the message, and what we know of the contact point."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlmodel import select

from channels.base import Reason, Receipt, ReceiptState
from gateway import audit, outbox, points
from gateway.database import Session
from gateway.models import Message, MessageState

_AFTER = {
    ReceiptState.ACCEPTED: MessageState.ACCEPTED,
    ReceiptState.DELIVERED: MessageState.DELIVERED,
    ReceiptState.FAILED: MessageState.FAILED,
}


#: What staff read of a failure; never a provider's code alone.
_SENTENCES = {
    Reason.BAD_ADDRESS: "The number or address does not exist, or does not take this kind of message.",
    Reason.OPTED_OUT: "Asked the provider to stop.",
    Reason.BLOCKED: "The network or the phone refuses our messages.",
    Reason.UNREACHABLE: "The phone is off, without signal, or full.",
    Reason.NO_ANSWER: "Nobody answered, or nobody pressed a key.",
    Reason.BUSY: "The line was busy.",
    Reason.VOICEMAIL: "A machine answered: it was told only the school's name and number.",
    Reason.CONTENT: "The words were refused.",
    Reason.RATE: "Too many messages at once.",
    Reason.AUTH: "The provider does not accept our account.",
    Reason.CONFIG: "The provider does not accept our settings.",
    Reason.TEMPORARY: "The provider or the network had trouble.",
    Reason.EXPIRED: "It could not be delivered in time.",
}
_OTHER = "The provider could not deliver it and does not say why."


async def apply(session: Session, receipt: Receipt, *, log: audit.Log, now: datetime) -> str:
    """Let a receipt change its message. Gives a word for what came of it.

    ``changed``  the message followed an arrow
    ``stale``    it was in a state that the receipt may not change (double, or out of order): harmless
    ``unknown``  there is no such message, or not yet
    """
    message = await _find(session, receipt)
    if message is None:
        return "unknown"
    if receipt.hung_up and message.state is MessageState.DELIVERED:
        return "stale"  # a key was pressed in it
    if receipt.state is not ReceiptState.DELIVERED and _of_an_earlier_copy(receipt, message):
        return "stale"  # only that it arrived would still matter
    after = _AFTER[receipt.state]
    values: dict[str, Any] = {"reason": "", "reason_text": "", "lease_until": None}
    if after is MessageState.FAILED:
        values["reason"] = (receipt.reason or Reason.OTHER).value
        values["reason_text"] = _SENTENCES.get(receipt.reason or Reason.OTHER, _OTHER)
    if receipt.ref and not message.ref:
        values["ref"] = receipt.ref
    if not await outbox.change(session, message.id, after, now=now, **values):
        return "stale"
    facts = {"reason": values["reason"], "code": receipt.code, "by": "receipt"}
    await log.record(session, audit.Line(f"message.{after.value}", f"message:{message.id}", facts), now=now)
    await _learn(session, message, receipt, log=log, now=now)
    return "changed"


def _of_an_earlier_copy(receipt: Receipt, message: Message) -> bool:
    """Whether it speaks of a try that another one has followed."""
    if 0 < receipt.attempt < message.attempt:
        return True
    return bool(message.ref) and receipt.ref not in ("", message.ref)


async def _find(session: Session, receipt: Receipt) -> Message | None:
    """Our own id first: it is there even when the provider's was never stored.

    The row is locked: two receipts of one message may be read by two workers at once.
    """
    query = select(Message).with_for_update().execution_options(populate_existing=True).limit(1)
    if receipt.message_id:
        return (await session.scalars(query.where(Message.id == receipt.message_id))).first()
    if not receipt.ref:
        return None
    return (await session.scalars(query.where(Message.ref == receipt.ref))).first()


async def _learn(session: Session, message: Message, receipt: Receipt, *, log: audit.Log, now: datetime) -> None:
    """What the receipt proves about the phone or mailbox: every contact point with that address shares it."""
    if receipt.state is ReceiptState.DELIVERED:
        await points.good(session, message.medium, message.address, at=receipt.at, log=log, now=now)
    elif receipt.state is ReceiptState.FAILED:
        row = {"id": message.id, "medium": message.medium, "address": message.address}
        await points.failed(session, row, receipt.reason, code=receipt.code, log=log, now=now)

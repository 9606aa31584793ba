"""A provider's word about one of our messages: it changes the message, and what we know of the contact point.

It is about the message that it names and about nothing else: whatever address a bounce speaks of, only the one that we
wrote to is concerned, and a bounce that names no message of ours concerns nobody (anybody can write one).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final, Protocol

import sqlalchemy as sa
from sqlmodel import col, select

from channels.base import Medium, Reason, Receipt, ReceiptState
from gateway import audit, failures, guard, ids, outbox, points, senders, validity
from gateway.database import Session
from gateway.models import Message, MessageState, Purpose
from gateway.models.types import core

AFTER = {
    ReceiptState.ACCEPTED: MessageState.ACCEPTED,
    ReceiptState.DELIVERED: MessageState.DELIVERED,
    ReceiptState.FAILED: MessageState.FAILED,
}

#: How long after its failure a text goes once more: the network's own trouble passes soon, a phone that is off is
#: switched on after work or school (domain notes, section 3.9: 30003 once after two to four hours).
AGAIN_AFTER: Final[Mapping[Reason, timedelta]] = MappingProxyType(
    {
        Reason.TEMPORARY: timedelta(minutes=5),
        Reason.RATE: timedelta(minutes=15),
        Reason.UNREACHABLE: timedelta(hours=3),
    }
)

#: What staff read of a failure; never a provider's code alone.
_SENTENCES = {
    Reason.BAD_ADDRESS: "The number or address does not exist.",
    Reason.NO_TEXTS: "This number takes no texts: it is a landline, or its network cannot be reached.",
    Reason.GONE: "Nobody knows this number or mailbox at the moment.",
    Reason.OPTED_OUT: "Asked the provider to stop.",
    Reason.BLOCKED: "The network or the phone refuses our messages.",
    Reason.UNREACHABLE: "The phone is off or without signal.",
    Reason.FULL: "The mailbox is full.",
    Reason.NO_ANSWER: "Nobody answered, or nobody pressed a key.",
    Reason.BUSY: "The line was busy.",
    Reason.VOICEMAIL: "A machine answered: it was told only the school's name and number.",
    Reason.CONTENT: "The words were refused.",
    Reason.FILTERED: "The networks took it for spam.",
    Reason.RATE: "Too many messages at once.",
    Reason.AUTH: "The provider does not accept our account.",
    Reason.CONFIG: "The provider does not accept our settings.",
    Reason.TEMPORARY: "The provider or the network had trouble.",
    Reason.EXPIRED: "It could not be delivered in time.",
}
_OTHER = "The provider could not deliver it and does not say why."
_TRIED_AGAIN = "It is tried once more."


async def apply(
    session: Session, receipt: Receipt, *, log: audit.Log, now: datetime, new_id: Callable[[], str] = ids.new_id
) -> str:
    """Let a receipt change its message. Gives a word for what came of it.

    ``changed``  the message followed an arrow
    ``stale``    it was in a state that the receipt may not change (double, or out of order): harmless
    ``unknown``  there is no such message, or not yet
    """
    message = await _find(session, receipt)
    if message is None:
        return "unknown"
    if receipt.message_id not in ("", message.id):
        receipt = dataclasses.replace(receipt, message_id=message.id, attempt=0)  # its count was the other's
    receipt = _read(receipt, message)
    if receipt.reason is Reason.OPTED_OUT and receipt.state is ReceiptState.DELIVERED:
        await failures.learn(session, message.model_dump(), receipt.reason, code=receipt.code, log=log, now=now)
    if receipt.hung_up and message.state is MessageState.DELIVERED:
        return "stale"  # a key was pressed in it
    if receipt.state is not ReceiptState.DELIVERED and of_an_earlier_copy(receipt, message):
        # Only that it arrived would still matter to the message; a phone or mailbox is dead whichever try says so.
        if receipt.state is ReceiptState.FAILED:
            row = message.model_dump()
            await points.failed(session, row, receipt.reason, code=receipt.code, log=log, now=now)
        return "stale"
    if receipt.state is ReceiptState.FAILED and message.state is MessageState.DELIVERED and message.attempt > 1:
        return "stale"  # one of its tries has arrived, so it must not go once more for the sake of the other
    return await _follow(session, message, receipt, log=log, now=now, new_id=new_id)


async def hold(session: Session, receipts: Sequence[Receipt]) -> set[tuple[Medium, str]]:
    """Lock the messages that receipts are about, in one order. Gives media and addresses of those messages."""
    ids = {receipt.message_id for receipt in receipts if receipt.message_id}
    refs = {receipt.ref for receipt in receipts if receipt.ref and not receipt.message_id}
    if not (ids or refs):
        return set()
    query = select(Message.medium, Message.address).where(sa.or_(col(Message.id).in_(ids), col(Message.ref).in_(refs)))
    found = await session.execute(query.order_by(col(Message.id)).with_for_update(key_share=True))
    return {(Medium(medium), address) for medium, address in found}


def _read(receipt: Receipt, message: Message) -> Receipt:
    """Who complains of a mail has got it."""
    if message.medium is Medium.EMAIL and receipt.code == points.COMPLAINT:
        return dataclasses.replace(receipt, state=ReceiptState.DELIVERED, reason=Reason.OPTED_OUT)
    return receipt


async def _follow(
    session: Session, message: Message, receipt: Receipt, *, log: audit.Log, now: datetime, new_id: Callable[[], str]
) -> str:
    """Follow the arrow, and let it have its effects: once, as the second receipt finds the arrow taken."""
    after, row = AFTER[receipt.state], message.model_dump()
    reason = (receipt.reason or Reason.OTHER) if after is MessageState.FAILED else None
    values: dict[str, Any] = {"reason": "", "reason_text": "", "lease_until": None}
    if reason:
        values |= {"reason": reason.value, "reason_text": _SENTENCES.get(reason, _OTHER)}
    if receipt.ref and not message.ref:
        values["ref"] = receipt.ref
    if not await outbox.change(session, message.id, after, now=now, **values):
        return "stale"
    facts = {"reason": values["reason"], "code": receipt.code, "by": "receipt"}
    await log.record(session, audit.Line(f"message.{after.value}", f"message:{message.id}", facts), now=now)
    if after is MessageState.DELIVERED:
        await points.good(session, message.medium, message.address, at=receipt.at, log=log, now=now)
    elif reason:
        if receipt.lane_wide:
            await failures.hold_lane(session, row, reason, code=receipt.code, log=log, now=now)
        again = await _once_more(session, message, reason, log=log, now=now, new_id=new_id)
        if again:
            await failures.ask_staff(session, row, reason, code=receipt.code, log=log, now=now)
        else:
            await failures.learn(session, row, reason, code=receipt.code, log=log, now=now)
    return "changed"


async def _once_more(
    session: Session,
    message: Message,
    reason: Reason,
    *,
    log: audit.Log,
    now: datetime,
    new_id: Callable[[], str],
) -> bool:
    """Send a text once more whose failure passes by itself, while it is worth saying. False: that was the end of it.

    A copy is not copied. Where the notice has a further step, that is the second try, and must not wait for this one.
    """
    wait = AGAIN_AFTER.get(reason)
    if wait is None or message.medium is not Medium.SMS or message.run_id is None or message.slot.endswith(guard.AGAIN):
        return False
    if not validity.holds(message.purpose, message.not_after, since=message.due_at, at=now + wait):
        return False
    sender_id = await senders.heir(session, message.sender_id)
    if sender_id is None or await guard.taken_back(session, message.id) or await _has_further_steps(session, message):
        return False
    if message.purpose is Purpose.EMERGENCY and await guard.followed(session, message.run_id):
        return False  # “do not come”, read after “come at ten”
    copy_id = new_id()
    only_if, due_at = guard.kept(message.only_if) or guard.NOT_ANSWERED, now + wait
    if not await outbox.copy(
        session, message, new_id=copy_id, sender_id=sender_id, due_at=due_at, only_if=only_if, now=now
    ):
        return False
    await outbox.remark(session, message.id, f"{_SENTENCES[reason]} {_TRIED_AGAIN}")
    await log.record(session, audit.Line("message.again", f"message:{message.id}", {"as": copy_id}), now=now)
    return True


async def _has_further_steps(session: Session, message: Message) -> bool:
    query = select(Message.id).where(
        Message.run_id == message.run_id,
        Message.step > message.step,
        col(Message.state).in_([MessageState.QUEUED, MessageState.HELD]),
    )
    return (await session.scalars(query.limit(1))).first() is not None


class Tried(Protocol):
    """What tells the tries of a message from each other."""

    @property
    def attempt(self) -> int:
        """How many there were."""
        ...

    @property
    def ref(self) -> str:
        """The provider's id of the last of them."""
        ...


def of_an_earlier_copy(receipt: Receipt, message: Tried) -> bool:
    """Whether a receipt speaks of a try that another one has followed."""
    if 0 < receipt.attempt < message.attempt:
        return True
    return bool(message.ref) and receipt.ref not in ("", message.ref)


async def _find(session: Session, receipt: Receipt) -> Message | None:
    """Our own id first: it is there even when the provider's was never stored.

    The row is locked: two receipts of one message may be read by two workers at once.
    """
    query = select(Message).with_for_update(key_share=True).execution_options(populate_existing=True).limit(1)
    if not receipt.message_id:
        owner = Message.ref == receipt.ref if receipt.ref else sa.false()
        return (await session.scalars(query.where(owner))).first()
    named = (await session.scalars(query.where(Message.id == receipt.message_id))).first()
    # Only now that it is locked: whoever looks for evidence may just be giving this name to another.
    heir = await _heir(session, receipt)
    return (await session.scalars(query.where(Message.id == heir))).first() if heir else named


async def _heir(session: Session, receipt: Receipt) -> str | None:
    """The text that was taken for this one, as they say the same to the same person and both were in doubt.

    What the provider took is then that one's in our books, or one of them would end as delivered by the other's proof.
    """
    named, owner = core(Message).alias(), core(Message).alias()
    query = sa.select(owner.c.id).where(
        named.c.id == receipt.message_id,
        named.c.ref != receipt.ref,
        named.c.medium == Medium.SMS,
        owner.c.ref == receipt.ref,
        owner.c.ref != "",
        owner.c.id != named.c.id,
        owner.c.address == named.c.address,
        owner.c.body == named.c.body,
    )
    return await session.scalar(query.limit(1))

"""Words to staff: a text or an email to people of the school, who are no family's contacts. They name no child."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import orm

from channels.base import Medium
from config import identity
from gateway import bell, context, numbers, routing
from gateway.database import Session
from gateway.models import Message, MessageState, Purpose
from templates import segments


async def write(
    session: Session,
    gateway: context.Gateway,
    addresses: Sequence[str],
    words: str,
    *,
    subject: str,
    slot: str,
    purpose: Purpose,
    priority: int = Purpose.EMERGENCY.priority,
) -> list[str]:
    """Put the words into the outbox for each number and mailbox, where there is a sender for it. Gives the messages.

    They go by a provider that is in order, where there is one, as those to families do.

    ``slot`` is what they are about: the same words to the same address are told apart by it.
    """
    router, now = await gateway.router(session), gateway.now()
    parts = segments.count(words).parts
    rows = list[Message]()
    for address in addresses:
        medium = Medium.SMS if numbers.is_phone(address) else Medium.EMAIL
        count = parts if medium is Medium.SMS else 1
        choice = router.choose(routing.Ask(medium, words, count, urgent=purpose.urgent), address)
        if not choice.senders:
            continue
        # A number, where there is one, as they may want to ring back.
        sender = min(choice.senders, key=lambda one: identity.is_name(one.address))
        router.take(sender, count)
        pence = gateway.costs().of(medium, parts=count, characters=len(words)) if choice.pence is None else choice.pence
        rows.append(
            Message(
                id=gateway.new_id(),
                sender_id=sender.id,
                medium=medium,
                address=address,
                slot=f"staff:{slot}:{address}",
                purpose=purpose,
                priority=priority,
                language="en",
                subject=subject if medium is Medium.EMAIL else "",
                body=words,
                parts=count,
                pence=pence,
                state=MessageState.QUEUED,
                due_at=now,
                created_at=now,
                changed_at=now,
            )
        )

    def add(plain: orm.Session) -> None:
        plain.add_all(rows)
        plain.flush()

    if rows:
        await session.run_sync(add)
        await bell.ring(session)
    return [row.id for row in rows]

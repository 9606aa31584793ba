"""Loudly: what a person must act on at once is texted to staff too, as nobody watches a list of tasks all morning.

The text names no child. Whoever gets it looks the case up.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy import orm

from channels.base import Medium
from config import identity
from gateway import audit, bell, context
from gateway.absence import cases, rules
from gateway.database import Session
from gateway.models import AbsenceStep, Message, MessageState, Purpose
from gateway.models.types import core, fixed
from templates import segments

URGENT, ALERTED = "urgent", "alerted"

_WITHIN = timedelta(hours=2)
_MOST_NAMED = 5


def _unalerted(after: datetime) -> sa.Select[int]:
    step, later = core(AbsenceStep).c, core(AbsenceStep).alias("later").c
    done = sa.select(later.id).where(later.case_id == step.case_id, later.kind == ALERTED, later.id > step.id)
    return sa.select(step.case_id).where(step.kind == fixed(URGENT), step.at > after, ~done.exists())


async def is_due(session: Session, gateway: context.Gateway, decided: rules.Rules) -> bool:
    """Whether staff are still to be told of something."""
    if not decided.settings.alert_numbers:
        return False
    return (await session.scalars(_unalerted(gateway.now() - _WITHIN).limit(1))).first() is not None


async def alert(session: Session, gateway: context.Gateway, decided: rules.Rules) -> int:
    """Text staff about every case that needs somebody now. Gives how many cases; the caller holds their registers."""
    if not decided.settings.alert_numbers:
        return 0
    now = gateway.now()
    found = sorted(set(await session.scalars(_unalerted(now - _WITHIN))))
    if not found:
        return 0
    lane = await _lane(session)
    if lane is not None:
        await _text(session, gateway, decided, found, sender_id=lane)
    means = cases.Means(gateway.log, now)
    for case_id in found:
        case = await cases.find(session, case_id)
        await cases.step(session, case, ALERTED, means=means, facts={"texts": bool(lane)})
    return len(found)


async def _text(
    session: Session, gateway: context.Gateway, decided: rules.Rules, case_ids: Sequence[int], *, sender_id: int
) -> None:
    now, named = gateway.now(), ", ".join(map(str, case_ids[:_MOST_NAMED]))
    more = f" and {len(case_ids) - _MOST_NAMED} more" if len(case_ids) > _MOST_NAMED else ""
    school = gateway.settings.school.short_name
    body = f"{school}: a child may be missing or unsafe. Act now: absence case {named}{more}."
    parts = segments.count(body).parts
    rows = [
        Message(
            id=gateway.new_id(),
            sender_id=sender_id,
            medium=Medium.SMS,
            address=number,
            slot=f"staff:{case_ids[0]}:{number}",
            purpose=Purpose.SAFEGUARDING,
            priority=Purpose.EMERGENCY.priority,
            language="en",
            body=body,
            parts=parts,
            pence=gateway.costs().of(Medium.SMS, parts=parts, characters=len(body)),
            state=MessageState.QUEUED,
            due_at=now,
            created_at=now,
            changed_at=now,
        )
        for number in decided.settings.alert_numbers
    ]

    def add(plain: orm.Session) -> None:
        plain.add_all(rows)
        plain.flush()

    await session.run_sync(add)
    facts = {"cases": list(case_ids), "messages": [row.id for row in rows]}
    await gateway.log.record(session, audit.Line("absence.alerted", "staff", facts), now=now)
    await bell.ring(session)


async def _lane(session: Session) -> int | None:
    """The sender that staff are texted from: a number, as they may want to ring back."""
    found = (await context.senders(session)).get(Medium.SMS, ())
    numbers = [sender for sender in found if not identity.is_name(sender.address)] or list(found)
    return numbers[0].id if numbers else None

"""Loudly: what a person must act on at once is texted to staff too, as nobody watches a list of tasks all morning.

The text names no child. Whoever gets it looks the case up.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa

from gateway import audit, context
from gateway.absence import cases, rules, staff
from gateway.database import Session
from gateway.models import AbsenceStep, Purpose
from gateway.models.types import core, fixed

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
    sent = await _text(session, gateway, decided, found)
    means = cases.Means(gateway.log, now)
    for case_id in found:
        case = await cases.find(session, case_id)
        await cases.step(session, case, ALERTED, means=means, facts={"texts": bool(sent)})
    return len(found)


async def _text(
    session: Session, gateway: context.Gateway, decided: rules.Rules, case_ids: Sequence[int]
) -> Sequence[str]:
    named = ", ".join(map(str, case_ids[:_MOST_NAMED]))
    more = f" and {len(case_ids) - _MOST_NAMED} more" if len(case_ids) > _MOST_NAMED else ""
    school = gateway.settings.school.short_name
    words = f"{school}: a child may be missing or unsafe. Act now: absence case {named}{more}."
    sent = await staff.write(
        session, gateway, decided.settings.alert_numbers, words, subject="", slot=f"{case_ids[0]}",
        purpose=Purpose.SAFEGUARDING,
    )  # fmt: skip
    if sent:
        facts = {"cases": list(case_ids), "messages": sent}
        await gateway.log.record(session, audit.Line("absence.alerted", "staff", facts), now=gateway.now())
    return sent

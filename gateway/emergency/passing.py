"""What an alarm goes past, so that whoever sends it is told, before and after.

Nothing holds an emergency back but what would reach the wrong person: barred, dead, another family's, STOP by text
(which the networks themselves enforce: those are rung and written to instead).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import sqlalchemy as sa

from gateway import people
from gateway.database import Session
from gateway.models import Message, MessageState, OptOut
from gateway.models.types import core
from gateway.planner import Planned

#: What was passed -> for how many messages: what the rows themselves say of it, or ``DECLINED``.
Passed = Mapping[str, int]

DECLINED: Final = "Passes the wish to get nothing that may be declined."


def count(rows: Iterable[Planned], known: people.People) -> Passed:
    """What planned rows would go past; what they do not is not in it."""
    found = Counter[str]()
    for message in (row.message for row in rows if not row.message.reason):
        if message.remark:
            found[message.remark] += 1
        elif known.opted_out.get((message.medium, message.address)) is False:
            found[DECLINED] += 1
    return dict(found)


async def of(session: Session, run_ids: Sequence[int]) -> Passed:
    """The same of runs that are stored."""
    message, stop = core(Message).c, core(OptOut).c
    there = (message.run_id.in_(run_ids), message.state != MessageState.SKIPPED)
    declined = sa.select(sa.func.count()).select_from(
        core(Message).join(
            core(OptOut),
            sa.and_(stop.medium == message.medium, stop.address == message.address, ~stop.mandatory_too),
        )
    )
    found = {DECLINED: await session.scalar(declined.where(*there)) or 0}
    said = sa.select(message.remark, sa.func.count()).where(*there, message.remark != "").group_by(message.remark)
    found.update((what, number) for what, number in await session.execute(said))
    return {what: number for what, number in found.items() if number}


def sentences(passed: Passed) -> list[str]:
    """The same for a person to read."""
    return [f"{number} message{'' if number == 1 else 's'}: {what}" for what, number in passed.items()] or [
        "No quiet hours, wishes or limits hold it back; at this moment none is in its way."
    ]

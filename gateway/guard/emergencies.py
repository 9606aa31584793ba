"""Of emergencies: whether the alarm that an update or an all-clear follows has gone to this contact."""

from __future__ import annotations

import sqlalchemy as sa

from gateway.database import Session
from gateway.guard import reasons
from gateway.guard.asked import exists, message, one_of, run
from gateway.models import EmergencyNotice, EmergencyPart, Message, MessageState, Run
from gateway.models.types import core, fixed

#: Whoever has an alarm in one of these has been alarmed, or is about to be.
GOING = (
    MessageState.QUEUED, MessageState.SENDING, MessageState.UNKNOWN, MessageState.ACCEPTED, MessageState.DELIVERED,
)  # fmt: skip

#: What alarms: an update does, too, where it has taken the place of a call that was still to come.
ALARMS = (EmergencyPart.ALARM, EmergencyPart.UPDATE)


def alarmed() -> sa.ColumnElement[bool]:
    """Whether the same contact, or the same phone or mailbox, has an alarm of the emergency that it belongs to.

    Or was tried in vain, and was to be rung once more: an update has taken the place of that call.
    """
    alarm = core(Message).alias("alarm")
    going, theirs = one_of(alarm.c.state, GOING), alarm.c.contact_id == message.contact_id
    tried = alarm.c.state == fixed(MessageState.FAILED)
    return sa.or_(
        _there(alarm, theirs, going),
        _there(alarm, alarm.c.address == message.address, going),
        sa.and_(
            _there(alarm, theirs, alarm.c.reason == fixed(reasons.NEWER), update=True), _there(alarm, theirs, tried)
        ),
    )


def _there(alarm: sa.FromClause, *which: sa.ColumnElement[bool], update: bool = False) -> sa.ColumnElement[bool]:
    """Whether there is such an alarm; with ``update``, where it is an update that asks."""
    mine, first, its = core(EmergencyNotice).alias("mine"), core(EmergencyNotice).alias("first"), core(Run).alias("its")
    return exists(
        [mine, first, its, alarm],
        mine.c.notice_id == run.notice_id,
        *([mine.c.part == fixed(EmergencyPart.UPDATE)] * update),
        first.c.emergency_id == mine.c.emergency_id,
        one_of(first.c.part, ALARMS),
        first.c.notice_id != mine.c.notice_id,
        its.c.notice_id == first.c.notice_id,
        alarm.c.run_id == its.c.id,
        *which,
    )


async def followed(session: Session, run_id: int) -> bool:
    """Whether an update has been sent since, so that what a run says is no longer to be the last that anybody hears."""
    mine, later = core(EmergencyNotice).alias("mine"), core(EmergencyNotice).alias("later")
    query = (
        sa.select(later.c.notice_id)
        .join(mine, later.c.emergency_id == mine.c.emergency_id)
        .join(core(Run), core(Run).c.notice_id == mine.c.notice_id)
        .where(core(Run).c.id == run_id, later.c.at > mine.c.at)
    )
    return await session.scalar(query.limit(1)) is not None

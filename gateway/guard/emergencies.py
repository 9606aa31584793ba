"""Of emergencies: whether the alarm that an update or an all-clear follows has gone to this contact."""

from __future__ import annotations

import sqlalchemy as sa

from gateway.guard.asked import exists, message, one_of, run
from gateway.models import EmergencyNotice, EmergencyPart, Message, MessageState, Run
from gateway.models.types import core, fixed

#: Whoever has an alarm in one of these has been alarmed, or is about to be.
GOING = (
    MessageState.QUEUED, MessageState.SENDING, MessageState.UNKNOWN, MessageState.ACCEPTED, MessageState.DELIVERED,
)  # fmt: skip


def alarmed() -> sa.ColumnElement[bool]:
    """Whether the same contact, or the same phone or mailbox, has an alarm of the emergency that it belongs to."""
    mine, first = core(EmergencyNotice).alias("mine"), core(EmergencyNotice).alias("first")
    its, alarm = core(Run).alias("its"), core(Message).alias("alarm")
    return exists(
        [mine, first, its, alarm],
        mine.c.notice_id == run.notice_id,
        first.c.emergency_id == mine.c.emergency_id,
        first.c.part == fixed(EmergencyPart.ALARM),
        its.c.notice_id == first.c.notice_id,
        alarm.c.run_id == its.c.id,
        sa.or_(alarm.c.contact_id == message.contact_id, alarm.c.address == message.address),
        one_of(alarm.c.state, GOING),
    )

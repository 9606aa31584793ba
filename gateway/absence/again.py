"""Practice mode begins its morning anew: nobody has a mark, nobody was asked, and nothing is on its way."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, time

import sqlalchemy as sa

from gateway import audit, context, conversations, errors, outbox, tasks
from gateway.absence import cases, registers, rules
from gateway.database import Session
from gateway.models import (
    AbsenceCase,
    AbsenceReason,
    Conversation,
    ConversationState,
    Mark,
    Message,
    MessageState,
    Register,
)
from gateway.models.types import core
from gateway.registers import marks, reading
from scheduler import calendar


async def begin(
    session: Session, gateway: context.Gateway, decided: rules.Rules, written: Sequence[reading.Written], *, by: str
) -> None:
    """Forget today's absences, take back what has not left, sort every conversation, and take the register in again.

    Raises :class:`errors.Conflict` anywhere but in practice mode: a school's record is never thrown away.
    """
    if not gateway.settings.practice.enabled:
        raise errors.Conflict("Only practice mode begins a day again.")
    today, now = gateway.today(), gateway.now()
    await _forget(session, gateway)
    message = core(Message).c
    waiting = sa.select(message.id).where(message.state == MessageState.QUEUED)
    for message_id in (await session.scalars(waiting)).all():
        await outbox.change(session, message_id, MessageState.CANCELLED, now=now, reason="cancelled")
    opened = sa.select(Conversation).where(core(Conversation).c.state == ConversationState.OPEN)
    for root in (await session.scalars(opened.where(core(Conversation).c.merged_into_id.is_(None)))).all():
        await conversations.close(session, root, "duplicate", by=by, log=gateway.log, now=now)
    found = await reading.sort(session, written, decided.for_reading, file="marks.csv", today=today)
    await registers.take_in(session, gateway, decided, found.given, marks.Source("marks.csv", by))
    await gateway.log.record(session, audit.Line("practice.begun_again", f"day:{today}", actor=by), now=now)


async def _forget(session: Session, gateway: context.Gateway) -> None:
    today, now, case = gateway.today(), gateway.now(), cases.case_table.c
    for case_id in (await session.scalars(sa.select(case.id).where(case.date == today))).all():
        await tasks.over(session, f"case:{case_id}", by="handbell: begun again", log=gateway.log, now=now)
    register = core(Register).c
    for register_id in (await session.scalars(sa.select(register.id).where(register.date == today))).all():
        await tasks.over(session, f"register:{register_id}", by="handbell: begun again", log=gateway.log, now=now)
    of_today = sa.select(case.id).where(case.date == today)
    midnight = calendar.to_utc(datetime.combine(today, time()), gateway.timezone)
    await session.execute(sa.delete(cases.step_table).where(cases.step_table.c.case_id.in_(of_today)))
    for table in (core(AbsenceCase), core(Mark), core(Register)):
        await session.execute(sa.delete(table).where(table.c.date == today))
    reason = core(AbsenceReason)
    new = sa.and_(reason.c.at >= midnight, reason.c.last >= today)
    await session.execute(sa.delete(reason).where(new))

"""The time that is told before an alarm is what the simulator's providers then take, at the senders' rates."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from support import engine, school
from support.waiting import until

from channels.base import Medium
from gateway import notices
from gateway.database import Database
from gateway.emergency import alarm
from gateway.models import Attempt, Message, MessageState, PointKind, Sender
from gateway.models.types import core

ASKED = alarm.Asked("There is a gas leak in the school.", "Please do not come to school.", {"whole_school": True})
RATES = {Medium.SMS: (6.0, 2.0), Medium.VOICE: (3.0, 1.0), Medium.EMAIL: (4.0, 1.0)}
FAMILIES = 15


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_the_told_time_is_the_time_it_takes(database: Database) -> None:
    async with engine.running(database) as running:
        running.clock.jump(speed=2)
        t = core(Sender)
        async with database.write() as session:
            for medium, (rate, burst) in RATES.items():
                await session.execute(sa.update(t).where(t.c.medium == medium).values(rate=rate, burst=burst))
        for number in range(FAMILIES):
            parent = await school.contact(database, f"Parent{number}", written_language="pl" if number % 5 else "en")
            await school.point(database, parent, school.number())
            await school.point(database, parent, f"parent{number}@example.com", kind=PointKind.EMAIL)
            child = await school.pupil(database, "Ana")
            await school.tie(database, child, parent, parental_responsibility=True)
        async with database.read() as session:
            outlook = await alarm.preview(session, running.gateway, ASKED)
        async with database.write() as session:
            await alarm.send(session, running.gateway, ASKED, by="Mrs Head")
            while await notices.plan_due(session, running.gateway):
                pass
        message, attempt = core(Message).c, core(Attempt).c
        waiting = sa.select(sa.func.count()).where(
            message.state.in_([MessageState.QUEUED, MessageState.SENDING]), message.step == 0
        )

        async def sent() -> bool:
            async with database.read() as session:
                return await session.scalar(waiting) == 0

        await until(sent, "every alarm has left", every=0.1)
        begun = (
            sa.select(message.medium, sa.func.min(attempt.begun_at), sa.func.max(attempt.begun_at))
            .join(core(Attempt), attempt.message_id == message.id)
            .where(message.step == 0)
            .group_by(message.medium)
        )
        async with database.read() as session:
            took = {medium: (last - first).total_seconds() for medium, first, last in await session.execute(begun)}
    for channel in outlook.channels:
        assert channel.messages == FAMILIES
        # Faster than its rate nothing may go; slower only as far as a machine is that does much else beside this test.
        at_most = channel.seconds * 2 + 3
        assert channel.seconds * 0.75 - 1 <= took[channel.medium] <= at_most, channel.medium

"""Told to stop while a phone rings: whoever picks up still hears the message, and the key still counts."""

from __future__ import annotations

import asyncio
import signal

import sqlalchemy as sa
from support import processes
from support import school as people
from support.waiting import PATIENCE, until

from channels.base import Medium
from gateway.database import Database
from gateway.models import Message, MessageState

NUMBER = "+447700900123"
NOTICE = """
key = "heard-out"
title = "Heard out"
purpose = "service"
media = ["voice"]
text.en = "School finishes at 1pm on Friday."
audience.whole_school = true
"""


async def test_a_call_that_rings_is_heard_out(school: processes.School, world: processes.World) -> None:
    database = Database(school.database_url)
    child, mother = await people.pupil(database), await people.contact(database, "Maria")
    await people.tie(database, child, mother, priority=1, parental_responsibility=True)
    await people.point(database, mother, NUMBER)
    await world.do("settings", calls="ring", patience=600)
    process = await school.run()
    await processes.hand_in(school, database, NOTICE)

    async def rings() -> bool:
        phones = (await world.look("phones"))["phones"]
        return any(call["status"] == "ringing" for phone in phones for call in phone["calls"])

    async def accepted() -> bool:
        async with database.read() as session:
            return await session.scalar(sa.select(Message.state)) is MessageState.ACCEPTED

    await until(rings, "the phone rings", every=0.1)
    await until(accepted, "the call is written down", every=0.1)
    process.child.send_signal(signal.SIGTERM)
    await asyncio.sleep(1)
    await world.do("do", number=NUMBER, event="lift")
    await world.do("press", number=NUMBER, keys="1")
    assert await asyncio.wait_for(process.child.wait(), PATIENCE) == 0
    async with database.read() as session:
        message = (await session.scalars(sa.select(Message))).one()
    await database.close()
    [call] = (await world.look("phones", number=NUMBER))["phones"][0]["calls"]
    assert any("finishes at 1pm" in part["text"] for part in call["heard"]), call
    assert (message.medium, message.state) == (Medium.VOICE, MessageState.DELIVERED)

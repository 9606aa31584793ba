"""The gateway is killed in the middle of a send, again and again: each phone gets its text once."""

from __future__ import annotations

import asyncio
from collections import Counter

import sqlalchemy as sa
from support import processes
from support.waiting import until

from bench.crash import school as families
from gateway.database import Database
from gateway.models import Message, MessageState

NOTICE = """
key = "killed"
title = "Killed"
purpose = "service"
media = ["sms"]
text.en = "School finishes at 1pm on Friday."
audience.whole_school = true
audience.tell = "first_contact"
"""

QUICK = """
[sending]
lease_s = 3
in_doubt_grace_s = 1
poll_s = 0.2
"""
# A lease must be longer than the patience for a provider's answer.
PATIENCE = {
    "HANDBELL_TWILIO__CONNECT_TIMEOUT_S": "1",
    "HANDBELL_TWILIO__READ_TIMEOUT_S": "1",
    "HANDBELL_SMTP__TIMEOUT_S": "1",
}
KILLS, FAMILIES = 2, 160


async def test_each_phone_gets_it_once(school: processes.School, world: processes.World) -> None:
    school.write_settings(world, extra=QUICK, rate=40)
    school.env |= PATIENCE
    database = Database(school.database_url)
    try:
        await families.fill(database, families=FAMILIES)
        process, got = await school.run(), 0
        await processes.hand_in(school, database, NOTICE)
        for _ in range(KILLS):
            got = await arrived_beyond(world, got + 20)
            await process.kill()
            process = await school.run()
        await until(lambda: delivered(database), "every text is delivered", every=0.1)
        async with database.read() as session:
            rows = list(await session.scalars(sa.select(Message).where(Message.state != MessageState.SKIPPED)))
    finally:
        await database.close()
    phones = (await world.look("phones"))["phones"]
    texts = Counter(
        {phone["number"]: sum(text["direction"] != "inbound" for text in phone["texts"]) for phone in phones}
    )
    assert {row.state for row in rows} == {MessageState.DELIVERED}
    assert len(rows) == FAMILIES
    assert texts == Counter(row.address for row in rows)
    assert set(texts.values()) == {1}
    await school.handbell("audit", "verify")


async def arrived_beyond(world: processes.World, count: int) -> int:
    """Wait until more texts have arrived; the kill comes right in the middle of the next ones."""
    while True:
        records = await world.look("records")
        if records["arrived"] >= count:
            return int(records["arrived"])
        await asyncio.sleep(0.05)


async def delivered(database: Database) -> bool:
    query = sa.select(Message.state, sa.func.count()).group_by(Message.state)
    async with database.read() as session:
        states = {state for state, _ in await session.execute(query)}
    return bool(states) and states <= {MessageState.DELIVERED, MessageState.SKIPPED}

"""A school that nobody can call back: what it asks for comes in once, whatever is killed, shifted or switched.

``HANDBELL_TEST_LONG=1`` does it with thousands of answers and more kills and switches.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from support import processes
from support import school as people
from support.waiting import until

from channels.base import Medium
from gateway.database import Database
from gateway.models import Inbound, Message, MessageState, Reply
from gateway.practice import school as practice

NUMBER = "+441134960001"
NOTICE = """
key = "{key}"
title = "Early finish"
purpose = "service"
media = ["{medium}"]
text.en = "School finishes at 1pm on Friday."
audience.whole_school = true
audience.tell = "first_contact"
[replies]
expected = true
[[replies.options]]
key = "1"
label.en = "I will collect"
"""
MUM, SARA = "+447700900111", "+447700900112"
LONG = bool(os.environ.get("HANDBELL_TEST_LONG"))
ANSWERS, KILLS = (3000, 5) if LONG else (300, 2)
SWITCHES = 4 if LONG else 2

#: The kills are shown on both databases; what hangs less on them, on one. Each process costs seconds.
on_one = pytest.mark.parametrize("database_url", ["sqlite", "postgresql"] if LONG else ["sqlite"], indirect=True)


@pytest.fixture
async def world(tmp_path: Path, school: processes.School) -> AsyncIterator[processes.World]:
    # As Twilio does it: a webhook that fails is tried once more at once, and never again.
    async with processes.world(tmp_path, hooks=school.url, calls="answer", callbacks="twilio") as simulated:
        school.write_settings(simulated, extra="[sending]\npoll_s = 0.2\n")
        yield simulated


@pytest.fixture
async def database(school: processes.School) -> AsyncIterator[Database]:
    opened = Database(school.database_url)
    yield opened
    await opened.close()


async def shut_in(school: processes.School, world: processes.World) -> None:
    """No public address: the settings say so, and no webhook is called."""
    school.env |= {"HANDBELL_WEB__PUBLIC_BASE_URL": "", "HANDBELL_TWILIO__POLL_EVERY_S": "1"}
    await world.do("settings", inbound_sms_url="")


async def open_up(school: processes.School, world: processes.World) -> None:
    """A public address again; looks go on as a catch-up, here all the time, so that both ways overlap."""
    school.env |= {"HANDBELL_WEB__PUBLIC_BASE_URL": school.url}
    await world.do("settings", inbound_sms_url=f"{school.url}/hooks/twilio-sms/inbound")


async def send(school: processes.School, database: Database, key: str, medium: str = "sms") -> None:
    await processes.hand_in(school, database, NOTICE.format(key=key, medium=medium))


async def small_school(database: Database) -> None:
    """Two children, each with a mother who has a phone."""
    for number in (MUM, SARA):
        child, mother = await people.pupil(database), await people.contact(database)
        await people.tie(database, child, mother, priority=1, parental_responsibility=True)
        await people.point(database, mother, number)


async def texts(database: Database) -> list[Message]:
    async with database.read() as session:
        return list(await session.scalars(sa.select(Message).where(Message.state != MessageState.SKIPPED)))


async def answers(database: Database) -> Counter[str]:
    async with database.read() as session:
        return Counter(await session.scalars(sa.select(Reply.body)))


async def all_delivered(database: Database, *, count: int) -> None:
    async def done() -> bool:
        found = await texts(database)
        return len(found) >= count and {one.state for one in found} == {MessageState.DELIVERED}

    await until(done, "every text is known to be delivered", every=0.1)


async def all_answers(database: Database, expected: Counter[str]) -> None:
    async def done() -> bool:
        return (await answers(database)).total() >= expected.total()

    await until(done, "every answer is in", every=0.1)
    assert await answers(database) == expected


async def nothing_twice(database: Database) -> None:
    async with database.read() as session:
        ids = Counter(await session.scalars(sa.select(Inbound.event_id)))
        outcomes = set(await session.scalars(sa.select(Inbound.outcome)))
    assert max(ids.values()) == 1
    assert "orphan" not in outcomes


async def phones(world: processes.World) -> list[Any]:
    return [phone for phone in (await world.look("phones"))["phones"] if phone["got"] or phone["calls"]]


@on_one
async def test_a_school_hears_back_without_an_address(
    school: processes.School, world: processes.World, database: Database, practice_school: practice.Summary
) -> None:
    await shut_in(school, world)
    await world.do("script", reply="1")
    await school.handbell("import", *[str(file) for file in practice_school.files])
    await school.run()
    await send(school, database, "early")
    await all_delivered(database, count=250)
    reached = {one.address for one in await texts(database)}
    await all_answers(database, Counter({"1": len(reached)}))
    async with database.read() as session:
        options = Counter(await session.scalars(sa.select(Reply.option)))
    assert options == Counter({"1": len(reached)})
    assert {phone["number"]: phone["got"] for phone in await phones(world)} == dict.fromkeys(reached, 1)
    await nothing_twice(database)
    school.settings.chmod(0o600)
    said = await school.handbell("doctor", "--json")
    assert "asked every 1 seconds" in said
    assert "No key press in a call" in said
    assert school.process is not None
    assert await school.process.stop() == 0
    log = school.process.said()
    assert "+4477009" not in log
    assert NUMBER not in log


async def test_killed_in_the_middle_of_many_answers(
    school: processes.School, world: processes.World, database: Database
) -> None:
    await shut_in(school, world)
    await school.run()
    for kind in ("shift", "shuffle"):
        await world.do("faults", place="messages.list", kind=kind, count=None, share=0.4)
    await world.do("faults", place="messages.list", kind="status", count=None, share=0.03, status=500)
    expected = Counter(f"Answer {number}" for number in range(ANSWERS))

    async def write() -> None:
        for words in expected:
            await world.do("reply", number=f"+447700900{int(words.split()[1]) % 900:03d}", text=words, to=NUMBER)

    writing = asyncio.create_task(write())
    for _ in range(KILLS):
        before = (await answers(database)).total()

        async def some_are_in(before: int = before) -> bool:
            return (await answers(database)).total() > before or writing.done()

        await until(some_are_in, "some answers are in", every=0.1)
        assert school.process is not None
        await school.process.kill()
        await school.run()
    await writing
    await all_answers(database, expected)
    await nothing_twice(database)
    await school.handbell("audit", "verify")


@on_one
async def test_switching_between_both_ways_loses_and_doubles_nothing(
    school: processes.School, world: processes.World, database: Database
) -> None:
    school.env["HANDBELL_TWILIO__POLL_EVERY_S"] = "1"
    school.env["HANDBELL_DESK__ACKNOWLEDGE"] = "false"  # what is counted is ours
    await open_up(school, world)
    await small_school(database)
    expected: Counter[str] = Counter()

    async def write(words: str) -> None:
        for number in (MUM, SARA) * 10:
            said = f"{words} {expected.total()}"
            expected[said] += 1
            await world.do("reply", number=number, text=said, to=NUMBER)

    await write("before anything was running")
    await school.run()
    await send(school, database, "first")
    await write("by webhook")
    await all_delivered(database, count=2)
    for switch in range(SWITCHES):
        close, key = switch % 2 == 0, f"switch-{switch}"
        await world.do("faults", place="receipts", kind="late", count=1, seconds=3600)  # one receipt never comes
        await send(school, database, f"{key}-open")
        assert school.process is not None
        await school.process.kill() if close else await school.process.stop()
        await write(f"down in switch {switch}")
        await (shut_in if close else open_up)(school, world)
        await write(f"still down in switch {switch}")
        await school.run()
        await send(school, database, key)
        await write(f"up in switch {switch}")
        await all_delivered(database, count=2 + 4 * (switch + 1))
    await all_answers(database, expected)
    await nothing_twice(database)
    got = {phone["number"]: phone["got"] for phone in await phones(world)}
    assert got == dict.fromkeys((MUM, SARA), 1 + 2 * SWITCHES)
    counted = await world.look("records")
    assert counted["inbound"] == expected.total()


@on_one
async def test_a_call_speaks_and_hangs_up_and_nobody_claims_that_it_was_heard(
    school: processes.School, world: processes.World, database: Database
) -> None:
    await shut_in(school, world)
    await world.do("script", number=MUM, press=["1", "1"])
    await world.do("script", number=SARA, calls="busy")
    await small_school(database)
    await school.run()
    await send(school, database, "call", medium="voice")

    async def done() -> bool:
        found = await texts(database)
        return len(found) == 2 and {one.state for one in found} == {MessageState.FAILED}

    await until(done, "both calls are known to be over", every=0.1)
    found = {one.address: one for one in await texts(database)}
    assert {one.medium for one in found.values()} == {Medium.VOICE}
    assert {address: one.reason for address, one in found.items()} == {MUM: "no_answer", SARA: "busy"}
    [call] = next(phone["calls"] for phone in await phones(world) if phone["number"] == MUM)
    assert all("1pm" not in heard["text"] for heard in call["heard"])
    assert "Oakfield" in call["heard"][0]["text"]
    assert call["pressed"] == []
    await nothing_twice(database)

"""Told to stop while families are on the phone: they are heard out, and what was spoken meanwhile comes in later."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from support import databases, mornings, processes
from support import school as people
from support.waiting import PATIENCE, until

from gateway.database import Database
from gateway.models import PhoneReport, Reply, VoiceMessage

SCHOOL, MUM, DAD, GRAN = "+441134960002", "+447700900123", "+447700900124", "+447700900125"
SETTINGS = """
[absence]
enabled = true
safeguarding_lead = "Mrs Okafor"
calendar = "{folder}/calendar.toml"
[phone_line]
enabled = true
"""


@pytest.fixture
def database_url(sqlite_template: Path, tmp_path: Path) -> Iterator[str]:
    """One database is enough: nothing here depends on which one it is."""
    with databases.sqlite_copy(sqlite_template, tmp_path) as url:
        yield url


@pytest.fixture
async def world(tmp_path: Path, school: processes.School) -> AsyncIterator[processes.World]:
    """A provider that is as impatient as the real one: a webhook that finds nobody is soon given up."""
    line = f"{school.url}/hooks/twilio-line/call"
    async with processes.world(tmp_path, hooks=school.url, callbacks="twilio", inbound_voice_url=line) as simulated:
        (tmp_path / "calendar.toml").write_text(mornings.CALENDAR)
        school.write_settings(simulated, extra=SETTINGS.format(folder=tmp_path))
        yield simulated


async def call_of(world: processes.World, number: str) -> Any:
    [phone] = (await world.look("phones", number=number))["phones"]
    return phone["calls"][-1]


async def hears(world: processes.World, number: str, words: str) -> None:
    async def heard() -> bool:
        return any(words in part["text"] or words == part["kind"] for part in (await call_of(world, number))["heard"])

    await until(heard, f"{number} hears {words}", every=0.05)


async def rows(database: Database, model: type) -> list[Any]:
    async with database.read() as session:
        return list(await session.scalars(sa.select(model)))


async def test_callers_are_heard_out_and_a_message_of_one_who_was_cut_off_comes_in_later(
    school: processes.School, world: processes.World
) -> None:
    database = Database(school.database_url)
    child, mother = await people.pupil(database), await people.contact(database, "Maria", written_language="en")
    await people.tie(database, child, mother, priority=1, parental_responsibility=True)
    await people.point(database, mother, MUM)
    process = await school.run()
    for number in (MUM, DAD):
        await world.do("ring", number=number, to=SCHOOL, hands_on=True)
        await hears(world, number, "press 2")
    await world.do("press", number=DAD, keys="2")
    await hears(world, DAD, "beep")

    process.child.send_signal(signal.SIGTERM)
    await asyncio.sleep(2.5)  # he speaks for so long: less would be the click of a receiver
    await world.do("press", number=MUM, keys="11121")
    await hears(world, MUM, "We have written it down")
    assert len(await rows(database, PhoneReport)) == 1
    process.child.send_signal(signal.SIGTERM)  # the operator will not wait for whoever speaks on
    assert await asyncio.wait_for(process.child.wait(), PATIENCE) == 0

    await world.do("do", number=DAD, event="hang up")
    await world.do("ring", number=GRAN, to=SCHOOL)
    await hears(world, GRAN, "application error")  # the provider's own words: nobody of ours is there to say any

    async def recorded() -> bool:
        return len((await world.look("records"))["recordings"]) == 1

    await until(recorded, "what he said is at the provider", every=0.05)
    assert await rows(database, VoiceMessage) == []
    await school.run()

    async def home() -> bool:
        found = await rows(database, VoiceMessage)
        return [message.gone_at is not None for message in found] == [True] and len(await rows(database, Reply)) == 2

    await until(home, "his message is here, and gone at the provider", every=0.1)
    await database.close()

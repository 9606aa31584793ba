"""A new installation, by the real daemon and pretend phones: only guests get anything, until the check lets it go."""

from __future__ import annotations

import json

import pytest
import sqlalchemy as sa
from support import processes
from support import school as people

from gateway.database import Database
from gateway.models import Message, Reply
from gateway.models.types import core

OFFICE, GUEST = "+441134960001", "+447700900111"
NOTICE = """
key = "{key}"
title = "Fair"
purpose = "service"
text = {{ en = "The fair is on Friday: {key}." }}
media = ["sms"]
audience = {{ whole_school = true }}
"""


async def texts(world: processes.World, number: str) -> list[str]:
    for phone in (await world.look("phones"))["phones"]:
        if phone["number"] == number:
            return [one["body"] for one in phone["texts"] if one["direction"] != "inbound" and one["arrived"]]
    return []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_from_the_first_start_to_the_first_text_to_a_family(
    school: processes.School, world: processes.World
) -> None:
    del school.env["HANDBELL_SENDING__TRIAL"]  # as whoever installs it has it
    await school.handbell("migrate")
    database = Database(school.database_url)
    mother = people.number()
    contact = await people.contact(database, "Maria")
    await people.point(database, contact, mother)
    await people.tie(database, await people.pupil(database), contact, parental_responsibility=True)
    await school.run()

    async def rows(number: str) -> list[tuple[str, str]]:
        async with database.read() as session:
            t = core(Message).c
            found = await session.execute(sa.select(t.state, t.reason).where(t.address == number).order_by(t.id))
        return [(state.value, reason) for state, reason in found]

    await processes.hand_in(school, database, NOTICE.format(key="early"))

    async def held_back() -> bool:
        return await rows(mother) == [("skipped", "trial")]

    await processes.until(held_back, "the family's text is held back", every=0.2)
    assert "goes on" in await school.handbell("trial", "status")

    refused = await school.handbell("trial", "end", "--yes", "--as", "Mr Reilly", expect=1)
    assert "The trial goes on: answers, stop, test message, staff, audit key, backup." in refused
    await school.handbell("trial", "guests", "add", "07700 900111", "--name", "Mr Reilly")
    assert "1 guest is written to" in await school.handbell("trial", "test")

    async def arrived() -> bool:
        return await rows(GUEST) == [("delivered", "")]

    await processes.until(arrived, "the guest's text has arrived", every=0.2)
    await world.do("reply", number=GUEST, text="STOP", to=OFFICE)

    async def heard() -> bool:
        async with database.read() as session:
            return bool(await session.scalar(sa.select(core(Reply).c.id)))

    await processes.until(heard, "STOP is heard", every=0.2)
    refused = await school.handbell("trial", "end", "--yes", "--as", "Mr Reilly", expect=1)
    assert "The trial goes on: answers, staff, audit key, backup." in refused
    for name in ("answers", "staff", "audit key", "backup"):
        await school.handbell("golive", "waive", name, "--because", "Mrs Okafor sees to it.", "--as", "Mr Reilly")
    shown = json.loads(await school.handbell("golive", "check", "--json"))
    states = {one["name"]: one["state"] for one in shown}
    assert {name: states[name] for name in ("stop", "test message", "people", "staff", "audit key", "backup")} == {
        "stop": "ok", "test message": "ok", "people": "ok", "staff": "warn", "audit key": "warn", "backup": "warn",
    }  # fmt: skip
    assert "Mr Reilly answers for it: Mrs Okafor sees to it." in json.dumps(shown)
    await school.handbell("trial", "end", "--yes", "--as", "Mr Reilly")

    await processes.hand_in(school, database, NOTICE.format(key="late"))

    async def reached() -> bool:
        return await rows(mother) == [("skipped", "trial"), ("delivered", "")]

    await processes.until(reached, "the family is reached", every=0.2)
    assert ["late" in one for one in await texts(world, mother)] == [True]
    lines = await school.handbell("audit", "show", "--action", "trial.ended")
    assert "audit key" in lines
    status = json.loads(await school.handbell("status", "--json"))
    assert (status["ready"], status["trial"]) == (True, False)
    await database.close()

"""An alarm and a survey from the command line to pretend phones, mailboxes and back, in one daemon."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import sqlalchemy as sa
from support import processes
from support import school as people
from support.waiting import until

from gateway.database import Database
from gateway.models import LineType, PointKind, Reply, SurveyTaker
from gateway.models.types import core

WHAT, DO = "There is a gas leak.", "Please do not come to school."
SURVEY = """
key = "gate"
title = "The new gate"
media = ["sms", "email"]
[audience]
whole_school = true
[[questions]]
text = { en = "Is the new gate easier for you?", pl = "Czy nowa brama jest wygodniejsza?" }
options = [{ key = "1", label = { en = "easier", pl = "wygodniejsza" } }, { key = "2", label = { en = "harder" } }]
[[questions]]
text = { en = "Do you come by car?" }
options = [{ key = "1", label = { en = "by car" } }, { key = "2", label = { en = "on foot" } }]
"""


@dataclass
class Home:
    """A child with a mother who texts, and whoever else there is."""

    mother: str
    mailbox: str
    child: int


async def home(database: Database, name: str, *, language: str = "en") -> Home:
    mother = await people.contact(database, f"Mother of {name}", written_language=language, spoken_language=language)
    number, mailbox = people.number(), f"{name.lower()}@example.com"
    await people.point(database, mother, number)
    await people.point(database, mother, mailbox, kind=PointKind.EMAIL)
    child = await people.pupil(database, name, form="3A")
    await people.tie(database, child, mother, parental_responsibility=True, lives_with=True)
    return Home(number, mailbox, child)


class Phones:
    """What pretend phones and mailboxes have got."""

    def __init__(self, world: processes.World):
        self.world = world

    async def texts(self, number: str) -> list[str]:
        found = (await self.world.look("phones", number=number))["phones"]
        return [one["body"] for phone in found for one in phone["texts"] if one["direction"] != "inbound"]

    async def calls(self, number: str) -> list[dict[str, Any]]:
        found = (await self.world.look("phones", number=number))["phones"]
        return [one for phone in found for one in phone["calls"]]

    async def mails(self, address: str) -> list[str]:
        found = (await self.world.look("mailboxes", address=address))["mailboxes"]
        return [one["text"] for box in found for one in box["mails"]]

    async def has(self, number: str, words: str) -> bool:
        return any(words in text for text in await self.texts(number))


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_an_alarm_is_read_and_ends_and_a_survey_is_answered_and_closed(
    school: processes.School, world: processes.World, tmp_path: Path
) -> None:
    await school.handbell("migrate")
    database = Database(school.database_url)
    try:
        await alarm(school, Phones(world), database)
        await survey(school, Phones(world), database, tmp_path)
    finally:
        await database.close()
    assert "Nothing was changed" in await school.handbell("audit", "verify")


async def alarm(school: processes.School, phones: Phones, database: Database) -> None:
    ana, ben, pola = [await home(database, name, language=tag) for name, tag in (("Ana", "en"), ("Ben", "en"),
                                                                                 ("Pola", "pl"))]  # fmt: skip
    gran, uncle = [await people.contact(database, name) for name in ("Gran", "Uncle")]
    landline, barred = "+441134960555", people.number()
    await people.point(database, gran, landline, line_type=LineType.LANDLINE)
    await people.point(database, uncle, barred)
    await people.tie(database, ana.child, gran, priority=3)
    await people.tie(database, ana.child, uncle, priority=4, no_contact=True)
    for number in (ana.mother, pola.mother):
        await phones.world.do("script", number=number, calls="busy")
    for number in (ben.mother, landline):
        await phones.world.do("script", number=number, calls="answer", press=["1", "1"])
    await school.run()
    seen = await school.handbell("emergency", "preview", "--what", WHAT, "--do", DO)
    assert re.match(r"\d+ s for 3 texts in \d parts, 500 a second", seen), "the time is told first"
    assert "A text in Polish:" in seen
    await school.handbell("emergency", "send", "--what", WHAT, "--do", DO, expect=1)  # nobody has said yes
    assert "There has been no emergency" in await school.handbell("emergency", "status", expect=1)
    sent = await school.handbell("emergency", "send", "--what", WHAT, "--do", DO, "--now", "--as", "Mrs Head")
    assert sent.startswith(seen.splitlines()[0])

    async def heard() -> bool:
        homes = (ana, ben, pola)
        texts = [await phones.texts(one.mother) for one in homes]
        mails = [await phones.mails(one.mailbox) for one in homes]
        calls = [await phones.calls(number) for number in (landline, *(one.mother for one in homes))]
        return all([*texts, *mails, *calls])

    await until(heard, "everybody is alarmed by every channel", every=0.1)
    assert not await phones.texts(barred)
    assert not await phones.calls(barred)
    assert "URGENT" in (await phones.texts(ana.mother))[0]
    assert "URGENT" not in (await phones.texts(pola.mother))[0], "in the family's language"
    await phones.world.do("reply", number=ana.mother, text="1")

    async def answered() -> bool:
        async with database.read() as session:
            return await session.scalar(sa.select(sa.func.count()).select_from(Reply)) == 3

    await until(answered, "Ana's mother by text; Ben's, and a grandmother, by key 1 in the call", every=0.2)
    found = json.loads(await school.handbell("emergency", "status", "--json"))
    assert {one["name"].split()[0] for one in found["covered_children"]} == {"Ana", "Ben"}
    assert "1 of 3 children: nobody who answers for them" in await school.handbell("emergency", "status")
    [open_] = [one["pupil"] for one in found["not_covered"]]
    assert "noted" in await school.handbell("emergency", "note", open_, "--how", "rang her", "--as", "Mrs Office")
    assert "Of all 3 children" in await school.handbell("emergency", "status")
    assert "Mrs Office noted: rang her" in await school.handbell("emergency", "status", "--all")
    assert "taken back" in await school.handbell("emergency", "note", open_, "--undo")
    again = await school.handbell("emergency", "send", "--what", WHAT, "--do", DO, "--now", expect=1)
    assert "Mrs Head has sent an alarm at" in again
    assert "Mrs Head" in await school.handbell("emergency", "list")
    new = await people.contact(database, "New")
    late = people.number()
    await people.point(database, new, late)
    await people.tie(database, ana.child, new, parental_responsibility=True)
    told = await school.handbell("emergency", "update", "--what", "It is mended.", "--do", "Come at ten.")
    assert "4 people who were alarmed" in told
    assert "1 on file today whom the alarm has not gone to" in told
    over = await school.handbell("emergency", "all-clear", "--now", "Lessons go on as usual.")
    assert "4 people who were alarmed" in over

    assert "1 of 3 children" in await school.handbell("emergency", "status", "--watch"), "it is over: the watch ends"

    async def cleared() -> bool:
        return await phones.has(ana.mother, "Lessons go on") and await phones.has(pola.mother, "Lessons go on")

    await until(cleared, "the all-clear arrives", every=0.1)
    assert not await phones.texts(late)


async def survey(school: processes.School, phones: Phones, database: Database, folder: Path) -> None:
    (folder / "gate.toml").write_text(SURVEY)
    mothers = [one["number"] for one in (await phones.world.look("phones"))["phones"] if one["texts"]]
    assert "can see who said what" in await school.handbell("survey", "create", str(folder / "gate.toml"))

    async def asked() -> bool:
        return all([await phones.has(one, "gate") or await phones.has(one, "brama") for one in mothers])

    await until(asked, "the first question is on every phone", every=0.1)
    mother = mothers[0]
    await phones.world.do("reply", number=mother, text="harder")
    await until(lambda: phones.has(mother, "Do you come by car?"), "the second question follows the answer", every=0.1)
    await phones.world.do("reply", number=mother, text="2")
    mails = [text for text in await phones.mails("ben@example.com") if "/s/" in text]
    link = re.search(r"http://\S+/s/\S+", mails[0])
    assert link
    async with aiohttp.ClientSession() as session:
        async with session.get(link[0]) as page:
            assert "Is the new gate easier" in await page.text()
        async with session.post(link[0], data={"question": "0", "answer": "1"}) as page:
            assert "Do you come by car?" in await page.text()

    async def finished() -> bool:
        async with database.read() as session:
            return set(await session.scalars(sa.select(core(SurveyTaker).c.answered))) == {1, 2}

    await until(finished, "one has answered by text and one by the link", every=0.2)
    found = json.loads(await school.handbell("survey", "results", "gate", "--json"))
    assert (found["answered"], found["finished"]) == (2, 1)
    assert "Of 4 asked 2 have answered" in await school.handbell("survey", "results", "gate")
    assert "1,Is the new gate easier for you?,all,,1,easier" in await school.handbell(
        "survey", "results", "gate", "--csv", "-"
    )
    assert "The new gate" in await school.handbell("survey", "list")
    assert "not closed without" in await school.handbell("survey", "close", "gate", expect=1)
    closed = await school.handbell(
        "survey", "close", "gate", "--you-said", "It is crowded.", "--we-did", "We open two."
    )
    assert "2 people are told" in closed
    await until(lambda: phones.has(mother, "We open two."), "you said, we did", every=0.1)

"""A family's new number, by the real daemon and pretend phones: from good news to the first text on the new phone."""

from __future__ import annotations

import re

import pytest
from sqlmodel import select
from support import processes
from support import school as people

from gateway.database import Database
from gateway.models import ContactPoint, DetailState, FreshQuestion, NewDetail, PointKind

OFFICE, NEW, BOX = "+441134960001", "+447700900123", "maria.new@example.com"

GOOD_NEWS = """
key = "praise-{number}"
title = "Good news"
purpose = "good_news"
template = "good_news"
media = ["sms"]
values = {{ news = "She helped a new child to settle in.", staff = "Ms Okafor" }}
audience = {{ whole_school = true }}
"""


async def texts(world: processes.World, number: str) -> list[str]:
    for phone in (await world.look("phones"))["phones"]:
        if phone["number"] == number:
            return [one["body"] for one in phone["texts"] if one["direction"] != "inbound" and one["arrived"]]
    return []


async def mails(world: processes.World, address: str) -> list[str]:
    found = (await world.look("mailboxes"))["mailboxes"]
    return [mail["text"] for box in found if box["address"] == address for mail in box["mails"]]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_from_the_question_to_the_first_text_on_the_new_phone(
    school: processes.School, world: processes.World
) -> None:
    school.write_settings(world, extra="[freshness]\nask_every = 1\n")
    await school.handbell("migrate")
    database = Database(school.database_url)
    old = people.number()
    mother = await people.contact(database, "Maria")
    phone = await people.point(database, mother, old)
    await people.tie(database, await people.pupil(database), mother, parental_responsibility=True)
    await school.run()

    async def got(number: str, words: str) -> str:
        found = list[str]()

        async def has() -> bool:
            found[:] = [one for one in await texts(world, number) if words in one]
            return bool(found)

        await processes.until(has, what=f"a text with “{words}”", every=0.2)
        return found[-1]

    await processes.hand_in(school, database, GOOD_NEWS.format(number=1))
    await got(old, "Is this still the best number for you?")
    await world.do("reply", number=old, text="2", to=OFFICE)
    await got(old, "Please reply with the new number")
    await world.do("reply", number=old, text="my number is 07700 900123", to=OFFICE)
    asked = await got(NEW, "if you gave us this number")
    assert "Ana" not in asked
    code = re.findall(r"\b\d{6}\b", asked)[0]
    await world.do("reply", number=NEW, text=code, to=OFFICE)
    await got(NEW, "The office looks at it")

    assert NEW in await school.handbell("details", "list")
    await school.handbell("details", "approve", "1", "--as", "Mrs Okafor")
    await got(old, "reply NO")
    await processes.hand_in(school, database, GOOD_NEWS.format(number=2))
    await got(NEW, "good news about Ana")
    assert len([one for one in await texts(world, old) if "good news" in one]) == 1

    # A new mailbox, told from the new phone; the code in the email is sent from there, too.
    await world.do("reply", number=NEW, text=f"my email is {BOX}", to=OFFICE)
    await got(NEW, "We have sent a code")
    found = list[str]()

    async def mailed() -> bool:
        found[:] = await mails(world, BOX)
        return bool(found)

    await processes.until(mailed, what="the code by email", every=0.2)
    await world.do("reply", number=NEW, text=re.findall(r"\b\d{6}\b", found[0])[0], to=OFFICE)

    async def proved() -> bool:
        async with database.read() as session:
            states = [one.state for one in await session.scalars(select(NewDetail).order_by("id"))]
            return states == [DetailState.APPROVED, DetailState.PROVED]

    await processes.until(proved, what="the mailbox is proved", every=0.2)
    await school.handbell("details", "approve", "2")
    await world.do("reply", number=old, text="NO", to=OFFICE)

    async def contested() -> bool:
        async with database.read() as session:
            states = [one.state for one in await session.scalars(select(NewDetail).order_by("id"))]
            return DetailState.CONTESTED in states

    await processes.until(contested, what="the NO was heard", every=0.2)
    assert school.process is not None
    await school.process.stop()
    async with database.read() as session:
        questions = list(await session.scalars(select(FreshQuestion).order_by("id")))
        points = list(await session.scalars(select(ContactPoint)))
    await database.close()
    assert [(one.contact_point_id, one.answer) for one in questions] == [(phone, "changed")], "the new one is confirmed"
    assert {one.address for one in points if one.kind is PointKind.PHONE} == {old, NEW}
    assert "that was not us" in await school.handbell("task", "list")

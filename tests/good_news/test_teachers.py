"""The weekly mail to each form's teacher, and praise by text and mail."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence
from pathlib import Path

import pytest
import sqlalchemy as sa
from support import desk
from support.praises import Staffroom

from channels import base
from channels.base import Medium
from gateway import intake
from gateway.database import Database
from gateway.desk import arriving, promise
from gateway.good_news import nudging, praising
from gateway.models import Audit, Message, Reply
from gateway.models.types import core
from gateway.understanding import library

GREEN, PHONE = "a.green@oakfield.example", "+447700900123"
LIST = """
[forms]
"3A" = ["a.green@oakfield.example", "07700 900123"]
"5B" = ["b.hill@oakfield.example"]
[names]
"a.green@oakfield.example" = "Ms Green"
"07700 900123" = "Ms Green"
"""
_events = itertools.count()


class Listening(Staffroom):
    async def nudge(self, clock: str = "12:15", day: int = 25) -> int:
        self.clock_at(clock, day)
        sent = await nudging.turn(self.gateway)
        await self.deliver()
        return sent

    async def mails(self, address: str) -> list[Message]:
        return [one for one in await self.messages() if one.address == address]

    async def hears(self, address: str, words: str, to: Message | None = None) -> list[str]:
        """A teacher writes; gives what is answered."""
        medium = Medium.EMAIL if "@" in address else Medium.SMS
        known = len(await self.mails(address))
        event = base.Reply(
            medium=medium, sender=address, to="us", body=words, at=self.clock.now, in_reply_to=to.id if to else "",
            event_id=f"t{next(_events)}", raw={},
        )  # fmt: skip
        async with self.database.write() as session:
            await intake.store(session, "x", [event], now=self.clock.now)
        await intake.handle_waiting(self.database, log=desk.LOG, now=self.clock.now)
        async with self.database.write() as session:
            await arriving.turn(session, self.gateway, promise.load(self.gateway.settings), library.load())
        return [one.body for one in (await self.mails(address))[known:] if one.slot.startswith("staff:praise")]

    async def praises(self) -> Sequence[tuple[str, str, str, str]]:
        async with self.database.read() as session:
            found = await praising.listed(session, waiting=True)
        return [(one.pupil.called, one.praise.kind, one.praise.words, one.praise.staff) for one in reversed(found)]


@pytest.fixture
async def room(database: Database, tmp_path: Path) -> Listening:
    (tmp_path / "teachers.toml").write_text(LIST)
    made = Listening(database, absence={"enabled": False, "teachers": tmp_path / "teachers.toml"})
    await made.open()
    for name, form, surname in (
        ("Ana", "3A", "Nowak"), ("Ben", "3A", "Bell"), ("Ben", "3A", "Cook"), ("Ana", "5B", "Pereira"),
        ("Zoe", "5B", "Bell"),
    ):  # fmt: skip
        await made.child(name, await made.parent(), form=form, surname=surname)
    return made


async def test_each_forms_teacher_is_written_to_once_a_week_with_first_names_only(room: Listening) -> None:
    await room.praise("Ana 3A")
    await room.kind_hour()
    for clock, day in (("12:15", 24), ("12:14", 25)):  # not on Tuesday, and not before lunch
        assert await room.nudge(clock, day) == 0
    room.clock_at("12:15", 25)
    sent = await asyncio.gather(*(nudging.turn(room.gateway) for _ in range(5)))
    assert sum(sent) == 2
    for day in (25, 26, 27):
        assert await room.nudge("12:30", day) == 0
    (mail,) = await room.mails(GREEN)
    assert mail.body.splitlines()[:4] == [
        "These children of 3A have had no good news for longest:", "", "1. Ben B: none yet", "2. Ben C: none yet",
    ]  # fmt: skip
    for private in ("Bell", "Cook", "Nowak", "Ana", "0770"):
        assert private not in mail.body
    assert await room.mails(PHONE) == []  # a mail, and no text
    assert await room.nudge("12:15", 30) == 0
    room.clock.now = room.clock.now.replace(month=12)
    assert await room.nudge("12:15", 2) == 2  # the next Wednesday


async def test_a_number_in_answer_to_the_mail_is_praise(room: Listening) -> None:
    await room.nudge()
    (mail,) = await room.mails(GREEN)
    (answer,) = await room.hears(GREEN, "1 kindness She waited for a friend.\n3\n\nMs Green\n9 Park Road", mail)
    assert await room.praises() == [
        ("Ana", "kindness", "She waited for a friend.", "Ms Green"),
        ("Ben", "effort", "", "Ms Green"),
    ]
    assert "Ana, kindness: goes home on Wednesday at 16:30. To take it back: withdraw 1." in answer
    assert answer.endswith("Nobody has read the other lines: what is for the office goes there by itself.")
    assert await room.hears(GREEN, "withdraw 1", mail) == ["Oakfield: 1 is taken back."]
    assert [one[0] for one in await room.praises()] == ["Ben"]
    async with room.database.read() as session:
        settled = set(await session.scalars(sa.select(core(Reply).c.settled)))
        lines = await session.scalars(sa.select(Audit))
        body = " ".join(f"{line.actor} {line.body}" for line in lines)
    assert settled == {"understood: praise"}
    assert "teacher:Ms Green" in body
    assert GREEN not in body


async def test_a_mail_that_answers_nothing_of_ours_is_nobodys_praise(room: Listening) -> None:
    await room.nudge()
    assert await room.hears(GREEN, "praise Ana kindness") == []
    assert await room.hears("b.hill@oakfield.example", "1 effort", (await room.mails(GREEN))[0]) == []
    assert await room.praises() == []


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("praise Ana kindness She waited for a friend.", "Ana, kindness: goes home on Monday"),
        ("Praise: Zoe progress", "Zoe, progress: goes home"),  # of another form, and the only one
        ("praise Ben effort", "Which Ben: Ben B (3A), Ben C (3A)? Write the letter or the form as well."),
        ("praise ben c effort", "Ben, effort"),
        ("praise Ana", "Not taken: The kind is missing"),
        ("praise Ana kindness She is not as naughty", "“naughty” turns praise around"),
        ("withdraw 77", "There is no praise 77 of yours."),
    ],
)
async def test_praise_by_text(room: Listening, text: str, answer: str) -> None:
    (said,) = await room.hears(PHONE, text)
    assert answer in said


async def test_other_words_and_other_numbers_are_left_to_the_desk(room: Listening) -> None:
    assert await room.hears(PHONE, "I am ill today") == []
    assert await room.hears("+447700900999", "praise Ana kindness") == []
    async with room.database.read() as session:
        assert set(await session.scalars(sa.select(core(Reply).c.settled))) == {""}
    assert await room.praises() == []

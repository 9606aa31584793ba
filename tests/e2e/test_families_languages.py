"""A closure goes to families of all 23 languages, by text, email and call, and is on their phones as written."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
import sqlalchemy as sa
from support import processes
from support import school as people
from support.waiting import until

from channels.base import Medium
from channels.twilio_voices import Voices
from gateway.database import Database
from gateway.models import Message, MessageState, PointKind
from gateway.models.types import core
from templates import formats, languages, segments, words

TAGS = (
    "en", "cy", "ur", "pa-Guru", "pl", "ro", "bn", "ar", "pt-PT", "so", "gu", "ta", "es", "fr", "lt", "tr", "it", "uk",
    "sq", "fa", "zh-Hans", "bg", "hu",
)  # fmt: skip
DAY = date(2026, 12, 1)
NOTICE = """
key = "boiler"
title = "School closed"
purpose = "service"
template = "closure"
media = ["sms", "email", "voice"]
[values]
date = 2026-12-01
reason = "boiler"
[audience]
whole_school = true
"""


async def families(database: Database) -> dict[str, tuple[str, str]]:
    """A family of each language, with a phone and a mailbox."""
    found = {}
    for tag in TAGS:
        number, mailbox = people.number(), f"{tag.lower()}@example.com"
        contact = await people.contact(database, "Parent", written_language=tag, spoken_language=tag)
        await people.point(database, contact, number)
        await people.point(database, contact, mailbox, kind=PointKind.EMAIL)
        pupil = await people.pupil(database, "Ana")
        await people.tie(database, pupil, contact, lives_with=True, parental_responsibility=True)
        found[tag] = (number, mailbox)
    return found


@pytest.mark.parametrize("drafts", [True, False])
async def test_a_closure_in_every_language(
    school: processes.School, world: processes.World, tmp_path: Path, drafts: bool
) -> None:
    """Where drafts may go, each family has its own words; else English, and a line in its language below it."""
    school.write_settings(world, drafts=drafts)
    await school.handbell("migrate")
    database = Database(school.database_url)
    homes = await families(database)
    (tmp_path / "notice.toml").write_text(NOTICE)
    await school.run()
    await school.handbell("notice", "send", str(tmp_path / "notice.toml"), "--as", "Mrs Office")

    async def settled() -> bool:
        async with database.read() as session:
            states = sa.select(core(Message).c.state, core(Message).c.medium)
            found = [(state, medium) for state, medium in await session.execute(states)]
        ends = {MessageState.DELIVERED, MessageState.FAILED, MessageState.SKIPPED}
        done = [state in ends or (medium is Medium.EMAIL and state is MessageState.ACCEPTED) for state, medium in found]
        return len(done) == 3 * len(TAGS) and all(done)

    await until(settled, "every message is settled", every=0.2)
    phones = {phone["number"]: phone for phone in (await world.look("phones"))["phones"]}
    boxes = {box["address"]: box for box in (await world.look("mailboxes"))["mailboxes"]}
    async with database.read() as session:
        rows = {(row.medium, row.address): row for row in await session.scalars(sa.select(Message))}
    await database.close()
    english = text_in("en")
    for tag, (number, mailbox) in homes.items():
        (got,) = [text["body"] for text in phones[number]["texts"] if text["direction"] != "inbound"]
        own = tag if drafts else "en"
        assert rows[Medium.SMS, number].language == own, tag
        if drafts:
            assert got == text_in(tag), tag
        else:
            assert got.startswith(english), tag
            assert (len(got) > len(english)) is (tag != "en"), f"{tag}: no line in the family's language"
        assert len(phones[number]["calls"]) == 1, tag
        spoken = own if Voices().find(own) else "en"
        assert rows[Medium.VOICE, number].language == spoken, tag
        (mail,) = boxes[mailbox]["mails"]
        assert rows[Medium.EMAIL, mailbox].language == own, tag
        assert (f'dir="{languages.direction(own)}"' in str(mail)) or languages.direction(own) == "ltr", tag
        assert formats.date(DAY, own) in str(rows[Medium.EMAIL, mailbox].body), tag


def text_in(tag: str) -> str:
    """The text as it is written in a language, as a phone shows it."""
    given = {
        "school": "Oakfield",
        "school_phone": "0113 496 0000",
        "children": ["Ana"],
        "date": DAY,
        "reason": "boiler",
    }
    return segments.tidy(words.prepare("closure", language=tag, medium="sms").fill(given).text)

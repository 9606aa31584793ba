"""A reply's words and letters suggest a language; they change nothing by themselves."""

from __future__ import annotations

from typing import Any

import pytest
from support import desk, school
from support.desk import LOG, NOW

from channels import base
from channels.base import Medium
from gateway import ids, intake, suggesting, tasks
from gateway.database import Database
from gateway.models import Contact
from gateway.understanding import library

MUM, OFFICE = "+447700900001", "+441134960001"


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("میری بیٹی آج بیمار ہے، سکول نہیں آئے گی", "ur"),
        ("ابنتي مريضة اليوم ولن تأتي إلى المدرسة", "ar"),
        ("Dzień dobry, moja córka jest dziś chora i nie przyjdzie", "pl"),
        ("ਮੇਰੀ ਧੀ ਅੱਜ ਬਿਮਾਰ ਹੈ ਸਕੂਲ ਨਹੀਂ ਆਵੇਗੀ", "pa-Guru"),
        ("A minha filha está doente hoje e não vai à escola", "pt-PT"),
        ("She is ill today and will not come to school", ""),
        ("meri beti aaj bimar hai school nahi aayegi", ""),  # Urdu or Hindi, in Latin letters: nobody can be sure
        ("sorry moja córka is ill today", ""),
        ("dziękuję bardzo", ""),  # two words are written everywhere
        ("👍", ""),
        ("", ""),
    ],
)
def test_what_a_text_is_written_in(text: str, tag: str) -> None:
    assert suggesting.written_in(text, library.load()) == tag


async def wrote(database: Database, body: str, **fields: Any) -> Contact:
    """What is known of a mother after she wrote."""
    mother = await school.contact(database, "Saima", **fields)
    await school.point(database, mother, MUM)
    event = base.Reply(medium=Medium.SMS, sender=MUM, to=OFFICE, body=body, event_id=ids.new_id(), at=NOW)
    async with database.write() as session:
        await intake.store(session, "twilio-sms", [event], now=NOW)
    gateway = desk.gateway(database)
    await intake.handle_waiting(database, log=LOG, answering=gateway.answering(), now=NOW)
    async with database.read() as session:
        return await session.get_one(Contact, mother)


async def test_staff_are_told_and_nothing_is_changed(database: Database) -> None:
    saima = await wrote(database, "میری بیٹی آج بیمار ہے، سکول نہیں آئے گی", written_language="en")
    assert (saima.written_language, saima.likely_language, saima.likely_because) == ("en", "ur", "writes in it")
    async with database.read() as session:
        [task] = [one for one in await tasks.listed(session) if one.kind == "language"]
    assert task.what == "A contact writes in Urdu; on file is English."
    assert f"handbell contact language {saima.id} --reads “Urdu”" in task.cure


@pytest.mark.parametrize(
    "fields",
    [
        {"written_language": "ur"},
        {"written_language": "en", "languages_confirmed_at": NOW},
        {"written_language": "pa-Arab", "further_languages": "ur"},
    ],
)
async def test_nothing_new_is_no_suggestion(sqlite_database: Database, fields: dict[str, Any]) -> None:
    saima = await wrote(sqlite_database, "میری بیٹی آج بیمار ہے، سکول نہیں آئے گی", **fields)
    assert saima.likely_language == ""

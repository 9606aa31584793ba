"""Recordings for calls are given by signed addresses that end; calls play them, and key 0 leads to a person."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

import pytest
from sqlmodel import select
from support import school
from support.website import MUM, NOW, PUBLIC, Running, running_on

from channels.base import Medium
from config import sections
from gateway import context, intake
from gateway.database import Database
from gateway.models import Clip, Message, MessageState, Purpose, Reply
from templates import aloud

KEYS = "/hooks/twilio-voice/keys"


def with_office(gateway: context.Gateway) -> context.Gateway:
    changes = {"phone_line": sections.PhoneLine(office_number="+441134960003")}
    return dataclasses.replace(gateway, settings=gateway.settings.model_copy(update=changes))


@pytest.fixture
async def site(database: Database) -> AsyncIterator[Running]:
    async with running_on(database, changed=with_office) as running:
        yield running


async def clip(database: Database) -> int:
    row = Clip(
        language="ur", said=aloud.fingerprint("ur", "آج"), words="آج", content_type="audio/wav", content=b"RIFF",
        by="Mrs Khan", at=NOW,
    )  # fmt: skip
    await school.add(database, row)
    assert row.id
    return row.id


async def call(database: Database, script: dict[str, Any], *, language: str = "en") -> str:
    """A call that is going on."""
    row = Message(
        id="01CALL", medium=Medium.VOICE, address=MUM, slot="x", purpose=Purpose.SERVICE, language=language,
        body="The school is closed.", script={"opening": "Hello.", "fallback": "Call us."} | script, keys="1",
        state=MessageState.ACCEPTED, due_at=NOW, created_at=NOW, changed_at=NOW,
    )  # fmt: skip
    await school.add(database, row)
    return row.id


async def press(site: Running, query: str, **form: str) -> ET.Element:
    fields = {"CallSid": "CA" + "1" * 32, "From": "+441134960002", "To": MUM, "Direction": "outbound-api"} | form
    answer = await site.hook(f"{KEYS}?{query}", fields)
    assert answer.status == 200, answer.text
    return ET.fromstring(answer.text)


def said(response: ET.Element) -> str:
    return " ".join(one.text or "" for one in response.iter("Say"))


async def test_an_address_holds_for_a_while_and_for_one_recording(site: Running, database: Database) -> None:
    number = await clip(database)
    url = site.gateway.clip_url(number)
    assert url.startswith(f"{PUBLIC}/media/voice/{number}?until=")
    path = url.removeprefix(PUBLIC)
    answer = await site.ask("GET", path)
    assert (answer.status, answer.headers["Content-Type"], answer.text) == (200, "audio/wav", "RIFF")
    assert answer.headers["Cache-Control"] == "private, max-age=60", "recorded anew, it is soon heard anew"
    query = urlsplit(url).query
    later = query.replace("until=1", "until=2", 1)
    other = f"{number + 1}?{query}"
    for wrong in (f"{number}", other, f"{number}?{later}", f"{number}?{query}%C3%A9", f"{number}?until=&token="):
        assert (await site.ask("GET", f"/media/voice/{wrong}")).status == 404, wrong
    site.clock.pass_by(hours=1)
    assert (await site.ask("GET", path)).status == 200
    site.clock.pass_by(hours=1, seconds=1)
    assert (await site.ask("GET", path)).status == 404
    assert site.gateway.clip_url(number) != url


async def test_a_call_plays_recordings(site: Running, database: Database) -> None:
    number = await clip(database)
    pieces = [{"clip": number, "say": "آج", "locale": "en"}, {"clip": None, "say": "Zainab", "locale": "en"}]
    sounds = {"opening": pieces, "body": pieces, "fallback": pieces}
    await call(database, {"sounds": sounds}, language="ur")
    response = await press(site, "m=01CALL&a=1&step=open", Digits="1")
    [gather, *_] = response
    assert [one.tag for one in gather][:2] == ["Play", "Say"]
    played = gather[0].text or ""
    assert (await site.ask("GET", played.removeprefix(PUBLIC))).text == "RIFF"
    assert "Zainab" not in played
    assert (gather[1].text, gather[1].attrib["language"]) == ("Zainab", "en-GB")


async def test_key_0_puts_the_call_through_in_office_hours(site: Running, database: Database) -> None:
    await call(database, {"person": True})
    response = await press(site, "m=01CALL&a=1&step=open", Digits="0")
    dial = response.find("Dial")
    assert dial is not None
    assert dial.text == "+441134960003"
    query = urlsplit(dial.attrib["action"]).query
    response = await press(site, query, DialCallStatus="no-answer")
    assert "Nobody in the office can take your call" in said(response)
    assert "The school is closed." in said(response), "the message goes on"
    await wanted(site, database)


async def test_key_0_out_of_hours_says_when_and_tells_somebody(site: Running, database: Database) -> None:
    await call(database, {"person": True})
    site.clock.pass_by(hours=10)
    response = await press(site, "m=01CALL&a=1&step=open", Digits="0")
    redirect = response.find("Redirect")
    assert redirect is not None
    response = await press(site, urlsplit(redirect.text or "").query)
    assert "The office is closed now. It opens on Tuesday the 24th of November, 8 in the morning." in said(response)
    await wanted(site, database)


async def wanted(site: Running, database: Database) -> None:
    """Staff see that somebody wants to be rung, once, however often the provider tells us."""
    await intake.handle_waiting(database, log=site.gateway.log, now=site.clock())
    async with database.read() as session:
        [reply] = await session.scalars(select(Reply))
    assert reply.body == "By telephone key 0: would like to speak to somebody."

"""Phrases recorded by telephone: a code, a number, a tone, a key; what is kept is in the voice bank, and gone there."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from xml.etree import ElementTree as ET

import pytest
import sqlalchemy as sa
from support.website import AUTH_TOKEN, NOW, PUBLIC, Running, running_on

from channels import calls_in
from channels.simulator import Simulator, recordings, records
from channels.twilio_account import TwilioAccount
from channels.twilio_line import TwilioLine
from config import sections
from gateway import context, intake
from gateway.database import Database
from gateway.models import Clip, Reply, VoiceMessage
from gateway.phone_line import studio, voicemail
from templates import aloud

ACCOUNT, TEACHER, SCHOOL = "AC" + "0" * 32, "+447700900777", "+441134960002"
HOOK, RECORDED = "/hooks/twilio-line/call", "/hooks/twilio-line/recording"


@dataclass
class Session:
    """Somebody who rings to record. Every webhook is delivered twice, as a provider may."""

    site: Running
    simulator: Simulator
    number: int = 1
    heard: str = ""
    last: ET.Element = field(default_factory=lambda: ET.Element("Response"))

    @property
    def sid(self) -> str:
        return f"CA{self.number:032x}"

    async def ring(self) -> Session:
        self.number += 1
        return await self._go(HOOK, {})

    async def press(self, keys: str) -> Session:
        for key in keys:
            gather = self.last.find("Gather")
            assert gather is not None, f"nobody asks for {key}: {self.heard}"
            await self._go(gather.attrib["action"].removeprefix(PUBLIC), {"Digits": key})
        return self

    async def speak(self, name: str, *, told: bool = True) -> Session:
        """Say a phrase; the provider tells of the recording before the caller goes on, or later."""
        record = self.last.find("Record")
        assert record is not None, self.heard
        ref = f"RE{name:0>32}"
        sound = recordings.tone(2)
        self.simulator.world.recordings[ref] = records.Recording(ref, self.sid, 2, NOW, sound)
        facts = {"RecordingSid": ref, "RecordingDuration": "2"}
        if told:
            await self.tell(ref)
        return await self._go(record.attrib["action"].removeprefix(PUBLIC), facts | {"Digits": "1"})

    async def tell(self, ref: str) -> None:
        facts = {"RecordingSid": ref, "RecordingDuration": "2", "RecordingStatus": "completed", "CallSid": self.sid}
        assert (await self.site.hook(RECORDED, facts)).status == 204

    async def _go(self, path: str, more: dict[str, str]) -> Session:
        form = {"CallSid": self.sid, "From": TEACHER, "To": SCHOOL, "Direction": "inbound", "CallStatus": "ringing"}
        first, second = [await self.site.hook(path, form | more) for _ in range(2)]
        assert (first.status, first.text) == (200, second.text)
        self.last = ET.fromstring(first.text)
        self.heard = " ".join(say.text or "" for say in self.last.iter("Say"))
        return self


@pytest.fixture
async def teacher(database: Database) -> AsyncIterator[Session]:
    simulator = Simulator(account_sid=ACCOUNT, auth_token=AUTH_TOKEN)
    await simulator.start()
    line = TwilioLine(TwilioAccount(ACCOUNT, AUTH_TOKEN, api_base_url=simulator.http_url))
    await line.open()

    def with_line(gateway: context.Gateway) -> context.Gateway:
        changes = {"phone_line": sections.PhoneLine(enabled=True)}
        settings = gateway.settings.model_copy(update=changes)
        return dataclasses.replace(gateway, settings=settings, lines={TwilioLine.name: line})

    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(simulator.stop)
        stack.push_async_callback(line.close)
        site = await stack.enter_async_context(running_on(database, changed=with_line))
        yield Session(site, simulator)


async def invited(site: Running, language: str = "ur") -> str:
    async with site.gateway.database.write() as session:
        code, _ = await studio.invite(session, site.gateway, language, by="Mrs Khan")
    return code


async def every(site: Running, model: type) -> list:
    async with site.gateway.database.read() as session:
        return list(await session.scalars(sa.select(model)))


async def take_over(site: Running) -> None:
    await intake.handle_waiting(site.gateway.database, log=site.gateway.log, now=site.clock())
    while await voicemail.work(site.gateway):
        pass


async def test_phrases_are_read_one_after_another(teacher: Session) -> None:
    site, script = teacher.site, aloud.script("ur")
    code = await invited(site)
    await (await teacher.ring()).press("*" + code)
    assert "Phrase 1." in teacher.heard
    await (await teacher.speak("a")).press("*")
    assert "Phrase 1." in teacher.heard, "once more"
    await (await teacher.speak("b")).press("#")
    assert "Phrase 2." in teacher.heard
    await (await teacher.speak("c", told=False)).press("#")
    assert "Phrase 3." in teacher.heard
    await take_over(site)
    kept = {clip.words: clip for clip in await every(site, Clip)}
    assert set(kept) == {line.piece.words for line in script[:2]}
    assert kept[script[0].piece.words].content == recordings.tone(2)
    # What the provider tells late changes nothing; what was not kept is deleted there after a while.
    await teacher.tell("RE" + "c".zfill(32))
    site.clock.pass_by(hours=2)
    await take_over(site)
    assert sorted(teacher.simulator.world.deleted) == [f"RE{name:0>32}" for name in "abc"]
    assert len(await every(site, Clip)) == 2
    assert await every(site, Reply) == [], "it is no message to the school"
    # Who rings again goes on where it stood.
    await (await teacher.ring()).press("*" + code)
    assert "Phrase 3." in teacher.heard
    await (await teacher.speak("d")).press("0")
    assert "Thank you" in teacher.heard
    assert {one.clip_said for one in await every(site, VoiceMessage) if one.ref.endswith("d")} == {""}


async def test_the_door_is_shut(teacher: Session) -> None:
    site = teacher.site
    await (await teacher.ring()).press("*")
    assert "that key is not one of the choices" in teacher.heard, "nobody is invited"
    code = await invited(site)
    wrong = f"{(int(code) + 1) % 10**8:08d}"
    await (await teacher.ring()).press("*" + wrong)
    assert "This code is not known" in teacher.heard
    assert teacher.last.find("Hangup") is not None
    site.clock.pass_by(days=8)
    other = await invited(site)
    await (await teacher.ring()).press("*" + code)
    assert "This code is not known" in teacher.heard, "its time is over"
    await (await teacher.ring()).press("*" + other)
    assert "Phrase 1." in teacher.heard


async def test_a_state_of_ours_is_read_back() -> None:
    state = studio.State("choose", "12345678", 3, 12, "RE" + "0" * 32, 2)
    assert studio.unpacked(state.packed()) == state
    assert studio.unpacked("menu~en~0~0~~~") is None
    assert studio.unpacked("") is None
    assert isinstance(studio.begin().then, calls_in.Ask)

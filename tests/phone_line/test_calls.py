"""Calls to the school's number, by signed webhooks: who hears what, what is written down, and only once."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import sqlalchemy as sa
from support import absences, school
from support.website import AUTH_TOKEN, PUBLIC, Answer, Running, running_on

from channels import calls_in
from channels.twilio_account import TwilioAccount
from channels.twilio_line import TwilioLine
from config import sections
from gateway import context, intake
from gateway.database import Database
from gateway.models import (
    AbsenceReason,
    CaseState,
    Conversation,
    Guardianship,
    Inbound,
    PhoneCall,
    PhoneReport,
    Pupil,
    Reply,
    VoiceMessage,
)
from gateway.models.types import core
from gateway.phone_line import answering, dialogue, voicemail

SCHOOL, MUM, STRANGER = "+441134960002", "+447700900111", "+447700900222"
HOOK, RECORDED = "/hooks/twilio-line/call", "/hooks/twilio-line/recording"
MONDAY = date(2026, 11, 23)
ACCOUNT = TwilioAccount("AC" + "0" * 32, AUTH_TOKEN)
_calls = itertools.count(1)


def with_line(gateway: context.Gateway) -> context.Gateway:
    changes = {
        "absence": sections.Absence(enabled=True, safeguarding_lead="Mrs Okafor"),
        "phone_line": sections.PhoneLine(enabled=True, office_number="+441134960003"),
        "languages": sections.Languages(allow_drafts=True),
    }
    settings = gateway.settings.model_copy(update=changes)
    return dataclasses.replace(gateway, settings=settings, lines={TwilioLine.name: TwilioLine(ACCOUNT)})


@pytest.fixture
async def site(database: Database) -> AsyncIterator[Running]:
    async with running_on(database, changed=with_line) as running:
        yield running


@dataclass
class Call:
    """Somebody on the phone. Every webhook is delivered twice, as a provider may."""

    site: Running
    number: str = MUM
    sid: str = field(default_factory=lambda: f"CA{next(_calls):032x}")
    heard: str = ""
    last: ET.Element = field(default_factory=lambda: ET.Element("Response"))

    async def ring(self) -> Call:
        return await self._go(HOOK, {})

    async def press(self, keys: str) -> Call:
        """Press keys, ``-`` for none, for as long as somebody asks for one."""
        for key in keys:
            if (gather := self.last.find("Gather")) is None:
                break
            await self._go(self._path(gather), {"Digits": key.strip("-")})
        return self

    async def speak(self, seconds: int, *, ref: str = "RE" + "1" * 32) -> Call:
        record = self.last.find("Record")
        assert record is not None
        facts = {"RecordingSid": ref, "RecordingDuration": str(seconds)}
        told = record.attrib["recordingStatusCallback"].partition("#")[0].removeprefix(PUBLIC)
        for _ in range(2):
            answer = await self.site.hook(told, facts | {"CallSid": self.sid, "RecordingStatus": "completed"})
            assert answer.status == 204
        return await self._go(self._path(record), facts)

    def _path(self, verb: ET.Element) -> str:
        assert verb.attrib["action"].startswith(PUBLIC)
        return verb.attrib["action"].removeprefix(PUBLIC)

    async def _go(self, path: str, more: Mapping[str, str]) -> Call:
        first, second = [await self.post(path, more) for _ in range(2)]
        assert (first.status, first.text) == (200, second.text)
        self.last = ET.fromstring(first.text)
        self.heard = " ".join(say.text or "" for say in self.last.iter("Say"))
        return self

    async def post(self, path: str, more: Mapping[str, str]) -> Answer:
        form = {"CallSid": self.sid, "From": self.number, "To": SCHOOL, "Direction": "inbound", "CallStatus": "ringing"}
        return await self.site.hook(path, {**form, **more})


async def family(database: Database, *, number: str = MUM, name: str = "Ana", **tie: object) -> tuple[int, int]:
    """A child and its mother with her number. Gives both ids."""
    pupil_id = await school.pupil(database, name, year="3", form="3A")
    contact_id = await school.contact(database, "Maria", written_language="en", spoken_language="pl")
    await school.point(database, contact_id, number)
    await school.tie(database, pupil_id, contact_id, **tie)
    return pupil_id, contact_id


async def every(site: Running, model: type) -> list:
    async with site.gateway.database.read() as session:
        return list(await session.scalars(sa.select(model)))


async def test_a_forged_call_is_refused_and_leaves_no_trace(site: Running) -> None:
    form = {"CallSid": "CA1", "From": MUM, "To": SCHOOL}
    for path in (HOOK, RECORDED):
        answer = await site.hook(path, form, signed_for="https://elsewhere.example/")
        assert answer.status == 403
    # The state in the address is signed with it: nobody can put words into a caller's mouth.
    signed = await site.hook(f"{HOOK}?s=confirm~en~0~1~ill~2026-11-23~2026-11-23", form, signed_for=f"{PUBLIC}{HOOK}")
    assert signed.status == 403
    assert await every(site, PhoneCall) == await every(site, Inbound) == []


async def test_a_mother_reports_by_keys_and_it_is_written_down_once(site: Running, database: Database) -> None:
    pupil_id, contact_id = await family(database)
    call = await Call(site).ring()
    assert call.heard.startswith("Dzień dobry. Tu Oakfield School.")
    assert "Ana" not in call.heard
    await call.press("1")
    assert "Ana: proszę nacisnąć 1" in call.heard
    await call.press("112")
    assert "choroba, od: poniedziałek, 23 listopada, do: wtorek, 24 listopada" in call.heard
    assert await every(site, Inbound) == []  # nothing, until it is confirmed
    await call.press("1")
    assert call.heard == "Dziękujemy. Zapisaliśmy to zgłoszenie. Do widzenia."
    (rang,), (report,) = await every(site, PhoneCall), await every(site, PhoneReport)
    assert (rang.contact_id, rang.caller, rang.called) == (contact_id, MUM, SCHOOL)
    assert (report.pupil_id, report.reason, report.first, report.last) == (pupil_id, "ill", MONDAY, date(2026, 11, 24))
    await intake.handle_waiting(site.gateway.database, log=site.gateway.log, now=site.gateway.now())
    (reply,) = await every(site, Reply)
    assert reply.body == "By telephone keys: Ana is ill, Monday 23 November until Tuesday 24 November."
    assert (reply.contact_id, reply.message_id) == (contact_id, None)


KEYS = ["1", "11111", "2", "3", "0101", "--", "1234567890", "*#9"]


@pytest.mark.parametrize("who", ["unknown", "withheld", "shared", "barred", "left", "deceased"])
async def test_who_is_not_known_for_sure_is_told_no_name(sqlite_database: Database, who: str) -> None:
    """Whatever is pressed, and even by states of a call in which the child was chosen already."""
    database = sqlite_database
    town = absences.Morning(database)
    pupil_id, _ = await family(database, no_contact=who == "barred")
    number = {"unknown": STRANGER, "withheld": ""}.get(who, MUM)
    if who == "shared":
        await school.point(database, await school.contact(database, "Somebody"), MUM)
    if who in ("left", "deceased"):
        async with database.write() as session:
            change = {"left_on": date(2026, 11, 20)} if who == "left" else {"deceased": True}
            await session.execute(sa.update(Pupil).where(sa.column("id") == pupil_id).values(change))
    chosen = dialogue.State(dialogue.Step.CONFIRM, "en", child=pupil_id, reason="ill", first=MONDAY, last=MONDAY)
    heard = [words for keys in KEYS for words in await press(town, number, keys)]
    for step in dialogue.Step:
        heard += await press(town, number, "1", state=dataclasses.replace(chosen, step=step).packed())
    assert len(heard) > 50
    assert not [words for words in heard if "Ana" in words]
    async with database.read() as session:
        assert (await session.scalars(sa.select(PhoneReport))).first() is None
        assert (await session.scalars(sa.select(Inbound))).first() is None
    # Once the doubt is over, the same keys are heard: the test would see a name.
    if who == "barred":
        async with database.write() as session:
            await session.execute(sa.update(core(Guardianship)).values(no_contact=False))
        assert [words for words in await press(town, number, "1") if "Ana" in words]


async def test_of_two_children_only_the_one_from_whom_nobody_bars_him(site: Running, database: Database) -> None:
    _, contact_id = await family(database, name="Ana", no_contact=True)
    await school.tie(database, await school.pupil(database, "Ben"), contact_id)
    call = await (await Call(site).ring()).press("1")
    assert ("Ben" in call.heard, "Ana" in call.heard) == (True, False)


async def test_a_voice_message_is_one_reply(site: Running, database: Database) -> None:
    call = await (await Call(site, "+266696687").ring()).press("2")
    assert "It is recorded. The school keeps it for a limited time" in call.heard
    assert "We have your message" in (await call.speak(34)).heard
    await intake.handle_waiting(database, log=site.gateway.log, now=site.gateway.now())
    (reply,), (message,) = await every(site, Reply), await every(site, VoiceMessage)
    assert (reply.body, reply.inbound_id) == ("Voice message, 34 seconds.", message.inbound_id)


async def test_two_who_show_no_number_are_two_conversations(site: Running, database: Database) -> None:
    for number, sender in enumerate(("+266696687", "anonymous"), 1):
        call = await (await Call(site, sender).ring()).press("2")
        await call.speak(34, ref=f"RE{number:032x}")
    while await intake.handle_waiting(database, log=site.gateway.log, now=site.gateway.now()):
        pass
    replies, found = await every(site, Reply), await every(site, Conversation)
    assert sorted(one.address for one in found) == sorted(
        f"withheld, call {one.id}" for one in await every(site, PhoneCall)
    )
    assert {reply.conversation_id for reply in replies} == {one.id for one in found}


async def test_the_office_in_its_hours_and_out_of_them(site: Running) -> None:
    call = await (await Call(site).ring()).press("3")
    dial = call.last.find("Dial")
    assert dial is not None
    assert (dial.text, dial.attrib["timeout"]) == ("+441134960003", "25")
    path = dial.attrib["action"].removeprefix(PUBLIC)
    assert "leave a message" not in (await call.post(path, {"DialCallStatus": "completed"})).text
    assert "<Record" in (await call.post(path, {"DialCallStatus": "no-answer"})).text
    site.clock.pass_by(hours=9)  # 18:00
    night = await Call(site).ring()
    assert "The office is closed now. It opens on Tuesday the 24th of November, 8 in the morning." in night.heard
    assert "If a child may be in danger, ring 999." in night.heard
    assert "press 3" not in night.heard


async def test_trouble_of_ours_is_said_and_promises_nothing(tmp_path: Path) -> None:
    """A SQLite file in a folder that is not there: the real driver's real failure."""
    away = Database(f"sqlite+aiosqlite:///{tmp_path}/nowhere/db.sqlite")
    async with running_on(away, changed=with_line) as site:
        call = await Call(site).ring()
        assert call.heard == "Sorry, something has gone wrong here. Please ring again later."
        recorded = {"CallSid": call.sid, "RecordingSid": "RE1", "RecordingDuration": "9"}
        assert (await site.hook(RECORDED, recorded)).status == 503  # so that it is told of again
    await away.close()


async def test_a_school_that_allows_no_drafts_speaks_english(site: Running, database: Database) -> None:
    await family(database)
    gateway = dataclasses.replace(
        site.gateway,
        settings=site.gateway.settings.model_copy(update={"languages": sections.Languages(allow_drafts=False)}),
    )
    async with database.write() as session:
        ringing = calls_in.CallTurn("CA9", MUM, SCHOOL, site.gateway.now())
        step = await answering.turn(session, gateway, gateway.lines[TwilioLine.name], ringing)
    assert {say.locale for say in step.says} == {"en"}


async def test_it_is_known_who_is_on_the_phone_until_the_good_bye(site: Running, database: Database) -> None:
    await family(database)

    def somebody() -> bool:
        return site.talking.anybody(now=site.gateway.now())

    call = await Call(site).ring()
    assert somebody()
    await call.press("11121")  # the last of them confirms
    assert not somebody()
    silent = await (await Call(site).ring()).press("2")
    site.clock.pass_by(seconds=40)
    assert somebody()
    site.clock.pass_by(seconds=6)  # hung up without a word to us, most likely
    assert not somebody()
    await silent.speak(34)
    assert not somebody()  # told of twice, and over both times


async def ask_about_ana(database: Database) -> tuple[absences.Morning, int, absences.Parent, absences.Parent]:
    """The family was asked why Ana is not in school, mother and father."""
    town = await absences.Morning(database).open()
    mother, father = await town.parent("Maria"), await town.parent("Jan")
    ana = await town.child("Ana", mother, father)
    await town.mark(ana, "N")
    await town.at("10:00")
    await town.deliver()
    assert (await town.case(ana)).state is CaseState.ASKING
    return town, ana, mother, father


async def press(town: absences.Morning, number: str, keys: str, *, state: str = "") -> list[str]:
    """A call without the wire, from its ringing or from a state. Gives what was heard."""
    phone, heard = TwilioLine(ACCOUNT), list[str]()
    for key in [*([] if state else [""]), *keys]:
        asked = calls_in.CallTurn("CA5", number, SCHOOL, town.clock.now, state, key.strip("-"))
        async with town.database.write() as session:
            step = await answering.turn(session, town.gateway, phone, asked)
        heard += [say.text for say in step.says]
        if not isinstance(step.then, calls_in.Ask):
            break
        state = step.then.state
    await intake.handle_waiting(town.database, log=town.gateway.log, now=town.clock.now)
    await town.turn()
    return heard


async def test_a_report_ends_the_asking_as_a_text_would(database: Database) -> None:
    town, ana, mother, father = await ask_about_ana(database)
    await press(town, mother.number, "11121")
    case = await town.case(ana)
    assert (case.state, case.code, case.contact_id) == (CaseState.TO_CONFIRM, "I", mother.id)
    await town.at("10:20")
    assert "we now know where Ana is" in (await town.said(father.number))[1]  # who was alarmed meanwhile
    (reason,) = [row async for row in rows(database)]
    assert (reason.first, reason.last) == (MONDAY, date(2026, 11, 24))


async def test_a_report_in_the_afternoon_ends_the_search_of_the_morning(database: Database) -> None:
    town, ana, mother, _ = await ask_about_ana(database)
    await town.at("13:20")
    await town.deliver()
    assert (await town.case(ana)).state is CaseState.HANDED_OVER
    await press(town, mother.number, "11121")
    case = await town.case(ana)
    assert (case.state, case.code) == (CaseState.HANDED_OVER, "I"), "kept for whoever has taken the child over"
    assert [(task.subject, task.urgent) for task in await town.tasks("absence.word")] == [(f"case:{case.id}", True)]


async def rows(database: Database) -> AsyncIterator[AbsenceReason]:
    async with database.read() as session:
        for row in await session.scalars(sa.select(AbsenceReason)):
            yield row


async def test_a_voice_about_an_open_case_lets_the_ladder_rest_until_somebody_listens(database: Database) -> None:
    town, ana, mother, _ = await ask_about_ana(database)
    await press(town, mother.number, "")
    async with database.write() as session:
        spoken = calls_in.Recording("RE5", "CA5", 20, town.clock.now)
        await voicemail.take(session, town.gateway, TwilioLine.name, spoken)
    await intake.handle_waiting(database, log=town.gateway.log, now=town.clock.now)
    await town.turn()
    assert (await town.case(ana)).state is CaseState.UNREAD
    assert [task.kind for task in await town.tasks("absence")]

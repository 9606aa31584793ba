"""An alarm, from who hears to the all-clear: who is told, by what, who has read, and who hears what follows."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from support import desk, school
from support.absences import MAIL, NUMBER, VOICE, Morning, Parent

from channels import base
from channels.base import Medium
from config import sections
from gateway import alarm_answers, errors, notices, receipts
from gateway.database import Database
from gateway.emergency import alarm, choosing, following, passing, roll_call, shown, timing
from gateway.models import (
    CaseState,
    ContactPoint,
    EmergencyPart,
    Guardianship,
    LineType,
    Membership,
    Message,
    MessageState,
    Notice,
    NoticeState,
    OptOut,
    PointKind,
    Preference,
    PupilGroup,
    Sender,
    Wish,
)
from gateway.models.types import core
from gateway.preferences import arranging

ASKED = alarm.Asked("There is a gas leak.", "Please do not come to school.", {"whole_school": True})
EVERYTHING = {Medium.SMS, Medium.VOICE, Medium.EMAIL}

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


class Alarm(Morning):
    """A school with an alarm to send."""

    async def hold(self, **more: object) -> None:
        """The school asks for a second person."""
        settings = self.gateway.settings
        strict = settings.emergency.model_copy(update={"second_person": True, **more})
        self.gateway = replace(self.gateway, settings=settings.model_copy(update={"emergency": strict}))

    async def plan(self) -> None:
        while True:
            async with self.database.write_here() as session:
                if await notices.plan_due(session, self.gateway) is None:
                    return

    async def send(self, asked: alarm.Asked = ASKED) -> str:
        async with self.database.write() as session:
            sent = await alarm.send(session, self.gateway, asked, by="Mrs Head")
        await self.plan()
        return sent.key

    async def update(self, key: str = "") -> following.Told:
        async with self.database.write() as session:
            return await following.update(session, self.gateway, key, "It is mended.", "Come at ten.", by="Mrs Head")

    async def all_clear(self, key: str = "") -> following.Told:
        async with self.database.write() as session:
            return await following.all_clear(session, self.gateway, key, "Lessons go on as usual.", by="Mrs Head")

    async def list(self) -> roll_call.RollCall:
        async with self.database.read() as session:
            return await roll_call.read(session, self.gateway, await alarm.find(session, ""))

    async def part(self, part: EmergencyPart) -> list[Message]:
        async with self.database.read() as session:
            run_ids = await alarm.run_ids(session, await alarm.find(session, ""), part)
            query = sa.select(Message).where(core(Message).c.run_id.in_(run_ids)).order_by(core(Message).c.id)
            return list(await session.scalars(query))

    async def leaving(self, part: EmergencyPart, contact: int, *, step: int = 0) -> set[Medium]:
        return {
            one.medium
            for one in await self.part(part)
            if one.contact_id == contact and one.step == step and one.state is not MessageState.SKIPPED
        }


@pytest.fixture
async def alarmed_school(database: Database) -> Alarm:
    return await Alarm(database).open()  # type: ignore[return-value]


async def family(here: Alarm) -> tuple[int, Parent, Parent, int, int]:
    """A child with a mother, a father who lives elsewhere, a grandmother to call, and an uncle who is barred."""
    mother = await here.parent("Maria", mail="maria@example.com", written_language="pl")
    father = await here.parent("Ivan", mail="ivan@example.com")
    child = await here.child("Ana", mother)
    await school.tie(here.database, child, father.id, priority=2, parental_responsibility=True)
    gran, uncle = [await school.contact(here.database, name) for name in ("Gran", "Uncle")]
    await school.point(here.database, gran, "+441134960555", line_type=LineType.LANDLINE)
    await school.point(here.database, uncle, school.number())
    await school.tie(here.database, child, gran, priority=3, relation="Grandmother")
    await school.tie(here.database, child, uncle, priority=4, no_contact=True)
    return child, mother, father, gran, uncle


async def test_all_who_answer_and_the_emergency_contacts_by_every_channel_but_nobody_barred(
    alarmed_school: Alarm,
) -> None:
    here = alarmed_school
    _, mother, father, gran, uncle = await family(here)
    await here.send()
    assert await here.leaving(EmergencyPart.ALARM, mother.id) == EVERYTHING
    assert await here.leaving(EmergencyPart.ALARM, father.id) == EVERYTHING
    assert await here.leaving(EmergencyPart.ALARM, gran) == {Medium.VOICE}  # a landline is rung
    assert await here.leaving(EmergencyPart.ALARM, uncle) == set()
    rows = await here.part(EmergencyPart.ALARM)
    assert {one.reason for one in rows if one.contact_id == uncle} == {"barred"}
    assert {one.priority for one in rows} == {0}
    [text] = [one for one in rows if one.address == mother.number and one.medium is Medium.SMS]
    assert text.language == "pl"
    assert text.keys == "1"
    again = [one for one in rows if one.step == 1 and one.state is MessageState.QUEUED]
    assert {one.medium for one in again} == {Medium.VOICE}
    assert {one.due_at - text.due_at for one in again} == {timedelta(minutes=10)}


async def test_it_goes_past_what_a_family_has_declined_and_says_so(alarmed_school: Alarm) -> None:
    here = alarmed_school
    _, mother, *_ = await family(here)
    declined = OptOut(medium=Medium.EMAIL, address=mother.mail, since=desk.NOW, mandatory_too=False)
    stopped = OptOut(medium=Medium.SMS, address=mother.number, since=desk.NOW)
    await school.add(here.database, declined, stopped)
    async with here.database.read() as session:
        outlook = await alarm.preview(session, here.gateway, ASKED)
    assert outlook.passes == {passing.DECLINED: 1}
    assert f"1 message: {passing.DECLINED}" in shown.remarks(outlook)
    await here.send()
    assert await here.leaving(EmergencyPart.ALARM, mother.id) == {Medium.VOICE, Medium.EMAIL}
    assert (await here.list()).passed == {passing.DECLINED: 1}
    wish = Preference(contact_id=mother.id, topic="*", medium=Medium.VOICE, wish=Wish.OFF, since=desk.NOW)
    await school.add(here.database, wish)
    await here.update()
    calls = [
        one for one in await here.part(EmergencyPart.UPDATE) if (one.contact_id, one.medium) == (mother.id, "voice")
    ]
    assert {one.remark for one in calls} == {arranging.PREFERENCE_PASSED}


@SQLITE
async def test_it_goes_past_quiet_hours_and_says_so(alarmed_school: Alarm) -> None:
    here = alarmed_school
    here.clock.now = datetime(2026, 11, 23, 23, 30, tzinfo=UTC)
    await family(here)
    async with here.database.read() as session:
        outlook = await alarm.preview(session, here.gateway, ASKED)
    assert any("Passes the quiet hours" in sentence for sentence in shown.remarks(outlook))
    await here.send()
    await here.update()
    for part in (EmergencyPart.ALARM, EmergencyPart.UPDATE):
        rows = [one for one in await here.part(part) if one.state is MessageState.QUEUED and one.step == 0]
        assert {one.due_at for one in rows} == {here.clock.now}
        assert all("Passes the quiet hours" in one.remark for one in rows)
    assert any("Passes the quiet hours" in what for what in (await here.list()).passed)


async def test_a_child_is_covered_when_one_who_answers_for_it_has_read(alarmed_school: Alarm) -> None:
    here = alarmed_school
    child, mother, father, gran, _ = await family(here)
    other = await here.child("Ben", await here.parent("Eve"))
    await here.send()
    await here.deliver()
    assert [one.id for one in (await here.list()).uncovered] == [child, other]
    [call] = [one for one in await here.part(EmergencyPart.ALARM) if one.contact_id == gran and one.step == 0
              and one.medium is Medium.VOICE]  # fmt: skip
    await here.answer("+441134960555", keys="1", to=call)
    found = await here.list()
    assert child in [one.id for one in found.uncovered], "she may be rung, and does not answer for the child"
    [said] = next(one for one in found.children if one.id == child).said
    assert (said.read, said.answers_for, said.relation) == (True, False, "Grandmother")
    await here.answer(father.number, "who is this?")
    assert child in [one.id for one in (await here.list()).uncovered], "words are for a person"
    await here.answer(mother.number, "1 thank you")
    found = await here.list()
    assert [one.id for one in found.uncovered] == [other]
    assert shown.headline(found).startswith("1 of 2 children")
    assert "who is this?" in shown.answers(next(one for one in found.children if one.id == child))


@SQLITE
async def test_a_shared_phone_and_key_one_in_a_call_count(alarmed_school: Alarm) -> None:
    here = alarmed_school
    shared = school.number()
    mother, father = await here.parent("Maria", number=shared), await here.parent("Ivan", number=shared)
    child = await here.child("Ana", mother, father)
    async with here.database.read() as session:
        assert (await alarm.preview(session, here.gateway, ASKED)).people == 2
    await here.send()
    await here.deliver()
    call = next(one for one in await here.part(EmergencyPart.ALARM) if one.medium is Medium.VOICE and one.address)
    await here.answer(shared, keys="1", to=call)
    [one] = (await here.list()).children
    assert (one.id, one.covered) == (child, True)
    assert one.said[0].name == "Maria Example or Ivan Example"


async def test_after_a_time_only_those_are_rung_again_who_have_not_read(alarmed_school: Alarm) -> None:
    here = alarmed_school
    _, mother, father, gran, _ = await family(here)
    await here.send()
    await here.deliver()
    await here.answer(mother.number, "1")
    here.clock.pass_(minutes=11)
    async with here.database.read() as session:
        lane = (await session.scalars(sa.select(Sender).where(core(Sender).c.address == VOICE))).one()
    claim = await desk.claim(here.database, lane.id or 0, now=here.clock.now, urgent=50)
    assert {row["contact_id"] for row in claim.messages} == {father.id, gran}
    stopped = {one.contact_id: one.reason for one in await here.part(EmergencyPart.ALARM) if one.step == 1}
    assert stopped[mother.id] == "answered"


async def test_what_follows_goes_to_exactly_those_who_were_alarmed(alarmed_school: Alarm) -> None:
    here = alarmed_school
    shared = school.number()
    stays, merged = await here.parent("Stays", number=shared), await here.parent("Merged", number=shared)
    barred, gone = await here.parent("Barred"), await here.parent("Gone")
    child = await here.child("Ana", stays, merged, barred, gone)
    mute = await school.contact(here.database, "Mute")
    await school.tie(here.database, child, mute, priority=9, parental_responsibility=True)
    await here.send()
    await here.deliver()
    new = await here.parent("New")
    await school.tie(here.database, child, new.id, priority=8, parental_responsibility=True)
    heir = await here.parent("Heir", number=gone.number)  # the MIS has given the same person another id
    await school.tie(here.database, child, heir.id, priority=7, parental_responsibility=True)
    ties = core(Guardianship)
    async with here.database.write() as session:
        await session.execute(sa.update(ties).where(ties.c.contact_id == barred.id).values(no_contact=True))
        await session.execute(sa.delete(ties).where(ties.c.contact_id == gone.id))
        await session.execute(sa.delete(core(ContactPoint)).where(core(ContactPoint).c.contact_id == gone.id))
        point = ContactPoint(contact_id=mute, kind=PointKind.PHONE, address=school.number(), line_type=LineType.MOBILE)
        session.add(point)
    told = await here.update()
    assert told.facts == {"told": 3, "unreachable": 0, "barred_since": 1, "gone": 1, "not_alarmed": 2}
    rows = await here.part(EmergencyPart.UPDATE)
    sent = {one.address for one in rows if one.state is MessageState.QUEUED}
    assert sent == {shared, gone.number}
    assert {one.reason for one in rows if one.contact_id == barred.id} == {"barred"}
    assert {one.contact_id for one in rows if one.reason == "merged"} & {stays.id, merged.id}
    assert not {one.contact_id for one in rows} & {new.id, mute}
    said = " ".join(following.sentences(told.facts))
    assert "1 barred since: not told." in said
    assert "2 on file today whom the alarm has not gone to" in said


async def test_an_update_takes_the_place_of_the_call_that_would_repeat_the_alarm(alarmed_school: Alarm) -> None:
    """What was said first would be the last thing heard: “do not come”, after “come at ten”."""
    here = alarmed_school
    reads, silent, engaged = [await here.parent(name) for name in ("Reads", "Silent", "Engaged")]
    await here.child("Ana", reads, silent, engaged)
    await here.send()
    t = core(Message)
    async with here.database.write() as session:  # nothing of the alarm has reached this one yet
        mine = sa.update(t).where(t.c.contact_id == engaged.id, t.c.step == 0, t.c.state == MessageState.QUEUED)
        await session.execute(mine.values(state=MessageState.FAILED))
    await here.deliver()
    here.clock.pass_(minutes=5)
    told = await here.update()
    assert told.facts["told"] == 3, "whoever was still to be rung is told by the update"
    alarms = [one for one in await here.part(EmergencyPart.ALARM) if one.step == 1 and one.address]
    assert {(one.state, one.reason) for one in alarms} == {(MessageState.CANCELLED, "newer")}
    await here.deliver()
    await here.answer(reads.number, "1")
    here.clock.pass_(minutes=11)
    async with here.database.read() as session:
        lane = (await session.scalars(sa.select(Sender).where(core(Sender).c.address == VOICE))).one()
    claim = await desk.claim(here.database, lane.id or 0, now=here.clock.now, urgent=50)
    assert {row["contact_id"] for row in claim.messages} == {silent.id, engaged.id}
    assert all("It is mended." in row["body"] for row in claim.messages)


async def test_a_text_of_the_alarm_that_failed_is_not_tried_again_after_an_update(alarmed_school: Alarm) -> None:
    """Nor is what was said first the last that is read on a phone that was off: “do not come”, after “come at ten”."""
    here = alarmed_school
    mother = await here.parent()
    await here.child("Ana", mother)
    await here.send()
    await here.deliver(MessageState.ACCEPTED)
    here.clock.pass_(minutes=5)
    await here.update()
    [text] = [one for one in await here.part(EmergencyPart.ALARM) if one.medium is Medium.SMS]
    failed = base.Receipt(
        state=base.ReceiptState.FAILED, at=here.clock.now, ref="", message_id=text.id, attempt=text.attempt,
        reason=base.Reason.TEMPORARY, event_id="off", raw={},
    )  # fmt: skip
    async with here.database.write() as session:
        assert await receipts.apply(session, failed, log=desk.LOG, now=here.clock.now) == "changed"
    texts = [one for one in await here.part(EmergencyPart.ALARM) if one.medium is Medium.SMS]
    assert [one.state for one in texts] == [MessageState.FAILED]


async def test_nobody_is_updated_whom_no_alarm_has_gone_to(alarmed_school: Alarm) -> None:
    here = alarmed_school
    await here.child("Ana", await here.parent())
    async with here.database.write() as session:
        await alarm.send(session, here.gateway, ASKED, by="Mrs Head")
    with pytest.raises(errors.Conflict, match="still being planned"):
        await here.update()
    await here.plan()
    async with here.database.write() as session:
        await session.execute(sa.update(core(Message)).values(state=MessageState.FAILED))
    with pytest.raises(errors.Conflict, match="nobody to update"):
        await here.update()


async def test_the_all_clear_takes_back_what_has_not_left_and_tells_nobody_whom_it_would_alarm(
    alarmed_school: Alarm,
) -> None:
    here = alarmed_school
    early, late = await here.parent("Early"), await here.parent("Late")
    await here.child("Ana", early)
    await here.child("Ben", late)
    key = await here.send()
    t = core(Message)
    async with here.database.write() as session:
        first = sa.update(t).where(t.c.contact_id == early.id, t.c.step == 0, t.c.state == MessageState.QUEUED)
        await session.execute(first.values(state=MessageState.ACCEPTED))
    told = await here.all_clear(key)
    assert told.taken_back == 4  # the text and the call to Late, and both calls that would have come later
    rows = await here.part(EmergencyPart.ALL_CLEAR)
    assert {one.contact_id for one in rows if one.state is MessageState.QUEUED} == {early.id}
    assert await here.leaving(EmergencyPart.ALARM, late.id) == EVERYTHING - {Medium.EMAIL}  # cancelled, not skipped
    assert {one.state for one in await here.part(EmergencyPart.ALARM) if one.contact_id == late.id and one.address} == {
        MessageState.CANCELLED
    }
    with pytest.raises(errors.Conflict, match="gave the all-clear"):
        await here.all_clear(key)
    with pytest.raises(errors.Conflict, match="gave the all-clear"):
        await here.update(key)


async def test_an_update_waits_at_the_wall_for_the_alarm_that_never_left(alarmed_school: Alarm) -> None:
    """It was planned while the alarm was still to leave, and that one has expired since."""
    here = alarmed_school
    parent = await here.parent("Maria")
    await here.child("Ana", parent)
    await here.send()
    await here.update()
    t = core(Message)
    async with here.database.write() as session:
        alarms = [one.id for one in await here.part(EmergencyPart.ALARM)]
        await session.execute(sa.update(t).where(t.c.id.in_(alarms)).values(state=MessageState.EXPIRED))
        lane = (await session.scalars(sa.select(Sender).where(core(Sender).c.address == NUMBER))).one()
    claim = await desk.claim(here.database, lane.id or 0, now=here.clock.now)
    assert not claim.messages
    [text] = [one for one in await here.part(EmergencyPart.UPDATE) if one.medium is Medium.SMS]
    assert (text.state, text.reason) == (MessageState.SKIPPED, "not_alarmed")


@SQLITE
async def test_a_second_person_where_the_school_asks_for_it(alarmed_school: Alarm) -> None:
    here = alarmed_school
    await here.hold(call_again_after="")
    await here.child("Ana", await here.parent())
    key = await here.send()
    assert {one.state for one in await here.part(EmergencyPart.ALARM) if one.address} == {MessageState.HELD}
    with pytest.raises(errors.Conflict, match="somebody else"):
        async with here.database.write() as session:
            await notices.approve(session, here.gateway, key, approver="Mrs Head")
    async with here.database.write() as session:
        await notices.approve(session, here.gateway, key, approver="Mr Deputy")
    rows = [one for one in await here.part(EmergencyPart.ALARM) if one.address]
    assert {one.state for one in rows} == {MessageState.QUEUED}
    assert {one.step for one in rows} == {0}, "nobody is rung again where the school wants that so"


@SQLITE
async def test_who_waits_for_the_second_person_is_told_so_and_nothing_lies(alarmed_school: Alarm) -> None:
    here = alarmed_school
    await here.hold()
    await here.child("Ana", await here.parent())
    async with here.database.write() as session:
        sent = await alarm.send(session, here.gateway, ASKED, by="office:Head")
    await here.plan()
    found = await here.list()
    assert [child.way for child in found.children] == ["held"]
    assert "somebody other than office:Head" in found.troubles[0]
    with pytest.raises(errors.Conflict, match="waits for a second person"):
        await here.update()
    for approver, late, said in (("office:head", 0, "somebody else"), ("office:Deputy", 121, "no longer worth saying")):
        here.clock.pass_(minutes=late)
        with pytest.raises(errors.Conflict, match=said):
            async with here.database.write() as session:
                await notices.approve(session, here.gateway, sent.key, approver=approver)
    assert (await here.all_clear()).facts["told"] == 0


@SQLITE
async def test_a_school_that_texts_as_a_name_can_alarm_too(alarmed_school: Alarm) -> None:
    here = alarmed_school
    settings, name = here.gateway.settings, sections.TextSender(address="Oakfield")
    twilio = settings.twilio.model_copy(update={"sms_senders": (name,)})
    here.gateway = replace(here.gateway, settings=settings.model_copy(update={"twilio": twilio}))
    await here.child("Ana", await here.parent(written_language="pl"))
    words = {"en": "A gas leak.", "pl": "Gaz."}
    asked = replace(ASKED, what_happened=words, what_to_do={"en": "Stay at home.", "pl": "Zostań w domu."})
    async with here.database.read() as session:
        outlook = await alarm.preview(session, here.gateway, asked)
    assert any("Texts come from a name" in sentence for sentence in shown.remarks(outlook))
    await here.send(asked)
    [text] = [one for one in await here.part(EmergencyPart.ALARM) if one.medium is Medium.SMS]
    assert (text.language, text.keys) == ("pl", "")
    assert "Gaz. Zostań w domu." in text.body


async def test_two_who_press_at_once_send_one_alarm(alarmed_school: Alarm) -> None:
    here = alarmed_school
    await here.child("Ana", await here.parent())

    async def press(who: str, **how: object) -> object:
        try:
            async with here.database.write() as session:
                return await alarm.send(session, here.gateway, replace(ASKED, **how), by=who)  # type: ignore[arg-type]
        except errors.Conflict as error:
            return str(error)

    pressed = await asyncio.gather(*(press(who) for who in ("Mrs Head", "Mr Deputy")))
    [refused] = [one for one in pressed if isinstance(one, str)]
    assert "has sent an alarm at 09:00:00 already: emergency-2026-11-23-1" in refused
    async with here.database.read() as session:
        outlook = await alarm.preview(session, here.gateway, ASKED)
        key = await alarm.next_key(session, here.gateway)
    assert any("emergency-2026-11-23-1 by" in sentence for sentence in shown.remarks(outlook))
    seen = [await press("Mrs Head", key=key), await press("Mr Deputy", key=key)]
    assert [isinstance(one, str) for one in seen] == [False, True], "who looked at the same alarms the first time sends"
    assert not isinstance(await press("Mrs Head", another=True), str)
    here.clock.pass_(minutes=11)
    assert not isinstance(await press("Mrs Head"), str)


@SQLITE
async def test_of_two_emergencies_the_one_that_is_meant_is_named(alarmed_school: Alarm) -> None:
    here = alarmed_school
    await here.child("Ana", await here.parent())
    await here.child("Ben", await here.parent(), form="3B")
    first = await here.send(replace(ASKED, audience={"forms": ["3A"]}))
    await here.deliver()
    second = await here.send(replace(ASKED, audience={"forms": ["3B"]}, another=True))
    await here.deliver()
    for deed in (here.update, here.all_clear):
        with pytest.raises(errors.Conflict, match=f"Name the one that you mean: {second}, {first}"):
            await deed()
    await here.all_clear(second)
    assert (await here.update()).emergency.key == first, "the only one that is not over"


@SQLITE
async def test_what_was_broken_off_is_sent_anew_at_once(alarmed_school: Alarm) -> None:
    """As the list says: nobody is told to look at that one first."""
    here = alarmed_school
    await here.child("Ana", await here.parent())
    key = await here.send()
    async with here.database.write() as session:
        notice = core(Notice)
        await session.execute(sa.update(notice).where(notice.c.key == key).values(state=NoticeState.BROKEN))
    assert any("Send it anew" in one for one in (await here.list()).troubles)
    assert await here.send() != key


@SQLITE
async def test_other_words_than_read_are_for_a_person_who_may_note_that_a_child_is_seen_to(
    alarmed_school: Alarm,
) -> None:
    here = alarmed_school
    mother, father = await here.parent("Maria"), await here.parent("Ivan")
    ana = await here.child("Ana", mother, father)
    await here.child("Ben", await here.parent("Eve"))
    await here.send()
    await here.deliver(MessageState.ACCEPTED)
    assert {child.way for child in (await here.list()).children} == {"sent"}, "nobody has said that it arrived"
    await here.answer(mother.number, "HELP")
    await here.answer(father.number, "Yes")
    found = next(child for child in (await here.list()).children if child.id == ana)
    assert "“HELP”" in shown.answers(found)
    assert "“Yes”" in shown.answers(found)
    assert not found.covered
    for how, covered in (("rang the mother", True), ("", False)):
        async with here.database.write() as session:
            emergency = await alarm.find(session, "")
            await roll_call.note(session, here.gateway, emergency, found.source_id, how=how, by="Mrs Office")
        assert (found.id not in [child.id for child in (await here.list()).uncovered]) is covered
    with pytest.raises(errors.NotFound, match="concerns no child"):
        async with here.database.write() as session:
            await roll_call.note(session, here.gateway, emergency, "nobody", how="x", by="Mrs Office")


@SQLITE
async def test_a_digit_to_an_absence_that_is_asked_about_meanwhile_explains_no_child(alarmed_school: Alarm) -> None:
    """“1” may be “read”, and not “ill”: a person asks."""
    here = alarmed_school
    mother = await here.parent()
    ana = await here.child("Ana", mother)
    await here.send()
    await here.deliver()
    await here.mark(ana, "N")
    await here.at("09:45")
    await here.deliver()
    assert "not in school" in (await here.said(mother.number, Medium.SMS))[-1].lower()
    await here.answer(mother.number, "1")
    assert await here.states(ana) == [CaseState.ASKING]
    assert [child.id for child in (await here.list()).uncovered] == [ana]


@SQLITE
async def test_a_year_and_a_group_are_alarmed_and_nobody_else(alarmed_school: Alarm) -> None:
    here = alarmed_school
    third, choir, other = await here.parent("Third"), await here.parent("Choir"), await here.parent("Other")
    await here.child("Ana", third, year="3", form="3A")
    ben = await here.child("Ben", choir, year="10", form="10B")
    await here.child("Cem", other, year="R", form="RX")
    await school.add(here.database, PupilGroup(name="Choir"))
    async with here.database.write() as session:
        session.add(Membership(group_id=await session.scalar(sa.select(core(PupilGroup).c.id)) or 0, pupil_id=ben))
    async with here.database.read() as session:
        found = await choosing.choices(session, today=here.gateway.today())
    assert found.years == [("R", 1), ("3", 1), ("10", 1)]
    assert (found.children, found.groups) == (3, [("Choir", 1)])
    await here.send(replace(ASKED, audience={"years": ["3"], "groups": ["choir"]}))
    leaving = [one for one in await here.part(EmergencyPart.ALARM) if one.state is not MessageState.SKIPPED]
    assert {one.contact_id for one in leaving} == {third.id, choir.id}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("pl:Gaz.:Zostań w domu.", ("Gaz.", "Zostań w domu.")),
        ("pl | Gaz od 9:30. | Zostań: w domu.", ("Gaz od 9:30.", "Zostań: w domu.")),
        ("pl: Gaz od 9:30.: Zostań w domu.", "is not LANGUAGE"),  # not “Gaz od 9”, and “30.: Zostań …” to do
        ("pl:Gaz.", "is not LANGUAGE"),
        ("pl::x", "is not LANGUAGE"),
        ("klingon:a:b", "is not a language"),
        ("en:a:b", "are there already"),
    ],
)
def test_nobody_gets_half_a_sentence_in_their_language(line: str, said: tuple[str, str] | str) -> None:
    if isinstance(said, str):
        with pytest.raises(errors.BadInput, match=said):
            alarm.by_language("Gas.", "Stay.", [line])
        return
    happened, to_do = alarm.by_language("Gas.", "Stay.", [line])
    assert (happened, to_do) == ({"en": "Gas.", "pl": said[0]}, {"en": "Stay.", "pl": said[1]})


@pytest.mark.parametrize(
    "said",
    ["1", " 1. ", "١", "1️⃣", "１", "1 ok", "OK 1", "1ok", "Reply 1", "No. 1", "1 👍", "1 dziękuję", "1, thanks x", "one",
     "Jeden", "ایک", "1 Read and understood", "read and understood", "1 przeczytane", "yes 1"],
)  # fmt: skip
def test_one_in_any_form_is_read(said: str) -> None:
    assert alarm_answers.says_read(said, "pl" if "prze" in said else "en")


@pytest.mark.parametrize(
    "said",
    ["2", "10", "1?", "not 1", "1 no", "1 but Ana is inside", "STOP", "YES", "1 2", "1:30", "1st", "", "👍", "I"],
)
def test_what_may_mean_something_else_is_not(said: str) -> None:
    assert not alarm_answers.says_read(said, "en")


@pytest.mark.parametrize(
    ("rate", "burst", "parts", "seconds"),
    [(1, 1, [2] * 1200, 2399), (10, 1, [2] * 1200, 239.9), (1, 1, [1], 0), (10, 100, [1] * 50, 0)],
)
def test_the_time_is_that_of_the_rates(rate: float, burst: float, parts: Sequence[int], seconds: float) -> None:
    """1,200 parents with two parts each take 40 minutes at one part a second, and 4 at ten (domain.md 3.10)."""
    lane = timing.Lane(Medium.SMS, NUMBER, rate, burst, messages=len(parts), parts=sum(parts))
    assert lane.seconds == pytest.approx(seconds)


@pytest.mark.parametrize(("seconds", "said"), [(0, "0 s"), (2.2, "3 s"), (2399, "40 min"), (7199, "2 h 0 min")])
def test_spans_are_never_less_than_they_are(seconds: float, said: str) -> None:
    assert timing.span(seconds) == said


@SQLITE
async def test_the_time_by_each_channel_and_language_is_told_first(alarmed_school: Alarm) -> None:
    here = alarmed_school
    await family(here)
    async with here.database.write() as session:
        t = core(Sender)
        await session.execute(sa.update(t).where(t.c.address == NUMBER).values(rate=0.5, burst=1))
    async with here.database.read() as session:
        outlook = await alarm.preview(session, here.gateway, ASKED)
    found = {channel.medium: channel for channel in outlook.channels}
    assert (found[Medium.SMS].messages, found[Medium.VOICE].messages, found[Medium.EMAIL].messages) == (2, 3, 2)
    assert set(found[Medium.SMS].by_language) == {"pl", "en"}
    assert found[Medium.SMS].seconds == (found[Medium.SMS].parts - 1) / 0.5
    assert NUMBER in shown.times(outlook.channels)[0]
    assert MAIL in shown.times(outlook.channels)[1]
    assert outlook.people == 3
    async with here.database.write() as session:
        await session.execute(sa.update(core(Sender)).where(core(Sender).c.address == NUMBER).values(rate=0.0001))
    async with here.database.read() as session:
        slow = await alarm.preview(session, here.gateway, ASKED)
    assert any("The last texts would not leave" in sentence for sentence in shown.remarks(slow))

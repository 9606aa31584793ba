"""What comes after a case seemed to be over: marks that change again, days that are past, a person's own eyes."""

from __future__ import annotations

from datetime import timedelta

import pytest
from support.absences import AM, PM, TODAY, Morning

from channels.base import Medium
from gateway import audit
from gateway.absence import deeds, listening, reasons, registers
from gateway.database import Database
from gateway.models import CaseState as S
from gateway.models import MessageState
from gateway.registers import marks
from gateway.understanding import library


@pytest.fixture
async def morning(database: Database) -> Morning:
    return await Morning(database).open()


async def asked(morning: Morning) -> tuple[int, str]:
    mother = await morning.parent()
    child = await morning.child("Ana", mother)
    await morning.mark(child, "N")
    await morning.at("09:30")
    await morning.deliver()
    return child, mother.number


async def settle(morning: Morning, child: int, verdict: deeds.Verdict, by: str = "Mrs Office") -> None:
    case = await morning.case(child)
    async with morning.database.write() as session:
        await deeds.settle(session, morning.gateway, morning.rules, case.id or 0, verdict, by=by)
    await morning.turn()


async def test_of_an_earlier_day_nobody_hears_about_today(morning: Morning) -> None:
    child, mother = await asked(morning)
    await settle(morning, child, deeds.Verdict(S.HANDED_OVER, "Mr Reilly"))
    before = await morning.said(mother)
    morning.clock.now += timedelta(days=1)
    await settle(morning, child, deeds.Verdict(S.EXPLAINED, "Maria", "I"))
    assert await morning.said(mother) == before
    assert (await morning.case(child)).tell == ""


async def test_who_was_found_by_a_person_is_not_asked_about_again(morning: Morning) -> None:
    child, mother = await asked(morning)
    await settle(morning, child, deeds.Verdict(S.SEEN, "Mrs Office"))
    await morning.deliver()
    said = await morning.said(mother)
    again = marks.Given(child, TODAY, AM, "N", comment="not in tutor group")
    async with morning.database.write() as session:
        source = marks.Source("by hand", "Mr Tutor", filed=False)
        await registers.take_in(session, morning.gateway, morning.rules, [again], source)
    await morning.pass_(minutes=40)
    assert (await morning.states(child), await morning.said(mother)) == ([S.SEEN], said)
    await morning.mark(child, "/")
    await morning.mark(child, "N")  # the register says now that the child is not there, after all
    await morning.turn()
    assert await morning.states(child) == [S.SEEN]
    assert [task.urgent for task in await morning.tasks("absence.seen")] == [True]
    assert await morning.said(mother) == said


async def test_who_sits_in_class_in_the_afternoon_is_not_looked_for_because_of_the_morning(morning: Morning) -> None:
    child, mother = await asked(morning)
    await morning.at("13:20")
    await morning.mark(child, "\\", session=PM)
    await morning.turn()
    await morning.deliver()
    said = await morning.said(mother)
    await morning.mark(child, "O")
    await morning.mark(child, "N")
    await morning.pass_(minutes=30)
    assert (await morning.case(child)).state is S.SEEN
    assert await morning.said(mother) == said


async def test_a_mark_that_is_taken_away_is_gone_and_its_child_is_looked_for(morning: Morning) -> None:
    child, mother = await asked(morning)
    await morning.mark(child, "/")
    await morning.turn()
    await morning.deliver()
    said = await morning.said(mother)
    await morning.mark(child, "")
    await morning.pass_(minutes=20)
    async with morning.database.read() as session:
        assert await marks.codes_of(session, [child], TODAY, AM) == {}
        line = (await audit.lines_about(session, action="mark.changed"))[0]
    assert '"after":"none"' in line.body
    assert [task.urgent for task in await morning.tasks("absence.seen")] == [True]
    assert await morning.said(mother) == said  # a register that was not taken is the teacher's business


async def test_a_file_takes_away_only_what_files_have_said(morning: Morning) -> None:
    child = await morning.child("Ana", await morning.parent())
    await morning.mark(child, "/", source=marks.Source("by hand", "Mrs Office", filed=False))
    await morning.mark(child, "")
    async with morning.database.read() as session:
        assert await marks.codes_of(session, [child], TODAY, AM) == {child: "/"}
    await morning.mark(child, "", source=marks.Source("by hand", "Mrs Office", filed=False))
    async with morning.database.read() as session:
        assert await marks.codes_of(session, [child], TODAY, AM) == {}


@pytest.mark.parametrize(("code", "alarmed"), [("I", True), ("M", False)])
async def test_what_the_office_is_told_of_a_child_in_class_goes_to_a_person(
    morning: Morning, code: str, alarmed: bool
) -> None:
    child = await morning.child("Ana", await morning.parent())
    await morning.mark(child, "/")
    said = reasons.Said(child, TODAY, TODAY, "", code, "Maria (mother)", taken_by="Mrs Office")
    async with morning.database.write() as session:
        sentence = await deeds.report(session, morning.gateway, morning.rules, said)
    assert ("find out now" in sentence) is alarmed
    assert [task.urgent for task in await morning.tasks("absence.alarm")] == [True] * alarmed


async def test_a_phone_that_has_just_rung_out_is_not_rung_again_at_once(morning: Morning) -> None:
    mother, father = await morning.parent(), await morning.parent("Ivan")
    child = await morning.child("Ana", mother, father)
    await morning.mark(child, "N")
    for clock in ("09:30", "09:50"):
        await morning.at(clock)
        await morning.deliver()
    while not await morning.said(mother.number, Medium.VOICE):
        await morning.pass_(minutes=1)
    await morning.deliver(MessageState.FAILED, changed_at=morning.clock.now)
    await morning.pass_(minutes=2)
    assert len(await morning.said(mother.number, Medium.VOICE)) == 1
    assert len(await morning.said(father.number, Medium.VOICE)) == 1


async def test_a_call_that_fails_late_does_not_cut_short_the_time_of_who_rings(morning: Morning) -> None:
    child = await morning.child("Ana", await morning.parent())
    await morning.mark(child, "N")
    await morning.at("09:30")
    while not await morning.tasks("absence.phone"):
        await morning.deliver(MessageState.ACCEPTED)
        await morning.pass_(minutes=1)
    case = await morning.case(child)
    async with morning.database.write() as session:
        for message in await morning.messages(about=child):
            message.state = MessageState.FAILED
            session.add(message)
    await morning.turn()
    assert (await morning.case(child)).next_at == case.next_at
    assert await morning.states(child) == [S.ASKING]


async def test_a_family_that_has_answered_need_not_be_rung(database: Database) -> None:
    morning = await Morning(database, understanding=listening.by_words(library.load())).open()
    mother = await morning.parent()
    child = await morning.child("Ana", mother)
    await morning.mark(child, "N")
    await morning.at("09:30")
    while not await morning.tasks("absence.phone"):
        await morning.deliver()
        await morning.pass_(minutes=1)
    await morning.answer(mother.number, "Ana is ill today, sorry")
    assert await morning.states(child) == [S.TO_CONFIRM]
    assert [task.done_by for task in await morning.tasks("absence.phone")] == ["handbell: the family has answered"]


async def test_who_takes_over_after_another_is_named_and_a_new_code_is_logged(morning: Morning) -> None:
    child, _ = await asked(morning)
    await settle(morning, child, deeds.Verdict(S.HANDED_OVER, "Mr Reilly"))
    await settle(morning, child, deeds.Verdict(S.HANDED_OVER, "Mrs Patel"))
    assert (await morning.case(child)).by == "Mrs Patel"
    await settle(morning, child, deeds.Verdict(S.EXPLAINED, "Maria", "I"))
    await settle(morning, child, deeds.Verdict(S.EXPLAINED, "Maria", "C"), by="Head")
    async with morning.database.read() as session:
        decided = (await audit.lines_about(session, action="absence.decided"))[0]
        changed = (await audit.lines_about(session, action="absence.changed"))[0]
    assert (decided.actor, '"code":"C"' in decided.body) == ("Head", True)
    assert '"code":"I"' in changed.body


async def test_what_was_taken_down_by_mistake_is_taken_back(morning: Morning) -> None:
    child = await morning.child("Ana", await morning.parent())
    said = reasons.Said(child, TODAY, TODAY + timedelta(days=3), "", "I", "Maria (mother)", taken_by="Mrs Office")
    async with morning.database.write() as session:
        await deeds.report(session, morning.gateway, morning.rules, said)
    async with morning.database.read() as session:
        [(reason, pupil)] = await reasons.standing(session, today=TODAY)
    assert (pupil.id, reason.code) == (child, "I")

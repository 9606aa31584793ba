"""Mornings, turn by turn: who is asked, who is told, and in which state of the child each of them ends."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from support import desk, school
from support.absences import AM, PM, TODAY, Morning

from channels.base import Medium
from gateway.absence import deeds, sweep
from gateway.database import Database
from gateway.models import CaseState as S
from gateway.models import MessageState, Sender
from gateway.models.types import core
from gateway.registers import marks

BY_HAND = marks.Source("by hand", "Mrs Office", filed=False)


@pytest.fixture
async def morning(database: Database) -> Morning:
    return await Morning(database).open()


async def test_the_sweep_waits_until_the_register_has_been_closed_for_a_while(morning: Morning) -> None:
    mother = await morning.parent()
    child = await morning.child("Ana", mother)
    await morning.mark(child, "N")
    await morning.at("09:24")
    assert await morning.cases() == 0
    await morning.at("09:25")
    assert await morning.states(child) == [S.ASKING]
    (text,) = await morning.said(mother.number)
    assert text.startswith("Oakfield: Ana is not in school today, Monday 23 November")
    assert "Reply 1 for ill" in text
    await morning.at("09:40")
    assert await morning.cases() == 1
    assert len(await morning.messages()) == 1


@pytest.mark.parametrize("code", ["/", "L", "I", "V", "E", "Y5", "G", "X", "#"])
async def test_a_code_that_says_why_asks_nobody(morning: Morning, code: str) -> None:
    child = await morning.child("Ana", await morning.parent())
    await morning.mark(child, code)
    await morning.at("12:00")
    assert await morning.cases() == 0
    assert await morning.messages() == []


async def test_a_missing_mark_is_a_register_not_taken_and_nothing_for_parents(morning: Morning) -> None:
    taken = await morning.child("Ana", await morning.parent())
    await morning.child("Ben", await morning.parent(), form="4B")
    await morning.mark(taken, "/")
    await morning.at("09:30")
    (task,) = await morning.tasks()
    assert task.kind == "register"
    assert "4B" in task.what
    assert await morning.messages() == []
    assert await morning.cases() == 0


async def test_no_register_at_all_is_one_loud_task(morning: Morning) -> None:
    for form in ("3A", "4B", "5C"):
        await morning.child("Ana", await morning.parent(), form=form)
    await morning.at("09:30")
    (task,) = await morning.tasks()
    assert (task.urgent, task.loud_at is not None) == (True, True)
    assert "No register has come in yet (23 November, morning)" in task.what


async def test_a_register_of_yesterday_is_asked_after_no_more(morning: Morning) -> None:
    taken = await morning.child("Ana", await morning.parent())
    await morning.child("Ben", await morning.parent(), form="4B")
    await morning.at("09:30")
    await morning.mark(taken, "/")
    await morning.at("09:31")
    morning.clock.now = datetime(TODAY.year, TODAY.month, TODAY.day, 23, 59, tzinfo=UTC)
    await morning.turn()
    assert [bool(one.open_key) for one in await morning.tasks()] == [False, True], "the day is not over"
    morning.clock.now += timedelta(hours=7)
    await morning.turn()
    [_, form] = await morning.tasks()
    assert (form.open_key, form.done_by) == (None, "handbell: the day is over")
    morning.clock.now += timedelta(hours=3)
    await morning.turn()
    assert [one.what for one in await morning.tasks() if one.open_key] == [
        "No register has come in yet (24 November, morning): nobody can be asked about anybody."
    ]


async def test_silence_climbs_the_whole_ladder_and_ends_with_a_named_person(morning: Morning) -> None:
    mother, father = await morning.parent(), await morning.parent("Ivan", mail="ivan@example.com")
    child = await morning.child("Ana", mother, father)
    await morning.mark(child, "N")
    seen: list[tuple[str, Medium, str]] = []
    while morning.clock.now.hour < 13:
        await morning.pass_(minutes=1)
        before = len(seen)
        seen += [(f"{morning.clock.now:%H:%M}", one.medium, one.address) for one in (await morning.messages())[before:]]
        await morning.deliver()
    assert set(seen) == {
        ("09:25", Medium.SMS, mother.number),
        ("09:45", Medium.SMS, father.number),
        ("09:45", Medium.EMAIL, father.mail),
        ("09:55", Medium.VOICE, mother.number),
        ("10:10", Medium.VOICE, father.number),
    }
    case = await morning.case(child)
    assert (case.state, case.by) == (S.HANDED_OVER, "Mrs Okafor")
    assert case.changed_at.strftime("%H:%M") == "11:45"
    tasks = await morning.tasks("absence.")
    assert [(task.kind, task.urgent, task.opened_at.strftime("%H:%M")) for task in tasks] == [
        ("absence.phone", True, "10:25"),
        ("absence.safeguarding", True, "11:45"),
    ]
    assert not any("Ana" in task.what + task.cure for task in tasks)


async def test_an_answer_stops_the_ladder_for_all_and_tells_whoever_was_alarmed(morning: Morning) -> None:
    mother, father = await morning.parent(), await morning.parent("Ivan")
    child = await morning.child("Ana", mother, father)
    await morning.mark(child, "N")
    await morning.at("09:50")
    await morning.deliver()
    await morning.answer(mother.number, "1")
    case = await morning.case(child)
    assert (case.state, case.code, case.by, case.decided_by) == (S.TO_CONFIRM, "I", "Maria Example", "")
    await morning.deliver()
    await morning.at("12:00")
    assert (await morning.said(mother.number))[0].startswith("Oakfield: Ana is not in school today, Monday")
    assert len(await morning.said(father.number)) == 2
    assert (await morning.said(father.number))[0].startswith("Oakfield: we still do not know why Ana is not in school")
    assert (await morning.said(father.number))[1].startswith("Oakfield: about our message today: we now know where Ana")
    assert len(await morning.said(mother.number)) == 1  # she knows
    assert await morning.tasks("absence.") == []


async def test_the_school_may_allow_that_plain_illness_is_written_down(database: Database) -> None:
    morning = await Morning(database, absence={"record": ("illness",)}).open()
    mother = await morning.parent()
    other = await morning.parent()
    ana, ben = await morning.child("Ana", mother), await morning.child("Ben", other)
    await morning.mark_all(ana, ben, code="N")
    await morning.at("09:30")
    await morning.deliver()
    await morning.answer(mother.number, "1")
    await morning.answer(other.number, "2")
    assert await morning.states(ana, ben) == [S.EXPLAINED, S.TO_CONFIRM]
    assert (await morning.case(ana)).decided_by == "handbell, as the school allows"


async def test_late_then_marked_in_tells_when_the_child_arrived(morning: Morning) -> None:
    mother, father = await morning.parent(), await morning.parent("Ivan")
    child = await morning.child("Ana", mother, father)
    await morning.mark(child, "N")
    await morning.at("09:50")
    await morning.deliver()
    await morning.answer(mother.number, "3")
    assert await morning.states(child) == [S.EXPECTED]
    await morning.at("10:00")
    await morning.mark(child, "L", at="09:42", source=BY_HAND)
    await morning.turn()
    case = await morning.case(child)
    assert (case.state, case.by, case.code) == (S.SEEN, "the register", "L")
    for parent in (mother, father):
        assert (await morning.said(parent.number))[-1].startswith("Oakfield: Ana arrived safely at school at 9:42")
    await morning.at("12:00")
    assert await morning.tasks("absence.") == []


async def test_a_child_on_the_way_who_does_not_come_goes_to_a_person_and_then_to_the_lead(morning: Morning) -> None:
    mother = await morning.parent()
    child = await morning.child("Ana", mother)
    await morning.mark(child, "N")
    await morning.at("09:30")
    await morning.deliver()
    await morning.answer(mother.number, "3")
    await morning.at("10:14")
    assert await morning.states(child) == [S.EXPECTED]
    await morning.at("10:15")
    assert await morning.states(child) == [S.ALARM]
    (task,) = await morning.tasks("absence.")
    assert (task.kind, task.urgent) == ("absence.alarm", True)
    await morning.at("10:30")
    assert await morning.states(child) == [S.HANDED_OVER]


async def test_she_left_at_eight_is_at_once_with_a_person_loudly(morning: Morning) -> None:
    mother, father = await morning.parent(), await morning.parent("Ivan")
    child = await morning.child("Ana", mother, father)
    await morning.mark(child, "N")
    await morning.at("09:30")
    await morning.deliver()
    await morning.answer(mother.number, "4")
    assert await morning.states(child) == [S.ALARM]
    (task,) = await morning.tasks("absence.")
    assert task.urgent
    assert "Look for the child now" in task.what
    # Found: the register agrees with her, and she hears it.
    await morning.mark(child, "/", source=BY_HAND)
    await morning.turn()
    assert await morning.states(child) == [S.SEEN]
    assert (await morning.said(mother.number))[-1].startswith("Oakfield: Ana is safe and in school.")
    await morning.at("11:00")
    assert await morning.said(father.number) == []


async def test_reported_absent_and_marked_present_is_a_discrepancy(morning: Morning) -> None:
    mother = await morning.parent()
    child = await morning.child("Ana", mother)
    await morning.mark(child, "N")
    await morning.at("09:30")
    await morning.deliver()
    await morning.answer(mother.number, "1")
    await morning.mark(child, "/")
    assert await morning.states(child) == [S.ALARM]
    (task,) = await morning.tasks("absence.")
    assert task.urgent
    assert "reported a child absent, and the register says present" in task.what


async def test_an_appointment_and_then_in_school_is_none(morning: Morning) -> None:
    mother = await morning.parent()
    child = await morning.child("Ana", mother)
    await morning.mark(child, "N")
    await morning.at("09:30")
    await morning.deliver()
    await morning.answer(mother.number, "2")
    await morning.mark(child, "L", at="10:40")
    assert await morning.states(child) == [S.SEEN]
    assert await morning.tasks("absence.") == []


async def test_twins_are_asked_about_in_one_text_and_answered_with_one_digit(morning: Morning) -> None:
    mother = await morning.parent()
    ana, ben = await morning.child("Ana", mother), await morning.child("Ben", mother, form="4B")
    await morning.mark_all(ana, ben, code="N")
    await morning.at("09:30")
    (text,) = await morning.said(mother.number)
    assert "Ana and Ben are not in school" in text
    assert (await morning.case(ben)).why_fast == "a brother or sister is missing too"
    await morning.deliver()
    await morning.answer(mother.number, "1")
    assert await morning.states(ana, ben) == [S.TO_CONFIRM, S.TO_CONFIRM]


async def test_when_one_twin_comes_in_before_the_text_has_left_it_is_asked_about_the_other_alone(
    morning: Morning,
) -> None:
    mother = await morning.parent()
    ana, ben = await morning.child("Ana", mother), await morning.child("Ben", mother)
    await morning.mark_all(ana, ben, code="N")
    await morning.at("09:25")
    await morning.mark(ana, "L", at="09:24")
    await morning.turn()
    assert await morning.states(ana, ben) == [S.SEEN, S.ASKING]
    (text,) = await morning.said(mother.number)
    assert "Ben is not in school" in text
    assert (await morning.case(ben)).rung == 1


async def test_two_households_hear_each_for_itself_and_nothing_of_the_other(morning: Morning) -> None:
    mother, father = await morning.parent(), await morning.parent("Ivan")
    ana = await morning.child("Ana", mother, father)
    half_brother = await morning.child("Oli", father)
    await morning.mark_all(ana, half_brother, code="N")
    await morning.at("09:50")
    assert all("Oli" not in text for text in await morning.said(mother.number))
    texts = await morning.said(father.number, Medium.SMS)
    assert [("Ana" in text, "Oli" in text) for text in texts] == [(False, True), (True, False)]


async def test_a_barred_father_hears_nothing_and_may_say_nothing(morning: Morning) -> None:
    mother, father = await morning.parent(), await morning.parent("Ivan")
    child = await morning.child("Ana", mother)
    await school.tie(morning.database, child, father.id, priority=1, parental_responsibility=True, no_contact=True)
    await morning.mark(child, "N")
    await morning.at("09:30")
    await morning.deliver()
    await morning.answer(father.number, "1")
    assert await morning.states(child) == [S.ASKING]
    await morning.at("12:00")
    assert await morning.said(father.number) == []


async def test_a_number_that_does_not_work_costs_no_waiting(morning: Morning) -> None:
    mother, father = await morning.parent(), await morning.parent("Ivan")
    child = await morning.child("Ana", mother, father)
    await morning.mark(child, "N")
    await morning.at("09:25")
    await morning.deliver(MessageState.FAILED, reason="bad_address")
    await morning.at("09:26")
    assert len(await morning.said(father.number)) == 1
    assert await morning.steps(child) == ["opened", "asked", "failed", "asked"]


async def test_a_child_with_nobody_on_file_goes_to_a_person_at_once(morning: Morning) -> None:
    child = await morning.child("Ana")
    await morning.mark(child, "N")
    await morning.at("09:25")
    (task,) = await morning.tasks("absence.")
    assert task.kind == "absence.phone"
    assert (await morning.steps(child)).count("unreached") == 4


async def test_an_answer_in_words_rests_the_ladder_and_then_it_goes_on(morning: Morning) -> None:
    mother, father = await morning.parent(), await morning.parent("Ivan")
    child = await morning.child("Ana", mother, father)
    await morning.mark(child, "N")
    await morning.at("09:40")
    await morning.deliver()
    await morning.answer(mother.number, "shes with her dad i think")
    assert await morning.states(child) == [S.UNREAD]
    (task,) = await morning.tasks("absence.")
    assert task.kind == "absence.read"
    await morning.at("09:49")
    assert await morning.said(father.number) == []
    await morning.at("09:50")
    assert await morning.states(child) == [S.ASKING]
    assert len(await morning.said(father.number)) == 1


async def test_stop_asks_the_others_at_once_and_tells_staff(morning: Morning) -> None:
    mother, father = await morning.parent(), await morning.parent("Ivan")
    child = await morning.child("Ana", mother, father)
    await morning.mark(child, "N")
    await morning.at("09:30")
    await morning.deliver()
    await morning.answer(mother.number, "STOP")
    await morning.turn()
    assert len(await morning.said(father.number)) == 1
    (task,) = await morning.tasks()
    assert (task.kind, task.times) == ("stopped", 1)
    assert "by a call instead" in task.what
    await morning.at("10:00")
    assert len(await morning.said(mother.number, Medium.VOICE)) == 1  # a call is no text


async def test_whoever_stopped_texts_is_asked_by_email_at_once_and_on_later_days_first(morning: Morning) -> None:
    mother, father = await morning.parent(mail="maria@example.com"), await morning.parent("Ivan")
    child = await morning.child("Ana", mother, father)
    await morning.mark(child, "N")
    await morning.at("09:30")
    await morning.deliver()
    await morning.answer(mother.number, "STOP")
    await morning.turn()
    assert len(await morning.said(mother.mail)) == 1
    (task,) = await morning.tasks("stopped")
    assert "by email instead" in task.what
    await morning.deliver()
    morning.clock.now = morning.clock.now.replace(day=24, hour=9, minute=0)
    await morning.mark(child, "N", day=morning.clock.now.date())
    await morning.at("09:30")
    assert [len(await morning.said(to)) for to in (mother.number, mother.mail, father.number)] == [1, 2, 1]


@pytest.mark.parametrize("calls", [True, False])
async def test_a_stopped_phone_without_email_is_rung_if_the_school_says_so_else_the_next_are_asked(
    database: Database, calls: bool
) -> None:
    morning = await Morning(database, absence={"call_after_stop": calls}).open()
    mother, father = await morning.parent(), await morning.parent("Ivan")
    child = await morning.child("Ana", mother, father)
    await morning.answer(mother.number, "STOP")  # long before
    (task,) = await morning.tasks()
    assert ("by a call instead" if calls else "the next contact") in task.what
    await morning.mark(child, "N")
    await morning.at("09:30")
    assert [len(await morning.said(to)) for to in (mother.number, father.number)] == ([1, 0] if calls else [0, 1])
    while morning.clock.now.hour < 12:
        await morning.deliver()
        await morning.pass_(minutes=5)
    assert {one.medium for one in await morning.messages() if one.address == mother.number} <= {Medium.VOICE}
    assert len(await morning.said(mother.number)) == int(calls)
    assert await morning.states(child) == [S.HANDED_OVER]


async def test_keys_in_the_call_settle_it(morning: Morning) -> None:
    mother = await morning.parent()
    child = await morning.child("Ana", mother)
    await morning.mark(child, "N")
    await morning.at("09:25")
    await morning.deliver()
    await morning.at("09:56")
    await morning.deliver()
    call = next(one for one in await morning.messages() if one.medium is Medium.VOICE)
    assert call.keys == "1234"
    await morning.answer(mother.number, keys="2", to=call)
    case = await morning.case(child)
    assert (case.state, case.code) == (S.TO_CONFIRM, "M")


async def test_a_family_is_asked_in_its_language(morning: Morning) -> None:
    mother = await morning.parent("Agnieszka", written_language="pl")
    child = await morning.child("Ola", mother)
    await morning.mark(child, "N")
    await morning.at("09:30")
    await morning.deliver()
    assert "nie jest dziś" in (await morning.said(mother.number))[0]
    await morning.mark(child, "L", at="09:42")
    await morning.turn()
    assert "Ola jest już bezpiecznie w szkole (godz. 09:42)" in (await morning.said(mother.number))[1]


async def test_the_youngest_and_the_marked_climb_faster(morning: Morning) -> None:
    mother, father = await morning.parent(), await morning.parent("Ivan")
    child = await morning.child("Ana", mother, father, year="R")
    await morning.mark(child, "N")
    await morning.at("09:36")
    await morning.deliver()
    assert len(await morning.said(father.number)) == 1
    case = await morning.case(child)
    assert (case.fast, case.why_fast) == (True, "year R")
    await morning.at("11:00")
    assert await morning.states(child) == [S.HANDED_OVER]


async def test_a_mark_that_was_a_mistake_opens_the_case_again(morning: Morning) -> None:
    mother = await morning.parent()
    child = await morning.child("Ana", mother)
    await morning.mark(child, "N")
    await morning.at("09:30")
    await morning.deliver()
    await morning.mark(child, "/")
    await morning.turn()
    await morning.deliver()
    await morning.mark(child, "N")
    await morning.turn()
    assert await morning.states(child) == [S.ASKING]
    assert (await morning.case(child)).next_at == morning.clock.now + timedelta(minutes=20)


async def test_a_reason_that_the_register_takes_back_opens_the_case_again_and_nothing_old_stays(
    morning: Morning,
) -> None:
    mother = await morning.parent()
    child = await morning.child("Ana", mother)
    await morning.mark(child, "N")
    await morning.at("09:30")
    await morning.deliver()
    for code in ("I", "V"):
        await morning.mark(child, code)
        assert (await morning.case(child)).code == code
    await morning.turn()
    await morning.deliver()
    await morning.mark(child, "N")
    await morning.turn()
    await morning.deliver()
    case = await morning.case(child)
    assert (case.state, case.code, case.decided_by, case.decided_at) == (S.ASKING, "", "", None)
    assert [one.split("Ana")[0] for one in await morning.said(mother.number)] == [
        "Oakfield: ", "Oakfield: about our message today: we now know where ", "Oakfield: ",
    ]  # fmt: skip


@pytest.mark.parametrize("by_register", [True, False])
async def test_an_appointment_of_the_morning_says_nothing_of_the_afternoon_whoever_wrote_it(
    morning: Morning, by_register: bool
) -> None:
    child = await morning.child("Ana", await morning.parent())
    await morning.mark(child, "N")
    await morning.at("09:30")
    if by_register:
        await morning.mark(child, "M")
    else:
        async with morning.database.write() as session:
            verdict = deeds.Verdict(S.EXPLAINED, "gran", "M")
            await deeds.settle(session, morning.gateway, morning.rules, 1, verdict, by="Mrs Office")
    await morning.at("13:15")
    await morning.mark(child, "N", session=PM)
    await morning.at("13:30")
    assert (await morning.case(child, PM)).state is S.ASKING


async def test_a_later_file_with_a_reason_explains_it(morning: Morning) -> None:
    mother = await morning.parent()
    child = await morning.child("Ana", mother)
    await morning.mark(child, "N")
    await morning.at("09:30")
    await morning.deliver()
    await morning.mark(child, "V")
    await morning.turn()
    case = await morning.case(child)
    assert (case.state, case.by, case.code) == (S.EXPLAINED, "the register", "V")
    assert len(await morning.said(mother.number)) == 2


async def test_the_afternoon_asks_again_only_where_the_morning_does_not_answer_it(morning: Morning) -> None:
    mother = await morning.parent()
    ill, silent = await morning.child("Ana", mother), await morning.child("Ben", await morning.parent())
    dentist_mother = await morning.parent()
    dentist, truant = await morning.child("Cat", dentist_mother), await morning.child("Dan", await morning.parent())
    await morning.mark_all(ill, silent, dentist, code="N")
    await morning.mark(truant, "/")
    await morning.at("09:30")
    await morning.deliver()
    await morning.answer(mother.number, "1")
    await morning.answer(dentist_mother.number, "2")
    await morning.at("13:15")
    for child in (ill, silent, dentist, truant):
        await morning.mark(child, "N", session=PM)
    await morning.at("13:30")
    assert await morning.cases() == 3 + 2
    assert (await morning.case(truant, PM)).why_fast == "was in school this morning"
    assert (await morning.case(dentist, PM)).state is S.ASKING


async def test_very_many_at_once_are_held_until_a_person_has_looked(morning: Morning) -> None:
    children = [await morning.child(f"C{n}", await morning.parent()) for n in range(14)]
    await morning.mark_all(*children, code="N")
    await morning.at("09:40")
    assert await morning.cases() == 0
    (task,) = await morning.tasks("absence.held")
    assert (task.urgent, task.loud_at is not None) == (True, True)
    async with morning.database.write() as session:
        await sweep.release(session, morning.gateway, TODAY, AM, by="Mrs Office")
    await morning.turn()
    assert await morning.cases() == 14


async def test_on_a_day_without_school_nobody_is_asked(database: Database) -> None:
    sunday = desk.Clock(datetime(2026, 11, 22, 9, 0, tzinfo=UTC))
    morning = await Morning(database, sunday).open()
    child = await morning.child("Ana", await morning.parent())
    await morning.mark(child, "N", day=sunday.now.date())
    await morning.at("12:00")
    assert await morning.cases() == 0
    assert await morning.tasks() == []


async def test_a_gateway_that_stood_still_over_night_asks_nobody_about_yesterday(morning: Morning) -> None:
    mother, father = await morning.parent(), await morning.parent("Ivan")
    child = await morning.child("Ana", mother, father)
    await morning.mark(child, "N")
    await morning.at("09:30")
    await morning.deliver()
    morning.clock.pass_(hours=23)
    await morning.turn()
    assert await morning.states(child) == [S.HANDED_OVER]
    assert await morning.said(father.number) == []


async def test_an_alarm_is_texted_to_staff_once_without_a_name(database: Database) -> None:
    morning = await Morning(database, absence={"alert_numbers": ("+447700900990", "+447700900991")}).open()
    mother = await morning.parent()
    ana, ben = await morning.child("Ana", mother), await morning.child("Ben", mother)
    await morning.mark_all(ana, ben, code="N")
    await morning.at("09:30")
    await morning.deliver()
    assert await morning.said("+447700900990") == []
    await morning.answer(mother.number, "4")
    for number in ("+447700900990", "+447700900991"):
        (text,) = await morning.said(number)
        assert "Act now: absence case 1, 2." in text
        assert "Ana" not in text
    await morning.at("09:40")
    assert len(await morning.said("+447700900990")) == 1
    await morning.at("09:46")  # nobody acted: the lead takes over, and that is news
    assert len(await morning.said("+447700900990")) == 2
    async with database.read() as session:
        lane = await session.scalar(sa.select(core(Sender).c.id).where(core(Sender).c.medium == Medium.SMS)) or 0
    claimed = await desk.claim(database, lane, now=morning.clock.now)
    assert [message["address"] for message in claimed.messages][:2] == ["+447700900990", "+447700900991"]


async def test_tasks_about_a_child_are_over_when_the_child_is_found(morning: Morning) -> None:
    child = await morning.child("Ana", await morning.parent())
    await morning.mark(child, "N")
    await morning.at("10:40")
    assert [(task.kind, task.open_key is None) for task in await morning.tasks("absence.")] == [
        ("absence.phone", False)
    ]
    await morning.mark(child, "L", at="10:30")
    (task,) = await morning.tasks("absence.")
    assert (task.open_key, task.done_by) == (None, "handbell: seen")


async def test_a_register_that_comes_late_is_chased_no_more(morning: Morning) -> None:
    ana, ben = await morning.child("Ana"), await morning.child("Ben", form="4B")
    await morning.at("09:30")
    await morning.mark(ana, "/")
    await morning.at("09:31")  # the export was late, and the teacher is not asked half an hour later for that
    nobody, fourth = await morning.tasks("register")
    assert (nobody.open_key, nobody.done_by) == (None, "handbell: the register was taken")
    assert "4B" in fourth.what
    await morning.mark(ben, "/")
    await morning.turn()
    assert all(task.open_key is None for task in await morning.tasks("register"))


async def test_the_teacher_of_a_form_is_chased_by_text_and_email_and_never_a_parent(
    database: Database, tmp_path: Path
) -> None:
    file = tmp_path / "teachers.toml"
    file.write_text('[forms]\n"4 b" = ["Green@oakfield.example", "07700 900811"]\n', "utf-8")
    morning = await Morning(database, absence={"teachers": file}).open()
    taken = await morning.child("Ana", await morning.parent())
    late = await morning.child("Ben", await morning.parent(), form="4B")
    await morning.child("Cem", await morning.parent(), form="5C")
    await morning.mark(taken, "/")
    await morning.at("09:54")
    assert {(one.address, one.medium) for one in await morning.messages()} == {
        ("green@oakfield.example", Medium.EMAIL), ("+447700900811", Medium.SMS),
    }  # fmt: skip
    text = (await morning.said("+447700900811"))[0]
    assert "the register of 4B is not complete (23 November, morning): 1 of 1 have no mark" in text
    assert "Ben" not in text
    await morning.at("09:56")
    assert len(await morning.said("+447700900811")) == 2  # again after half an hour
    await morning.mark(late, "/")
    await morning.at("11:00")
    assert len(await morning.said("+447700900811")) == 2

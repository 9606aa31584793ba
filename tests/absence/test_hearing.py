"""Meanings meet cases: what an understanding says is done, and nothing more than that family may say."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import pytest
import sqlalchemy as sa
from support import desk, school
from support.absences import PM, TODAY, Morning

from gateway import deciding
from gateway.absence.meaning import Heard, Meaning, by_menu
from gateway.database import Database
from gateway.models import CaseState as S
from gateway.models import ContactPoint, PointState
from gateway.models.types import core
from gateway.registers import marks
from gateway.understanding.meaning import Intent

UNTIL = date(2026, 11, 26)

SAID = {
    "poorly until thursday": Meaning(Intent.ILLNESS, (), "I", until=UNTIL),
    "dentist": Meaning(Intent.MEDICAL_APPOINTMENT, (), "M"),
    "in spain": Meaning(Intent.HOLIDAY, (), "G"),
    "her nan died": Meaning(Intent.FAMILY_EMERGENCY, ()),
    "she left at eight": Meaning(Intent.SAYS_PRESENT, (), urgent=True),
    "i am scared to go home": Meaning(Intent.SAFEGUARDING_CONCERN, (), urgent=True),
    "wrong number mate": Meaning(Intent.WRONG_NUMBER, ()),
    "on our way": Meaning(Intent.LATE, ()),
    "whats for lunch": Meaning(Intent.QUESTION, ()),
    "thx": Meaning(Intent.THANKS, ()),
    "ill": Meaning(Intent.ILLNESS, (), "I"),
    "ill from wednesday": Meaning(Intent.ILLNESS, (), "I", since=date(2026, 11, 25)),
}


def understand(heard: Heard) -> Sequence[Meaning]:
    """Stands for one that reads words: it knows these, and always speaks of every child, even of a stranger's."""
    said = SAID.get(heard.body)
    if said is None:
        return by_menu(heard)
    return (
        Meaning(
            said.intent,
            (*(one.pupil_id for one in heard.children), 999),
            said.code,
            said.urgent,
            said.until,
            said.since,
        ),
    )


@pytest.fixture
async def morning(database: Database) -> Morning:
    return await Morning(database, understanding=understand).open()


async def asked(morning: Morning) -> tuple[int, str, str]:
    mother, father = await morning.parent(), await morning.parent("Ivan")
    child = await morning.child("Ana", mother, father)
    await morning.mark(child, "N")
    await morning.at("09:30")
    await morning.deliver()
    return child, mother.number, father.number


@pytest.mark.parametrize(
    ("words", "state", "code", "task"),
    [
        ("poorly until thursday", S.TO_CONFIRM, "I", ""),
        ("dentist", S.TO_CONFIRM, "M", ""),
        ("in spain", S.TO_CONFIRM, "G", "absence.confirm"),
        ("her nan died", S.TO_CONFIRM, "", "absence.confirm"),
        ("she left at eight", S.ALARM, "", "absence.alarm"),
        ("i am scared to go home", S.ALARM, "", "absence.alarm"),
        ("on our way", S.EXPECTED, "", ""),
        ("whats for lunch", S.UNREAD, "", "absence.read"),
        ("hmm", S.UNREAD, "", "absence.read"),
        ("thx", S.ASKING, "", ""),
        ("ill from wednesday", S.UNREAD, "", "absence.read"),
    ],
)
async def test_what_a_meaning_does(morning: Morning, words: str, state: S, code: str, task: str) -> None:
    child, mother, _ = await asked(morning)
    await morning.answer(mother, words)
    case = await morning.case(child)
    assert (case.state, case.code, case.decided_by) == (state, code, "")
    assert [one.kind for one in await morning.tasks("absence.")] == ([task] if task else [])


async def test_a_wrong_number_is_asked_no_more_and_the_next_are_asked_at_once(morning: Morning) -> None:
    child, mother, father = await asked(morning)
    await morning.answer(mother, "wrong number mate")
    assert len(await morning.said(father)) == 1
    assert [one.kind for one in await morning.tasks("number")] == ["number"]
    await morning.at("12:00")
    assert len(await morning.said(mother)) == 1  # no call either
    assert await morning.states(child) == [S.HANDED_OVER]


async def test_a_wrong_number_never_hears_the_childs_name_again_until_a_person_says_that_it_is_right(
    morning: Morning,
) -> None:
    child, mother, father = await asked(morning)
    await morning.answer(mother, "wrong number mate")
    await morning.deliver()
    await morning.mark(child, "L", at="09:42", source=marks.Source("by hand", "Mrs Office", filed=False))
    await morning.turn()
    assert any("arrived safely" in one for one in await morning.said(father))
    await morning.answer(mother, "thx")  # that the phone works makes it nobody else's
    for day, heard in ((24, 1), (25, 2)):
        morning.clock.now = morning.clock.now.replace(day=day, hour=9, minute=0)
        await morning.mark(child, "N", day=date(2026, 11, day))
        await morning.at("09:50")
        assert len(await morning.said(mother)) == heard
        if day == 24:
            async with morning.database.write() as session:
                (point,) = await session.scalars(sa.select(ContactPoint).where(core(ContactPoint).c.address == mother))
                assert point.state == PointState.WRONG
                await deciding.confirm(
                    session, point.id or 0, deed=deciding.Deed("Mrs Office", morning.clock.now, desk.LOG)
                )


@pytest.mark.parametrize("seen", [True, False])
async def test_a_wrong_number_is_one_though_it_is_said_when_the_child_is_here_or_a_day_later(
    morning: Morning, seen: bool
) -> None:
    child, mother, _ = await asked(morning)
    if seen:
        await morning.mark(child, "/")
    else:
        morning.clock.now = morning.clock.now.replace(day=24, hour=8)
    await morning.answer(mother, "wrong number mate")
    async with morning.database.read() as session:
        (point,) = await session.scalars(sa.select(ContactPoint).where(core(ContactPoint).c.address == mother))
    assert point.state == PointState.WRONG
    assert [one.kind for one in await morning.tasks("number")] == ["number"]


async def test_a_wrong_number_that_two_share_is_neither_texted_nor_rung_again(morning: Morning) -> None:
    mother = await morning.parent()
    father = await morning.parent("Ivan", number=mother.number, mail="ivan@example.com")
    child = await morning.child("Ana", mother, father)
    await morning.mark(child, "N")
    await morning.at("09:30")
    await morning.deliver()
    await morning.answer(mother.number, "wrong number mate")
    for clock in ("09:50", "10:00", "10:20", "12:00"):
        await morning.at(clock)
        await morning.deliver()
    assert len(await morning.said(mother.number)) == 1
    assert len(await morning.said(father.mail)) == 1


async def test_until_thursday_keeps_the_week_quiet(morning: Morning) -> None:
    child, mother, _ = await asked(morning)
    await morning.answer(mother, "poorly until thursday")
    for day, expected in ((24, 1), (26, 1), (27, 2)):
        morning.clock.now = morning.clock.now.replace(day=day, hour=9, minute=0)
        await morning.mark(child, "N", day=date(2026, 11, day))
        await morning.at("09:30")
        assert await morning.cases() == expected, day


async def test_a_parent_who_writes_first_is_not_asked(morning: Morning) -> None:
    mother = await morning.parent()
    ana, ben = await morning.child("Ana", mother), await morning.child("Ben", mother)
    await morning.answer(mother.number, "poorly until thursday")
    await morning.mark_all(ana, ben, code="N")
    await morning.at("10:00")
    assert await morning.cases() == 0
    assert await morning.messages() == []


async def test_a_parent_who_said_late_first_is_asked_only_if_nobody_comes(morning: Morning) -> None:
    mother = await morning.parent()
    child = await morning.child("Ana", mother)
    await morning.answer(mother.number, "on our way")  # 9.00
    await morning.mark(child, "N")
    await morning.at("09:44")
    assert await morning.states(child) == [S.EXPECTED]
    await morning.at("09:46")
    assert await morning.states(child) == [S.ALARM]
    assert await morning.messages() == []


async def test_reported_ill_before_and_then_marked_present_is_a_discrepancy(morning: Morning) -> None:
    mother = await morning.parent()
    child = await morning.child("Ana", mother)
    await morning.answer(mother.number, "poorly until thursday")
    await morning.mark(child, "/")
    assert await morning.states(child) == [S.ALARM]
    (task,) = await morning.tasks("absence.")
    assert task.urgent


async def test_marked_present_and_then_reported_ill_is_one_too(morning: Morning) -> None:
    mother = await morning.parent()
    child = await morning.child("Ana", mother)
    await morning.mark(child, "/")
    await morning.answer(mother.number, "poorly until thursday")
    assert await morning.states(child) == [S.ALARM]


async def test_the_other_parent_who_thinks_she_is_in_school_raises_the_alarm(morning: Morning) -> None:
    child, mother, father = await asked(morning)
    await morning.answer(mother, "poorly until thursday")
    await morning.answer(father, "she left at eight")
    assert await morning.states(child) == [S.ALARM]


async def test_she_left_at_eight_before_anybody_asked(morning: Morning) -> None:
    mother = await morning.parent()
    child = await morning.child("Ana", mother)
    await morning.answer(mother.number, "she left at eight")
    assert await morning.states(child) == [S.ALARM]


async def test_she_left_at_eight_and_is_in_school_is_nothing(morning: Morning) -> None:
    mother = await morning.parent()
    child = await morning.child("Ana", mother)
    await morning.mark(child, "/")
    await morning.answer(mother.number, "she left at eight")
    assert await morning.cases() == 0


async def test_a_stranger_speaks_of_nobody(morning: Morning) -> None:
    child, _, _ = await asked(morning)
    await morning.answer("+447700900998", "poorly until thursday")
    assert await morning.states(child) == [S.ASKING]


@pytest.mark.parametrize("barred", [False, True])
async def test_the_phone_of_two_is_believed_unless_one_of_them_is_barred(morning: Morning, barred: bool) -> None:
    father, mother, gran = await morning.parent("Ivan"), await morning.parent(), await morning.parent("Gran")
    shared = await morning.parent("Aunt")
    for one in (mother, gran):
        await school.point(morning.database, one.id, shared.number, rank=0)
    child = await morning.child("Ana", father, mother, gran)
    await morning.mark(child, "N")
    await morning.at("09:46")
    await morning.deliver()
    if barred:  # since then: the question could not go there any more
        await school.tie(morning.database, child, shared.id, no_contact=True)
    await morning.answer(shared.number, "1")
    case = await morning.case(child)
    expected = (S.ASKING, "") if barred else (S.TO_CONFIRM, "whoever has the family's phone")
    assert (case.state, case.by) == expected


async def test_one_digit_speaks_only_of_the_children_of_its_question(morning: Morning) -> None:
    mother = await morning.parent()
    ana = await morning.child("Ana", mother)
    ben = await morning.child("Ben", mother)
    await morning.mark(ana, "N")
    await morning.at("09:30")
    await morning.deliver()
    await morning.mark(ben, "N")
    await morning.pass_(minutes=1)  # asked by a second text, which has not arrived
    await morning.answer(mother.number, "1")
    assert await morning.states(ana, ben) == [S.TO_CONFIRM, S.ASKING]


async def test_a_reply_is_heard_once(morning: Morning) -> None:
    child, mother, _ = await asked(morning)
    await morning.answer(mother, "hmm")
    before = await morning.steps(child)
    await morning.turn()
    await morning.turn()
    assert await morning.steps(child) == before
    assert (await morning.case(child)).date == TODAY


async def test_an_understanding_that_breaks_keeps_no_other_answer_from_being_heard(database: Database) -> None:
    def broken(heard: Heard) -> Sequence[Meaning]:
        if heard.body == "boom":
            raise RuntimeError("a bug")
        return by_menu(heard)

    morning = await Morning(database, understanding=broken).open()
    child, mother, father = await asked(morning)
    await morning.answer(mother, "boom")
    assert [(one.kind, one.urgent) for one in await morning.tasks("absence.")] == [("absence.unheard", True)]
    assert await morning.states(child) == [S.ASKING]
    await morning.answer(mother, "1")
    assert await morning.states(child) == [S.TO_CONFIRM]
    assert await morning.said(father) == []


async def test_what_is_written_in_the_evening_is_about_the_next_school_day(morning: Morning) -> None:
    mother = await morning.parent()
    child = await morning.child("Ana", mother)
    await morning.mark_all(child, code="\\", session=PM)
    morning.clock.pass_(hours=11)  # 20.00, and she was in school today
    await morning.answer(mother.number, "ill")
    assert await morning.cases() == 0
    morning.clock.now = morning.clock.now.replace(day=24, hour=9)
    await morning.mark(child, "N", day=date(2026, 11, 24))
    await morning.at("09:30")
    assert await morning.cases() == 0


async def test_from_wednesday_means_that_tuesday_is_asked_about(morning: Morning) -> None:
    mother = await morning.parent()
    child = await morning.child("Ana", mother)
    await morning.answer(mother.number, "ill from wednesday")
    for day, expected in ((24, 1), (25, 1)):
        morning.clock.now = morning.clock.now.replace(day=day, hour=9, minute=0)
        await morning.mark(child, "N", day=date(2026, 11, day))
        await morning.at("09:30")
        assert await morning.cases() == expected, day


async def test_harm_that_is_hinted_at_by_night_is_a_loud_task(morning: Morning) -> None:
    mother = await morning.parent()
    await morning.child("Ana", mother)
    morning.clock.pass_(hours=13)
    await morning.answer(mother.number, "i am scared to go home")
    (task,) = await morning.tasks("absence.")
    assert task.urgent
    assert await morning.cases() == 0

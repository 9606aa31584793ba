"""What families' words say of this session and of now: hours, what is over, other days, other people's numbers."""

from __future__ import annotations

from datetime import date, time, timedelta

import pytest
import sqlalchemy as sa
from support import school
from support.absences import AM, PM, TODAY, Morning, Parent

from gateway.absence import listening, reminding
from gateway.database import Database
from gateway.models import AbsenceReason, ContactPoint, PointState, Reply
from gateway.models import CaseState as S
from gateway.models.types import core
from gateway.phone_line import callers
from gateway.understanding import library

TUESDAY = TODAY + timedelta(days=1)


@pytest.fixture
async def morning(sqlite_database: Database) -> Morning:
    heard = listening.by_words(library.load(), registers_close=lambda: time(9, 15))
    return await Morning(sqlite_database, understanding=heard).open()


async def asked(morning: Morning) -> tuple[int, Parent]:
    mother, father = await morning.parent(), await morning.parent("Ivan")
    child = await morning.child("Ana", mother, father)
    await morning.mark(child, "N")
    await morning.at("09:30")
    await morning.deliver()
    return child, mother


async def known(morning: Morning) -> list[tuple[date, date, str, str]]:
    async with morning.database.read() as session:
        found = await session.scalars(sa.select(AbsenceReason).order_by(core(AbsenceReason).c.id))
        return [(one.first, one.last, one.session, one.intent) for one in found]


async def settled(morning: Morning) -> list[str]:
    async with morning.database.read() as session:
        return [one.settled for one in await session.scalars(sa.select(Reply))]


# An appointment with an hour


DENTIST = "Ana has a dentist appointment at 2pm today so I will pick her up at 1.30"


@pytest.mark.parametrize(
    "words", [DENTIST, "Ana has a doctors appointment this afternoon, I will collect her after lunch"]
)
async def test_an_afternoons_appointment_does_not_hide_a_missing_morning(morning: Morning, words: str) -> None:
    morning.clock.now = morning.clock.now.replace(hour=8)
    mother = await morning.parent()
    child = await morning.child("Ana", mother)
    await morning.answer(mother.number, words)
    await morning.at("09:10")
    await morning.mark(child, "N")
    await morning.at("09:30")
    assert await morning.states(child) == [S.ASKING]
    assert await known(morning) == [(TODAY, TODAY, "pm", "medical_appointment")]


async def test_to_the_mornings_question_an_afternoons_appointment_is_no_answer(morning: Morning) -> None:
    child, mother = await asked(morning)
    await morning.answer(mother.number, DENTIST)
    assert await morning.states(child) == [S.UNREAD]
    assert await known(morning) == [(TODAY, TODAY, "pm", "medical_appointment")]


async def test_tomorrows_appointment_is_of_its_session(morning: Morning) -> None:
    mother = await morning.parent()
    child = await morning.child("Ana", mother)
    await morning.answer(mother.number, "Ana has a dentist appointment tomorrow at 2pm, I will collect her at 1.30")
    assert await known(morning) == [(TUESDAY, TUESDAY, "pm", "medical_appointment")]
    morning.clock.now = morning.clock.now.replace(day=24, hour=9, minute=0)
    await morning.mark(child, "N", day=TUESDAY)
    await morning.at("09:30")
    assert await morning.states(child) == [S.ASKING]


@pytest.mark.parametrize("words", [DENTIST, "Ana has the dentist today"])
async def test_who_sits_in_class_before_an_appointment_is_no_alarm(morning: Morning, words: str) -> None:
    mother = await morning.parent()
    child = await morning.child("Ana", mother)
    await morning.mark(child, "/")
    await morning.at("09:40")
    await morning.answer(mother.number, words)
    assert await morning.tasks() == []
    assert [one[3] for one in await known(morning)] == ["medical_appointment"]


# What is over


@pytest.mark.parametrize(
    ("words", "state"),
    [
        ("2", S.SEEN),
        ("Thank you, she had a dentist appointment", S.SEEN),
        ("Thanks, she felt sick this morning but is better now", S.SEEN),
        ("Thank you! Sorry we overslept", S.SEEN),
        ("No, she is at home ill", S.ALARM),
        ("She is ill", S.ALARM),
        ("No she isn't in school, she has the dentist", S.ALARM),
        ("She was ill but is fine now, I am keeping her at home", S.ALARM),
    ],
)
async def test_only_that_a_child_is_not_here_contradicts_arrived_safely(morning: Morning, words: str, state: S) -> None:
    child, mother = await asked(morning)
    await morning.at("09:45")
    await morning.mark(child, "L", at="09:42")
    await morning.turn()
    await morning.deliver()
    await morning.at("09:50")
    await morning.answer(mother.number, words)
    assert await morning.states(child) == [state]


@pytest.mark.parametrize(
    "words",
    [
        "Ana was sick today, she'll be back tomorrow",
        "Ana was sick today",
        "Thank you for sending Ana home, she was sick. She is fine now",
        "Ana was poorly this afternoon but is fine now and will be in tomorrow",
        "She was sick at lunch, she will be back tomorrow",
    ],
)
async def test_what_was_today_says_nothing_of_tomorrow(morning: Morning, words: str) -> None:
    mother = await morning.parent()
    child = await morning.child("Ana", mother)
    morning.clock.now = morning.clock.now.replace(hour=17)
    await morning.answer(mother.number, words)
    morning.clock.now = morning.clock.now.replace(day=24, hour=9, minute=0)
    await morning.mark(child, "N", day=TUESDAY)
    await morning.at("09:30")
    assert await morning.states(child) == [S.ASKING]


async def test_what_is_written_in_the_evening_of_tomorrow_is_about_tomorrow(morning: Morning) -> None:
    mother = await morning.parent()
    await morning.child("Ana", mother)
    morning.clock.now = morning.clock.now.replace(hour=17)
    for words in ("Ana is ill and won't be in tomorrow", "Ana is ill", "Ana is ill until Wednesday"):
        await morning.answer(mother.number, words)
    wednesday = TUESDAY + timedelta(days=1)
    assert [one[:2] for one in await known(morning)] == [(TUESDAY, TUESDAY)] * 2 + [(TUESDAY, wednesday)]


# Later than the register


async def test_who_said_when_they_come_is_missed_when_that_is_over(morning: Morning) -> None:
    morning.clock.now = morning.clock.now.replace(hour=8)
    mother = await morning.parent()
    child = await morning.child("Ana", mother)
    await morning.answer(mother.number, "Ana will be late today, we will be in at 10.30")
    await morning.at("09:10")
    await morning.mark(child, "N")
    await morning.at("11:14")
    assert (await morning.states(child), await morning.tasks()) == ([S.EXPECTED], [])
    await morning.at("11:15")
    assert await morning.states(child) == [S.ALARM]


async def test_who_is_late_and_says_when_is_waited_for_until_then(morning: Morning) -> None:
    child, mother = await asked(morning)
    await morning.answer(mother.number, "sorry running late, we will be there at 10.30")
    await morning.at("11:14")
    assert await morning.states(child) == [S.EXPECTED]


async def test_late_tomorrow_is_missed_tomorrow(morning: Morning) -> None:
    mother = await morning.parent()
    child = await morning.child("Ana", mother)
    await morning.answer(mother.number, "Ana will be late tomorrow")
    morning.clock.now = morning.clock.now.replace(day=24, hour=9, minute=0)
    await morning.mark(child, "N", day=TUESDAY)
    await morning.at("10:00")
    assert await morning.states(child) == [S.EXPECTED]


async def test_a_time_after_the_schools_own_register_is_later_than_late(morning: Morning) -> None:
    mother = await morning.parent()
    await morning.child("Ana", mother)
    await morning.answer(mother.number, "Ana will be late today, in at 9.20")
    async with morning.database.read() as session:
        assert [one.code for one in await session.scalars(sa.select(AbsenceReason))] == ["U"]


# Longer than may be written down


@pytest.mark.parametrize("first", [True, False])
async def test_twelve_weeks_are_kept_as_long_as_allowed_and_a_person_reads_it(morning: Morning, first: bool) -> None:
    words = "Ana has broken her leg, she will be off for 12 weeks"
    if first:
        mother = await morning.parent()
        child = await morning.child("Ana", mother)
    else:
        child, mother = await asked(morning)
    await morning.answer(mother.number, words)
    assert await known(morning) == [(TODAY, TODAY + timedelta(days=60), "", "illness")]
    assert [one.kind for one in await morning.tasks()] == []
    assert await settled(morning) == [""]
    if not first:
        assert await morning.states(child) == [S.TO_CONFIRM]


# A reminder


@pytest.mark.parametrize(
    ("words", "urgent"), [("She was in school on Monday", False), ("she left for school at 8, is she there?", True)]
)
async def test_that_a_child_was_here_on_monday_is_for_mondays_register(
    morning: Morning, words: str, urgent: bool
) -> None:
    child, mother = await asked(morning)
    await morning.at("12:00")
    await morning.deliver()
    morning.clock.now = morning.clock.now.replace(day=24, hour=8, minute=0)
    await morning.mark(child, "/", day=TUESDAY)
    await morning.at("10:05")
    async with morning.database.write() as session:
        assert await reminding.remind(session, morning.gateway, morning.rules) == 1
    await morning.deliver()
    before = len(await morning.tasks())
    await morning.answer(mother.number, words)
    assert [(one.kind, one.urgent) for one in (await morning.tasks())[before:]] == [
        ("absence.alarm", True) if urgent else ("absence.word", False)
    ]


# Whose number, and who else has it


async def test_a_wrong_number_is_believed_no_more_and_hears_no_name(morning: Morning) -> None:
    child, mother = await asked(morning)
    await morning.answer(mother.number, "Sorry, wrong number")
    await morning.at("09:35")
    await morning.answer(mother.number, "Ana is ill haha")
    assert await morning.states(child) == [S.ASKING]
    async with morning.database.read() as session:
        who = await callers.who(session, morning.gateway, mother.number)
    assert (who.contact, list(who.children)) == (None, [])


@pytest.mark.parametrize(
    ("words", "state"),
    [
        ("You have the wrong number for his dad, it is 07700 900555. Ana is ill", S.TO_CONFIRM),
        ("That is the wrong number for her father", S.UNREAD),
        ("wrong number for my husband, please use 07700900555", S.UNREAD),
        ("This is the wrong number. Ana is ill", S.UNREAD),
    ],
)
async def test_that_somebody_elses_number_is_wrong_is_for_the_office(morning: Morning, words: str, state: S) -> None:
    child, mother = await asked(morning)
    await morning.answer(mother.number, words)
    async with morning.database.read() as session:
        query = sa.select(ContactPoint).where(core(ContactPoint).c.address == mother.number)
        assert (await session.scalars(query)).one().state is not PointState.WRONG
    assert (await morning.states(child), await settled(morning)) == ([state], [""])


async def test_a_barred_father_on_the_mothers_phone_stops_no_search_by_a_text_about_his_other_child(
    morning: Morning,
) -> None:
    mother = await morning.parent(mail="maria@example.com")
    father, gran = await morning.parent("Ivan", number=mother.number), await morning.parent("Gran")
    ana, ben = await morning.child("Ana", mother, gran), await morning.child("Ben", mother)
    await school.tie(morning.database, ana, father.id, priority=3, no_contact=True)
    await morning.mark_all(ana, ben, code="N")
    await morning.at("09:50")
    await morning.deliver()
    before = await morning.states(ana)
    await morning.answer(mother.number, "Ana is ill, she is at home with me")
    assert (await morning.states(ana), before) == ([S.ASKING], [S.ASKING])
    assert "absence.stranger" in [one.kind for one in await morning.tasks()]


# The networks' own word


async def test_help_is_read_by_a_person(morning: Morning) -> None:
    child, mother = await asked(morning)
    await morning.answer(mother.number, "Help")
    assert await morning.states(child) == [S.UNREAD]
    assert [one.kind for one in await morning.tasks()] == ["absence.read"]


async def test_the_afternoons_own_appointment_speaks_for_it(morning: Morning) -> None:
    mother = await morning.parent()
    child = await morning.child("Ana", mother)
    await morning.mark(child, "/", session=AM)
    await morning.at("11:00")
    await morning.answer(mother.number, DENTIST)
    await morning.at("13:10")
    await morning.mark(child, "N", session=PM)
    await morning.at("13:30")
    assert (await morning.case(child, PM)).state is S.TO_CONFIRM

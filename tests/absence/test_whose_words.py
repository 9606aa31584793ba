"""Which day and which child a family's words are about, where the question before them was about another."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import pytest
import sqlalchemy as sa
from support import school
from support.absences import TODAY, Morning

from gateway.absence import cases, listening, reasons, reminding
from gateway.database import Database
from gateway.desk import arriving, promise
from gateway.models import AbsenceCase, AbsenceReason, Conversation, DaySession, Reply
from gateway.models import CaseState as S
from gateway.models.types import core
from gateway.understanding import library

TUESDAY = TODAY + timedelta(days=1)


@pytest.fixture
async def morning(database: Database) -> Morning:
    return await Morning(database, understanding=listening.by_words(library.load())).open()


async def away(morning: Morning, *pupil_ids: int, day: date = TODAY) -> None:
    """They are marked absent, and their families are asked."""
    for pupil_id in pupil_ids:
        await morning.mark(pupil_id, "N", day=day)
    await morning.at("09:30")
    await morning.deliver()


def tuesday(morning: Morning, clock: str = "08:00") -> None:
    morning.clock.now = datetime.fromisoformat(f"{TUESDAY}T{clock}:00+00:00")


async def remind(morning: Morning) -> None:
    """Monday ends without a reason, and on Tuesday the family is reminded."""
    await morning.at("14:00")
    tuesday(morning, "10:00")
    async with morning.database.write() as session:
        await reminding.remind(session, morning.gateway, morning.rules)
    await morning.deliver()


async def known(morning: Morning, day: date = TUESDAY) -> dict[int, AbsenceReason]:
    async with morning.database.read() as session:
        return await reasons.known(session, day, DaySession.AM)


async def case(morning: Morning, pupil_id: int, day: date = TODAY) -> tuple[S, str]:
    t = cases.case_table.c
    async with morning.database.read() as session:
        found = await session.scalars(sa.select(AbsenceCase).where(t.pupil_id == pupil_id, t.date == day))
        one = found.one()
    return one.state, one.code


async def last_reply(morning: Morning) -> tuple[str, bool]:
    """What it was settled as, and whether its conversation waits for a person."""
    async with morning.database.read() as session:
        found = await session.scalars(sa.select(Reply).order_by(core(Reply).c.id.desc()).limit(1))
        reply = found.one()
        conversation = await session.get_one(Conversation, reply.conversation_id)
    return reply.settled, conversation.waiting_since is not None


async def kinds(morning: Morning) -> Sequence[str]:
    return [task.kind for task in await morning.tasks("absence.")]


@pytest.mark.parametrize("end", ["answered", "arrived", "handed over"])
async def test_what_is_written_on_tuesday_is_about_tuesday_though_the_last_text_was_mondays(
    morning: Morning, end: str
) -> None:
    mother = await morning.parent()
    ana = await morning.child("Ana", mother)
    await away(morning, ana)
    if end == "answered":
        await morning.answer(mother.number, "2")
    elif end == "arrived":
        await morning.mark(ana, "L", at="09:42")
        await morning.at("09:45")
        await morning.deliver()
    else:
        await morning.at("14:00")
    before = await case(morning, ana)
    tuesday(morning)
    await morning.answer(mother.number, "Ana has a fever today")
    assert [one.code for one in (await known(morning)).values()] == ["I"]
    assert await last_reply(morning) == ("understood: illness", False)
    await away(morning, ana, day=TUESDAY)
    assert (await case(morning, ana), await morning.cases()) == (before, 1)  # nobody was asked again


async def test_that_a_child_is_missing_on_tuesday_is_tuesdays_alarm(morning: Morning) -> None:
    mother = await morning.parent()
    ana = await morning.child("Ana", mother)
    await away(morning, ana)
    await morning.mark(ana, "L", at="09:42")
    await morning.at("09:45")
    await morning.deliver()
    tuesday(morning, "08:50")
    await morning.answer(mother.number, "she left for school at 8, is she there?")
    assert [(await case(morning, ana, day))[0] for day in (TODAY, TUESDAY)] == [S.SEEN, S.ALARM]


@pytest.mark.parametrize(("key", "urgent"), [("2", False), ("4", True)])
async def test_a_key_of_mondays_menu_on_tuesday_goes_to_a_person(morning: Morning, key: str, urgent: bool) -> None:
    mother = await morning.parent()
    ana = await morning.child("Ana", mother)
    await away(morning, ana)
    await morning.answer(mother.number, "1")
    tuesday(morning)
    await morning.answer(mother.number, key)
    assert (await last_reply(morning), await known(morning)) == (("", True), {})
    assert await case(morning, ana) == (S.TO_CONFIRM, "I")
    async with morning.database.write() as session:
        await arriving.turn(session, morning.gateway, promise.load(morning.gateway.settings), library.load())
    assert [task.urgent for task in await morning.tasks("desk.")] == [True] * urgent
    async with morning.database.read() as session:
        (conversation,) = await session.scalars(sa.select(Conversation))
    assert conversation.due_at is not None  # somebody answers


async def test_a_reminder_asks_about_monday_and_its_keys_and_words_are_about_monday(morning: Morning) -> None:
    mother, father = await morning.parent(), await morning.parent("Ivan")
    ana, cem = await morning.child("Ana", mother), await morning.child("Cem", father)
    await away(morning, ana, cem)
    await remind(morning)
    await morning.answer(mother.number, "1")
    await morning.answer(father.number, "he had a fever")
    assert [await case(morning, one) for one in (ana, cem)] == [(S.HANDED_OVER, "I")] * 2
    assert await known(morning) == {}


async def test_what_answers_a_reminder_and_says_today_is_for_a_person(morning: Morning) -> None:
    mother = await morning.parent()
    ana = await morning.child("Ana", mother)
    await away(morning, ana)
    await remind(morning)
    await morning.answer(mother.number, "Ana is ill today")
    assert (await case(morning, ana), await known(morning)) == ((S.HANDED_OVER, ""), {})
    assert "absence.word" in await kinds(morning)
    assert await last_reply(morning) == ("", True)


async def test_off_tomorrow_too_is_for_a_person_once_today_is_known(morning: Morning) -> None:
    mother = await morning.parent()
    ana = await morning.child("Ana", mother)
    await away(morning, ana)
    await morning.answer(mother.number, "1")
    await morning.answer(mother.number, "Ana is ill tomorrow as well")
    assert await last_reply(morning) == ("", True)


@pytest.mark.parametrize(("mark", "state"), [("/", S.ALARM), ("", None)])
async def test_a_brother_who_was_not_asked_about_is_not_his_sister(
    morning: Morning, mark: str, state: S | None
) -> None:
    mother = await morning.parent()
    ana, ben = await morning.child("Ana", mother), await morning.child("Ben", mother)
    if mark:
        await morning.mark(ben, mark)
    await away(morning, ana)
    await morning.answer(mother.number, "Ben is ill")
    assert await case(morning, ana) == (S.ASKING, "")
    assert list(await known(morning, TODAY)) == [ben]
    if state:  # the register has him in school
        assert (await case(morning, ben))[0] == state
    await morning.answer(mother.number, "she is ill")  # unnamed: whoever was asked about
    assert await case(morning, ana) == (S.TO_CONFIRM, "I")


@pytest.mark.parametrize("who", ["barred", "of another child"])
async def test_each_child_is_told_of_by_whoever_may_tell_of_it_and_the_rest_is_for_a_person(
    morning: Morning, who: str
) -> None:
    mother, father = await morning.parent(), await morning.parent("Ivan")
    ana, ben = await morning.child("Ana", mother), await morning.child("Ben", mother, father)
    if who == "barred":
        await school.tie(morning.database, ana, father.id, priority=2, parental_responsibility=True, no_contact=True)
    await away(morning, ana, ben)
    await morning.at("09:50")
    await morning.deliver()
    await morning.answer(father.number, "Ana and Ben are ill")
    assert [await case(morning, one) for one in (ana, ben)] == [(S.ASKING, ""), (S.TO_CONFIRM, "I")]
    assert "absence.stranger" in await kinds(morning)
    assert await last_reply(morning) == ("", True)
    assert not any("Ana" in said for said in await morning.said(father.number))


@pytest.mark.parametrize("name", ["Ana", "Ana Maria"])
async def test_of_two_children_with_one_called_name_a_person_finds_out_which(morning: Morning, name: str) -> None:
    mother = await morning.parent()
    one, other, ben = [await morning.child(called, mother) for called in ("Ana", name, "Ben")]
    await away(morning, one, other, ben)
    await morning.answer(mother.number, "Ana is ill, Ben is at the dentist")
    assert [(await case(morning, child))[0] for child in (one, other, ben)] == [S.UNREAD, S.UNREAD, S.TO_CONFIRM]
    assert await last_reply(morning) == ("", True)
    await morning.answer(mother.number, "they are all ill")
    assert await case(morning, one) == (S.TO_CONFIRM, "I")


async def test_what_is_not_understood_of_one_child_leaves_the_reply_to_a_person(morning: Morning) -> None:
    mother = await morning.parent()
    ana, ben = await morning.child("Ana", mother), await morning.child("Ben", mother)
    await away(morning, ana, ben)
    await morning.answer(mother.number, "Ana is ill with a fever. Ben is off until Friday")
    assert await case(morning, ana) == (S.TO_CONFIRM, "I")
    assert (await last_reply(morning))[0] == ""


@pytest.mark.parametrize("mark", ["?", "؟", "？"])
async def test_whoever_asks_gets_an_answer_in_whichever_script(morning: Morning, mark: str) -> None:
    mother = await morning.parent()
    ana = await morning.child("Ana", mother)
    await away(morning, ana)
    await morning.answer(mother.number, f"Ana is ill, can you send her homework{mark}")
    assert (await case(morning, ana), (await last_reply(morning))[0]) == ((S.TO_CONFIRM, "I"), "")

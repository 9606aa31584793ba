"""A reason that is still missing on later days: who is reminded when, and what ends it."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from support import school
from support.absences import TODAY, Morning

from gateway.absence import listening, registers, reminding
from gateway.database import Database
from gateway.models import CaseState as S
from gateway.models import DaySession
from gateway.registers import marks
from gateway.understanding import library

FRIDAY, MONDAY = date(2026, 11, 27), date(2026, 11, 30)


@pytest.fixture
async def morning(database: Database) -> Morning:
    return await Morning(database, understanding=listening.by_words(library.load())).open()


async def look(morning: Morning, day: date, clock: str = "10:00") -> None:
    """What the daemon's job does, at an hour of a day."""
    hour, minute = map(int, clock.split(":"))
    morning.clock.now = morning.clock.now.replace(day=day.day, month=day.month, hour=hour, minute=minute)
    async with morning.database.read() as session:
        due = await reminding.is_due(session, morning.gateway, morning.rules)
    if due:
        async with morning.database.write() as session:
            await reminding.remind(session, morning.gateway, morning.rules)
        await morning.deliver()


async def unexplained(morning: Morning, *pupil_ids: int) -> None:
    """Monday ends, and nobody has said why these children were away."""
    for pupil_id in pupil_ids:
        await morning.mark(pupil_id, "N")
    await morning.at("09:30")
    await morning.deliver()
    await morning.at("14:00")
    await morning.deliver()
    assert set(await morning.states(*pupil_ids)) == {S.HANDED_OVER}


def reminders(said: list[str]) -> list[str]:
    return [one for one in said if "still do not know why" in one]


async def test_on_day_two_and_four_in_one_text_and_a_task_on_the_last(morning: Morning) -> None:
    mother = await morning.parent()
    ana, ben = await morning.child("Ana", mother), await morning.child("Ben", mother)
    await unexplained(morning, ana, ben)
    seen = list[tuple[int, int, int]]()
    for number in range(8):
        day = TODAY + timedelta(days=number)
        for clock in ("09:59", "10:00", "14:00"):
            await look(morning, day, clock)
        seen.append(
            (number + 1, len(reminders(await morning.said(mother.number))), len(await morning.tasks("absence.ageing")))
        )
    assert seen == [(1, 0, 0), (2, 1, 0), (3, 1, 0), (4, 2, 0), (5, 2, 1), (6, 2, 1), (7, 2, 1), (8, 2, 1)]
    text = reminders(await morning.said(mother.number))[0]
    assert text.startswith("Oakfield: we still do not know why Ana and Ben were away on Monday 23 November")
    (task,) = await morning.tasks("absence.ageing")
    assert "2." in task.what
    assert "Ana" not in task.what


async def test_a_child_who_is_away_all_day_is_counted_once(morning: Morning) -> None:
    child = await morning.child("Ana", await morning.parent())
    await unexplained(morning, child)
    await morning.mark(child, "N", session=DaySession.PM)
    await morning.turn()
    await look(morning, FRIDAY)
    (task,) = await morning.tasks("absence.ageing")
    assert "without a reason: 1." in task.what


async def test_a_reason_that_comes_meanwhile_ends_it(morning: Morning) -> None:
    mother, other, third = [await morning.parent() for _ in range(3)]
    ana, ben, cem = [await morning.child(name, one) for name, one in (("Ana", mother), ("Ben", other), ("Cem", third))]
    await unexplained(morning, ana, ben, cem)
    await look(morning, TODAY + timedelta(days=1))
    await morning.answer(mother.number, "sorry she had a fever")  # the answer to the reminder
    given = marks.Given(ben, TODAY, marks.DaySession.AM, "I")
    async with morning.database.write() as session:
        await registers.take_in(session, morning.gateway, morning.rules, [given], marks.Source("file", "handbell"))
    for number in range(2, 8):
        await look(morning, TODAY + timedelta(days=number))
    assert [len(reminders(await morning.said(one.number))) for one in (mother, other, third)] == [1, 1, 2]
    case = await morning.case(ana)
    assert (case.state, case.code, case.decided_by) == (S.HANDED_OVER, "I", "")
    words = await morning.tasks("absence.word")
    assert [(one.subject, one.urgent) for one in words] == [(f"case:{case.id}", False)]


async def test_a_day_that_was_missed_is_made_up_for_once_and_never_at_a_weekend(morning: Morning) -> None:
    mother = await morning.parent()
    await unexplained(morning, await morning.child("Ana", mother))
    await look(morning, FRIDAY + timedelta(days=1))
    assert reminders(await morning.said(mother.number)) == []
    await look(morning, MONDAY)
    await look(morning, MONDAY, "12:00")
    assert len(reminders(await morning.said(mother.number))) == 1
    assert len(await morning.tasks("absence.ageing")) == 1


async def test_whoever_is_barred_since_is_not_reminded(morning: Morning) -> None:
    mother, father = await morning.parent(), await morning.parent("Ivan")
    child = await morning.child("Ana", mother)
    await school.tie(morning.database, child, father.id, no_contact=True, priority=0, lives_with=True)
    await unexplained(morning, child)
    await look(morning, TODAY + timedelta(days=1))
    assert reminders(await morning.said(father.number)) == []
    assert len(reminders(await morning.said(mother.number))) == 1


async def test_staff_hear_of_unconfirmed_answers_and_of_a_day_that_nobody_was_asked_about(morning: Morning) -> None:
    mother = await morning.parent()
    ana, ben = await morning.child("Ana", mother), await morning.child("Ben", await morning.parent())
    await morning.mark(ana, "N")
    await morning.at("09:30")
    await morning.deliver()
    await morning.answer(mother.number, "1")
    morning.clock.now = morning.clock.now.replace(hour=20)  # Ben's mark comes when nobody is asked any more
    await morning.mark(ben, "N")
    await morning.turn()
    for clock in ("10:00", "10:05"):
        await look(morning, TODAY + timedelta(days=1), clock)
    found = [(one.kind, one.urgent, one.times) for one in await morning.tasks("absence.")]
    assert found == [("absence.unasked", True, 1), ("absence.unconfirmed", False, 1)]


async def test_an_answer_to_a_reminder_about_a_morning_is_no_alarm_though_the_child_came_in_the_afternoon(
    morning: Morning,
) -> None:
    mother = await morning.parent()
    ana = await morning.child("Ana", mother)
    await morning.mark(ana, "N")
    await morning.at("09:30")
    await morning.deliver()
    await morning.mark(ana, "\\", session=marks.DaySession.PM)
    await morning.at("13:30")
    assert (await morning.case(ana)).state is S.SEEN
    await look(morning, TODAY + timedelta(days=1))
    assert len(reminders(await morning.said(mother.number))) == 1
    await morning.answer(mother.number, "sorry she had a fever in the morning")
    case = await morning.case(ana)
    assert (case.state, case.code) == (S.SEEN, "I")
    assert await morning.tasks("absence.alarm") == []
    await look(morning, TODAY + timedelta(days=3))
    assert len(reminders(await morning.said(mother.number))) == 1

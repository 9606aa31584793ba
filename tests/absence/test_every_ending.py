"""However the day goes on, every case ends in the state of the child or with a named person."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from support.absences import AM, PM, Morning

from gateway.absence import listening, states
from gateway.database import Database
from gateway.models import CaseState as S
from gateway.understanding import library

ANSWERS = {"silent": "", "read it": "zxcv", "on the way": "3", "should be here": "4"}


@pytest.fixture
async def morning(database: Database) -> Morning:
    return await Morning(database, understanding=listening.by_words(library.load())).open()


@pytest.mark.parametrize(
    ("down_until", "why"),
    [("2026-11-27 11:30", "for hours"), ("2026-11-27 23:50", "until midnight"), ("2026-11-28 10:00", "until Saturday"),
     ("2026-11-30 08:00", "over the weekend")],
)  # fmt: skip
async def test_a_daemon_that_was_down_at_the_time_of_a_rung(
    sqlite_database: Database, down_until: str, why: str
) -> None:
    words = listening.by_words(library.load())
    morning = await Morning(sqlite_database, absence={"safeguarding_lead": ""}, understanding=words).open()
    morning.clock.now = datetime.fromisoformat("2026-11-27 09:00+00:00")  # a Friday
    day, parents = morning.clock.now.date(), {name: await morning.parent() for name in ANSWERS}
    children = {name: await morning.child(name.split()[0].title(), parent) for name, parent in parents.items()}
    for child in children.values():
        await morning.mark(child, "N", day=day)
    await morning.at("09:30")
    await morning.deliver()
    for name, words_ in ANSWERS.items():
        if words_:
            await morning.answer(parents[name].number, words_)
    assert set(await morning.states(*children.values())) <= states.OPEN, why
    before = {name: len(await morning.said(parent.number)) for name, parent in parents.items()}
    morning.clock.now = datetime.fromisoformat(f"{down_until}+00:00")
    for _ in range(50):
        await morning.turn()
        await morning.deliver()
        morning.clock.now += timedelta(minutes=5)
    assert set(await morning.states(*children.values())) == {S.HANDED_OVER}, why
    assert (await morning.case(children["silent"])).by == "the safeguarding lead"  # nobody is named in the settings
    if morning.clock.now.date() > day and why != "until midnight":  # no family is asked about another day
        assert {name: len(await morning.said(parent.number)) for name, parent in parents.items()} == before


async def test_a_daemon_that_was_down_at_the_time_of_the_sweep_asks_when_it_is_back(morning: Morning) -> None:
    mother = await morning.parent()
    child = await morning.child("Ana", mother)
    await morning.mark(child, "N")
    morning.clock.now = morning.clock.now.replace(hour=11, minute=40)
    await morning.turn()
    assert await morning.states(child) == [S.ASKING]
    assert len(await morning.said(mother.number)) == 1


async def test_arrived_safely_in_the_afternoon_too_and_the_morning_looks_no_more(morning: Morning) -> None:
    mother, other = await morning.parent(), await morning.parent()
    ana, ben = await morning.child("Ana", mother), await morning.child("Ben", other)
    await morning.mark(ana, "N")
    await morning.mark(ben, "/")
    await morning.at("09:40")
    await morning.deliver()
    morning.clock.now = morning.clock.now.replace(hour=13, minute=10)
    await morning.mark(ana, "L", session=PM, at="13:05")
    await morning.mark(ben, "N", session=PM)
    await morning.turn()
    assert (await morning.said(mother.number))[-1].startswith("Oakfield: Ana arrived safely at school at 1:05pm")
    case = await morning.case(ana, AM)
    assert (case.state, case.code, case.decided_by) == (S.SEEN, "", "")  # why she was away is still to be found
    await morning.at("13:30")
    await morning.deliver()
    await morning.mark(ben, "L", session=PM, at="13:42")
    await morning.turn()
    assert (await morning.said(other.number))[-1].startswith("Oakfield: Ben arrived safely at school at 1:42pm")
    assert (await morning.case(ben, PM)).state is S.SEEN
    told = len(await morning.messages())
    await morning.at("15:00")
    assert len(await morning.messages()) == told


async def test_marks_of_the_morning_that_come_after_those_of_the_afternoon(morning: Morning) -> None:
    child = await morning.child("Ana", await morning.parent())
    morning.clock.now = morning.clock.now.replace(hour=13, minute=30)
    await morning.mark(child, "\\", session=PM)
    await morning.mark(child, "N")
    await morning.pass_(minutes=5)
    assert await morning.cases() == 0


async def test_marked_present_and_then_corrected_to_absent_is_asked_about(morning: Morning) -> None:
    mother = await morning.parent()
    child = await morning.child("Ana", mother)
    await morning.mark(child, "/")
    await morning.at("09:40")
    assert await morning.cases() == 0
    await morning.mark(child, "N")
    await morning.at("09:45")
    assert await morning.states(child) == [S.ASKING]
    await morning.deliver()
    await morning.mark(child, "L", at="09:42")
    await morning.turn()
    await morning.deliver()
    await morning.mark(child, "N")  # it was somebody else
    await morning.pass_(minutes=1)
    assert await morning.states(child) == [S.ASKING]
    assert [("not in school" in one, "arrived" in one) for one in await morning.said(mother.number)] == [
        (True, False), (False, True), (True, False),
    ]  # fmt: skip

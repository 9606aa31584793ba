"""Families' own words, understood and done: the understanding of replies behind the cases."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from support.absences import Morning

from gateway.absence import listening
from gateway.absence.meaning import Child, Heard
from gateway.database import Database
from gateway.models import CaseState as S
from gateway.understanding import library
from gateway.understanding import meaning as words
from gateway.understanding.meaning import Intent


@pytest.fixture
async def morning(database: Database) -> Morning:
    return await Morning(database, understanding=listening.by_words(library.load())).open()


async def asked(morning: Morning, language: str = "en") -> tuple[int, str]:
    mother = await morning.parent(written_language=language)
    child = await morning.child("Ana", mother)
    await morning.mark(child, "N")
    await morning.at("09:30")
    await morning.deliver()
    return child, mother.number


@pytest.mark.parametrize(
    ("language", "words", "state", "code"),
    [
        ("en", "sorry shes got a temperature, wont be in", S.TO_CONFIRM, "I"),
        ("en", "dentist this morning", S.TO_CONFIRM, "M"),
        ("en", "she left for school at 8!!", S.ALARM, ""),
        ("en", "running late, be there in 10", S.EXPECTED, ""),
        ("en", "zxcv", S.UNREAD, ""),
        ("pl", "jest chora, ma gorączkę", S.TO_CONFIRM, "I"),
        ("en", "1", S.TO_CONFIRM, "I"),
    ],
)
async def test_what_families_write(morning: Morning, language: str, words: str, state: S, code: str) -> None:
    child, mother = await asked(morning, language)
    await morning.answer(mother, words)
    case = await morning.case(child)
    assert (case.state, case.code) == (state, code)


async def test_each_child_that_is_named_has_its_own_meaning(morning: Morning) -> None:
    mother = await morning.parent()
    ana, ben = await morning.child("Ana", mother), await morning.child("Ben", mother)
    await morning.mark_all(ana, ben, code="N")
    await morning.at("09:30")
    await morning.deliver()
    await morning.answer(mother.number, "Ana is ill with a fever. Ben is at the dentist")
    assert [(await morning.case(one)).code for one in (ana, ben)] == ["I", "M"]


async def test_a_parent_of_several_who_writes_first_must_say_which(morning: Morning) -> None:
    mother = await morning.parent()
    ana, ben = await morning.child("Ana", mother), await morning.child("Ben", mother)
    await morning.answer(mother.number, "Ana is ill until Thursday")
    await morning.answer(mother.number, "he is ill too")
    await morning.mark_all(ana, ben, code="N")
    await morning.at("09:30")
    assert await morning.states(ben) == [S.ASKING]
    assert await morning.cases() == 1
    morning.clock.now = morning.clock.now.replace(day=26, hour=9)
    await morning.mark(ana, "N", day=date(2026, 11, 26))
    await morning.at("09:30")
    assert await morning.cases() == 1


async def test_an_urgent_word_of_one_child_is_not_lost_among_the_others(morning: Morning) -> None:
    mother = await morning.parent()
    ana, ben = await morning.child("Ana", mother), await morning.child("Ben", mother)
    await morning.mark_all(ana, ben, code="N")
    await morning.at("09:30")
    await morning.deliver()
    await morning.answer(mother.number, "Ana left for school at 8. Ben is ill. Ana was sick last week too")
    assert await morning.states(ana, ben) == [S.ALARM, S.TO_CONFIRM]
    assert [task.kind for task in await morning.tasks()] == ["absence.alarm"]


def test_what_is_urgent_in_a_whole_text_is_never_dropped_though_no_part_of_it_says_so() -> None:
    calm = words.Meaning(Intent.ILLNESS, "I", urgent=False, confidence=0.9, because=())
    whole = replace(calm, urgent=True, children=(("Ana", calm), ("Ben", calm)))
    children = [Child(1, "Ana"), Child(2, "Ben")]
    at = datetime(2026, 11, 23, 9, tzinfo=UTC)
    heard = Heard(1, "", "", "", children, (), known=True, asked=True, day=at.date(), at=at)
    said = list(listening.said(whole, heard, {child.name: [child] for child in children}))
    assert {pupil_id for one in said if one.urgent for pupil_id in one.pupil_ids} == {1, 2}

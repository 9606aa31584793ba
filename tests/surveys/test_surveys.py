"""Surveys: one question a text, answers counted once and kept apart from whose they are, one reminder, an answer."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from typing import Any

import hypothesis
import pytest
import sqlalchemy as sa
from hypothesis import strategies as st
from support import school
from support.absences import Morning, Parent

from channels.base import Medium
from gateway import errors, handshake, notices
from gateway.database import Database
from gateway.definitions import survey as shape
from gateway.models import (
    Attempt,
    Audit,
    Guardianship,
    Inbound,
    Message,
    MessageState,
    Notice,
    OptOut,
    Purpose,
    Reply,
    SurveyAnswer,
    SurveyTaker,
    SurveyTally,
)
from gateway.models.types import core
from gateway.surveys import asking, closing, results

GATE: dict[str, Any] = {
    "key": "gate",
    "title": "The new gate",
    "audience": {"whole_school": True},
    "questions": [
        {
            "text": {"en": "Is the new gate easier for you?", "pl": "Czy nowa brama jest wygodniejsza?"},
            "options": [
                {"key": "1", "label": {"en": "easier", "pl": "wygodniejsza"}},
                {"key": "2", "label": {"en": "harder", "pl": "trudniejsza"}},
            ],
        },
        {
            "text": {"en": "When do you come?"},
            "options": [{"key": "1", "label": {"en": "before nine"}}, {"key": "2", "label": {"en": "after nine"}}],
        },
    ],
    "remind_after": "2d",
}


SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


class Asking(Morning):
    """A school with a survey to ask."""

    async def jobs(self) -> None:
        """What the daemon's jobs do."""
        while True:
            async with self.database.write_here() as session:
                if await notices.plan_due(session, self.gateway) is None:
                    break
        async with self.database.write() as session:
            if await asking.is_due(session, self.gateway):
                await asking.turn(session, self.gateway)
        await self.deliver()

    async def ask(self, **changes: Any) -> None:
        async with self.database.write() as session:
            await asking.create(session, self.gateway, shape.read(GATE | changes), by="Mrs Head")
        await self.jobs()

    async def say(self, parent: Parent, words: str = "", **how: Any) -> None:
        await self.answer(parent.number, words, **how)
        await self.jobs()

    async def close(self, **how: str) -> closing.Closed:
        async with self.database.write() as session:
            return await closing.close(session, self.gateway, "gate", by="Mrs Head", **how)

    async def results(self) -> results.Results:
        async with self.database.read() as session:
            return await results.read(session, await asking.find(session, "gate"))

    async def all(self, table: Any) -> list[Any]:
        async with self.database.read() as session:
            return list(await session.scalars(sa.select(table)))


@pytest.fixture
async def here(database: Database) -> Asking:
    return await Asking(database).open()  # type: ignore[return-value]


@SQLITE
async def test_one_question_a_text_each_after_the_answer_to_the_one_before(here: Asking) -> None:
    mother = await here.parent("Maria", written_language="pl")
    await here.child("Ana", mother)
    await here.ask()
    [first] = await here.messages()
    assert (first.purpose, first.priority, first.keys) == (Purpose.SURVEY, 3, "12")
    assert "Czy nowa brama" in first.body
    assert "When do you come?" not in first.body
    await here.say(mother, "2 please")
    texts = await here.said(mother.number)
    assert len(texts) == 2
    assert "When do you come?" in texts[1]
    await here.say(mother, "before nine")
    await here.say(mother, "1")
    assert len(await here.said(mother.number)) == 2
    found = await here.results()
    assert (found.asked, found.answered, found.finished) == (1, 1, 1)
    keys = {one.key for one in await here.all(Notice)}
    assert keys == {"gate", "gate-q2"}, "one notice for each question, however many come to it"
    [taker] = await here.all(SurveyTaker)
    assert (taker.answered, taker.next_at) == (2, None)
    assert await here.all(Reply) == [], "nobody has to read it"


@SQLITE
async def test_words_in_the_familys_language_are_an_answer_and_others_are_for_a_person(here: Asking) -> None:
    mother = await here.parent("Maria", written_language="pl")
    await here.child("Ana", mother)
    await here.ask(anonymous=False)
    await here.say(mother, "Ana is ill today")
    [reply] = await here.all(Reply)
    assert (reply.body, reply.option) == ("Ana is ill today", "")
    assert await here.all(SurveyTaker) == []
    await here.say(mother, "Trudniejsza!")
    [answer] = await here.all(SurveyAnswer)
    assert (answer.question, answer.option, answer.form, answer.language) == (0, "2", "3A", "pl")


@SQLITE
async def test_stop_is_never_an_answer_and_ends_the_questions(here: Asking) -> None:
    mother = await here.parent("Maria")
    await here.child("Ana", mother)
    await here.ask()
    await here.say(mother, "1")
    await here.say(mother, "STOP")
    [stop] = await here.all(OptOut)
    assert stop.address == mother.number
    [taker] = await here.all(SurveyTaker)
    assert taker.answered == 1
    with pytest.raises(errors.BadDefinition, match="phone networks act"):
        shape.read(
            GATE
            | {
                "questions": [
                    {
                        "text": {"en": "Go on?"},
                        "options": [{"key": "1", "label": {"en": "End"}}, {"key": "2", "label": {"en": "Go on"}}],
                    }
                ]
            }
        )


@SQLITE
async def test_a_key_in_a_call_is_an_answer_and_the_next_question_comes_by_text(here: Asking) -> None:
    mother = await here.parent("Maria")
    await here.child("Ana", mother)
    await here.ask(media=["voice"])
    [call] = await here.messages()
    assert call.medium is Medium.VOICE
    await here.say(mother, keys="1", to=call)
    assert (await here.messages())[-1].medium is Medium.SMS
    found = await here.results()
    assert (found.answered, found.finished) == (1, 0)


async def test_who_answered_is_kept_apart_from_what(here: Asking) -> None:
    parents = [await here.parent(f"Parent{number}") for number in range(3)]
    for parent in parents:
        await here.child("Ana", parent)
    await here.ask()
    for parent in parents:
        await here.say(parent, "2")
    [tally] = await here.all(SurveyTally)
    assert (tally.option, tally.form, tally.answers) == ("2", "3A", 3)
    assert await here.all(SurveyAnswer) == []
    for event in await here.all(Inbound):
        assert (event.event["body"], event.event["keys"], event.raw) == ("", "", {})
    lines = [line.body for line in await here.all(Audit) if line.action == "survey.answered"]
    assert len(lines) == 3
    assert all(json.loads(body).keys() <= {"question", "by_link"} for body in lines)
    assert {column.name for column in core(SurveyTaker).columns} == {
        "id", "survey_id", "contact_id", "answered", "next_at", "message_id",
    }  # fmt: skip


async def test_groups_under_five_are_not_shown_and_cannot_be_worked_out(here: Asking) -> None:
    await here.child("Ana", await here.parent())
    await here.ask()
    async with here.database.read() as session:
        survey_id = (await asking.find(session, "gate")).id or 0

    async def count(option: str, **forms: int) -> None:
        rows = [
            SurveyTally(survey_id=survey_id, question=0, option=option, form=form, language="en", answers=answers)
            for form, answers in forms.items()
        ]
        await school.add(here.database, *rows)

    await count("1", **{"3A": 4})
    found = await here.results()
    assert (found.questions[0].answers, found.questions[0].counts, found.questions[0].groups) == (4, None, [])
    await count("2", **{"3A": 3, "3B": 5, "3C": 2})
    found = await here.results()
    assert found.questions[0].counts == {"1": 4, "2": 10}
    groups = {group.name: group.counts for group in found.questions[0].groups if group.kind == "form"}
    assert groups == {"3A": {"1": 4, "2": 3}, "3B": None, "3C": None}, "3C alone would be the sum without the others"
    rows = list(csv.DictReader(io.StringIO(results.csv_of(found))))
    hidden = [row["answers"] for row in rows if row["group"] == "3C" and row["question"] == "1"]
    assert hidden == ["fewer than 5, or hidden"] * 2
    assert [row["answers"] for row in rows if row["by"] == "all" and row["question"] == "1"] == ["4", "10"]


@hypothesis.given(st.lists(st.integers(0, 12), min_size=1, max_size=8))
def test_what_is_hidden_is_five_together_or_everything(sizes: list[int]) -> None:
    groups = results._suppressed([results.Group("form", str(n), size, {"1": size}) for n, size in enumerate(sizes)])
    hidden = [group.answers for group in groups if group.counts is None]
    assert all(group.answers >= results.SMALLEST for group in groups if group.counts is not None)
    if any(hidden):
        assert sum(hidden) >= results.SMALLEST or len(hidden) == len(groups)


async def test_by_name_where_the_survey_says_so_and_words_are_read_by_a_person_too(here: Asking) -> None:
    mother = await here.parent("Maria")
    await here.child("Ana", mother)
    questions = [{"text": {"en": "What should we change?"}}]
    with pytest.raises(errors.BadDefinition, match="words can be recognised"):
        shape.read(GATE | {"questions": questions})
    await here.ask(anonymous=False, questions=questions)
    await here.say(mother, "=A bigger gate")
    found = await here.results()
    assert found.questions[0].words == [("Maria Example", "=A bigger gate")]
    [reply] = await here.all(Reply)
    assert reply.body == "=A bigger gate", "it may say that a child is ill"
    assert "'=A bigger gate" in results.csv_of(found)


async def test_one_reminder_at_most_and_only_to_those_who_have_not_answered(here: Asking) -> None:
    answers, silent, barred = [await here.parent(name) for name in ("Answers", "Silent", "Barred")]
    for parent in (answers, silent, barred):
        await here.child("Ana", parent)
    await here.ask()
    await here.say(answers, "1")
    ties = core(Guardianship)
    async with here.database.write() as session:
        await session.execute(sa.update(ties).where(ties.c.contact_id == barred.id).values(no_contact=True))
    here.clock.pass_(days=2, minutes=1)
    for _ in range(3):
        await here.jobs()
        here.clock.pass_(days=3)
    assert len(await here.said(silent.number)) == 2
    assert len(await here.said(answers.number)) == 2  # the first question and the second
    assert len(await here.said(barred.number)) == 1
    await here.say(silent, "1")
    assert (await here.results()).answered == 2


async def test_it_is_not_closed_without_an_answer_or_a_reason(here: Asking) -> None:
    mother, father = await here.parent("Maria"), await here.parent("Ivan")
    await here.child("Ana", mother)
    await here.child("Ben", father)
    await here.ask()
    await here.say(mother, "1")
    for how in (
        {},
        {"you_said": "The gate is crowded."},
        {"reason": " "},
        {"you_said": "a", "we_did": "b", "reason": "c"},
    ):
        with pytest.raises(errors.BadInput, match="not closed without"):
            await here.close(**how)
    done = await here.close(you_said="The gate is crowded.", we_did="We now open a second gate.")
    assert done.told == 1
    told = [one for one in await here.messages() if "second gate" in one.body]
    assert [(one.address, one.purpose) for one in told] == [(mother.number, Purpose.SURVEY)]
    with pytest.raises(errors.Conflict, match="closed already"):
        await here.close(reason="Never mind.")
    await here.say(father, "1")
    assert (await here.results()).answered == 1, "an answer that comes later is not counted"


@SQLITE
async def test_a_reason_closes_it_too_and_takes_back_what_has_not_left(here: Asking) -> None:
    await here.child("Ana", await here.parent())
    async with here.database.write() as session:
        await asking.create(session, here.gateway, shape.read(GATE), by="Mrs Head")
    async with here.database.write_here() as session:
        await notices.plan_due(session, here.gateway)
    done = await here.close(reason="The old gate is back.")
    assert (done.told, done.taken_back) == (0, 1)
    assert {one.state for one in await here.all(Message)} == {MessageState.CANCELLED}
    assert (done.survey.closing, done.survey.reason) == ("reason", "The old gate is back.")


@SQLITE
async def test_what_may_be_declined_is(here: Asking) -> None:
    mother = await here.parent("Maria", mail="maria@example.com")
    await here.child("Ana", mother)
    await school.add(
        here.database,
        OptOut(medium=Medium.EMAIL, address="maria@example.com", since=here.clock.now, mandatory_too=False),
    )
    await here.ask(media=["email", "sms"])
    assert [one.medium for one in await here.messages()] == [Medium.SMS]


@SQLITE
async def test_a_shared_phone_answers_once(here: Asking) -> None:
    number = school.number()
    mother, father = await here.parent("Maria", number=number), await here.parent("Ivan", number=number)
    await here.child("Ana", mother, father)
    await here.ask()
    await here.say(mother, "1")
    assert len(await here.said(number)) == 2
    assert (await here.results()).answered == 1


async def test_of_several_processes_one_goes_on_and_reminds(here: Asking) -> None:
    answers, silent, more = await here.parent("Answers"), await here.parent("Silent"), await here.parent("More")
    for parent in (answers, silent, more):
        await here.child("Ana", parent)
    await here.ask()
    await here.answer(answers.number, "1")
    await here.answer(more.number, "2")
    here.clock.pass_(days=3)

    async def process() -> None:
        async with here.database.write() as session:
            await asking.turn(session, here.gateway)

    await asyncio.gather(*(process() for _ in range(4)))
    await here.deliver()
    for parent in (answers, silent, more):
        assert len(await here.said(parent.number)) == 2


@SQLITE
async def test_a_digit_that_may_be_meant_for_the_language_is_for_a_person(here: Asking) -> None:
    mother = await here.parent("Maria")
    await here.child("Ana", mother)
    at = here.clock.now
    await here.ask()
    [first] = await here.messages()
    question = Message(
        id="0" * 26, contact_id=mother.id, sender_id=first.sender_id, medium=Medium.SMS, address=mother.number,
        slot=f"{handshake.SLOT}pl:{mother.id}", purpose=Purpose.SERVICE, keys="12", body="?", due_at=at,
        state=MessageState.DELIVERED, attempt=1, created_at=at, changed_at=at,
    )  # fmt: skip
    await school.add(here.database, question)
    await school.add(here.database, Attempt(message_id=question.id, number=1, worker="w", begun_at=at))
    await here.say(mother, "1")
    assert await here.all(SurveyTaker) == []
    [reply] = await here.all(Reply)
    assert (reply.body, reply.option) == ("1", "")

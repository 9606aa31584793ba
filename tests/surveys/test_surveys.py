"""Surveys: one question a text, answers counted once and kept apart from whose they are, one reminder, an answer."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import sqlalchemy as sa
from hypothesis import strategies as st
from support import school
from support.absences import Morning, Parent

from channels.base import Medium
from config import sections
from gateway import errors, handshake, notices
from gateway.database import Database
from gateway.definitions import survey as shape
from gateway.models import (
    Attempt,
    Audit,
    Guardianship,
    Inbound,
    LineType,
    Message,
    MessageState,
    Notice,
    OptOut,
    Preference,
    Purpose,
    Reply,
    SurveyAnswer,
    SurveyTaker,
    SurveyTally,
    Task,
    Wish,
)
from gateway.models.types import core
from gateway.preferences import arranging
from gateway.surveys import asking, closing, going_on, results

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
            if await going_on.is_due(session, self.gateway):
                await going_on.turn(session, self.gateway)
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


YES_OR_NO: dict[str, Any] = {
    "text": {"en": "Is the gate easier? Answer yes or no.", "pl": "Czy brama jest wygodniejsza?"},
    "options": [{"key": "1", "label": {"en": "Yes", "pl": "Tak"}}, {"key": "2", "label": {"en": "No", "pl": "Nie"}}],
}


@SQLITE
@pytest.mark.parametrize(
    ("said", "option"),
    [("1", "1"), ("Yes", "1"), ("YES please!", "1"), ("tak", "1"), ("2", "2"), ("no", "2"), ("No thanks", "2"),
     ("Nie, dziękuję", "2"), ("no 2", "2"), ("2 yes", ""), ("no 1", ""), ("yes no", ""), ("Yes?", ""),
     ("No, Ana is ill", "")],
)  # fmt: skip
async def test_yes_and_no_are_answers_by_digit_and_by_word(here: Asking, said: str, option: str) -> None:
    mother = await here.parent("Maria")
    await here.child("Ana", mother)
    await here.ask(questions=[YES_OR_NO], anonymous=False)
    [asked] = await here.messages()
    assert "Reply 1 for Yes or 2 for No" in asked.body
    await here.say(mother, said)
    assert [one.option for one in await here.all(SurveyAnswer)] == ([option] if option else [])
    assert len(await here.all(Reply)) == (0 if option else 1), "what is not clear is for a person"


@SQLITE
async def test_a_phone_that_has_stopped_our_texts_starts_them_again_with_yes_and_no_more(here: Asking) -> None:
    mother = await here.parent("Maria")
    await here.child("Ana", mother)
    await here.ask(questions=[YES_OR_NO])
    await here.say(mother, "STOP")
    assert len(await here.all(OptOut)) == 1
    await here.say(mother, "yes")
    assert await here.all(OptOut) == []
    assert await here.all(SurveyTaker) == []
    await here.say(mother, "yes")
    assert len(await here.all(SurveyTaker)) == 1, "now it is the answer"


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


@SQLITE
async def test_a_landline_among_them_does_not_have_the_others_called_again(here: Asking) -> None:
    mother, gran = await here.parent("Maria"), await school.contact(here.database, "Gran")
    ana = await here.child("Ana", mother)
    await school.point(here.database, gran, "+441134960555", line_type=LineType.LANDLINE)
    await school.tie(here.database, ana, gran, priority=2)
    await here.ask(media=["voice"], audience={"whole_school": True, "tell": "everyone"})
    for call in await here.messages():
        await here.answer(call.address, "", keys="1", to=call)
    await here.jobs()
    second = {(one.contact_id, one.medium) for one in await here.messages() if "When do you come" in one.body}
    assert second == {(mother.id, Medium.SMS), (gran, Medium.VOICE)}


@SQLITE
async def test_an_answer_after_the_end_of_an_anonymous_survey_is_kept_nowhere(here: Asking) -> None:
    mother = await here.parent("Maria")
    await here.child("Ana", mother)
    await here.ask()
    await here.close(reason="The gate is gone.")
    await here.say(mother, "2")
    assert (await here.results()).answered == 0
    assert await here.all(Reply) == []
    [event] = await here.all(Inbound)
    assert (event.event["body"], event.raw) == ("", {})


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
    async with here.database.read() as session:
        words = await closing.said(session, done.survey)
    assert words == ("The gate is crowded.", "We now open a second gate.")
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
            await going_on.turn(session, here.gateway)

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


def without_limit(here: Asking) -> None:
    unlimited = sections.Load(texts_per_day=0, texts_per_week=0)
    here.gateway = replace(here.gateway, settings=here.gateway.settings.model_copy(update={"load": unlimited}))


async def prefer(here: Asking, parent: Parent, medium: Medium, wish: Wish, topic: str = "*") -> None:
    row = Preference(contact_id=parent.id, topic=topic, medium=medium, wish=wish, since=here.clock.now)
    await school.add(here.database, row)


@SQLITE
async def test_a_reminder_keeps_to_what_a_family_prefers_and_a_question_follows_an_answer(here: Asking) -> None:
    """A family gets one text a day of what can wait; the second question is no such text, the reminder is."""
    answers, silent, full, stops = [
        await here.parent(name, mail=f"{name}@example.com") for name in ("answers", "silent", "full", "stops")
    ]
    for parent in (answers, silent, full, stops):
        await here.child("Ana", parent)
    await here.ask()
    await here.say(answers, "1")
    assert len(await here.said(answers.number)) == 2
    second = (await here.messages())[-1]
    assert (second.address, second.remark) == (answers.number, going_on.FOLLOWS)
    await prefer(here, silent, Medium.SMS, Wish.OFF)
    for medium in (Medium.SMS, Medium.EMAIL):
        await prefer(here, stops, medium, Wish.OFF, topic="other")
    here.clock.pass_(days=2, minutes=1)
    await school.add(here.database, await _text_of_today(here, full))
    await here.jobs()
    reminders = [one for one in await here.all(Message) if one.run_id and one.run_id == max(
        row.run_id or 0 for row in await here.all(Message)
    )]  # fmt: skip
    got = {(one.contact_id, one.medium): (one.reason, one.remark) for one in reminders}
    assert got[silent.id, Medium.EMAIL] == ("", arranging.BY_EMAIL)
    assert got[full.id, Medium.EMAIL] == ("", arranging.LIMITED_TO_EMAIL)
    assert {reason for (contact, _), (reason, _) in got.items() if contact == stops.id} == {"declined"}
    assert "/s/" in next(one.body for one in reminders if one.medium is Medium.EMAIL), "an email can be answered"


async def _text_of_today(here: Asking, parent: Parent) -> Message:
    [first] = [one for one in await here.all(Message) if one.contact_id == parent.id and one.reason == ""]
    at = here.clock.now
    return Message(
        id="1" * 26, contact_id=parent.id, sender_id=first.sender_id, medium=Medium.SMS, address=parent.number,
        slot="sms", purpose=Purpose.SERVICE, body="?", due_at=at, state=MessageState.DELIVERED, created_at=at,
        changed_at=at,
    )  # fmt: skip


@SQLITE
async def test_what_the_school_has_done_waits_for_the_digest_of_whoever_wants_that(here: Asking) -> None:
    mother = await here.parent("Maria")
    await here.child("Ana", mother)
    await here.ask()
    await here.say(mother, "1")
    await prefer(here, mother, Medium.SMS, Wish.DIGEST)
    done = await here.close(you_said="The gate is crowded.", we_did="We now open a second gate.")
    [row] = [one for one in await here.messages() if "second gate" in one.body]
    assert (done.told, row.remark, row.sender_id) == (1, arranging.IN_DIGEST, None)


@SQLITE
async def test_one_survey_that_cannot_go_on_does_not_keep_the_others(here: Asking) -> None:
    without_limit(here)
    mother = await here.parent("Maria")
    await here.child("Ana", mother)
    long = "a-survey-with-a-key-that-is-as-long-as-a-key-may-be-2026-2027-and-then-some-more"
    await here.ask(key=long)
    await here.say(mother, "1")
    assert [one.key for one in await here.all(Notice)][1] == f"{long[:60]}-q2"
    await here.say(mother, "1")
    async with here.database.write() as session:
        survey = await asking.find(session, long)
        survey.definition = survey.definition | {"questions": []}
        survey.remind_at = here.clock.now
        session.add(survey)
    await here.ask(key="gate-q2")  # somebody has the key that the next question would have
    await here.say(mother, "1")
    await here.ask()
    await here.say(mother, "2")
    assert {"gate-q2", "gate-q2-1"} < {one.key for one in await here.all(Notice)}
    [task] = await here.all(Task)
    assert (task.kind, task.times) == ("survey", 1)
    assert f"The survey “{long}” cannot go on" in task.what


@SQLITE
async def test_nobody_is_reminded_of_what_waits_or_was_taken_back(here: Asking) -> None:
    without_limit(here)
    mother = await here.parent("Maria")
    await here.child("Ana", mother)
    await here.ask(approval={"required": True})
    here.clock.pass_(days=1, hours=23)
    await here.jobs()
    async with here.database.write() as session:
        await notices.approve(session, here.gateway, "gate", approver="Mr Deputy")
    here.clock.pass_(hours=2)
    await here.jobs()
    assert len(await here.said(mother.number)) == 1, "it was put two hours ago"
    here.clock.pass_(days=2)
    await here.jobs()
    assert len(await here.said(mother.number)) == 2
    await here.ask(key="other")
    async with here.database.write() as session:
        await notices.cancel(session, here.gateway, "other", actor="Mrs Head")
    here.clock.pass_(days=3)
    await here.jobs()
    assert len(await here.said(mother.number)) == 3


def test_what_is_wrong_in_a_file_is_told_with_its_line_and_cure(tmp_path: Path) -> None:
    file = tmp_path / "gate.toml"
    file.write_text('key = "Gate"\ntitle = "Gate"\nanonymus = true\n[audience]\nwhole_school = true\n')
    with pytest.raises(errors.BadDefinition) as caught:
        shape.read_file(file)
    said = {one.field: (one.line, one.cure) for one in caught.value.problems}
    assert said["anonymus"] == (3, "Did you mean “anonymous”?")
    assert said["key"][0] == 1
    assert "questions" in said
    with pytest.raises(errors.BadDefinition, match="no such file"):
        shape.read_file(tmp_path / "none.toml")

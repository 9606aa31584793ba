"""Surveys on their pages: results as the API has them, few never shown, and closed with an answer."""

from __future__ import annotations

import html
from typing import Any

from sqlmodel import col, select
from support import staff
from support.website import Family, Running

from gateway import notices
from gateway.models import Message, Survey, SurveyTaker, SurveyTally
from gateway.roles import Role

GATE: dict[str, Any] = {
    "key": "gate",
    "title": "The new gate",
    "audience": {"whole_school": True},
    "questions": [
        {
            "text": {"en": "Is the gate <easier>?"},
            "options": [{"key": "1", "label": {"en": "easier"}}, {"key": "2", "label": {"en": "harder"}}],
        }
    ],
}


async def asked(api: Running, family: Family, *, answers: int) -> None:
    assert (await api.api("POST", "/surveys", json=GATE)).status == 201
    async with api.gateway.database.write_here() as session:
        await notices.plan_due(session, api.gateway)
    async with api.gateway.database.write() as session:
        question = await session.scalar(select(Message.id).where(col(Message.contact_id) == family.mum).limit(1))
        session.add(SurveyTaker(survey_id=1, contact_id=family.mum, answered=1, message_id=question))
        session.add(SurveyTally(survey_id=1, question=0, option="1", form="3A", language="en", answers=answers))


async def test_results_are_those_of_the_api_and_few_are_not_shown(api: Running, family: Family) -> None:
    head = await staff.desk(api, Role.HEAD)
    assert "Nobody has been asked yet" in (await head.get("/surveys")).text
    await asked(api, family, answers=3)
    told = (await api.api("GET", "/surveys/gate/results")).json
    page = html.unescape((await head.get("/surveys/gate")).text)
    assert f"{told['answered']} of {told['asked']} p" in page
    assert "Fewer than 5 answers" in page
    assert "Most say" not in page
    async with api.gateway.database.write() as session:
        session.add(SurveyTally(survey_id=1, question=0, option="1", form="5B", language="ur", answers=4))
    page = (await head.get("/surveys/gate")).text
    assert "Most say: easier" in page
    assert "Is the gate &lt;easier&gt;?" in page
    assert '<span class="r strong">7</span>' in page
    assert "hidden" in page  # a class of three
    listed = html.unescape((await head.get("/surveys")).text)
    assert "1 survey is open" in listed
    assert f"{told['answered']} of {told['asked']}" in listed
    assert (await head.get("/surveys/gate/results.csv")).text == (
        await api.api("GET", "/surveys/gate/results.csv")
    ).text
    assert (await head.get("/surveys/none")).status == 404
    for role in (Role.TEACHER, Role.IT):
        assert (await (await staff.desk(api, role)).get("/surveys/gate")).status == 403


async def test_a_survey_ends_with_an_answer_or_a_reason(api: Running, family: Family) -> None:
    await asked(api, family, answers=5)
    desk = await staff.desk(api, Role.OFFICE, name="Mrs Office")
    page = await desk.get("/surveys/gate")
    assert "Close it and tell them" in page.text
    half = await desk.post("/surveys/gate/close", you_said="The gate is <crowded>", how="told", reason="Later")
    assert half.status == 422
    assert "A survey is not closed without" in half.text
    assert ">The gate is &lt;crowded&gt;</textarea>" in half.text
    assert 'value="Later"' in half.text
    assert (await desk.post("/surveys/gate/close", how="reason", reason=" ")).status == 422
    done = await desk.post("/surveys/gate/close", you_said="It is crowded.", we_did="A second gate opens.", how="told")
    assert (done.status, done.headers["Location"]) == (303, "/surveys/gate")
    page = html.unescape((await desk.get("/surveys/gate")).text)
    assert "Close it and tell them" not in page
    assert 'It is crowded.<br><b class="strong">A second gate opens.</b>' in page
    async with api.gateway.database.read() as session:
        survey = await session.get_one(Survey, 1)
    assert (survey.closing, survey.closed_by) == ("told", "office:Mrs Office")
    assert (await desk.post("/surveys/gate/close", how="reason", reason="Again")).status == 409
    looks = await staff.desk(api, Role.READ_ONLY)
    assert "Close it" not in (await looks.get("/surveys/gate")).text
    assert (await looks.post("/surveys/gate/close", how="reason", reason="x")).status == 403


async def test_a_survey_is_made_on_a_page_and_shown_before_anybody_is_asked(api: Running, family: Family) -> None:
    desk = await staff.desk(api, Role.OFFICE, name="Mrs Office")
    page = await desk.get("/surveys/new")
    assert 'href="/surveys/new"' in (await desk.get("/surveys")).text
    await desk.get("/surveys/new")
    typed = {"title": "The new gate", "questions": "2", "q1": "Is the gate <easier>?", "a1": "easier\nharder\n",
             "q2": "And the path?", "a2": "good\nbad", "way": ["sms"], "anonymous": "yes", "remind": "3"}  # fmt: skip
    lost = await desk.post("/surveys/new", **typed, act="look")
    assert lost.status == 422
    assert "Pick who is asked." in lost.text
    assert "Is the gate &lt;easier&gt;?</textarea>" in lost.text, "nothing that was typed is lost"
    seen = await desk.post("/surveys/new", **typed, whole="yes", act="look")
    assert seen.status == 200
    assert "Reply 1 for easier or 2 for harder" in seen.text
    assert "person is asked" in seen.text or "people are asked" in seen.text
    async with api.gateway.database.read() as session:
        assert await session.get(Survey, 1) is None, "nobody is asked by looking"
    plain = await desk.post("/surveys/new", **typed | {"a1": "Yes\nNo", "q1": "Easier?"}, whole="yes", act="look")
    assert (plain.status, "Reply 1 for Yes or 2 for No" in plain.text) == (200, True), "the commonest question of all"
    done = await desk.post("/surveys/new", **typed, whole="yes", act="send")
    assert (done.status, done.headers["Location"]) == (303, "/surveys/the-new-gate")
    async with api.gateway.database.read() as session:
        survey = await session.get_one(Survey, 1)
    assert survey.by == "office:Mrs Office"
    assert [one["text"]["en"] for one in survey.definition["questions"]] == ["Is the gate <easier>?", "And the path?"]
    assert api.heard == ["planned"]
    page = await desk.get("/surveys/the-new-gate")
    assert "The new gate" in page.text


async def test_what_is_wrong_with_a_survey_stands_at_its_field(api: Running, family: Family) -> None:
    desk = await staff.desk(api, Role.OFFICE)
    await desk.get("/surveys/new")
    typed = {"title": "Gate", "whole": "yes", "way": ["sms"], "anonymous": "yes", "act": "look", "q1": "Easier?"}
    for more, field, sentence in (
        ({}, "a1", "Words can be recognised."),
        ({"a1": "yes"}, "a1", "Give two answers at least"),
        ({"a1": "yes\nstop"}, "a1", "say it in more words"),
        ({"a1": "yes\nno", "q1-pl": "Lepiej?", "a1-pl": "tak"}, "a1-pl", "In Polish 1 answer stands, in English 2."),
        ({"a1": "yes\nno", "way": []}, "way", "Choose how they are asked."),
    ):
        page = await desk.post("/surveys/new", **{**typed, **more})
        assert page.status == 422, more
        assert f'<a href="#{field}">' in page.text, (more, page.text)
        assert sentence in html.unescape(page.text)
    more = await desk.post("/surveys/new", **{**typed, "act": "more"})
    assert (more.status, "Question 2" in more.text) == (200, True)
    for role in (Role.TEACHER, Role.ATTENDANCE, Role.READ_ONLY, Role.IT):
        assert (await (await staff.desk(api, role)).get("/surveys/new")).status == 403

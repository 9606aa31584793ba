"""The page behind the link in a survey's email, and the API of surveys."""

from __future__ import annotations

import re
from typing import Any

import pytest
import sqlalchemy as sa
from support.website import PUBLIC, Answer, Family, Running

from channels.base import Medium
from gateway import notices
from gateway.models import Message, SurveyTaker, SurveyTally
from gateway.models.types import core
from gateway.surveys import going_on

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

OPTIONS = [{"key": "1", "label": {"en": "easier"}}, {"key": "2", "label": {"en": "<b>harder</b>"}}]
SURVEY: dict[str, Any] = {
    "key": "gate",
    "title": "The new gate",
    "audience": {"whole_school": True},
    "media": ["email", "sms"],
    "questions": [{"text": {"en": "Is the gate easier?"}, "options": OPTIONS},
                  {"text": {"en": "Do you come by car?"}, "options": OPTIONS}],
}  # fmt: skip


async def link(api: Running) -> tuple[str, Message]:
    """Ask, and give the path of the link in the email."""
    made = await api.api("POST", "/surveys", json=SURVEY)
    assert made.status == 201, made.text
    async with api.gateway.database.write_here() as session:
        await notices.plan_due(session, api.gateway)
    async with api.gateway.database.read() as session:
        found = await session.scalars(sa.select(Message).where(core(Message).c.body != ""))
        by_medium = {one.medium: one for one in found}
    assert "/s/" not in by_medium[Medium.SMS].body, "a text has its menu, and no room for links"
    mail = by_medium[Medium.EMAIL]
    address = re.search(rf"{PUBLIC}(/s/\S+)", mail.body)
    assert address
    assert mail.body.index(address[0]) < mail.body.index("-- "), "above the footer"
    return address[1], mail


async def takers(api: Running) -> list[int]:
    async with api.gateway.database.read() as session:
        return list(await session.scalars(sa.select(core(SurveyTaker).c.answered)))


async def press(api: Running, path: str, question: str, answer: str) -> Answer:
    return await api.ask("POST", path, data={"question": question, "answer": answer})


async def test_a_get_shows_and_a_post_answers_and_goes_on(api: Running, family: Family) -> None:
    path, _ = await link(api)
    for _ in range(2):
        page = await api.ask("GET", path)
        assert page.status == 200
        assert "Is the gate easier?" in page.text
        assert "&lt;b&gt;harder" in page.text
    assert await takers(api) == []
    first = await press(api, path, "0", "1")
    assert "Do you come by car?" in first.text
    assert "we have your answer: easier" in first.text.replace("\u2068", "").replace("\u2069", "")
    again = await press(api, path, "0", "2")
    assert "Do you come by car?" in again.text
    assert await takers(api) == [1], "the same question is answered once"
    for bad in (("1", "9"), ("1", ""), ("7", "1"), ("", "1")):
        await press(api, path, *bad)
    assert await takers(api) == [1]
    async with api.gateway.database.read() as session:
        assert not await going_on.is_due(session, api.gateway), "who answers on the page goes on there"
    last = await press(api, path, "1", "2")
    assert last.status == 200
    assert "<form" not in last.text
    assert await takers(api) == [2]
    async with api.gateway.database.read() as session:
        rows = (await session.execute(sa.select(core(SurveyTally)))).mappings().all()
    assert sorted((row["question"], row["option"], row["answers"]) for row in rows) == [(0, "1", 1), (1, "2", 1)]


async def test_a_link_that_is_not_ours_shows_nothing(api: Running, family: Family) -> None:
    path, mail = await link(api)
    for bad in (path[:-1] + "x", f"/s/{mail.id}/{'0' * 32}", "/s/nobody/%C3%A9", f"/s/x/{path.rpartition('/')[2]}"):
        for method in ("GET", "POST"):
            refused = await api.ask(method, bad)
            assert refused.status == 404, bad
            assert "gate" not in refused.text
    assert await takers(api) == []


async def test_the_api_shows_what_was_said_and_closes(api: Running, family: Family) -> None:
    path, _ = await link(api)
    await press(api, path, "0", "1")
    found = await api.api("GET", "/surveys/gate/results")
    assert found.json["answered"] == 1
    assert found.json["questions"][0]["counts"] is None, "fewer than five"
    listed = await api.api("GET", "/surveys")
    assert [one["key"] for one in listed.json["items"]] == ["gate"]
    sheet = await api.api("GET", "/surveys/gate/results.csv")
    assert sheet.headers["Content-Type"].startswith("text/csv")
    assert (await api.api("POST", "/surveys/gate/close", json={})).status == 422
    told = {"you_said": "It is crowded.", "we_did": {"en": "We open a second one."}}
    closed = await api.api("POST", "/surveys/gate/close", key="c", json=told)
    assert closed.json["closing"] == "told"
    assert (await api.api("POST", "/surveys/gate/close", key="c", json=told)).json == closed.json
    assert (await api.api("POST", "/surveys/gate/close", json=told)).status == 409
    assert (await api.ask("GET", path)).status == 404
    assert (await api.api("POST", "/surveys", json=SURVEY)).status == 409
    wrong = await api.api("POST", "/surveys", json=SURVEY | {"key": "b", "schedule": {"cron": "0 8 * * 1"}})
    assert wrong.status == 422

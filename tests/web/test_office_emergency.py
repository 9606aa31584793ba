"""The office's page and the API of emergencies: the time first, then the alarm, the list, and what follows."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa
from support import school as people
from support import staff, website
from support.website import Answer, Family, Running

from config import sections
from gateway import context, notices, tokens
from gateway.database import Database
from gateway.models import Message, MessageState
from gateway.models.types import core
from gateway.roles import Role

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

WORDS = {
    "what": "There is a gas leak.", "do": "Please stay at home.", "more": "pl: Gaz.: Zostań w domu.", "whole": "yes",
}  # fmt: skip


def field(page: Answer, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page.text)
    assert found, page.text
    return html.unescape(found[1])


async def plan(api: Running) -> None:
    async with api.gateway.database.write_here() as session:
        while await notices.plan_due(session, api.gateway):
            pass


async def messages(api: Running) -> int:
    async with api.gateway.database.read() as session:
        return await session.scalar(sa.select(sa.func.count()).select_from(Message)) or 0


async def test_the_page_shows_the_time_first_and_then_alarms(api: Running, family: Family) -> None:
    desk = await staff.desk(api, Role.OFFICE, name="Mrs Okafor")
    await desk.get("/emergency")
    seen = await desk.post("/emergency", act="check", **WORDS)
    assert seen.status == 200
    assert "How long it takes" in seen.text
    assert "1 text in " in seen.text
    assert "1 call, " in seen.text
    assert seen.text.index("How long it takes") < seen.text.index("What they read")
    assert await messages(api) == 0, "a look sends nothing"
    sending = WORDS | {"act": "send", "key": field(seen, "key")}
    sent = await desk.post("/emergency", **sending)
    assert (sent.status, sent.headers["Location"]) == (303, f"/emergency/{field(seen, 'key')}")
    assert api.heard == ["planned"]
    twice = await desk.post("/emergency", **sending)
    assert "has sent an alarm at" in html.unescape(twice.text), "the same form alarms once"
    await plan(api)
    page = await desk.get(sent.headers["Location"])
    assert '<noscript><meta http-equiv="refresh"' in page.text, "it needs no script"
    assert "2 of 2 children: nobody who answers for them has read it yet" in page.text
    tell = await desk.get(f"{sent.headers['Location']}/tell")
    assert "the one person who was alarmed" in tell.text
    done = await desk.post(f"{sent.headers['Location']}/tell", act="all-clear", now="Lessons go on.")
    assert done.status == 303
    over = await desk.get(sent.headers["Location"])
    assert 'http-equiv="refresh"' not in over.text
    assert "All clear" in over.text
    assert [actor for actor, *_ in await staff.lines(api, "emergency.over")] == ["office:Mrs Okafor"]


async def test_a_form_that_cannot_be_one_alarms_nobody_and_keeps_what_was_typed(api: Running, family: Family) -> None:
    desk = await staff.desk(api, Role.HEAD)
    wrong = await desk.post("/emergency", act="send", **{**WORDS, "whole": "", "forms": "9Z"})
    assert (wrong.status, "nobody is in form" in wrong.text, WORDS["what"] in wrong.text) == (422, True, True)
    assert await messages(api) == 0
    reader = await staff.desk(api, Role.READ_ONLY)
    assert "Alarm families" in (await reader.get("/emergency")).text
    assert "<textarea" not in (await reader.get("/emergency")).text


async def test_the_api_previews_alarms_lists_and_ends(api: Running, family: Family) -> None:
    words: dict[str, Any] = {"what_happened": {"en": "A gas leak.", "pl": "Gaz."}, "what_to_do": "Stay at home."}
    seen = await api.api("POST", "/emergencies/preview", json=words)
    assert {one["medium"]: one["messages"] for one in seen.json["channels"]} == {"sms": 1, "voice": 1, "email": 1}
    assert all("seconds" in one and one["by_language"] for one in seen.json["channels"])
    sent = await api.api("POST", "/emergencies", key="k", json=words | {"key": "gas"})
    again = await api.api("POST", "/emergencies", key="k", json=words | {"key": "gas"})
    assert (sent.status, sent.json["key"], again.json) == (201, "gas", sent.json)
    await plan(api)
    t = core(Message)
    async with api.gateway.database.write() as session:
        await session.execute(
            sa.update(t).where(t.c.state == MessageState.QUEUED, t.c.step == 0).values(state=MessageState.ACCEPTED)
        )
    listed = await api.api("GET", "/emergencies/latest")
    assert (listed.json["children"], listed.json["covered"]) == (2, 0)
    assert {one["way"] for one in listed.json["not_covered"]} == {"reached"}
    child = listed.json["not_covered"][0]["pupil"]
    assert (await api.api("POST", f"/emergencies/gas/children/{child}", json={"how": "rang them"})).status == 204
    noted = (await api.api("GET", "/emergencies/gas")).json["covered_children"]
    assert [(one["pupil"], one["noted"]["how"]) for one in noted] == [(child, "rang them")]
    assert (await api.api("POST", "/emergencies/rehearsals", json={})).status == 503, "no daemon is around this page"
    told = await api.api("POST", "/emergencies/gas/updates", json=words)
    assert (told.status, told.json["told"], told.json["key"]) == (201, 1, "gas-update-1")
    over = await api.api("POST", "/emergencies/gas/all-clear", json={"what_now": "Lessons go on."})
    assert (over.json["told"], over.json["taken_back"]) == (1, 4)  # the call for later, and the update
    assert (await api.api("POST", "/emergencies/gas/updates", json=words)).status == 409
    listed = await api.api("GET", "/emergencies")
    assert [(one["key"], bool(one["over_at"])) for one in listed.json] == [("gas", True)]
    everybody = await api.api("GET", "/emergencies/choices")
    assert (everybody.json["children"], everybody.json["groups"]) == (2, [])
    for bad in (
        {"what_happened": " ", "what_to_do": "x"},
        {"what_happened": "x" * 2000, "what_to_do": "x"},
        words | {"about": {"forms": []}},  # a choice that came out empty is not the whole school
        words | {"key": "latest"},
        words | {"what_happened": {"en": "A gas leak.", "xx": "words that nobody would get"}},
    ):
        assert (await api.api("POST", "/emergencies", json=bad)).status == 422
    assert website.MUM not in str(listed.json)


async def test_the_second_person_lets_it_go_on_the_page(database: Database) -> None:
    strict = sections.Emergency(second_person=True)

    def changed(gateway: context.Gateway) -> context.Gateway:
        return replace(gateway, settings=gateway.settings.model_copy(update={"emergency": strict}))

    async with website.running_on(database, changed=changed) as api:
        await people.sender(database)
        child, parent = await people.pupil(database), await people.contact(database)
        await people.point(database, parent, people.number())
        await people.tie(database, child, parent, parental_responsibility=True)
        asks = await staff.desk(api, Role.OFFICE, name="Mrs Okafor")
        other = await staff.desk(api, Role.HEAD, name="Mr Reilly")
        seen = await asks.post("/emergency", act="check", **WORDS)
        assert "held until a second person approves" in seen.text
        sent = await asks.post("/emergency", act="send", key="gas", **WORDS)
        await plan(api)
        path = sent.headers["Location"]
        waits = "An alarm waits for a second person"
        for where in ("/today", "/emergency"):
            assert waits in (await other.get(where)).text, "whoever may let it go is told wherever they are"
        assert "An alarm is going on" not in (await other.get("/emergency")).text
        assert "Nothing has left: it waits" in (await other.get(path)).text
        own = await asks.post(f"{path}/approve")
        assert (own.status, "by Mrs Okafor: somebody else must approve it" in own.text) == (409, True)
        async with api.gateway.database.write() as session:
            api.token = await tokens.create(session, "own", log=api.gateway.log, now=api.gateway.now())
        program = await api.api("POST", "/notices/gas/approve")
        assert (program.status, "a program is no second person" in program.text) == (409, True)
        assert (await other.post(f"{path}/approve")).status == 303
        assert "Let it go now" not in (await asks.get(path)).text
        assert waits not in (await other.get("/today")).text
        assert "An alarm is going on" in (await other.get("/emergency")).text
        assert [actor for actor, *_ in await staff.lines(api, "notice.approved")] == ["office:Mr Reilly"]


async def test_nobody_is_alarmed_unmeant(api: Running, family: Family) -> None:
    desk = await staff.desk(api, Role.OFFICE)
    for whom, sentence in (({"whole": ""}, "Pick whom it is about"), ({"forms": "3A"}, "not both")):
        wrong = await desk.post("/emergency", act="send", **(WORDS | whom))
        assert (wrong.status, sentence in wrong.text, WORDS["what"] in wrong.text) == (422, True, True)
    for missing in ({"what": ""}, {"do": " "}, {"more": "Zostań w domu"}):
        assert (await desk.post("/emergency", act="send", **(WORDS | missing))).status == 422
    rehearsed = await desk.post("/emergency", act="rehearse", **WORDS)
    assert (rehearsed.status, "Nothing can be rehearsed here." in rehearsed.text) == (409, True)
    assert await messages(api) == 0
    teacher = await staff.desk(api, Role.TEACHER, forms=["3A"])
    assert (await teacher.get("/emergency")).status == 403


async def test_of_two_who_alarm_at_once_one_does_and_staff_note_whom_they_told(api: Running, family: Family) -> None:
    one, two = [await staff.desk(api, Role.OFFICE, name=name) for name in ("Mrs One", "Mr Two")]
    sent = await one.post("/emergency", act="send", **WORDS)
    other = await two.post("/emergency", act="send", **WORDS)
    assert (other.status, "has sent an alarm at" in other.text) == (422, True)
    assert "This is another emergency" in other.text
    assert (await two.post("/emergency", act="send", another="yes", **WORDS)).status == 303
    await plan(api)
    path = sent.headers["Location"]
    assert (await two.post(f"{path}/note", pupil="P1", how="told at the gate")).status == 303
    page = (await one.get(path)).text
    assert "1 of 2 children" in page
    assert "Mr Two noted: told at the gate" in page
    listed = (await api.api("GET", f"/emergencies{path.removeprefix('/emergency')}")).json
    assert (listed["children"], listed["covered"]) == (2, 1)
    assert (await two.post(f"{path}/note", pupil="P1", act="undo")).status == 303
    assert "2 of 2 children" in (await one.get(path)).text
    assert (await two.post(f"{path}/note", pupil="nobody")).status == 404
    empty = await one.post(f"{path}/tell", act="update", what="It is mended.", do="")
    assert (empty.status, "It is mended." in empty.text) == (422, True)
    assert (await one.post(f"{path}/tell", act="update", what="It is mended.", do="Come at ten.")).status == 303

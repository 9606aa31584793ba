"""The office's page and the API of emergencies: the time first, then the alarm, the list, and what follows."""

from __future__ import annotations

import base64
import html
import re
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import pytest
import sqlalchemy as sa
from support import school as people
from support import website
from support.website import Answer, Family, Running

from config import sections
from gateway import context, notices, tokens
from gateway.database import Database
from gateway.models import Message, MessageState
from gateway.models.types import core

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

WORDS = {"what": "There is a gas leak.", "do": "Please stay at home.", "more": "pl: Gaz.: Zostań w domu.", "forms": ""}


async def visit(api: Running, method: str, path: str, *, token: str = "", **form: str) -> Answer:
    packed = base64.b64encode(f"x:{token or api.token}".encode()).decode()
    options: dict[str, Any] = {"headers": {"Authorization": f"Basic {packed}"}}
    if form:
        options["data"] = urlencode(form)
        options["headers"]["Content-Type"] = "application/x-www-form-urlencoded"
    return await api.ask(method, f"/office/{path}", **options)


def field(page: Answer, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page.text)
    assert found, page.text
    return html.unescape(found[1])


async def plan(api: Running) -> None:
    async with api.gateway.database.write_here() as session:
        while await notices.plan_due(session, api.gateway):
            pass


async def token(api: Running, name: str, *, read_only: bool = False) -> str:
    gateway = api.gateway
    async with gateway.database.write() as session:
        return await tokens.create(session, name, log=gateway.log, now=gateway.now(), read_only=read_only)


async def test_the_page_shows_the_time_first_and_then_alarms(api: Running, family: Family) -> None:
    empty = await visit(api, "GET", "emergency")
    seen = await visit(api, "POST", "emergency", act="preview", proof=field(empty, "proof"), **WORDS)
    assert seen.status == 200
    assert "How long it takes" in seen.text
    assert "for 1 text in " in seen.text
    assert "for 1 call, " in seen.text
    async with api.gateway.database.read() as session:
        assert await session.scalar(sa.select(sa.func.count()).select_from(Message)) == 0, "a look sends nothing"
    sending = WORDS | {"act": "send", "proof": field(seen, "proof"), "key": field(seen, "key")}
    sent = await visit(api, "POST", "emergency", **sending)
    assert (sent.status, sent.headers["Location"]) == (303, f"emergency/{field(seen, 'key')}")
    assert api.heard == ["planned"]
    twice = await visit(api, "POST", "emergency", **sending)
    assert "sent or scheduled already" in html.unescape(twice.text), "the same form alarms once"
    await plan(api)
    page = await visit(api, "GET", sent.headers["Location"])
    assert page.headers["Refresh"] == "10"
    assert "2 of 2 children: nobody who answers for them has read it yet" in page.text
    assert "<script" not in page.text
    tell = await visit(api, "GET", f"{sent.headers['Location']}/tell")
    assert "the one person who was alarmed" in tell.text
    done = await visit(
        api, "POST", f"{sent.headers['Location']}/tell", act="all-clear", now="Lessons go on.",
        proof=field(tell, "proof"),
    )  # fmt: skip
    assert done.status == 303
    over = await visit(api, "GET", sent.headers["Location"])
    assert "Refresh" not in over.headers
    assert "Over since" in over.text


async def test_a_form_that_is_not_ours_or_a_token_that_may_only_read_alarms_nobody(
    api: Running, family: Family
) -> None:
    reader, other = await token(api, "reader", read_only=True), await token(api, "other")
    proof = field(await visit(api, "GET", "emergency"), "proof")
    for bad, who in (("", ""), ("x" * 32, ""), (proof, other), (proof, reader), ("é", "")):
        refused = await visit(api, "POST", "emergency", token=who, act="send", proof=bad, **WORDS)
        assert refused.status == 403
    yesterday = proof
    api.clock.pass_by(days=1)
    assert (await visit(api, "POST", "emergency", act="send", proof=yesterday, **WORDS)).status == 403
    assert (await api.ask("GET", "/office/emergency")).status == 401
    wrong = await visit(
        api, "POST", "emergency", act="send", proof=field(await visit(api, "GET", "emergency"), "proof"),
        **(WORDS | {"forms": "9Z"}),
    )  # fmt: skip
    assert wrong.status == 422
    assert "nobody is in form" in wrong.text
    async with api.gateway.database.read() as session:
        assert await session.scalar(sa.select(sa.func.count()).select_from(Message)) == 0


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
    told = await api.api("POST", "/emergencies/gas/updates", json=words)
    assert (told.status, told.json["told"], told.json["key"]) == (201, 1, "gas-update-1")
    over = await api.api("POST", "/emergencies/gas/all-clear", json={"what_now": "Lessons go on."})
    assert (over.json["told"], over.json["taken_back"]) == (1, 4)  # the call for later, and the update
    assert (await api.api("POST", "/emergencies/gas/updates", json=words)).status == 409
    for bad in ({"what_happened": " ", "what_to_do": "x"}, {"what_happened": "x" * 2000, "what_to_do": "x"}):
        assert (await api.api("POST", "/emergencies", json=bad)).status == 422
    assert website.MUM not in str(listed.json)


async def test_the_second_person_lets_it_go_on_the_page(database: Database) -> None:
    strict = sections.Emergency(second_person=True)

    def changed(gateway: context.Gateway) -> context.Gateway:
        return replace(gateway, settings=gateway.settings.model_copy(update={"emergency": strict}))

    async with website.running_on(database, changed=changed) as api:
        api.token, other = await token(api, "head"), await token(api, "deputy")
        await people.sender(database)
        child, parent = await people.pupil(database), await people.contact(database)
        await people.point(database, parent, people.number())
        await people.tie(database, child, parent, parental_responsibility=True)
        proof = field(await visit(api, "GET", "emergency"), "proof")
        seen = await visit(api, "POST", "emergency", act="preview", proof=proof, **WORDS)
        assert "held until a second person approves" in seen.text
        sent = await visit(api, "POST", "emergency", act="send", key="gas", proof=field(seen, "proof"), **WORDS)
        await plan(api)
        path = sent.headers["Location"]
        own = await visit(api, "POST", f"{path}/approve", proof=field(await visit(api, "GET", path), "proof"))
        assert own.status == 409
        page = await visit(api, "GET", path, token=other)
        done = await visit(api, "POST", f"{path}/approve", token=other, proof=field(page, "proof"))
        assert done.status == 303
        assert "I approve it" not in (await visit(api, "GET", path)).text

"""Conversations by the API: listed, shown, taken, answered and closed."""

from __future__ import annotations

from support.website import MUM, OFFICE, Family, Running

from channels import base
from channels.base import Medium
from gateway import intake
from gateway.desk import arriving, promise
from gateway.understanding import library


async def writes(api: Running, words: str, *, number: str = MUM) -> None:
    event = base.Reply(
        medium=Medium.SMS, sender=number, to=OFFICE, body=words, at=api.clock.at, event_id=words, raw={}
    )  # fmt: skip
    gateway = api.gateway
    async with gateway.database.write() as session:
        await intake.store(session, "twilio-sms", [event], now=api.clock.at)
    await intake.handle_waiting(gateway.database, log=gateway.log, now=api.clock.at)
    async with gateway.database.write() as session:
        await arriving.turn(session, gateway, promise.load(gateway.settings), library.load())


async def test_a_conversation_from_the_first_words_to_the_close(api: Running, family: Family) -> None:
    await writes(api, "What time does the club end?")
    (listed,) = (await api.api("GET", "/conversations?which=waiting")).json["items"]
    assert (listed["state"], listed["kind"], listed["due_at"][:16]) == ("open", "question", "2026-11-24T09:00")
    path = f"/conversations/{listed['id']}"
    assert (await api.api("POST", f"{path}/take", json={"owner": "Mr Reilly"})).json["owner"] == "Mr Reilly"
    assert (await api.api("POST", f"{path}/note", json={"text": "Ask the coach."})).status == 200
    kind = await api.api("POST", f"{path}/kind", json={"kind": "absence"})
    assert kind.json["due_at"][:16] == "2026-11-23T09:15"
    api.clock.pass_by(hours=1)
    assert len((await api.api("GET", "/conversations?which=overdue&owner=Mr+Reilly")).json["items"]) == 1
    assert (await api.api("GET", "/conversations?which=overdue&owner=Mrs+Office")).json["items"] == []
    said = {"text": "At half past four."}
    first = await api.api("POST", f"{path}/answer", json=said, key="k1")
    again = await api.api("POST", f"{path}/answer", json=said, key="k1")
    assert (first.status, again.json) == (200, first.json)
    assert first.json["due_at"] is None
    shown = (await api.api("GET", path)).json
    assert [line["kind"] for line in shown["said"]] == ["reply", "automatic", "note", "answer"]
    closed = await api.api("POST", f"{path}/close", json={"outcome": "answered"})
    assert (closed.json["state"], closed.json["outcome"], closed.json["closed_by"]) == (
        "closed",
        "answered",
        "api:office",
    )
    assert (await api.api("GET", "/conversations")).json["items"] == []
    assert (await api.api("POST", f"{path}/close", json={"outcome": "answered"})).status == 409


async def test_what_cannot_be_is_said_in_a_sentence(api: Running, family: Family) -> None:
    await writes(api, "What time does the club end?")
    await writes(api, "Is it on Friday?", number="+447700900321")
    newest, oldest = (
        (await api.api("GET", "/conversations?limit=1")).json,
        (await api.api("GET", "/conversations")).json,
    )
    assert (len(newest["items"]), len(oldest["items"])) == (1, 2)
    following = (await api.api("GET", f"/conversations?limit=1&cursor={newest['next']}")).json
    assert following["items"] == oldest["items"][1:]
    path = f"/conversations/{oldest['items'][1]['id']}"
    refused = await api.api("POST", f"{path}/merge", json={"other": newest["items"][0]["id"]})
    assert (refused.status, "not the same person's" in refused.json["detail"]) == (409, True)
    assert (await api.api("POST", f"{path}/answer", json={})).status == 422
    assert (await api.api("POST", f"{path}/answer", json={"canned": "nothing"})).status == 404
    assert (await api.api("GET", "/conversations/999")).status == 404

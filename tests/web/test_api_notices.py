"""Notices by the API: previewed, sent, approved, cancelled and looked at; every mistake with its place and cure."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from sqlmodel import select
from support.website import MUM, NOW, Family, Running

from channels.base import Outcome
from gateway import audit, intake, notices
from gateway.models import Attempt, Message, MessageState, Notice

CLOSURE: dict[str, Any] = {
    "key": "closure",
    "title": "School closed",
    "purpose": "service",
    "text": {"en": "Oakfield is closed on Tuesday."},
    "audience": {"whole_school": True},
    "media": ["sms", "email"],
}
HELD = CLOSURE | {"approval": {"required": True}}
TOML = """
key = "trip"
title = "Museum trip"
purpose = "service"
media = ["sms"]
text.en = "Year 3 go to the museum on Friday."

[audience]
years = [3]
"""


async def plan(api: Running) -> None:
    async with api.gateway.database.write() as session:
        await notices.plan_due(session, api.gateway)


async def count(api: Running, table: type[Notice] | type[Message]) -> int:
    async with api.gateway.database.read() as session:
        return len((await session.scalars(select(table))).all())


async def test_a_notice_is_sent_and_every_family_has_a_row(api: Running, family: Family) -> None:
    answer = await api.api("POST", "/notices", json=CLOSURE)
    assert (answer.status, answer.json["state"], answer.json["author"]) == (201, "scheduled", "api:office")
    assert api.heard == ["planned"]
    await plan(api)
    details = (await api.api("GET", "/notices/closure")).json
    assert details["state"] == "done"
    assert details["definition"]["text"] == CLOSURE["text"]
    assert {(c["medium"], c["state"], c["reason"]): c["messages"] for c in details["counts"]} == {
        ("email", "queued", ""): 1,
        ("email", "skipped", "barred"): 1,
        ("sms", "queued", ""): 1,
        ("sms", "skipped", "barred"): 1,
    }
    assert (await api.api("GET", f"/notices/{details['id']}")).json["key"] == "closure"


async def test_toml_is_as_good_as_json(api: Running, family: Family) -> None:
    answer = await api.api("POST", "/notices", data=TOML, headers={"Content-Type": "application/toml; charset=utf-8"})
    assert (answer.status, answer.json["key"]) == (201, "trip")


async def test_a_preview_names_everybody_and_writes_nothing(api: Running, family: Family) -> None:
    answer = await api.api("POST", "/notices/preview", json=CLOSURE)
    assert answer.status == 200
    told = [row for row in answer.json["rows"] if row["state"] == "queued"]
    assert [(row["medium"], row["contact"], row["language"]) for row in told] == [
        ("sms", "Ms Ewa Nowak", "en"),
        ("email", "Ms Ewa Nowak", "en"),
    ]
    assert [pupil["name"] for pupil in told[0]["pupils"]] == ["Ana", "Ben"]
    silent = [row for row in answer.json["rows"] if row["state"] == "skipped"]
    assert {(row["contact_id"], row["reason"]) for row in silent} == {(family.dad, "barred")}
    assert "Must not be contacted" in silent[0]["reason_text"]
    assert answer.json["parts"] == told[0]["parts"]
    assert answer.json["pence"] == pytest.approx(told[0]["parts"] * 4 + 0.1)
    assert MUM not in answer.text
    assert await count(api, Notice) == await count(api, Message) == 0
    assert (await api.api("POST", "/notices", json=CLOSURE)).status == 201


async def test_a_preview_of_an_empty_form_says_so(api: Running, family: Family) -> None:
    answer = await api.api("POST", "/notices/preview", json=CLOSURE | {"audience": {"forms": ["9Z"]}})
    assert (answer.status, answer.json["rows"]) == (200, [])
    assert "“9Z”" in answer.json["problems"][0]


async def test_a_second_pair_of_eyes(api: Running, family: Family) -> None:
    assert (await api.api("POST", "/notices", json=HELD)).json["state"] == "held"
    await plan(api)
    own = await api.api("POST", "/notices/closure/approve")
    assert (own.status, own.json["type"]) == (409, "urn:handbell:problem:conflict")
    assert "somebody else must approve" in own.json["detail"]
    async with api.gateway.database.write() as session:
        notice = await notices.find(session, "closure")
        notice.author = "head"
        session.add(notice)
    approved = await api.api("POST", "/notices/closure/approve")
    assert (approved.status, approved.json["approver"]) == (200, "api:office")
    states = {row["state"] for row in (await api.api("GET", "/notices/closure/messages")).json["items"]}
    assert states == {"queued", "skipped"}


async def test_cancelling_takes_back_what_has_not_left(api: Running, family: Family) -> None:
    await api.api("POST", "/notices", json=CLOSURE)
    await plan(api)
    answer = await api.api("POST", "/notices/closure/cancel")
    assert (answer.status, answer.json) == (200, {"key": "closure", "taken_back": 2})
    assert (await api.api("POST", "/notices/closure/cancel")).status == 409
    assert (await api.api("POST", "/notices/nobody/cancel")).status == 404


async def test_lists_come_in_pages(api: Running, family: Family) -> None:
    for number in range(5):
        await api.api("POST", "/notices", json=CLOSURE | {"key": f"n{number}"})
    await plan(api)
    found, cursor = [], ""
    while True:
        page = (await api.api("GET", f"/notices?limit=2&cursor={cursor}")).json
        found += [row["key"] for row in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert found == ["n4", "n3", "n2", "n1", "n0"]
    assert len((await api.api("GET", "/notices?state=scheduled")).json["items"]) == 4
    done = (await api.api("GET", "/notices?state=done")).json["items"][0]["key"]
    first = (await api.api("GET", f"/notices/{done}/messages?limit=3")).json
    rest = (await api.api("GET", f"/notices/{done}/messages?limit=3&cursor={first['next']}")).json
    assert (len(first["items"]), len(rest["items"]), rest["next"]) == (3, 1, None)
    queued = (await api.api("GET", f"/notices/{done}/messages?state=queued&medium=sms")).json["items"]
    assert [(row["state"], row["medium"]) for row in queued] == [("queued", "sms")]


MISTAKES: list[tuple[dict[str, Any], str, str]] = [
    ({"purpose": "fun"}, "purpose", "is not possible here"),
    ({"colour": "red"}, "colour", "is not a key"),
    ({"key": "No Spaces"}, "key", ""),
    ({"audience": {"years": ["99"]}}, "audience.years", "nobody is in year “99”"),
    ({"text": {"en": "a\0b"}}, "", "NUL"),
    ({"text": {"en": "half \ud83e"}}, "", "half a character"),
    ({"values": {"x": [[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]}}, "", "levels"),
]


async def test_every_mistake_has_a_place(api: Running, family: Family) -> None:
    for change, field, what in MISTAKES:
        for path in ("/notices", "/notices/preview"):
            if path.endswith("preview") and field == "audience.years":
                continue  # a preview shows it beside the rows instead
            answer = await api.api("POST", path, json=CLOSURE | change)
            assert (answer.status, answer.json["type"]) == (422, "urn:handbell:problem:bad-input"), change
            assert answer.json["problems"][0]["field"] == field, change
            assert what in answer.json["problems"][0]["what"], change
    assert await count(api, Notice) == 0


UNREADABLE: list[tuple[str, str | bytes, int, int]] = [
    ("application/json", "{\n nonsense", 422, 2),
    ("application/json", "[]", 422, 0),
    ("application/json", "[" * 100_000, 422, 0),
    ("application/json", '{"values": {"x": NaN}}', 422, 0),
    ("application/json", '{"x": ' + "9" * 5000 + "}", 422, 0),
    ("application/json", b"\xff\xfe", 422, 0),
    ("application/json", "", 422, 1),
    ("application/toml", 'key = "a"\n\n = 3', 422, 3),
    ("application/toml", "x = " + "[" * 10_000, 422, 0),
    ("application/toml", "x = 2026-02-30", 422, 1),
    ("application/toml", "x = " + "9" * 5000, 422, 0),
    ("application/toml", TOML.replace("years", "yaers"), 422, 9),
    ("text/plain", "{}", 415, 0),
    ("", "{}", 415, 0),
]


async def test_bodies_that_cannot_be_read(api: Running) -> None:
    for kind, body, status, line in UNREADABLE:
        answer = await api.api("POST", "/notices", data=body, headers={"Content-Type": kind})
        assert (answer.status, answer.headers["Content-Type"]) == (status, "application/problem+json"), body
        if status == 422:
            assert answer.json["problems"][0]["line"] == line, body


async def test_a_large_body_is_refused(api: Running) -> None:
    assert (await api.api("POST", "/notices", json=CLOSURE | {"title": "x" * 300_000})).status == 413


async def test_the_same_key_with_the_same_request_acts_once(api: Running, family: Family) -> None:
    first = await api.api("POST", "/notices", key="k1", json=CLOSURE)
    again = await api.api("POST", "/notices", key="k1", json=CLOSURE)
    assert (first.status, again.status, again.json) == (201, 201, first.json)
    assert ("Idempotent-Replayed" in first.headers, again.headers["Idempotent-Replayed"]) == (False, "true")
    assert await count(api, Notice) == 1
    without = await api.api("POST", "/notices", json=CLOSURE)
    assert (without.status, without.json["title"]) == (409, "Conflict")
    cancelled = [await api.api("POST", "/notices/closure/cancel", key="k2") for _ in range(3)]
    assert [answer.status for answer in cancelled] == [200, 200, 200]
    async with api.gateway.database.read() as session:
        assert len(await audit.lines_about(session, action="notice.cancelled")) == 1


async def test_the_same_key_with_another_request_is_refused(api: Running, family: Family) -> None:
    await api.api("POST", "/notices", key="k1", json=CLOSURE)
    for path, body in (("/notices", CLOSURE | {"key": "other"}), ("/notices/closure/cancel", None)):
        answer = await api.api("POST", path, key="k1", json=body)
        assert (answer.status, "another request" in answer.json["problems"][0]["what"]) == (422, True)
    assert (await api.api("POST", "/notices", key="k" * 201, json=CLOSURE)).json["problems"][0]["field"]


async def test_what_was_refused_may_be_asked_again(api: Running, family: Family) -> None:
    assert (await api.api("POST", "/notices/closure/cancel", key="k1")).status == 404
    await api.api("POST", "/notices", json=CLOSURE)
    assert (await api.api("POST", "/notices/closure/cancel", key="k1")).status == 200


async def test_many_at_once_with_one_key_act_once(api: Running, family: Family) -> None:
    answers = await asyncio.gather(*(api.api("POST", "/notices", key="k1", json=CLOSURE) for _ in range(8)))
    assert {answer.status for answer in answers} <= {201, 409}
    assert 201 in {answer.status for answer in answers}
    assert await count(api, Notice) == 1


async def test_many_at_once_without_a_key_act_once(api: Running, family: Family) -> None:
    answers = await asyncio.gather(*(api.api("POST", "/notices", json=CLOSURE) for _ in range(6)))
    assert sorted(answer.status for answer in answers) == [201, 409, 409, 409, 409, 409]
    assert await count(api, Notice) == 1


async def test_a_message_tells_its_whole_history(api: Running, family: Family) -> None:
    await api.api("POST", "/notices", json=CLOSURE)
    await plan(api)
    rows = (await api.api("GET", "/notices/closure/messages?medium=sms&state=queued")).json["items"]
    message_id = rows[0]["id"]
    async with api.gateway.database.write() as session:
        message = await session.get_one(Message, message_id)
        message.state, message.ref, message.attempt = MessageState.ACCEPTED, "SM5", 1
        session.add(message)
        session.add(Attempt(message_id=message_id, number=1, worker="w", begun_at=NOW, outcome=Outcome.ACCEPTED))
    for status in ("sent", "delivered"):
        await api.hook(f"/hooks/twilio-sms/status?m={message_id}", {"MessageSid": "SM5", "MessageStatus": status})
    await api.hook("/hooks/twilio-sms/status", {"MessageSid": "SM5", "MessageStatus": "queued"})
    await api.hook("/hooks/twilio-sms/status?m=01other", {"MessageSid": "SM6", "MessageStatus": "sent"})
    await api.hook("/hooks/twilio-sms/inbound", {"MessageSid": "SM8", "From": MUM, "To": "+447700900999", "Body": "ok"})
    gateway = api.gateway
    await intake.handle_waiting(gateway.database, log=gateway.log, now=gateway.now())
    answer = await api.api("GET", f"/messages/{message_id}")
    told = answer.json
    assert (told["state"], told["notice"], told["address"]) == ("delivered", "closure", MUM)
    assert "Oakfield is closed on Tuesday." in told["body"]
    assert [receipt["state"] for receipt in told["receipts"]] == ["accepted", "delivered", "accepted"]
    assert [deed["action"] for deed in told["deeds"]] == ["message.delivered"]
    assert [reply["body"] for reply in told["replies"]] == ["ok"]
    assert [(call["number"], call["outcome"]) for call in told["attempts"]] == [(1, "accepted")]
    assert sorted(told["pupil_ids"]) == sorted([family.ana, family.ben])
    assert (await api.api("GET", "/messages/01nobody")).json["type"] == "urn:handbell:problem:not-found"


async def test_definitions_round_trip_as_json(api: Running, family: Family) -> None:
    await api.api("POST", "/notices", data=json.dumps(HELD), headers={"Content-Type": "application/json"})
    definition = (await api.api("GET", "/notices/closure")).json["definition"]
    again = await api.api("POST", "/notices", json=definition | {"key": "again"})
    assert (again.status, again.json["state"]) == (201, "held")

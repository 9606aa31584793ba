"""Contacts, replies, senders, and the API's own description."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import jsonschema
import pytest
from sqlmodel import select
from support.website import MUM, NOW, OFFICE, Family, Running

from channels.base import Medium
from gateway import audit, intake
from gateway.models import OptOut, Sender


async def texts(api: Running, *bodies: str, sender: str = MUM) -> None:
    """Texts that have come and were understood."""
    for number, body in enumerate(bodies):
        form = {"MessageSid": f"SM{sender[-3:]}{number}", "From": sender, "To": OFFICE, "Body": body}
        assert (await api.hook("/hooks/twilio-sms/inbound", form)).status == 200
    await intake.handle_waiting(api.gateway.database, log=api.gateway.log, now=api.gateway.now())


async def test_contacts_in_pages(api: Running, family: Family) -> None:
    first = (await api.api("GET", "/contacts?limit=1")).json
    rest = (await api.api("GET", f"/contacts?limit=1&cursor={first['next']}")).json
    assert [first["items"][0]["full_name"], rest["items"][0]["full_name"]] == ["Ms Ewa Nowak", "Mr Jan Nowak"]
    assert rest["next"] is None


async def test_a_contact_with_points_and_children(api: Running, family: Family) -> None:
    mum = (await api.api("GET", f"/contacts/{family.mum}")).json
    assert [(point["kind"], point["address"], point["state"]) for point in mum["points"]] == [
        ("email", "ewa@example.com", "unproven"),
        ("phone", MUM, "unproven"),
    ]
    assert [(child["name"], child["barred"]) for child in mum["children"]] == [
        ("Ana Nowak", False),
        ("Ben Nowak", False),
    ]
    dad = (await api.api("GET", f"/contacts/{family.dad}")).json
    assert [(child["name"], child["barred"]) for child in dad["children"]] == [("Ben Nowak", True)]


async def test_two_who_are_one_are_shown_and_then_merged_once(api: Running, family: Family) -> None:
    path = f"/contacts/{family.mum}/merge/{family.dad}"
    shown = (await api.api("GET", path)).json
    assert "They have different names. Make sure that they are not two people." in shown["warnings"]
    answer = await api.api("POST", path, key="k")
    assert (answer.status, answer.json) == (200, shown)
    assert (await api.api("POST", path, key="k")).json == shown, "sent twice, done once"
    assert (await api.api("GET", f"/contacts/{family.dad}")).status == 404
    children = (await api.api("GET", f"/contacts/{family.mum}")).json["children"]
    assert [(one["name"], one["barred"]) for one in children] == [("Ana Nowak", False), ("Ben Nowak", True)]
    assert (await api.api("GET", path)).status == 404


async def test_an_opt_out_that_the_office_was_told(api: Running, family: Family) -> None:
    path = f"/contacts/{family.mum}/opt-out"
    answer = await api.api("POST", path, key="k", json={"medium": "sms"})
    assert (answer.status, answer.json) == (200, {"addresses": 1})
    assert (await api.api("POST", path, key="k", json={"medium": "sms"})).json == {"addresses": 1}
    assert (await api.api("POST", path, json={"medium": "sms"})).json == {"addresses": 0}
    async with api.gateway.database.read() as session:
        (stop,) = await session.scalars(select(OptOut))
    assert (stop.medium, stop.address, stop.how, stop.mandatory_too) == (Medium.SMS, MUM, "api:office", False)
    phone = (await api.api("GET", f"/contacts/{family.mum}")).json["points"][1]
    assert [(stopped["medium"], stopped["how"]) for stopped in phone["stopped"]] == [("sms", "api:office")]
    assert datetime.fromisoformat(phone["stopped"][0]["since"]) == NOW


async def test_an_opt_out_that_makes_no_sense(api: Running, family: Family) -> None:
    senseless: list[Any] = [{}, {"medium": "pigeon"}, {"medium": "sms", "x": 1}, [], None]
    for body in senseless:
        answer = await api.api("POST", f"/contacts/{family.mum}/opt-out", json=body)
        assert (answer.status, answer.headers["Content-Type"]) == (422, "application/problem+json"), body
        assert answer.json["problems"][0]["what"]
    assert (await api.api("POST", "/contacts/999/opt-out", json={"medium": "sms"})).status == 404


async def test_replies_wait_until_a_person_has_read_them_all(api: Running, family: Family) -> None:
    await texts(api, "Ana is ill", "back tomorrow")
    await texts(api, "who is this?", sender="+447700900500")
    rows = (await api.api("GET", "/inbound?waiting=true")).json["items"]
    assert [(row["body"], row["contact"], row["conversation"]["address"]) for row in rows] == [
        ("who is this?", "", "+447700900500"),
        ("back tomorrow", "Ms Ewa Nowak", MUM),
        ("Ana is ill", "Ms Ewa Nowak", MUM),
    ]
    first = await api.api("POST", f"/inbound/{rows[2]['id']}/seen")
    assert (first.json["seen_by"], first.json["conversation"]["waiting_since"] is None) == ("api:office", False)
    second = await api.api("POST", f"/inbound/{rows[1]['id']}/seen")
    assert second.json["conversation"]["waiting_since"] is None
    await api.api("POST", f"/inbound/{rows[1]['id']}/seen")
    waiting = (await api.api("GET", "/inbound?waiting=true")).json["items"]
    assert [row["body"] for row in waiting] == ["who is this?"]
    page = (await api.api("GET", f"/inbound?limit=1&cursor={rows[1]['id']}")).json
    assert ([row["body"] for row in page["items"]], page["next"]) == (["Ana is ill"], None)
    assert len((await api.api("GET", "/inbound?waiting=false")).json["items"]) == 2
    async with api.gateway.database.read() as session:
        lines = await audit.lines_about(session, action="reply.seen")
    assert [line.actor for line in lines] == ["api:office", "api:office"]


async def test_senders(api: Running, family: Family) -> None:
    async with api.gateway.database.write() as session:
        sender = (await session.scalars(select(Sender).where(Sender.medium == Medium.SMS))).one()
        sender.held_until, sender.held_because = NOW, "Twilio asks us to wait."
        session.add(sender)
    rows = (await api.api("GET", "/senders")).json
    assert [(row["medium"], row["held_because"]) for row in rows] == [
        ("sms", "Twilio asks us to wait."),
        ("voice", ""),
        ("email", ""),
    ]


REFUSED = [
    ("GET", "/nothing", 404),
    ("DELETE", "/notices", 405),
    ("GET", "/notices/nobody", 404),
    ("GET", "/notices?limit=0", 422),
    ("GET", "/notices?limit=x", 422),
    ("GET", "/notices?state=odd", 422),
    ("GET", "/contacts/0", 422),
    ("GET", "/contacts/99999999999999999999", 422),
    ("GET", "/contacts/4", 404),
    ("GET", "/contacts?cursor=-1", 422),
    ("POST", "/inbound/5/seen", 404),
    ("GET", "/notices/%00", 400),
    ("GET", "/notices?cursor=%00", 400),
    ("GET", "/notices/%ff%fe", 404),
    ("GET", "/notices/%F0%9F%A4%92", 404),
]


async def test_every_error_has_one_shape(api: Running) -> None:
    for method, path, status in REFUSED:
        answer = await api.api(method, path)
        assert (answer.status, answer.headers["Content-Type"]) == (status, "application/problem+json"), path
        assert answer.json["status"] == status
        assert answer.json["title"]
        if status == 422:
            assert answer.json["problems"][0]["field"], path


async def test_the_description_is_whole(api: Running) -> None:
    described = (await api.ask("GET", "/api/v1/openapi.json")).json
    operations = [op for path in described["paths"].values() for op in path.values()]
    assert len(operations) >= 14
    for operation in operations:
        assert operation["summary"]
        assert "application/problem+json" in operation["responses"]["default"]["content"]
        assert "422" not in operation["responses"]
    assert described["components"]["securitySchemes"]["HTTPBearer"]["scheme"] == "bearer"
    assert all(name in described["components"]["schemas"] for name in references(described))
    body = described["paths"]["/notices"]["post"]["requestBody"]["content"]
    assert set(body) == {"application/json", "application/toml"}


def references(value: Any) -> set[str]:
    """The names of every schema that is referred to."""
    if isinstance(value, dict):
        here = {value["$ref"].rpartition("/")[2]} if isinstance(value.get("$ref"), str) else set()
        return here.union(*(references(inner) for inner in value.values()))
    if isinstance(value, list):
        return set().union(*(references(inner) for inner in value))
    return set()


async def test_the_schema_of_a_definition_takes_its_own_example(api: Running) -> None:
    schema = (await api.ask("GET", "/api/v1/definition-schema")).json
    described = (await api.ask("GET", "/api/v1/openapi.json")).json
    example = described["paths"]["/notices"]["post"]["requestBody"]["content"]["application/json"]["example"]
    jsonschema.validate(example, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(example | {"colour": "red"}, schema)

"""Webhooks: proved over the public address, stored once, answered; forged and misshapen ones leave no trace."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlmodel import col, select
from support.website import DAD, MUM, NOW, OFFICE, PUBLIC, Family, Running, running_on, sign

from channels.base import Medium
from gateway import intake, tasks
from gateway.database import Database
from gateway.models import Inbound, Message, MessageState, Purpose, Reply
from gateway.web import hooks

TEXT = {
    "MessageSid": "SM1",
    "From": MUM,
    "To": OFFICE,
    "Body": "Ana is ill, sorry +& é 🤒",
    "NumMedia": "0",
    "FromCity": "",
}
KEYS = "/hooks/twilio-voice/keys"


async def stored(running: Running) -> list[Inbound]:
    async with running.gateway.database.read() as session:
        return list(await session.scalars(select(Inbound).order_by(col(Inbound.id))))


async def asked(running: Running) -> list[tuple[str, int]]:
    """What staff are asked to see to, and how often it came."""
    async with running.gateway.database.read() as session:
        return [(task.kind, task.times) for task in await tasks.listed(session)]


def counted(running: Running, channel: str, result: str) -> float:
    return float(running.gateway.metrics.hooks.labels(channel, result)._value.get())


async def a_message(running: Running, family: Family, **fields: Any) -> Message:
    """A call that is under way."""
    given: dict[str, Any] = {
        "id": "01call",
        "contact_id": family.mum,
        "medium": Medium.VOICE,
        "address": MUM,
        "slot": "voice",
        "purpose": Purpose.SAFEGUARDING,
        "language": "en",
        "body": "Ana is not in school.",
        "keys": "12",
        "script": {"opening": "Oakfield. Press 1.", "fallback": "Oakfield.", "menu": "1 ill", "thanks": "Thank you."},
        "state": MessageState.ACCEPTED,
        "due_at": NOW,
        "attempt": 1,
        "created_at": NOW,
        "changed_at": NOW,
    }
    async with running.gateway.database.write() as session:
        message = Message(**given | fields)
        session.add(message)
    return message


async def test_a_text_is_stored_once_and_answered_each_time(running: Running) -> None:
    for _ in range(2):
        answer = await running.hook("/hooks/twilio-sms/inbound", TEXT)
        assert (answer.status, answer.headers["Content-Type"]) == (200, "text/xml; charset=utf-8")
        assert "<Response/>" in answer.text
    (row,) = await stored(running)
    assert (row.channel, row.event_id, row.kind, row.handled_at) == ("twilio-sms", "SM1", "reply", None)
    assert row.raw["Body"] == TEXT["Body"]
    assert running.heard == ["arrived", "arrived"]
    assert counted(running, "twilio-sms", "stored") == 2


async def test_ten_deliveries_at_once_are_stored_once(running: Running) -> None:
    answers = await asyncio.gather(*(running.hook("/hooks/twilio-sms/inbound", TEXT) for _ in range(10)))
    assert {answer.status for answer in answers} == {200}
    assert len(await stored(running)) == 1


async def test_what_was_stored_is_understood(running: Running, family: Family) -> None:
    await running.hook("/hooks/twilio-sms/inbound", TEXT)
    gateway = running.gateway
    await intake.handle_waiting(gateway.database, log=gateway.log, now=gateway.now())
    async with gateway.database.read() as session:
        (reply,) = await session.scalars(select(Reply))
    assert (reply.body, reply.contact_id) == (TEXT["Body"], family.mum)


async def test_a_text_by_get_is_read_from_the_signed_address(running: Running) -> None:
    path = f"/hooks/twilio-sms/inbound?MessageSid=SM7&From=%2B{MUM[1:]}&To=%2B{OFFICE[1:]}&Body=Hello%20there&Empty="
    answer = await running.ask("GET", path, headers={"X-Twilio-Signature": sign(f"{PUBLIC}{path}")})
    assert answer.status == 200
    (row,) = await stored(running)
    assert (row.event["sender"], row.event["body"]) == (MUM, "Hello there")


async def test_every_value_and_blanks_count_in_the_signature(running: Running) -> None:
    fields = [*TEXT.items(), ("Many", "b"), ("Many", "a"), ("Many", ""), ("Blank", "")]
    assert (await running.hook("/hooks/twilio-sms/inbound", fields)).status == 200


FORGED: list[tuple[dict[str, str], str]] = [
    ({"X-Twilio-Signature": ""}, ""),
    ({"X-Twilio-Signature": "AAAA"}, ""),
    ({"X-Twilio-Signature": "\u00e9\u00e9"}, ""),
    ({}, "http://127.0.0.1:1/hooks/twilio-sms/inbound"),
    ({}, f"{PUBLIC}/hooks/twilio-sms/status"),
    ({}, f"{PUBLIC}/hooks/twilio-sms/inbound?more=1"),
    ({"X-Twilio-Webhooks-Signature-Settings": "key=KX,algorithm=HMAC_SHA256"}, ""),
    ({"X-Twilio-Webhooks-Signature-Settings": "algorithm=none"}, ""),
]


async def test_a_forged_call_is_refused_and_leaves_nothing(running: Running) -> None:
    for headers, signed_for in FORGED:
        answer = await running.hook("/hooks/twilio-sms/inbound", TEXT, headers=headers, signed_for=signed_for)
        assert (answer.status, answer.json["type"]) == (403, "urn:handbell:problem:bad-signature"), (
            headers,
            signed_for,
        )
        assert answer.headers["Content-Type"] == "application/problem+json"
    assert (await stored(running), running.heard) == ([], [])
    assert counted(running, "twilio-sms", "forged") == len(FORGED)


async def test_another_body_under_a_genuine_signature_is_refused(running: Running) -> None:
    path = "/hooks/twilio-sms/inbound"
    genuine = {"X-Twilio-Signature": sign(f"{PUBLIC}{path}", list(TEXT.items()))}
    assert (await running.hook(path, TEXT | {"Body": "STOP"}, headers=genuine)).status == 403
    assert await stored(running) == []


async def test_the_path_is_signed_as_it_was_sent(running: Running) -> None:
    """A proxy may decode, a signature does not."""
    path = "/hooks/twilio-sms/status?m=01%41b%20c"
    status = {"MessageSid": "SM9", "MessageStatus": "delivered"}
    assert (await running.hook(path, status)).status == 200
    assert (await running.hook(path, status, signed_for=f"{PUBLIC}/hooks/twilio-sms/status?m=01Ab%20c")).status == 403
    (row,) = await stored(running)
    assert row.event["message_id"] == "01Ab c"


async def test_unknown_channels_and_ways(running: Running) -> None:
    assert (await running.hook("/hooks/nobody/inbound", TEXT)).status == 404
    assert (await running.hook("/hooks/twilio-sms", TEXT)).status == 404
    assert (await running.ask("PUT", "/hooks/twilio-sms/inbound")).status == 405
    assert counted(running, "", "unknown") == 1


async def test_an_oversized_body_is_refused(running: Running) -> None:
    large = TEXT | {"Body": "x" * (hooks.LARGEST + 1)}
    assert (await running.hook("/hooks/twilio-sms/inbound", large)).status == 413

    async def unannounced() -> Any:
        for _ in range(20):
            yield b"a=" + b"x" * 8000 + b"&"

    answer = await running.ask("POST", "/hooks/twilio-sms/inbound", data=unannounced())
    assert (answer.status, answer.json["status"]) == (413, 413)
    assert await stored(running) == []


async def test_a_thousand_fields_are_refused(running: Running) -> None:
    answer = await running.hook("/hooks/twilio-sms/inbound", [(f"f{n}", "") for n in range(1000)])
    assert answer.status == 400


async def test_a_body_of_another_kind_needs_its_hash_in_the_address(running: Running) -> None:
    headers = {"Content-Type": "application/json"}
    assert (await running.hook("/hooks/twilio-sms/inbound", TEXT, headers=headers)).status == 403


async def test_a_client_that_goes_away_half_way_is_nobodys_fault(running: Running) -> None:
    host, _, port = running.url.removeprefix("http://").partition(":")
    _, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"POST /hooks/twilio-sms/inbound HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\nMess")
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    assert (await running.ask("GET", "/healthz")).status == 200


async def test_what_cannot_be_read_is_kept_as_it_came(running: Running) -> None:
    """A text without its id is genuine by its signature, and cannot be told from another: nothing of it may be lost."""
    strange = TEXT | {"MessageSid": "", "SmsSid": ""}
    for _ in range(2):
        assert (await running.hook("/hooks/twilio-sms/inbound", strange)).status == 200
    (row,) = await stored(running)
    assert (row.kind, row.outcome, row.raw["Body"]) == ("raw", "failed: no event id", TEXT["Body"])
    assert row.handled_at == NOW
    assert row.event["url"] == f"{PUBLIC}/hooks/twilio-sms/inbound"
    assert await asked(running) == [("unread", 2)]


async def test_a_wrong_address_at_the_provider_loses_nothing(running: Running) -> None:
    assert (await running.hook("/hooks/twilio-sms/incoming", TEXT)).status == 200
    (row,) = await stored(running)
    assert (row.kind, row.outcome, row.raw["Body"]) == ("raw", "nothing in it", TEXT["Body"])
    assert await asked(running) == [("unread", 1)]


async def test_a_call_in_which_nobody_pressed_a_key_is_nothing_to_see_to(running: Running) -> None:
    assert (await running.hook(f"{KEYS}?m=01call&a=1&step=open", {"CallSid": "CA1", "Digits": ""})).status == 200
    (row,) = await stored(running)
    assert row.outcome == "nothing in it"
    assert await asked(running) == []


async def test_nul_and_endless_ids_do_not_reach_the_database(running: Running) -> None:
    assert (await running.hook("/hooks/twilio-sms/inbound", TEXT | {"Body": "a\0b"})).status == 200
    assert (await running.hook("/hooks/twilio-sms/inbound", TEXT | {"MessageSid": "S" * 9000})).status == 200
    first, second = await stored(running)
    assert (first.event["body"], second.outcome) == ("ab", "failed: no event id")


async def test_a_call_hears_the_message_only_after_a_key(running: Running, family: Family) -> None:
    await a_message(running, family)
    opened = await running.hook(f"{KEYS}?m=01call&step=open", {"CallSid": "CA1", "Digits": "1", "To": MUM})
    assert "Ana is not in school." in opened.text
    assert f"{PUBLIC}{KEYS}" in opened.text
    press = {"CallSid": "CA1", "Digits": "2", "To": MUM, "From": OFFICE, "Direction": "outbound-api"}
    thanked = await running.hook(f"{KEYS}?m=01call&step=answer&k=1,2", press)
    assert "Thank you." in thanked.text
    assert [row.event_id for row in await stored(running)] == ["CA1:pressed", "CA1:keys"]


async def test_a_call_about_an_unknown_message_just_ends(running: Running) -> None:
    answer = await running.hook(f"{KEYS}?m=nobody&step=open", {"CallSid": "CA1", "Digits": "1", "To": DAD})
    assert (answer.status, "<Hangup" in answer.text) == (200, True)


async def test_without_a_database_the_provider_is_asked_to_come_again(tmp_path: Path) -> None:
    """A SQLite file in a folder that is not there: the real driver's real failure."""
    away = Database(f"sqlite+aiosqlite:///{tmp_path}/nowhere/db.sqlite")
    async with running_on(away) as running:
        answer = await running.hook("/hooks/twilio-sms/inbound", TEXT)
        assert (answer.status, answer.json["type"]) == (503, "urn:handbell:problem:not-ready")
        assert running.heard == []
        assert counted(running, "twilio-sms", "failed") == 1
    await away.close()


async def test_a_late_receipt_changes_its_message(running: Running, family: Family) -> None:
    await a_message(running, family, id="01text", medium=Medium.SMS, slot="sms", script=None, keys="")
    running.clock.pass_by(minutes=3)
    status = {"MessageSid": "SM3", "MessageStatus": "delivered"}
    await running.hook("/hooks/twilio-sms/status?m=01text", status)
    gateway = running.gateway
    await intake.handle_waiting(gateway.database, log=gateway.log, now=gateway.now())
    async with gateway.database.read() as session:
        message = await session.get_one(Message, "01text")
    assert (message.state, message.changed_at) == (MessageState.DELIVERED, NOW + timedelta(minutes=3))

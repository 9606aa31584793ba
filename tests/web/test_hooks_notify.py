"""GOV.UK Notify's calls over the wire: proved by our token, stored once however often they come; forged ones never."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlmodel import col, select
from support.website import MUM, OFFICE, Answer, Running, running_on

from channels.base import Medium
from channels.notify import Letterhead, Notify
from channels.notify_api import NotifyAccount
from gateway import context
from gateway.database import Database
from gateway.models import Inbound
from gateway.web import hooks

KEY = "handbell-26785a09-ab16-4eb0-8407-a37497a57506-3d844edf-8d35-48ac-975b-e847b4f122b0"
ID, TOKEN = "740e5834-3a29-46b4-9a6f-16142fde533a", "a-token-of-ours"
INBOUND = "/hooks/notify-sms/inbound"
SAID = {
    "id": ID,
    "source_number": MUM.removeprefix("+"),
    "destination_number": OFFICE.replace("+44", "0"),
    "message": "Ana is ill, sorry +& é 🤒\u0000",
    "date_received": "2026-11-23T08:59:00.000000Z",
}


def with_notify(gateway: context.Gateway) -> context.Gateway:
    channel = Notify(NotifyAccount(KEY, TOKEN), Medium.SMS, Letterhead(ID, {OFFICE: ""}))
    return dataclasses.replace(gateway, channels={**gateway.channels, channel.name: channel})


@pytest.fixture
async def running(database: Database) -> AsyncIterator[Running]:
    async with running_on(database, changed=with_notify) as site:
        yield site


async def call(running: Running, said: Any, *, token: str = TOKEN, path: str = INBOUND) -> Answer:
    body = said if isinstance(said, bytes) else json.dumps(said).encode()
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    return await running.ask("POST", path, data=body, headers=headers)


async def stored(running: Running) -> list[Inbound]:
    async with running.gateway.database.read() as session:
        return list(await session.scalars(select(Inbound).order_by(col(Inbound.id))))


async def test_a_text_that_comes_twice_is_one_reply(running: Running) -> None:
    for _ in range(2):
        assert (await call(running, SAID)).status == 204
    [row] = await stored(running)
    assert (row.channel, row.event_id, row.kind) == ("notify-sms", ID, "reply")
    assert (row.event["sender"], row.event["to"], row.event["body"]) == (MUM, OFFICE, "Ana is ill, sorry +& é 🤒")


async def test_forged_ones_leave_no_trace(running: Running) -> None:
    for token in ("", "another", TOKEN[:-1]):
        assert (await call(running, SAID, token=token)).status == 403
    assert (await running.ask("POST", INBOUND, data=json.dumps(SAID).encode())).status == 403
    assert (await running.hook(INBOUND, {"id": ID})).status == 403, "Twilio's signature proves nothing here"
    assert not await stored(running)


async def test_one_that_is_too_long_is_not_read(running: Running) -> None:
    assert (await call(running, SAID | {"message": "x" * hooks.LARGEST})).status == 413
    assert not await stored(running)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[" * 50_000, b'{"id": 1}', b"\xff", json.dumps(SAID | {"id": []}).encode()]
)
async def test_what_is_genuine_and_cannot_be_read_is_kept_as_it_came(body: bytes, running: Running) -> None:
    assert (await call(running, body)).status == 204
    [row] = await stored(running)
    assert row.kind == "raw"


async def test_a_receipt_of_either_medium(running: Running) -> None:
    """Notify has one address for the receipts of texts and of emails."""
    for kind in ("sms", "email"):
        said = {"id": ID, "reference": "01M", "status": f"{kind}-is-new", "notification_type": kind, "to": MUM}
        assert (await call(running, said, path="/hooks/notify-sms/status")).status == 204
    assert [(row.kind, row.message_id) for row in await stored(running)] == [("receipt", "01M")] * 2

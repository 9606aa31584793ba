"""People who text back, STOP and START, and receipts."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import pytest
from aiohttp import web
from twilio.base.exceptions import TwilioRestException
from twilio.request_validator import RequestValidator
from twilio.rest import Client

from channels.simulator import Simulator, callbacks
from channels.simulator.faults import Fault, Kind
from channels.simulator.texts import CannotReply

SCHOOL = "+442079460137"
MUM = "+447700900123"
TOKEN = "a-practice-token"


async def send(client: Client, **more: Any) -> Any:
    return await client.messages.create_async(**{"to": MUM, "from_": SCHOOL, "body": "Hello"} | more)


def statuses(gateway: Any, path: str = "/status") -> list[str]:
    return [hook.form["MessageStatus"] for hook in gateway.at(path)]


async def test_receipts_are_signed_and_carry_what_twilio_sends(
    simulator: Simulator, client: Client, gateway: Any
) -> None:
    message = await send(client, status_callback=f"{gateway.url}/status?m=01&q=a%20b")
    await simulator.idle()
    assert statuses(gateway) == ["sent", "delivered"]
    validator = RequestValidator(TOKEN)
    for hook in gateway.at("/status"):
        signature = hook.headers["x-twilio-signature"]
        assert validator.validate(f"{gateway.url}/status?m=01&q=a%20b", hook.form, signature)
        assert not RequestValidator("other").validate(hook.url, hook.form, signature)
        assert hook.headers["i-twilio-idempotency-token"]
    last = gateway.at("/status")[-1].form
    assert last["MessageSid"] == last["SmsSid"] == message.sid
    assert (last["To"], last["From"]) == (MUM, SCHOOL)
    assert len(last["RawDlrDoneDate"]) == 10
    assert "ErrorCode" not in last


async def test_a_failure_carries_its_code(simulator: Simulator, client: Client, gateway: Any) -> None:
    await send(client, to="+447700900002", status_callback=f"{gateway.url}/status")
    await simulator.idle()
    last = gateway.at("/status")[-1].form
    assert (last["MessageStatus"], last["ErrorCode"]) == ("undelivered", "30005")


async def test_a_silent_network_gives_no_end(simulator: Simulator, client: Client, gateway: Any) -> None:
    await send(client, to="+447700900901", status_callback=f"{gateway.url}/status")
    await simulator.idle()
    assert statuses(gateway) == ["sent"]


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [
        (Kind.LOSE, []),
        (Kind.SHUFFLE, ["delivered", "sent"]),
        (Kind.DOUBLE, ["sent", "sent", "delivered", "delivered"]),
        (Kind.LATE, ["sent", "delivered"]),
    ],
)
async def test_receipts_go_wrong_on_demand(
    simulator: Simulator, client: Client, gateway: Any, kind: Kind, wanted: list[str]
) -> None:
    simulator.faults.add(Fault("receipts", kind, seconds=0.05))
    await send(client, status_callback=f"{gateway.url}/status")
    assert simulator.world.texts_to(MUM) or await simulator.idle() is None
    await simulator.idle()
    assert statuses(gateway) == wanted
    await send(client, status_callback=f"{gateway.url}/second")
    await simulator.idle()
    assert statuses(gateway, "/second") == ["sent", "delivered"]


async def test_a_gateway_in_trouble_gets_its_receipt_again_with_the_same_token(
    simulator: Simulator, client: Client, gateway: Any
) -> None:
    gateway.answers["/status"] = [500, 503, 204, 204]
    await send(client, status_callback=f"{gateway.url}/status")
    await simulator.idle()
    assert statuses(gateway) == ["sent", "sent", "sent", "delivered"]
    tokens = [hook.headers["i-twilio-idempotency-token"] for hook in gateway.at("/status")]
    assert len(set(tokens[:3])) == 1
    assert tokens[3] != tokens[0]


async def test_a_gateway_that_was_down_loses_nothing(
    simulator: Simulator, client: Client, unused_tcp_port: int
) -> None:
    await send(client, status_callback=f"http://127.0.0.1:{unused_tcp_port}/status")
    came: list[str] = []

    async def take(request: web.Request) -> web.Response:
        came.append(str((await request.post())["MessageStatus"]))
        return web.Response(status=204)

    await asyncio.sleep(0.15)  # it is still down for a few tries
    app = web.Application()
    app.router.add_post("/status", take)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", unused_tcp_port).start()
    await simulator.idle()
    assert came == ["sent", "delivered"]
    await runner.cleanup()


async def test_twilio_itself_tries_only_once_more(unused_tcp_port: int, gateway: Any) -> None:
    simulator = Simulator(account_sid="AC" + "1" * 32, auth_token="t", callbacks="twilio")
    await simulator.start()
    answer = await simulator.hooks.call(f"http://127.0.0.1:{unused_tcp_port}/x", {})
    assert answer.status == 0
    gateway.answers["/busy"] = [500, 204]
    assert (await simulator.hooks.call(f"{gateway.url}/busy", {})).status == 500
    assert len(gateway.at("/busy")) == 1
    assert len(simulator.world.complaints) == 2
    await simulator.stop()


def test_signature_of_the_published_vector() -> None:
    form = {
        "CallSid": "CA1234567890ABCDE",
        "Caller": "+14158675309",
        "Digits": "1234",
        "From": "+14158675309",
        "To": "+18005551212",
    }
    url = "https://mycompany.com/myapp.php?foo=1&bar=2"
    assert callbacks.sign("12345", url, form) == "RSOYDt4T1cUTdK1PDd93/VVr8B8="


async def test_a_reply_reaches_the_gateway_signed(simulator: Simulator, client: Client, gateway: Any) -> None:
    simulator.world.settings.inbound_sms_url = f"{gateway.url}/sms"
    await send(client)
    text = simulator.reply(MUM, "  Jest chora 😷 ", media=1)
    await simulator.idle()
    (hook,) = gateway.at("/sms")
    assert RequestValidator(TOKEN).validate(f"{gateway.url}/sms", hook.form, hook.headers["x-twilio-signature"])
    assert hook.form["Body"] == "  Jest chora 😷 "
    assert (hook.form["From"], hook.form["To"], hook.form["MessageSid"]) == (MUM, SCHOOL, text.sid)
    assert (hook.form["NumMedia"], hook.form["NumSegments"]) == ("1", "1")
    assert hook.form["MediaUrl0"]


async def test_a_reply_can_be_polled(simulator: Simulator, client: Client) -> None:
    await send(client)
    simulator.reply(MUM, "1")
    (found,) = await client.messages.list_async(to=SCHOOL)
    assert (found.direction, found.status, found.body, found.from_) == ("inbound", "received", "1", MUM)


async def test_nobody_can_reply_to_a_name_or_to_nothing(simulator: Simulator, client: Client) -> None:
    with pytest.raises(CannotReply):
        simulator.reply(MUM, "Hello?")
    await send(client, from_="Lammas Grn")
    with pytest.raises(CannotReply):
        simulator.reply(MUM, "Hello?")


async def test_scripted_replies_come_one_by_one(simulator: Simulator, client: Client, gateway: Any) -> None:
    simulator.world.settings.inbound_sms_url = f"{gateway.url}/sms"
    simulator.world.script(MUM, reply=["1", "", "thanks"], after=0.01)
    for _ in range(4):
        await send(client)
        await simulator.idle()
    assert [hook.form["Body"] for hook in gateway.at("/sms")] == ["1", "thanks"]


async def test_a_default_script_is_every_phones(simulator: Simulator, client: Client) -> None:
    simulator.world.script(reply="ok")
    await send(client)
    await send(client, to="+447700900124")
    await simulator.idle()
    assert len(await client.messages.list_async(to=SCHOOL)) == 2


async def test_stop_and_start(simulator: Simulator, client: Client, gateway: Any) -> None:
    simulator.world.settings.inbound_sms_url = f"{gateway.url}/sms"
    await send(client)
    simulator.reply(MUM, "stop please")
    await simulator.idle()
    await send(client, body="Still wanted")
    simulator.reply(MUM, " Stop ")
    await simulator.idle()
    with pytest.raises(TwilioRestException) as caught:
        await send(client)
    assert caught.value.code == 21610
    await send(client, from_="+442079460138", body="Another number is not stopped")
    simulator.reply(MUM, "STOP", to=SCHOOL)
    await simulator.idle()
    simulator.reply(MUM, "START", to=SCHOOL)
    await simulator.idle()
    await send(client, body="Welcome back")
    simulator.reply(MUM, "HELP")
    await simulator.idle()
    bodies = [hook.form["Body"] for hook in gateway.at("/sms")]
    assert bodies == ["stop please", " Stop ", "STOP", "START", "HELP"]
    own = [text.body[:20] for text in simulator.world.phone(MUM).texts if text.by_provider]
    assert own == ["You have successfull", "You have successfull", "Reply STOP to unsubs"]
    ours = [text.body for text in simulator.world.texts_to(MUM)]
    assert ours == ["Hello", "Still wanted", "Another number is not stopped", "Welcome back"]


async def test_pace_lets_a_phone_be_switched_off_on_the_way(client: Client, simulator: Simulator) -> None:
    simulator.world.settings.pace = 0.05
    sid = (await send(client)).sid
    assert simulator.world.texts_to(MUM) == []
    simulator.world.switch(MUM, on=False)
    await simulator.idle()
    assert simulator.world.texts[sid].error_code == 30003


async def test_background_failures_are_not_lost(simulator: Simulator, client: Client) -> None:
    simulator.world.script(MUM, reply="Hello?")
    await send(client, from_="Lammas Grn")  # the script replies to a name, which cannot be
    with pytest.raises(ExceptionGroup) as caught:
        await simulator.idle()
    assert caught.group_contains(CannotReply)
    with contextlib.suppress(ExceptionGroup):
        await simulator.idle()

"""Calls: ringing, keys, what was heard, and what is told about them."""

from __future__ import annotations

from typing import Any

import pytest
from support.waiting import until
from twilio.base.exceptions import TwilioRestException
from twilio.request_validator import RequestValidator
from twilio.rest import Client
from twilio.twiml.voice_response import Gather, VoiceResponse

from channels.simulator import Simulator, magic, twiml
from channels.simulator.calls import NoCall
from channels.simulator.magic import CallFate

SCHOOL = "+442079460137"
MUM = "+447700900123"
TOKEN = "a-practice-token"
ALL_EVENTS = ["initiated", "ringing", "answered", "completed"]


async def ring(client: Client, gateway: Any, **more: Any) -> Any:
    wish = {"to": MUM, "from_": SCHOOL, "url": f"{gateway.url}/start"} | more
    return await client.calls.create_async(**wish)


def ask_within(response: VoiceResponse, **how: Any) -> Gather:
    gather = Gather(**how)
    response.append(gather)
    return gather


def two_rounds(gateway: Any) -> None:
    """A call as Handbell makes it: press 1 to hear the message, then answer it."""
    opening = VoiceResponse()
    ask = ask_within(opening, num_digits=1, timeout=5, action="/menu?m=7", action_on_empty_result=True)
    ask.say("Lammas Green School. Press 1 to hear the message.", language="en-GB", voice="Polly.Amy")
    gateway.answers["/start"] = str(opening)
    menu = VoiceResponse()
    menu.say("Lena nie jest dziś w szkole.", language="pl-PL", voice="Polly.Ewa")
    ask = ask_within(menu, num_digits=2, finish_on_key="", action="/thanks")
    ask.say("1: chora. 2: w drodze.", language="pl-PL")
    menu.say("Nothing was pressed.")
    gateway.answers["/menu"] = str(menu)
    thanks = VoiceResponse()
    thanks.play("https://example.com/thanks.mp3")
    thanks.pause(length=2)
    thanks.hangup()
    thanks.say("Never heard")
    gateway.answers["/thanks"] = str(thanks)


async def test_a_call_with_two_rounds_of_keys(simulator: Simulator, client: Client, gateway: Any) -> None:
    two_rounds(gateway)
    simulator.world.script(MUM, press=["1", "12"])
    call = await ring(
        client, gateway, status_callback=f"{gateway.url}/status", status_callback_event=ALL_EVENTS, timeout=20
    )
    assert (call.status, call.direction) == ("queued", "outbound-api")
    await simulator.idle()
    (made,) = simulator.world.calls_to(MUM)
    assert [(heard.kind, heard.text, heard.language) for heard in made.heard] == [
        ("say", "Lammas Green School. Press 1 to hear the message.", "en-GB"),
        ("say", "Lena nie jest dziś w szkole.", "pl-PL"),
        ("say", "1: chora. 2: w drodze.", "pl-PL"),
        ("play", "https://example.com/thanks.mp3", ""),
    ]
    assert made.heard[0].voice == "Polly.Amy"
    assert made.pressed == ["1", "12"]
    assert [hook.form["Digits"] for path in ("/menu", "/thanks") for hook in gateway.at(path)] == ["1", "12"]
    assert gateway.at("/menu")[0].url.endswith("/menu?m=7")
    told = [(hook.form["CallStatus"], hook.form["SequenceNumber"]) for hook in gateway.at("/status")]
    assert told == [("initiated", "0"), ("ringing", "1"), ("in-progress", "2"), ("completed", "3")]
    for hook in gateway.hooks:
        assert RequestValidator(TOKEN).validate(hook.url, hook.form, hook.headers["x-twilio-signature"])
        assert hook.form["CallSid"] == call.sid
    done = await client.calls(call.sid).fetch_async()
    assert done.status == "completed"
    assert int(done.duration or 0) >= 5
    assert gateway.at("/status")[-1].form["CallDuration"] == done.duration


async def test_only_completed_comes_unasked(simulator: Simulator, client: Client, gateway: Any) -> None:
    await ring(client, gateway, status_callback=f"{gateway.url}/status")
    await simulator.idle()
    assert [hook.form["CallStatus"] for hook in gateway.at("/status")] == ["completed"]


@pytest.mark.parametrize(
    ("number", "status"),
    [
        ("+447700900002", "failed"),
        ("+447700900003", "no-answer"),
        ("+447700900905", "failed"),
        ("+447700900920", "no-answer"),
        ("+447700900921", "busy"),
        ("+447700900922", "completed"),
        ("+447700900923", "failed"),
        ("+447700900924", "completed"),
        ("+447700900925", "completed"),
    ],
)
async def test_every_magic_number_for_calls(
    simulator: Simulator, client: Client, gateway: Any, number: str, status: str
) -> None:
    assert number in magic.MAGIC_CALLS
    two_rounds(gateway)
    call = await ring(client, gateway, to=number, machine_detection="Enable")
    await simulator.idle()
    done = await client.calls(call.sid).fetch_async()
    assert done.status == status
    (made,) = simulator.world.calls_to(number)
    assert made.pressed == []
    assert done.answered_by == {"+447700900922": "machine_start"}.get(
        number, "human" if status == "completed" else None
    )
    assert bool(made.heard) == (status == "completed" and number != "+447700900925")


async def test_a_silent_person_falls_through_or_is_asked_for(
    simulator: Simulator, client: Client, gateway: Any
) -> None:
    two_rounds(gateway)
    simulator.world.script(MUM, press=["", "2"], calls="answer")
    await ring(client, gateway)
    await simulator.idle()
    assert [hook.form["Digits"] for hook in gateway.at("/menu")] == [""]  # actionOnEmptyResult
    assert [hook.form["Digits"] for hook in gateway.at("/thanks")] == ["2"]
    simulator.world.script(MUM, press=["1", ""])
    await ring(client, gateway)
    await simulator.idle()
    assert simulator.world.calls_to(MUM)[1].heard[-1].text == "Nothing was pressed."


async def test_answering_machines_are_told_to_the_gateway(simulator: Simulator, client: Client, gateway: Any) -> None:
    simulator.world.script(MUM, calls="voicemail")
    await ring(client, gateway, machine_detection="DetectMessageEnd")
    await simulator.idle()
    assert gateway.at("/start")[0].form["AnsweredBy"] == "machine_end_beep"
    call = await ring(
        client,
        gateway,
        machine_detection="Enable",
        async_amd="true",
        async_amd_status_callback=f"{gateway.url}/amd",
    )
    await simulator.idle()
    assert "AnsweredBy" not in gateway.at("/start")[1].form
    (amd,) = gateway.at("/amd")
    assert (amd.form["AnsweredBy"], amd.form["CallSid"]) == ("machine_start", call.sid)


async def test_inline_words_redirects_and_get(simulator: Simulator, client: Client, gateway: Any) -> None:
    words = VoiceResponse()
    words.say("Hello")
    words.redirect(f"{gateway.url}/next?a=1", method="GET")
    gateway.answers["/next"] = "<Response><Say>Good-bye</Say></Response>"
    await client.calls.create_async(to=MUM, from_=SCHOOL, twiml=str(words))
    await simulator.idle()
    (made,) = simulator.world.calls_to(MUM)
    assert [heard.text for heard in made.heard] == ["Hello", "Good-bye"]
    (hook,) = gateway.at("/next")
    assert hook.method == "GET"
    assert RequestValidator(TOKEN).validate(hook.url, {}, hook.headers["x-twilio-signature"])


@pytest.mark.parametrize(
    "bad",
    [
        "<Response><Dance/></Response>",
        "<Response><Say colour='red'>Hello</Say></Response>",
        "<Response><Gather><Hangup/></Gather></Response>",
        "<Response><Pause length='long'/></Response>",
        "<Hello/>",
        "no xml",
        "<!DOCTYPE x [<!ENTITY a 'b'>]><Response><Say>&a;</Say></Response>",
        [500, 500],
        "<Response><Redirect>/start</Redirect></Response>",
    ],
)
async def test_bad_words_break_the_call_off_and_are_noted(
    simulator: Simulator, client: Client, gateway: Any, bad: str | list[int]
) -> None:
    gateway.answers["/start"] = bad
    call = await ring(client, gateway)
    await simulator.idle()
    (made,) = simulator.world.calls_to(MUM)
    assert made.heard[-1].kind == "error"
    assert "broke off" in simulator.world.complaints[-1]
    assert (await client.calls(call.sid).fetch_async()).status == "completed"


async def test_the_fallback_is_asked_when_the_words_cannot_be_had(
    simulator: Simulator, client: Client, gateway: Any
) -> None:
    gateway.answers["/start"] = [500]
    gateway.answers["/instead"] = "<Response><Say>Please ring the school.</Say></Response>"
    await ring(client, gateway, fallback_url=f"{gateway.url}/instead")
    await simulator.idle()
    assert simulator.world.calls_to(MUM)[0].heard[0].text == "Please ring the school."
    assert gateway.at("/instead")[0].form["ErrorCode"] == "11200"


async def test_hands_on_a_phone_rings_until_it_is_answered(simulator: Simulator, client: Client, gateway: Any) -> None:
    two_rounds(gateway)
    simulator.world.settings.calls = CallFate.RING
    await ring(client, gateway)
    (made,) = simulator.world.calls_to(MUM)
    await until(lambda: made.status == "ringing")
    simulator.do(MUM, "lift")
    await until(lambda: len(made.heard) == 1)
    simulator.do(MUM, "1")
    await until(lambda: len(made.heard) == 3)
    simulator.do(MUM, "12")
    await simulator.idle()
    assert made.pressed == ["1", "12"]
    with pytest.raises(NoCall):
        simulator.do(MUM, "1")


@pytest.mark.parametrize(("event", "status"), [("decline", "busy"), ("hang up", "canceled"), ("", "no-answer")])
async def test_hands_on_not_answered(
    simulator: Simulator, client: Client, gateway: Any, event: str, status: str
) -> None:
    simulator.world.settings.calls = CallFate.RING
    simulator.world.settings.patience = 5 if event else 0.02
    await ring(client, gateway)
    if event:
        simulator.do(MUM, event)
    await simulator.idle()
    assert simulator.world.calls_to(MUM)[0].status == status


async def test_the_gateway_ends_or_changes_a_live_call(simulator: Simulator, client: Client, gateway: Any) -> None:
    two_rounds(gateway)
    simulator.world.settings.calls = CallFate.RING
    call = await ring(client, gateway)
    simulator.do(MUM, "lift")
    (made,) = simulator.world.calls_to(MUM)
    await until(lambda: made.heard)
    await client.calls(call.sid).update_async(
        twiml="<Response><Say>Please ring us.</Say><Gather numDigits='1' action='/x'/></Response>"
    )
    await until(lambda: len(made.heard) == 2)
    assert made.heard[1].text == "Please ring us."
    await client.calls(call.sid).update_async(status="completed")
    await simulator.idle()
    assert (await client.calls(call.sid).fetch_async()).status == "completed"
    with pytest.raises(TwilioRestException) as caught:
        await client.calls(call.sid).update_async(status="completed")
    assert caught.value.code == 21220


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"to": ""}, 21201),
        ({"from_": ""}, 21213),
        ({"to": "1"}, 21211),
        ({"from_": "Lammas Grn"}, 21212),
        ({"url": ""}, 21205),
        ({"status_callback": "nowhere"}, 21609),
        ({"status_callback_event": ["sneezed"]}, 21626),
        ({"record": True}, 20001),
    ],
)
async def test_calls_refused_as_twilio_refuses(
    simulator: Simulator, client: Client, gateway: Any, changed: dict[str, Any], code: int
) -> None:
    with pytest.raises(TwilioRestException) as caught:
        await ring(client, gateway, **changed)
    assert caught.value.code == code
    assert simulator.world.calls == {}


async def test_calls_are_listed(simulator: Simulator, client: Client, gateway: Any) -> None:
    await ring(client, gateway)
    await ring(client, gateway, to="+447700900921")
    await simulator.idle()
    assert [call.to for call in await client.calls.list_async()] == ["+447700900921", MUM]
    (busy,) = await client.calls.list_async(status="busy")
    assert busy.to == "+447700900921"
    made = simulator.world.calls_to(MUM)[0]
    found = await client.calls.list_async(to=MUM, from_=SCHOOL, start_time_after=made.created)
    assert [call.sid for call in found] == [made.sid]


def test_verbs_are_read() -> None:
    say, gather = twiml.parse(
        "<Response><Say>Hi <break/> there</Say><Gather timeout='auto'><Say>?</Say></Gather></Response>"
    )
    assert say.text == "Hi there"
    assert gather.number("timeout", 5) == 5
    assert [verb.name for verb in gather.inside] == ["Say"]

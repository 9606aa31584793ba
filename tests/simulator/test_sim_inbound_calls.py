"""People ring the gateway's number: keys, silence, a voice after the beep, the office; and Twilio's recordings."""

from __future__ import annotations

import io
import wave
from typing import Any

import aiohttp
import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client
from twilio.twiml.voice_response import Gather, VoiceResponse

from channels.simulator import Simulator
from channels.simulator.calls import NoCall
from channels.simulator.magic import CallFate

SCHOOL, MUM, OFFICE = "+442079460137", "+447700900123", "+442079460138"
TOKEN = "a-practice-token"


def answering(gateway: Any) -> None:
    menu = VoiceResponse()
    gather = Gather(num_digits=1, action="/chosen?s=1", action_on_empty_result=True)
    gather.say("Oakfield. Press a key.")
    menu.append(gather)
    gateway.answers["/line"] = str(menu)
    record = VoiceResponse()
    record.record(action="/kept", max_length=30, recording_status_callback=f"{gateway.url}/recording#rc=5")
    record.say("We heard nothing.")
    gateway.answers["/chosen"] = str(record)


async def test_keys_and_a_voice(
    simulator: Simulator, client: Client, gateway: Any, web_client: aiohttp.ClientSession
) -> None:
    answering(gateway)
    simulator.world.settings.inbound_voice_url = f"{gateway.url}/line"
    call = simulator.ring(MUM, SCHOOL, keys=("2",), says=3.5)
    await simulator.idle()
    (ringing,), (chosen,), (kept,), (told,) = (gateway.at(p) for p in ("/line", "/chosen", "/kept", "/recording"))
    assert (ringing.form["From"], ringing.form["To"], ringing.form["Direction"]) == (MUM, SCHOOL, "inbound")
    assert chosen.form["Digits"] == "2"
    assert (kept.form["RecordingDuration"], told.form["RecordingStatus"]) == ("4", "completed")
    assert (call.status, simulator.world.complaints) == ("completed", type(simulator.world.complaints)(maxlen=200))
    (listed,) = await client.recordings.list_async(call_sid=call.sid)
    assert (listed.sid, listed.duration, listed.source) == (told.form["RecordingSid"], "4", "RecordVerb")
    sound = f"{simulator.http_url}/2010-04-01/Accounts/{simulator.account_sid}/Recordings/{listed.sid}.wav"
    async with web_client.get(sound) as refused:
        assert refused.status == 401
    async with web_client.get(
        sound, headers={"Authorization": aiohttp.encode_basic_auth(simulator.account_sid, TOKEN)}
    ) as answer:
        assert answer.content_type == "audio/x-wav"
        with wave.open(io.BytesIO(await answer.read())) as file:
            assert file.getnframes() / file.getframerate() == 3.5
    assert listed.sid
    assert await listed.delete_async()
    with pytest.raises(TwilioRestException, match="404"):
        await client.recordings(listed.sid).fetch_async()


async def test_silence_after_the_beep_goes_on_and_brings_no_recording(simulator: Simulator, gateway: Any) -> None:
    answering(gateway)
    simulator.world.settings.inbound_voice_url = f"{gateway.url}/line"
    call = simulator.ring(MUM, SCHOOL)
    await simulator.idle()
    assert gateway.at("/chosen")[0].form.get("Digits") == ""
    assert [heard.text for heard in call.heard] == ["Oakfield. Press a key.", "", "We heard nothing."]
    assert (gateway.at("/kept"), simulator.world.recordings) == ([], {})


async def test_who_hangs_up_while_speaking_is_recorded_all_the_same(simulator: Simulator, gateway: Any) -> None:
    answering(gateway)
    simulator.world.settings.inbound_voice_url = f"{gateway.url}/line"
    simulator.ring(MUM, SCHOOL, keys=("2", "hang up"), says=5)
    await simulator.idle()
    (kept,) = gateway.at("/kept")
    assert (kept.form["CallStatus"], kept.form["Digits"]) == ("completed", "hangup")
    assert len(gateway.at("/recording")) == len(simulator.world.recordings) == 1


@pytest.mark.parametrize(
    ("fate", "status"), [("answer", "completed"), ("busy", "busy"), ("no-answer", "no-answer"), ("ring", "no-answer")]
)
async def test_somebody_is_dialled(simulator: Simulator, gateway: Any, fate: str, status: str) -> None:
    through = VoiceResponse()
    through.dial(OFFICE, action="/back", timeout=20)
    gateway.answers["/line"] = str(through)
    simulator.world.settings.inbound_voice_url = f"{gateway.url}/line"
    simulator.world.behave(OFFICE, calls=CallFate(fate))
    simulator.ring(MUM, SCHOOL)
    await simulator.idle()
    assert gateway.at("/back")[0].form["DialCallStatus"] == status


async def test_nothing_answers_where_nobody_has_said_what(simulator: Simulator) -> None:
    with pytest.raises(NoCall):
        simulator.ring(MUM, SCHOOL)

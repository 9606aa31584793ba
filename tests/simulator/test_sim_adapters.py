"""Handbell's own channels against the simulator: a text, a call and a mail, there and back."""

from __future__ import annotations

import urllib.parse
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web

from channels import base, email_smtp, twilio_account, twilio_sms, twilio_voice
from channels.simulator import Simulator
from channels.simulator.faults import Fault, Kind

SCHOOL = "+442079460137"
MUM = "+447700900123"


@dataclass
class Hooks:
    """As much of the gateway as it takes: verify, parse, answer."""

    message: base.Outgoing
    channels: list[base.Callbacks] = field(default_factory=list)
    events: list[base.Event] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        asked = base.HookRequest(
            method=request.method,
            url=str(request.url),
            path=request.path,
            query=dict(request.query),
            headers={name.lower(): value for name, value in request.headers.items()},
            form=urllib.parse.parse_qs(body.decode(), keep_blank_values=True),
            body=body,
            at=datetime.now(UTC),
        )
        channel = self.channels["twilio-voice" in request.path]
        channel.verify(asked)
        events = list(channel.parse(asked))
        self.events += events
        answer = channel.answer(asked, events, self.message)
        return web.Response(status=answer.status, text=answer.body, content_type=answer.content_type)

    def states(self) -> list[base.ReceiptState]:
        return [event.state for event in self.events if isinstance(event, base.Receipt)]


@pytest.fixture
async def hooks(simulator: Simulator) -> AsyncIterator[Hooks]:
    account = twilio_account.TwilioAccount(
        simulator.account_sid, "a-practice-token", api_base_url=simulator.http_url, total_seconds=5
    )
    sms, voice = twilio_sms.TwilioSms(account), twilio_voice.TwilioVoice(account, detect_machines=True)
    script = base.CallScript(
        opening="Lammas Green. Press 1.", fallback="Please ring us.", menu="1: ill. 2: late.", thanks="Thank you."
    )
    message = base.Outgoing(
        id="01JD", to=MUM, sender=SCHOOL, body="Lena is not in school.", keys=("1", "2"), script=script
    )
    found = Hooks(message, channels=[sms, voice])
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", found.take)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    found.message = replace(message, callback_url=f"http://127.0.0.1:{runner.addresses[0][1]}")
    simulator.world.settings.inbound_sms_url = f"{found.message.callback_url}/hooks/twilio-sms/inbound"
    for channel in (sms, voice):
        await channel.open()
    yield found
    for channel in (sms, voice):
        await channel.close()
    await runner.cleanup()


async def test_a_text_there_and_back(simulator: Simulator, hooks: Hooks) -> None:
    sms = hooks.channels[0]
    assert isinstance(sms, twilio_sms.TwilioSms)
    await sms.check()
    simulator.world.script(MUM, reply="Jest chora")
    result = await sms.send(hooks.message)
    await simulator.idle()
    assert result.outcome is base.Outcome.ACCEPTED
    assert hooks.states()[-1] is base.ReceiptState.DELIVERED
    (reply,) = [event for event in hooks.events if isinstance(event, base.Reply)]
    assert (reply.sender, reply.to, reply.body) == (MUM, SCHOOL, "Jest chora")
    assert not simulator.world.complaints


async def test_a_doubtful_text_is_found(simulator: Simulator, hooks: Hooks) -> None:
    sms = hooks.channels[0]
    assert isinstance(sms, twilio_sms.TwilioSms)
    since = datetime.now(UTC) - timedelta(minutes=1)
    simulator.faults.add(Fault("messages.create", Kind.STATUS, status=503, taken=False))
    assert (await sms.send(hooks.message)).outcome is base.Outcome.UNKNOWN
    assert (await sms.find(hooks.message, since)).found is base.Found.ABSENT
    simulator.faults.add(Fault("messages.create", Kind.CUT, taken=True))
    assert (await sms.send(hooks.message)).outcome is base.Outcome.UNKNOWN
    (sid,) = simulator.world.texts
    assert await sms.find(hooks.message, since) == base.FindResult(base.Found.HERE, (sid,))
    await simulator.idle()


async def test_a_call_there_and_back(simulator: Simulator, hooks: Hooks) -> None:
    voice = hooks.channels[1]
    assert isinstance(voice, twilio_voice.TwilioVoice)
    simulator.world.script(MUM, press=["1", "2"])
    assert (await voice.send(hooks.message)).outcome is base.Outcome.ACCEPTED
    await simulator.idle()
    (call,) = simulator.world.calls_to(MUM)
    assert [heard.text for heard in call.heard] == [
        "Lammas Green. Press 1.",
        "Lena is not in school.",
        "1: ill. 2: late.",
        "Thank you.",
    ]
    assert [event.keys for event in hooks.events if isinstance(event, base.Reply)] == ["2"]
    assert not simulator.world.complaints


async def test_a_machine_hears_nothing_private(simulator: Simulator, hooks: Hooks) -> None:
    voice = hooks.channels[1]
    assert isinstance(voice, twilio_voice.TwilioVoice)
    simulator.world.script(MUM, calls="voicemail")
    await voice.send(hooks.message)
    await simulator.idle()
    (call,) = simulator.world.calls_to(MUM)
    assert "Lena" not in " ".join(heard.text for heard in call.heard)
    assert call.heard[-1].text == "Please ring us."
    assert base.ReceiptState.DELIVERED not in hooks.states()


async def test_a_mail(simulator: Simulator) -> None:
    server = email_smtp.SmtpServer(
        "127.0.0.1", simulator.smtp_port, security="none", bounce_domain="school.example.com"
    )
    channel = email_smtp.SmtpEmail(server, now=lambda: datetime.now(UTC))
    await channel.open()
    mail = base.Outgoing(
        id="01JE", to="karim@example.com", sender="office@school.example.com", subject="Trip", body="Bring a coat"
    )
    assert (await channel.send(mail)).outcome is base.Outcome.ACCEPTED
    simulator.faults.add(Fault("smtp.data", Kind.CUT, taken=True))
    assert (await channel.send(mail)).outcome is base.Outcome.UNKNOWN
    refused = await channel.send(replace(mail, to="perm-fail@simulator.example"))
    assert (refused.outcome, refused.reason) == (base.Outcome.REFUSED, base.Reason.BAD_ADDRESS)
    await channel.close()
    first, second = simulator.world.mails_to("karim@example.com")
    assert first.text.strip() == "Bring a coat"
    assert first.message_id == second.message_id

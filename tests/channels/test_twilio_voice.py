"""Calls: what is said when, and that nothing private is heard before a key is pressed."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channels import base, twilio_account, twilio_script, twilio_voice, twilio_voices

AT = datetime(2026, 9, 1, 8, 30, tzinfo=UTC)
SCRIPT = base.CallScript(
    opening="Oakfield School. Press any key.",
    fallback="Oakfield School, 020 7946 0000.",
    menu="Press 1 for ill, 2 for late.",
    thanks="Thank you.",
    again="That key is not on the menu.",
)
CALL = base.Outgoing(
    id="01C",
    attempt=2,
    to="+442079460123",
    sender="+442079460000",
    body="Ana <Żak> is not in school today.",
    locale="en",
    callback_url="https://school.example",
    keys=("1", "2", "ill"),
    script=SCRIPT,
)
NO_ANSWER_WANTED = base.Outgoing(
    id="01C", to=CALL.to, sender=CALL.sender, body=CALL.body, callback_url="https://school.example", script=SCRIPT
)


def channel(url: str = "", **settings: Any) -> twilio_voice.TwilioVoice:
    return twilio_voice.TwilioVoice(twilio_account.TwilioAccount("AC1", "token", api_base_url=url), **settings)


@pytest.fixture
async def voice(http_url: str, http_sink: Any) -> AsyncIterator[twilio_voice.TwilioVoice]:
    http_sink.answers = [(201, {}, '{"sid": "CA1"}')]
    opened = channel(http_url)
    await opened.open()
    yield opened
    await opened.close()


def hook(path: str, query: str, **form: str) -> base.HookRequest:
    return base.HookRequest(
        method="POST",
        url=f"https://school.example/hooks/twilio-voice/{path}?{query}",
        path=f"/hooks/twilio-voice/{path}",
        query=dict(parse_qsl(query)),
        headers={},
        form={name: [value] for name, value in form.items()},
        body=b"",
        at=AT,
    )


def heard(twiml: str) -> list[str]:
    """What a silent listener hears, in order, with the verbs that matter."""
    words = []
    for element in ElementTree.fromstring(twiml).iter():
        if element.tag == "Say":
            words.append(element.text or "")
        elif element.tag in ("Gather", "Hangup"):
            words.append(element.tag)
    return words


def follow(request: base.HookRequest, message: base.Outgoing | None = CALL) -> tuple[list[base.Event], str]:
    wire = channel()
    events = list(wire.parse(request))
    return events, wire.answer(request, events, message).body


def action(twiml: str) -> str:
    """The query of the address that a key press leads to."""
    gather = ElementTree.fromstring(twiml).find("Gather")
    assert gather is not None
    return urlsplit(gather.attrib["action"]).query


def test_it_keeps_the_contract() -> None:
    assert isinstance(channel(), base.Channel)
    assert isinstance(channel(), base.Callbacks)
    assert channel().speaks("pl-PL")
    assert not channel().speaks("so")


async def test_what_goes_out(voice: twilio_voice.TwilioVoice, http_sink: Any, corpora: Path) -> None:
    assert await voice.send(CALL) == base.SendResult(base.Outcome.ACCEPTED, ref="CA1")
    (request,) = http_sink.requests
    assert request.target == "/2010-04-01/Accounts/AC1/Calls.json"
    form = request.form
    assert (form["To"], form["From"], form["Timeout"]) == (CALL.to, CALL.sender, "30")
    assert form["StatusCallback"] == "https://school.example/hooks/twilio-voice/status?m=01C&a=2"
    assert "MachineDetection" not in form
    twiml = form["Twiml"]
    assert heard(twiml) == ["Gather", SCRIPT.opening, "Gather", SCRIPT.opening, SCRIPT.fallback, "Hangup"]
    assert "Ana" not in twiml
    assert action(twiml) == "m=01C&a=2&step=open"
    spec = json.loads((corpora / "twilio_openapi" / "twilio_api_v2010.json").read_text())
    post = spec["paths"]["/2010-04-01/Accounts/{AccountSid}/Calls.json"]["post"]
    schema = post["requestBody"]["content"]["application/x-www-form-urlencoded"]["schema"]
    assert set(form) <= set(schema["properties"])


async def test_without_a_public_address_only_the_schools_number_is_said(
    voice: twilio_voice.TwilioVoice, http_sink: Any
) -> None:
    await voice.send(base.Outgoing(id="1", to=CALL.to, sender=CALL.sender, body=CALL.body, script=SCRIPT))
    form = http_sink.requests[0].form
    assert heard(form["Twiml"]) == [SCRIPT.fallback, SCRIPT.fallback, "Hangup"]
    assert "StatusCallback" not in form


async def test_machine_detection_is_a_setting(http_url: str, http_sink: Any) -> None:
    http_sink.answers = [(201, {}, '{"sid": "CA1"}')]
    wire = channel(http_url, detect_machines=True, ring_seconds=20)
    await wire.open()
    await wire.send(CALL)
    await wire.close()
    form = http_sink.requests[0].form
    assert (form["MachineDetection"], form["AsyncAmd"], form["Timeout"]) == ("Enable", "true", "20")
    assert form["AsyncAmdStatusCallback"] == "https://school.example/hooks/twilio-voice/machine?m=01C&a=2"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [({"locale": "ur"}, base.Reason.CONFIG), ({"script": None}, base.Reason.CONTENT)],
)
async def test_what_cannot_be_said_is_not_sent(
    voice: twilio_voice.TwilioVoice, http_sink: Any, changes: dict[str, Any], reason: base.Reason
) -> None:
    given_call = {"id": "1", "to": CALL.to, "sender": CALL.sender, "body": "x", "script": SCRIPT, **changes}
    result = await voice.send(base.Outgoing(**given_call))
    assert (result.outcome, result.reason) == (base.Outcome.REFUSED, reason)
    assert http_sink.requests == []


def test_a_key_proves_a_person_and_opens_the_message() -> None:
    events, twiml = follow(hook("keys", "m=01C&a=2&step=open", CallSid="CA1", Digits="7"))
    (receipt,) = events
    assert isinstance(receipt, base.Receipt)
    assert (receipt.message_id, receipt.ref, receipt.state) == ("01C", "CA1", base.ReceiptState.DELIVERED)
    assert receipt.state is base.ReceiptState.DELIVERED
    assert receipt.event_id == "CA1:pressed"
    question = ["Gather", CALL.body, SCRIPT.menu]
    assert heard(twiml) == [*question, *question, SCRIPT.fallback, "Hangup"]
    assert parse_qs(action(twiml)) == {"m": ["01C"], "a": ["2"], "step": ["answer"], "k": ["1,2"]}


def test_a_message_that_wants_no_answer_is_said_twice() -> None:
    _, twiml = follow(hook("keys", "m=01C&a=1&step=open", CallSid="CA1", Digits="1"), NO_ANSWER_WANTED)
    assert heard(twiml) == [CALL.body, CALL.body, "Hangup"]


def test_no_key_opens_nothing() -> None:
    events, twiml = follow(hook("keys", "m=01C&a=2&step=open", CallSid="CA1", Digits=""))
    assert events == []
    assert heard(twiml) == [SCRIPT.fallback, "Hangup"]


def test_an_answer() -> None:
    form = {"CallSid": "CA1", "Digits": "2", "To": CALL.to, "From": CALL.sender, "Direction": "outbound-api"}
    events, twiml = follow(hook("keys", "m=01C&a=2&step=answer&k=1,2", **form))
    assert events == [
        base.Reply(
            medium=base.Medium.VOICE,
            sender=CALL.to,
            to=CALL.sender,
            body="",
            event_id="CA1:keys",
            at=AT,
            keys="2",
            in_reply_to="01C",
            raw=form,
        )
    ]
    assert heard(twiml) == [SCRIPT.thanks, "Hangup"]


def test_a_wrong_key_gets_the_menu_once_more_and_then_the_number() -> None:
    events, twiml = follow(hook("keys", "m=01C&a=2&step=answer&k=1,2", CallSid="CA1", Digits="9"))
    assert events == []
    assert heard(twiml) == ["Gather", SCRIPT.again, SCRIPT.menu, SCRIPT.fallback, "Hangup"]
    again = action(twiml)
    events, twiml = follow(hook("keys", again, CallSid="CA1", Digits="9"))
    assert events == []
    assert heard(twiml) == [SCRIPT.fallback, "Hangup"]
    events, twiml = follow(hook("keys", again, CallSid="CA1", Digits="1"))
    assert [event.keys for event in events if isinstance(event, base.Reply)] == ["1"]
    assert heard(twiml) == [SCRIPT.thanks, "Hangup"]


@pytest.mark.parametrize("query", ["m=01C&step=answer&k=", "m=01C&step=answer", "m=01C", "m=01C&step=other&k=1"])
def test_a_key_that_nobody_asked_for_is_no_answer(query: str) -> None:
    events, _ = follow(hook("keys", query, CallSid="CA1", Digits="1"))
    assert events == []


def test_a_forgotten_message_ends_the_call() -> None:
    _, twiml = follow(hook("keys", "m=01C&step=open", CallSid="CA1", Digits="1"), None)
    assert heard(twiml) == ["Hangup"]


@pytest.mark.parametrize(
    ("form", "state", "reason", "code"),
    [
        ({"CallStatus": "ringing"}, base.ReceiptState.ACCEPTED, None, ""),
        ({"CallStatus": "in-progress"}, base.ReceiptState.ACCEPTED, None, ""),
        ({"CallStatus": "completed"}, base.ReceiptState.FAILED, base.Reason.NO_ANSWER, ""),
        (
            {"CallStatus": "completed", "AnsweredBy": "human"},
            base.ReceiptState.FAILED,
            base.Reason.NO_ANSWER,
            "",
        ),
        (
            {"CallStatus": "completed", "AnsweredBy": "machine_end_beep"},
            base.ReceiptState.FAILED,
            base.Reason.VOICEMAIL,
            "",
        ),
        ({"CallStatus": "busy"}, base.ReceiptState.FAILED, base.Reason.BUSY, ""),
        ({"CallStatus": "no-answer"}, base.ReceiptState.FAILED, base.Reason.NO_ANSWER, ""),
        ({"CallStatus": "failed"}, base.ReceiptState.FAILED, base.Reason.OTHER, ""),
        ({"CallStatus": "failed", "ErrorCode": "13224"}, base.ReceiptState.FAILED, base.Reason.GONE, "13224"),
        ({"CallStatus": "canceled"}, base.ReceiptState.FAILED, base.Reason.OTHER, ""),
        ({"CallStatus": "sublimated"}, base.ReceiptState.ACCEPTED, base.Reason.OTHER, ""),
    ],
)
def test_a_call_status(form: dict[str, str], state: base.ReceiptState, reason: base.Reason | None, code: str) -> None:
    form = {"CallSid": "CA1", **form}
    events, twiml = follow(hook("status", "m=01C&a=2", **form))
    assert events == [
        base.Receipt(
            message_id="01C",
            ref="CA1",
            state=state,
            event_id=f"CA1:{form['CallStatus']}",
            at=AT,
            reason=reason,
            code=code,
            attempt=2,
            hung_up=form["CallStatus"] == "completed",
            raw=form,
        )
    ]
    assert twiml.endswith("<Response/>")


@pytest.mark.parametrize(
    ("who", "reason"), [("human", None), ("machine_start", base.Reason.VOICEMAIL), ("fax", base.Reason.VOICEMAIL)]
)
def test_who_answered(who: str, reason: base.Reason | None) -> None:
    ((receipt,), _) = follow(hook("machine", "m=01C&a=2", CallSid="CA1", AnsweredBy=who))
    assert isinstance(receipt, base.Receipt)
    assert (receipt.state, receipt.reason) == (base.ReceiptState.ACCEPTED, reason)


def test_another_path_says_nothing() -> None:
    assert follow(hook("else", "m=01C", CallSid="CA1"))[0] == []


def test_an_unsigned_hook_is_refused() -> None:
    with pytest.raises(base.BadSignature):
        channel().verify(hook("keys", "m=01C&step=open", Digits="1"))


async def test_calls_are_found_by_number_and_time(voice: twilio_voice.TwilioVoice, http_sink: Any) -> None:
    def record(sid: str, age: int, sender: str = CALL.sender) -> dict[str, Any]:
        created = format_datetime(AT - timedelta(seconds=age))
        return {"sid": sid, "to": CALL.to, "from": sender, "date_created": created}

    records = [record("CA3", 0), record("CAother", 0, "+442079460001"), record("CA2", 5), record("CA1", 9999)]
    http_sink.answers = [(200, {}, json.dumps({"calls": records}))]
    assert await voice.find(CALL, AT) == base.FindResult(base.Found.HERE, ("CA2", "CA3"))
    http_sink.answers = [(200, {}, json.dumps({"calls": []}))]
    assert (await voice.find(CALL, AT)).found is base.Found.ABSENT
    http_sink.answers = [(502, {}, "")]
    assert (await voice.find(CALL, AT)).found is base.Found.NOT_NOW


@settings(deadline=None)
@given(st.text())
def test_any_words_make_readable_twiml(words: str) -> None:
    speech = twilio_script.Speech(base.CallVersion("en", words, SCRIPT), twilio_voices.Voices())
    said = heard(speech.message("https://school.example/?a=1&b=2", ("1",)))
    assert said[0] == "Gather"


@pytest.mark.parametrize(
    ("locale", "language"),
    [
        ("en", "en-GB"),
        ("en-US", "en-GB"),
        ("pl", "pl-PL"),
        ("PL_pl", "pl-PL"),
        ("pa-Guru", "pa-IN"),
        ("pt-BR", "pt-BR"),
        ("pt-PT", "pt-PT"),
        ("zh-Hans", "cmn-CN"),
        ("zh-Hant-HK", "yue-HK"),
        ("lt", ""),
        ("cy", "cy-GB"),
    ],
)
def test_a_voice(locale: str, language: str) -> None:
    voice = twilio_voices.Voices().find(locale)
    assert voice
    assert voice.language == language


@pytest.mark.parametrize("locale", ["ur", "so", "sq", "fa", "ps", "ckb", "ku", "yo", "pa-Arab", "pa-Arab-PK", "", "x"])
def test_no_voice(locale: str) -> None:
    assert twilio_voices.Voices().find(locale) is None


def test_a_voice_speaks_the_language_in_its_name() -> None:
    for tag, voice in twilio_voices.table().items():
        if voice and voice.name.startswith("Google.") and voice.language:
            assert voice.name.startswith(f"Google.{voice.language}-"), tag


def test_a_school_chooses_its_own_voices() -> None:
    voices = twilio_voices.Voices({"pl": "Polly.Ewa", "ta": "Google.ta-IN-Chirp3-HD-Kore", "cy": "", "ur": "Polly.New"})
    assert voices.find("pl-PL") == ("Polly.Ewa", "")
    assert voices.find("ta") == ("Google.ta-IN-Chirp3-HD-Kore", "ta-IN")
    assert voices.find("cy") is None
    assert voices.find("ur") == ("Polly.New", "")
    assert voices.find("en") == ("Polly.Amy-Neural", "en-GB")


ZERO = base.Saying("pl", "Po polsku: 0.")
POLISH = base.CallVersion(
    "pl", "Ana jest nieobecna.", base.CallScript("Szkoła.", "Szkoła, numer.", "Za chorobę 1.", "Dzięki.")
)
TWO_LANGUAGES = replace(CALL, script=replace(SCRIPT, zero=ZERO, other=POLISH))
OFFICE = base.Office("+441134960009", 25, "We are putting you through.", "Nobody is there.")
PERSON = replace(CALL, script=replace(SCRIPT, zero=base.Saying("en", "For a person: 0."), office=OFFICE))


async def test_key_0_changes_the_language(voice: twilio_voice.TwilioVoice, http_sink: Any) -> None:
    await voice.send(TWO_LANGUAGES)
    twiml = http_sink.requests[0].form["Twiml"]
    assert heard(twiml)[:3] == ["Gather", SCRIPT.opening, ZERO.text]
    assert 'language="pl-PL"' in twiml
    events, answer = follow(hook("keys", action(twiml), CallSid="CA1", Digits="0"), TWO_LANGUAGES)
    receipt, chosen = events
    assert isinstance(receipt, base.Receipt)
    assert receipt.state is base.ReceiptState.DELIVERED
    assert isinstance(chosen, base.Reply)
    assert (chosen.keys, chosen.in_reply_to, chosen.event_id) == ("0", "01C", "CA1:language")
    assert heard(answer)[:3] == ["Gather", POLISH.body, POLISH.script.menu]
    # The rest of the call is in that language, and its answer keys are the same.
    [answered], thanks = follow(hook("keys", action(answer), CallSid="CA1", Digits="1"), TWO_LANGUAGES)
    assert isinstance(answered, base.Reply)
    assert answered.event_id == "CA1:keys"
    assert heard(thanks) == [POLISH.script.thanks, "Hangup"]
    # Another 0 changes it back, which says nothing of what the family wants.
    nothing, back = follow(hook("keys", action(answer), CallSid="CA1", Digits="0"), TWO_LANGUAGES)
    assert nothing == []
    assert heard(back)[1] == CALL.body


def test_key_0_at_the_menu_is_as_good_as_at_the_opening() -> None:
    _, message = follow(hook("keys", "m=01C&a=2&step=open&z=language", CallSid="CA1", Digits="1"), TWO_LANGUAGES)
    assert heard(message)[1] == CALL.body
    [chosen], answer = follow(hook("keys", action(message), CallSid="CA1", Digits="0"), TWO_LANGUAGES)
    assert isinstance(chosen, base.Reply)
    assert (chosen.keys, chosen.in_reply_to, chosen.event_id) == ("0", "01C", "CA1:language")
    assert heard(answer)[:3] == ["Gather", POLISH.body, POLISH.script.menu]
    _, one_language = follow(hook("keys", "m=01C&a=2&step=open", CallSid="CA1", Digits="1"), CALL)
    assert follow(hook("keys", action(one_language), CallSid="CA1", Digits="0"), CALL)[0] == []


def test_key_0_for_a_person_rings_the_office() -> None:
    events, answer = follow(hook("keys", "m=01C&a=2&step=open", CallSid="CA1", Digits="0"), PERSON)
    assert [type(event) for event in events] == [base.Receipt], "nobody needs to be told while the office is rung"
    dial = ElementTree.fromstring(answer).find("Dial")
    assert dial is not None
    assert (dial.text, dial.attrib["callerId"]) == (OFFICE.number, CALL.sender)
    query = urlsplit(dial.attrib["action"]).query
    spoke, over = follow(hook("keys", query, CallSid="CA1", DialCallStatus="completed"), PERSON)
    assert spoke == []
    assert heard(over)[-1] == "Hangup"
    [wanted], then = follow(hook("keys", query, CallSid="CA1", DialCallStatus="no-answer"), PERSON)
    assert isinstance(wanted, base.Reply)
    assert (wanted.keys, wanted.event_id) == ("0", "CA1:person")
    assert heard(then)[:3] == [OFFICE.nobody, "Gather", CALL.body]


def test_key_0_while_the_office_is_closed_tells_somebody_and_the_message_goes_on() -> None:
    script = replace(SCRIPT, office=replace(OFFICE, number=""))
    _, answer = follow(hook("keys", "m=01C&a=2&step=open", CallSid="CA1", Digits="0"), replace(CALL, script=script))
    redirect = ElementTree.fromstring(answer).find("Redirect")
    assert redirect is not None
    query = urlsplit(redirect.text or "").query
    [wanted], then = follow(hook("keys", query, CallSid="CA1"), replace(CALL, script=script))
    assert isinstance(wanted, base.Reply)
    assert wanted.keys == "0"
    assert heard(then)[:3] == [OFFICE.nobody, "Gather", CALL.body]


async def test_recordings_are_played_where_no_voice_speaks_the_language(
    voice: twilio_voice.TwilioVoice, http_sink: Any
) -> None:
    def clip(name: str) -> base.Saying:
        return base.Saying("ur", "…", f"https://school.example/media/voice/{name}")

    sounds = {"opening": [clip("1")], "fallback": [clip("2")], "body": [base.Saying("en", "Ana"), clip("3")]}
    message = replace(CALL, locale="ur", keys=(), script=replace(SCRIPT, sounds=sounds))
    assert (await voice.send(message)).outcome is base.Outcome.ACCEPTED
    twiml = http_sink.requests[0].form["Twiml"]
    played = [element.text for element in ElementTree.fromstring(twiml).iter("Play")]
    assert [url and url.rpartition("/")[2] for url in played] == ["1", "1", "2"]
    assert heard(twiml) == ["Gather", "Gather", "Hangup"]
    _, answer = follow(hook("keys", action(twiml), CallSid="CA1", Digits="1"), message)
    assert heard(answer) == ["Ana", "Ana", "Hangup"]
    assert answer.count("/media/voice/3") == 2
    refused = await voice.send(replace(CALL, locale="ur"))
    assert (refused.outcome, refused.reason) == (base.Outcome.REFUSED, base.Reason.CONFIG)

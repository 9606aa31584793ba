"""The HTTP adapter under the twilio library."""

from __future__ import annotations

import asyncio
import base64
import logging
from typing import Any

import pytest
from yarl import URL

from channels import base, twilio_account, twilio_http

MESSAGE = base.Outgoing(id="01M", to="+447700900123", sender="+447700900001", body="Ana is safe & well: 5+5 £")
CREATED = (201, {"Content-Type": "application/json"}, '{"sid": "SM1"}')


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": " 0 "}, 0.0),
        ({}, None),
        ({"Retry-After": "-1"}, None),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "1.5"}, None),
        ({"Retry-After": "٣"}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "Tue, 01 Sep 2026 08:00:30 GMT", "Date": "Tue, 01 Sep 2026 08:00:00 GMT"}, 30.0),
        ({"Retry-After": "Tue, 01 Sep 2026 07:00:00 GMT", "Date": "Tue, 01 Sep 2026 08:00:00 GMT"}, 0.0),
        ({"Retry-After": "Tue, 01 Sep 2026 08:00:30 GMT"}, None),
    ],
)
def test_retry_after(headers: dict[str, str], seconds: float | None) -> None:
    assert twilio_http.retry_after(headers) == seconds


@pytest.mark.parametrize(
    ("location", "there"),
    [
        ("https://recordings.school.example/RE1.wav", "https://recordings.school.example/RE1.wav"),
        ("/elsewhere.wav", "https://api.twilio.com/elsewhere.wav"),
        ("http://api.twilio.com/RE1.wav", None),
        ("http://recordings.school.example/RE1.wav", None),
        ("//127.0.0.1:1/RE1.wav", "https://127.0.0.1:1/RE1.wav"),
        ("file:///etc/passwd", None),
        ("https:///RE1.wav", "https://api.twilio.com/RE1.wav"),
        ("http://[", None),
    ],
)
def test_a_recording_is_never_fetched_over_the_open_wire(location: str, there: str | None) -> None:
    twilio = URL("https://api.twilio.com/2010-04-01/Accounts/AC1/Recordings/RE1.wav")
    if there is None:
        with pytest.raises(twilio_http.Doubtful, match="not https"):
            twilio_http.onward(twilio, location)
    else:
        assert str(twilio_http.onward(twilio, location)) == there


async def test_a_recording_is_followed_so_far_and_to_no_other_host_in_the_open(http_url: str, http_sink: Any) -> None:
    def on_to(place: str) -> tuple[int, dict[str, str], str]:
        return (302, {"Location": place}, "")

    http, auth = twilio_http.TwilioHttp(), ("AC1", "token")
    http_sink.answers = [on_to("/there"), (200, {"Content-Type": "audio/wav"}, "RIFF")]
    assert await http.download(f"{http_url}/a", auth=auth, most_bytes=10) == (200, "audio/wav", b"RIFF")
    assert [request.target for request in http_sink.requests] == ["/a", "/there"]
    http_sink.answers = [on_to("/again")] * 5
    with pytest.raises(twilio_http.Doubtful, match="one address to the next"):
        await http.download(f"{http_url}/a", auth=auth, most_bytes=10)
    http_sink.answers = [on_to(http_url.replace("127.0.0.1", "localhost"))]
    asked = len(http_sink.requests)
    with pytest.raises(twilio_http.Doubtful, match="not https"):
        await http.download(f"{http_url}/a", auth=auth, most_bytes=10)
    assert len(http_sink.requests) == asked + 1
    await http.close()


async def test_form_and_login_go_out_once(http_url: str, http_sink: Any) -> None:
    http_sink.answers = [CREATED]
    http = twilio_http.TwilioHttp()
    data: dict[str, object] = {"Body": MESSAGE.body, "StatusCallbackEvent": ["a", "b"]}
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await http.request("post", f"{http_url}/x", data=data, headers=headers, auth=("AC1", "pass:wörd"))
    await http.close()
    assert (answer.status_code, answer.text) == (201, '{"sid": "SM1"}')
    (request,) = http_sink.requests
    assert request.method == "POST"
    assert request.pairs == [("Body", MESSAGE.body), ("StatusCallbackEvent", "a"), ("StatusCallbackEvent", "b")]
    assert base64.b64decode(request.headers["authorization"].removeprefix("Basic ")).decode() == "AC1:pass:wörd"
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"


async def test_a_query_keeps_its_plus_sign(http_url: str, http_sink: Any) -> None:
    http_sink.answers = [(200, {}, "{}")]
    http = twilio_http.TwilioHttp()
    await http.request("GET", f"{http_url}/x", params={"To": "+447700900123", "Page": None})
    await http.close()
    assert http_sink.requests[0].target == "/x?To=%2B447700900123"


async def test_nothing_of_a_message_stays_or_is_logged(
    http_url: str, http_sink: Any, caplog: pytest.LogCaptureFixture
) -> None:
    http_sink.answers = [CREATED]
    caplog.set_level(logging.DEBUG)
    http = twilio_http.TwilioHttp()
    await http.request("POST", f"{http_url}/x", data={"Body": "secret words", "To": MESSAGE.to})
    assert http._test_only_last_request is None
    assert http._test_only_last_response is None
    await http.close()
    assert "secret words" not in caplog.text
    assert MESSAGE.to not in caplog.text
    assert logging.getLogger("twilio").level >= logging.WARNING


async def test_a_failure_is_never_repeated(http_url: str, http_sink: Any) -> None:
    http_sink.answers = [(503, {}, "")]
    http = twilio_http.TwilioHttp()
    with pytest.raises(twilio_http.Doubtful):
        await http.request("POST", f"{http_url}/x", data={"a": "b"})
    await http.close()
    assert len(http_sink.requests) == 1


async def test_answers_are_not_mixed_up(http_url: str, http_sink: Any) -> None:
    http_sink.answers = [(201, {}, f'{{"sid": "SM{n}"}}') for n in range(200)]
    http = twilio_http.TwilioHttp(connections=8)
    answers = await asyncio.gather(*(http.request("POST", f"{http_url}/x", data={"n": n}) for n in range(200)))
    await http.close()
    by_number = {request.form["n"]: f"SM{place}" for place, request in enumerate(http_sink.requests)}
    assert [answer.text for answer in answers] == [f'{{"sid": "{by_number[str(n)]}"}}' for n in range(200)]


@pytest.mark.parametrize("name", ["TWILIO_EDGE", "TWILIO_REGION"])
async def test_edge_and_base_url_do_not_go_together(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "dublin")
    with pytest.raises(base.Misconfigured, match=name):
        await twilio_account.TwilioApi(account("http://127.0.0.1:1")).open()


@pytest.mark.parametrize(
    "url", ["http://api.example.com", "ftp://127.0.0.1", "127.0.0.1:80", "http://127.0.0.1.example.com"]
)
async def test_a_password_never_travels_openly(url: str) -> None:
    with pytest.raises(base.Misconfigured, match="https"):
        await twilio_account.TwilioApi(account(url)).open()


async def test_missing_credentials_are_named() -> None:
    with pytest.raises(base.Misconfigured, match="auth_token"):
        await twilio_account.TwilioApi(twilio_account.TwilioAccount("AC1", "")).open()


async def test_use_before_open_is_our_bug() -> None:
    with pytest.raises(RuntimeError, match="opened"):
        _ = twilio_account.TwilioApi(account("")).client


def test_secrets_are_not_in_the_repr() -> None:
    settings = twilio_account.TwilioAccount("AC1", "tok-en", accepted_tokens=("old-tok",), shared_keys={"k": "sha-red"})
    assert not any(secret in repr(settings) for secret in ("tok-en", "old-tok", "sha-red"))


def account(url: str) -> twilio_account.TwilioAccount:
    return twilio_account.TwilioAccount("AC1", "token", api_base_url=url)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((401, {}, '{"code": 20003, "message": "Authenticate", "status": 401}'), "auth_token"),
        ((404, {}, '{"code": 20404}'), "account_sid"),
        ((400, {}, '{"code": 1}'), "account_sid"),
        ((503, {}, ""), "trouble of its own"),
        ((429, {}, ""), "slow down"),
        ((200, {}, "<html>"), "not Twilio"),
        ((200, {}, "[]"), "not Twilio"),
        ((200, {}, '{"status": "suspended"}'), "suspended"),
        ("<cut>", "cut"),
    ],
)
async def test_check_says_what_is_wrong(http_url: str, http_sink: Any, answer: Any, words: str) -> None:
    http_sink.answers = [answer]
    api = twilio_account.TwilioApi(account(http_url))
    await api.open()
    with pytest.raises(base.Misconfigured, match=words):
        await api.check()
    await api.close()


async def test_check_says_that_all_is_well(http_url: str, http_sink: Any) -> None:
    http_sink.answers = [(200, {}, '{"sid": "AC1", "status": "active"}')]
    api = twilio_account.TwilioApi(account(http_url))
    await api.open()
    assert "active" in await api.check()
    await api.close()
    assert http_sink.requests[0].target == "/2010-04-01/Accounts/AC1.json"

"""Texts: what goes out, what comes back, and the search for a doubtful one. For outcomes see test_conformance."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest

from channels import base, twilio_account, twilio_sms

AT = datetime(2026, 9, 1, 8, 30, tzinfo=UTC)
SERVICE = "MG" + "0" * 32
MESSAGE = base.Outgoing(id="01M", to="+447700900123", sender="+447700900001", body="Ana is not here.\nPlease reply.")


def channel(url: str) -> twilio_sms.TwilioSms:
    return twilio_sms.TwilioSms(twilio_account.TwilioAccount("AC1", "token", api_base_url=url))


@pytest.fixture
async def sms(http_url: str, http_sink: Any) -> AsyncIterator[twilio_sms.TwilioSms]:
    http_sink.answers = [(201, {}, '{"sid": "SM1", "status": "queued"}')]
    opened = channel(http_url)
    await opened.open()
    yield opened
    await opened.close()


def hook(path: str, form: Mapping[str, str], query: str = "m=01M&a=2") -> base.HookRequest:
    url = f"https://school.example{path}?{query}"
    return base.HookRequest(
        method="POST",
        url=url,
        path=path,
        query=dict(parse_qsl(query)),
        headers={},
        form={name: [value] for name, value in form.items()},
        body=b"",
        at=AT,
    )


def test_it_keeps_the_contract() -> None:
    assert isinstance(channel(""), base.Channel)
    assert isinstance(channel(""), base.Callbacks)
    assert channel("").speaks("so")


async def test_what_goes_out(sms: twilio_sms.TwilioSms, http_sink: Any) -> None:
    message = base.Outgoing(
        id="01 M/é",
        attempt=3,
        to=MESSAGE.to,
        sender=MESSAGE.sender,
        body=MESSAGE.body,
        callback_url="https://school.example/",
        valid_seconds=7200,
    )
    assert await sms.send(message) == base.SendResult(base.Outcome.ACCEPTED, ref="SM1")
    (request,) = http_sink.requests
    assert (request.method, request.target) == ("POST", "/2010-04-01/Accounts/AC1/Messages.json")
    callback = urlsplit(request.form.pop("StatusCallback"))
    assert callback.geturl().startswith("https://school.example/hooks/twilio-sms/status?")
    assert parse_qs(callback.query) == {"m": ["01 M/é"], "a": ["3"]}
    assert request.form == {
        "To": MESSAGE.to,
        "From": MESSAGE.sender,
        "Body": MESSAGE.body,
        "ValidityPeriod": "7200",
        "SmartEncoded": "false",
    }


async def test_a_messaging_service_and_no_callback(sms: twilio_sms.TwilioSms, http_sink: Any) -> None:
    await sms.send(base.Outgoing(id="01M", to=MESSAGE.to, sender=SERVICE, body="x", valid_seconds=100_000))
    form = http_sink.requests[0].form
    assert form["MessagingServiceSid"] == SERVICE
    assert form["ValidityPeriod"] == "36000", "Twilio's ceiling"
    assert "From" not in form
    assert "StatusCallback" not in form


async def test_a_name_that_begins_with_mg_is_a_name(sms: twilio_sms.TwilioSms, http_sink: Any) -> None:
    await sms.send(base.Outgoing(id="01M", to=MESSAGE.to, sender="MGS Leeds", body="x"))
    form = http_sink.requests[0].form
    assert form["From"] == "MGS Leeds"
    assert "MessagingServiceSid" not in form


async def test_every_parameter_is_in_twilios_openapi(sms: twilio_sms.TwilioSms, http_sink: Any, corpora: Path) -> None:
    await sms.send(
        base.Outgoing(
            id="1", to="+447700900123", sender="x", body="x", callback_url="https://s.example", valid_seconds=9
        )
    )
    spec = json.loads((corpora / "twilio_openapi" / "twilio_api_v2010.json").read_text())
    post = spec["paths"]["/2010-04-01/Accounts/{AccountSid}/Messages.json"]["post"]
    schema = post["requestBody"]["content"]["application/x-www-form-urlencoded"]["schema"]
    assert set(http_sink.requests[0].form) <= set(schema["properties"])


@pytest.mark.parametrize(
    ("status", "code", "state", "reason"),
    [
        ("queued", "", base.ReceiptState.ACCEPTED, None),
        ("sent", "", base.ReceiptState.ACCEPTED, None),
        ("delivered", "", base.ReceiptState.DELIVERED, None),
        ("read", "", base.ReceiptState.DELIVERED, None),
        ("undelivered", "30003", base.ReceiptState.FAILED, base.Reason.UNREACHABLE),
        ("undelivered", "30006", base.ReceiptState.FAILED, base.Reason.NO_TEXTS),
        ("failed", "21610", base.ReceiptState.FAILED, base.Reason.OPTED_OUT),
        ("failed", "", base.ReceiptState.FAILED, base.Reason.OTHER),
        ("failed", "99999", base.ReceiptState.FAILED, base.Reason.OTHER),
        ("canceled", "", base.ReceiptState.FAILED, base.Reason.OTHER),
        ("teleported", "", base.ReceiptState.ACCEPTED, base.Reason.OTHER),
        ("", "", base.ReceiptState.ACCEPTED, base.Reason.OTHER),
    ],
)
def test_a_status_callback(status: str, code: str, state: base.ReceiptState, reason: base.Reason | None) -> None:
    form = {"MessageSid": "SM1", "MessageStatus": status, **({"ErrorCode": code} if code else {})}
    (receipt,) = channel("").parse(hook("/hooks/twilio-sms/status", form))
    assert receipt == base.Receipt(
        message_id="01M",
        ref="SM1",
        state=state,
        event_id=f"SM1:{status}",
        at=AT,
        reason=reason,
        code=code,
        attempt=2,
        raw=form,
    )


@pytest.mark.parametrize(
    ("stamp", "at"),
    [
        ("2609010812", datetime(2026, 9, 1, 8, 12, tzinfo=UTC)),
        ("2609010912", AT),  # summer time, or a network in another zone: not from the future
        ("", AT),
        ("soon", AT),
        ("2613010812", AT),
    ],
)
def test_the_networks_own_time(stamp: str, at: datetime) -> None:
    form = {"MessageSid": "SM1", "MessageStatus": "delivered", "RawDlrDoneDate": stamp}
    assert channel("").parse(hook("/hooks/twilio-sms/status", form))[0].at == at


def test_an_inbound_text() -> None:
    form = {"MessageSid": "SM9", "From": "+447700900123", "To": "+447700900001", "Body": "ill ", "NumMedia": "2"}
    request = hook("/hooks/twilio-sms/inbound", form, query="")
    (reply,) = channel("").parse(request)
    assert reply == base.Reply(
        medium=base.Medium.SMS,
        sender="+447700900123",
        to="+447700900001",
        body="ill ",
        event_id="SM9",
        at=AT,
        media=2,
        raw=form,
    )
    assert channel("").answer(request, [reply], None).body.endswith("<Response/>")


@pytest.mark.parametrize("count", ["", "x", "-1", "²"])
def test_an_odd_media_count_is_none(count: str) -> None:
    (reply,) = channel("").parse(hook("/hooks/twilio-sms/inbound", {"MessageSid": "SM9", "NumMedia": count}))
    assert isinstance(reply, base.Reply)
    assert reply.media == 0


def test_another_path_says_nothing() -> None:
    assert channel("").parse(hook("/hooks/twilio-sms/else", {})) == []


def test_an_unsigned_hook_is_refused() -> None:
    with pytest.raises(base.BadSignature):
        channel("").verify(hook("/hooks/twilio-sms/status", {}))


def record(sid: str, age: float, **more: Any) -> dict[str, Any]:
    created = AT - timedelta(seconds=age)
    usual = {"sid": sid, "to": MESSAGE.to, "from": MESSAGE.sender, "body": MESSAGE.body}
    return {**usual, "date_created": format_datetime(created), "date_sent": None, **more}


def page(*records: dict[str, Any], following: str | None = None) -> tuple[int, dict[str, str], str]:
    return 200, {}, json.dumps({"messages": list(records), "next_page_uri": following, "page_size": 100})


async def test_found_oldest_first(sms: twilio_sms.TwilioSms, http_sink: Any) -> None:
    http_sink.answers = [
        page(
            record("SM4", 10),
            record("SM3", 10),
            record("SMbody", 15, body="other words"),
            record("SMfrom", 15, **{"from": "+447700900002"}),
            record("SMto", 15, to="+447700900124"),
            following="/2010-04-01/Accounts/AC1/Messages.json?Page=1",
        ),
        page(record("SM2", 20, body=f"Sent from your Twilio trial account - {MESSAGE.body}"), record("SM1", 9999)),
    ]
    result = await sms.find(MESSAGE, AT - timedelta(seconds=30))
    assert result == base.FindResult(base.Found.HERE, ("SM2", "SM3", "SM4"))
    assert parse_qs(urlsplit(http_sink.requests[0].target).query)["To"] == [MESSAGE.to]


async def test_a_text_still_in_twilios_queue_is_found(sms: twilio_sms.TwilioSms, http_sink: Any) -> None:
    http_sink.answers = [page(record("SM1", 0, date_sent=None, status="queued"))]
    assert (await sms.find(MESSAGE, AT)).refs == ("SM1",)


async def test_a_text_is_found_although_our_clock_is_fast(sms: twilio_sms.TwilioSms, http_sink: Any) -> None:
    """Taken for absent, it would go twice: what Twilio made at the moment of our call has an earlier date."""
    date = format_datetime(datetime.now(UTC) - timedelta(minutes=10), usegmt=True)
    status, _, body = page(record("SM2", 600), record("SM1", 600 + 9999))
    http_sink.answers = [(status, {"Date": date}, body)]
    assert (await sms.find(MESSAGE, AT)).refs == ("SM2",)


async def test_a_text_is_found_although_our_clock_was_an_hour_fast_when_it_went(
    sms: twilio_sms.TwilioSms, http_sink: Any
) -> None:
    http_sink.answers = [page(record("SM1", 3600))]
    assert (await sms.find(MESSAGE, AT)).refs == ("SM1",)


async def test_absent(sms: twilio_sms.TwilioSms, http_sink: Any) -> None:
    http_sink.answers = [page(record("SM1", 9999))]
    assert await sms.find(MESSAGE, AT) == base.FindResult(base.Found.ABSENT)


async def test_a_list_too_long_to_read_is_no_proof_of_absence(sms: twilio_sms.TwilioSms, http_sink: Any) -> None:
    others = [record(f"SM{n}", 0, body="other") for n in range(100)]
    http_sink.answers = [page(*others, following="/2010-04-01/Accounts/AC1/Messages.json?Page=1")]
    assert (await sms.find(MESSAGE, AT)).found is base.Found.CANNOT_TELL
    assert len(http_sink.requests) == 10


async def test_reading_stops_when_all_is_too_old(sms: twilio_sms.TwilioSms, http_sink: Any) -> None:
    old = [record(f"SM{n}", 9999) for n in range(100)]
    http_sink.answers = [page(*old, following="/2010-04-01/Accounts/AC1/Messages.json?Page=1")]
    assert (await sms.find(MESSAGE, AT)).found is base.Found.ABSENT
    assert len(http_sink.requests) == 2


async def test_a_messaging_service_chooses_the_number(sms: twilio_sms.TwilioSms, http_sink: Any) -> None:
    message = base.Outgoing(id="1", to=MESSAGE.to, sender=SERVICE, body=MESSAGE.body)
    http_sink.answers = [
        page(record("SM2", 0, messaging_service_sid="MG2"), record("SM1", 0, messaging_service_sid=SERVICE))
    ]
    assert (await sms.find(message, AT)).refs == ("SM1",)


@pytest.mark.parametrize(
    "answer",
    [
        (500, {}, ""),
        (400, {}, "<html>"),  # a proxy's, and no word on the search
        (401, {}, '{"code": 20003}'),
        (429, {}, ""),
        (200, {}, "<html>"),
        (200, {}, "[]"),
        (200, {}, "{}"),
        "<cut>",
    ],
)
async def test_a_search_that_came_to_nothing_tells_nothing(
    sms: twilio_sms.TwilioSms, http_sink: Any, answer: Any
) -> None:
    http_sink.answers = [answer]
    assert await sms.find(MESSAGE, AT) == base.FindResult(base.Found.NOT_NOW)


async def test_a_list_with_an_id_that_no_text_column_holds_is_not_twilios(
    sms: twilio_sms.TwilioSms, http_sink: Any
) -> None:
    """Neither its id nor that the text is absent may be believed."""
    http_sink.answers = [page(record("SM1\0", 0))]
    assert await sms.find(MESSAGE, AT) == base.FindResult(base.Found.NOT_NOW)


async def test_a_search_that_twilio_will_never_make_cannot_tell(sms: twilio_sms.TwilioSms, http_sink: Any) -> None:
    http_sink.answers = [(400, {}, '{"code": 20001, "message": "To is invalid", "status": 400}')]
    assert await sms.find(MESSAGE, AT) == base.FindResult(base.Found.CANNOT_TELL)


async def test_a_filters_404_does_not_say_that_the_words_are_gone(sms: twilio_sms.TwilioSms, http_sink: Any) -> None:
    http_sink.answers = [(404, {}, "<html>"), (404, {}, '{"code": 20404, "message": "not found", "status": 404}')]
    with pytest.raises(base.CouldNotScrub, match="HTTP 404"):
        await sms.scrub("SM1")
    await sms.scrub("SM1")


@pytest.mark.parametrize(("code", "lane_wide"), [("30001", True), ("14107", False), ("30005", False), ("", False)])
def test_a_callback_says_whose_trouble_it_is(code: str, lane_wide: bool) -> None:
    form = {"MessageSid": "SM1", "MessageStatus": "failed", "ErrorCode": code}
    (receipt,) = channel("").parse(hook("/hooks/twilio-sms/status", form))
    assert isinstance(receipt, base.Receipt)
    assert receipt.lane_wide is lane_wide

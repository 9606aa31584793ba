"""The outcome table (architecture, section 3) for every channel, row by row, against servers that misbehave.

A new channel adds one entry to :data:`CHANNELS`; a new truth about wires adds one row to a table.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from channels import base, email_smtp, notify, notify_api, twilio_account, twilio_sms, twilio_voice

AT = datetime(2026, 9, 1, 8, 30, tzinfo=UTC)
NUMBER, ADDRESS, WORDS = "+447700900123", "parent@example.com", "Ana is not in school"
SCRIPT = base.CallScript(opening=f"Press a key about {WORDS}", fallback="Oakfield School")
TEMPLATE = "f33517ff-2a88-4f6e-b855-c550268ce08a"
NOTIFY_KEY = f"handbell-26785a09-ab16-4eb0-8407-a37497a57506-{TEMPLATE}"
CUT, HANG = "<cut>", "<hang>"
QUICK = 1.0  #: seconds; only the tests that hang wait for it, and all before must be done in it


@dataclass(frozen=True)
class Kind:
    """One channel: how to make it for a host and port, what to send, which sink answers it, and whose words it has."""

    make: Callable[[str, int, float], base.Channel]
    message: base.Outgoing
    sink: str
    words: str
    offers: tuple[str, ...] = ()  # of an SMTP server


def account(host: str, port: int, seconds: float) -> twilio_account.TwilioAccount:
    # Plain http is refused to any other host, so the one that does not exist is asked by https.
    scheme = "http" if host == "127.0.0.1" else "https"
    return twilio_account.TwilioAccount(
        "AC1", "token", api_base_url=f"{scheme}://{host}:{port}", read_seconds=seconds, connect_seconds=5.0
    )


def service(host: str, port: int, seconds: float) -> notify_api.NotifyAccount:
    scheme = "http" if host == "127.0.0.1" else "https"
    return notify_api.NotifyAccount(
        NOTIFY_KEY, "t0ken", api_base_url=f"{scheme}://{host}:{port}", read_seconds=seconds, connect_seconds=5.0
    )


def mail(host: str, port: int, seconds: float) -> email_smtp.SmtpEmail:
    server = email_smtp.SmtpServer(host, port, security="none", timeout=seconds)
    return email_smtp.SmtpEmail(server, now=lambda: AT)


def outgoing(to: str, sender: str) -> base.Outgoing:
    callback = "https://school.example"
    return base.Outgoing(
        id="01M", to=to, sender=sender, body=WORDS, subject=WORDS, script=SCRIPT, callback_url=callback
    )


CHANNELS = {
    "twilio-sms": Kind(
        lambda *at: twilio_sms.TwilioSms(account(*at), senders=["+447700900001"]),
        outgoing(NUMBER, "+447700900001"),
        "http",
        "twilio",
    ),
    "twilio-voice": Kind(
        lambda *at: twilio_voice.TwilioVoice(account(*at)), outgoing(NUMBER, "+447700900001"), "http", "twilio"
    ),
    "notify-sms": Kind(
        lambda *at: notify.Notify(
            service(*at), base.Medium.SMS, notify.Letterhead(TEMPLATE, {"+447700900001": TEMPLATE})
        ),
        outgoing(NUMBER, "+447700900001"),
        "http",
        "notify",
    ),
    "notify-email": Kind(
        lambda *at: notify.Notify(service(*at), base.Medium.EMAIL, notify.Letterhead(TEMPLATE)),
        outgoing(ADDRESS, "office@school.example"),
        "http",
        "notify",
    ),
    "smtp": Kind(mail, outgoing(ADDRESS, "office@school.example"), "smtp", "smtp"),
    "smtp-pipelining": Kind(mail, outgoing(ADDRESS, "office@school.example"), "smtp", "smtp", offers=("PIPELINING",)),
}


@dataclass(frozen=True)
class Row:
    """What the server does, and what must come of it."""

    name: str
    answer: Any
    outcome: base.Outcome
    reason: base.Reason | None = None
    code: str = ""
    wait: float | None = None
    lane_wide: bool = False


def error(code: int, text: str = f"The 'To' number {NUMBER} is not valid: {WORDS}") -> str:
    return f'{{"code": {code}, "message": "{text}", "status": 400}}'


Out, R = base.Outcome, base.Reason
PROBLEM = f'{{"type": "https://x", "title": "{WORDS}", "status": 400, "code": 21610, "detail": "{NUMBER}"}}'
PROXYS = (400, 405, 421, 425, 431, 451)  #: answers of a proxy or a filter that never reached the provider
HTTP_ROWS = [
    Row("accepted", (201, {}, '{"sid": "XX1"}'), Out.ACCEPTED),
    Row("accepted with 200", (200, {}, '{"sid": "XX1"}'), Out.ACCEPTED),
    Row("garbage", (200, {}, "<html>Welcome to the school wifi</html>"), Out.UNKNOWN, R.TEMPORARY),
    Row("empty", (201, {}, ""), Out.UNKNOWN, R.TEMPORARY),
    Row("a list", (201, {}, "[1]"), Out.UNKNOWN, R.TEMPORARY),
    Row("a text", (201, {}, '"sid"'), Out.UNKNOWN, R.TEMPORARY),
    Row("no id", (201, {}, '{"status": "queued"}'), Out.UNKNOWN, R.TEMPORARY),
    Row("an id with a NUL", (201, {}, '{"sid": "XX\\u0000"}'), Out.UNKNOWN, R.TEMPORARY),
    Row("an id with half a letter", (201, {}, '{"sid": "XX\\ud800"}'), Out.UNKNOWN, R.TEMPORARY),
    Row("an id without end", (201, {}, f'{{"sid": "{"X" * 9999}"}}'), Out.UNKNOWN, R.TEMPORARY),
    Row("a redirect", (302, {"Location": "https://login.example"}, ""), Out.UNKNOWN, R.TEMPORARY),
    Row("bad number", (400, {}, error(21211)), Out.REFUSED, R.BAD_ADDRESS, "21211"),
    Row("stopped", (400, {}, error(21610)), Out.REFUSED, R.OPTED_OUT, "21610"),
    Row("stopped, RFC 9457", (400, {}, PROBLEM), Out.REFUSED, R.OPTED_OUT, "21610"),
    Row("unknown code", (400, {}, error(29999)), Out.REFUSED, R.OTHER, "29999"),
    *(Row(f"a proxy's {status}", (status, {}, "<html>"), Out.RETRY, R.TEMPORARY) for status in PROXYS),
    Row("a proxy's JSON", (400, {}, f'{{"code": 1020, "message": "{WORDS}"}}'), Out.RETRY, R.TEMPORARY),
    Row("a proxy's words for a code", (400, {}, f'{{"code": "{WORDS}"}}'), Out.RETRY, R.TEMPORARY),
    Row("a proxy's 407", (407, {}, "<html>"), Out.RETRY, R.CONFIG, "407", lane_wide=True),
    Row("408 may have been passed on", (408, {}, "<html>"), Out.UNKNOWN, R.TEMPORARY, "408"),
    Row("no region", (400, {}, error(21408)), Out.REFUSED, R.CONFIG, "21408"),
    Row("bad sender", (400, {}, error(21606)), Out.RETRY, R.CONFIG, "21606", lane_wide=True),
    Row("queue full", (400, {}, error(21611)), Out.RETRY, R.RATE, "21611", lane_wide=True),
    Row("bad login", (401, {}, error(20003)), Out.RETRY, R.AUTH, "20003", lane_wide=True),
    Row(
        "a refusal of us that nobody has told us of",
        (403, {}, error(20005)),
        Out.RETRY,
        R.AUTH,
        "20005",
        lane_wide=True,
    ),
    Row("a filter's 403", (403, {}, "<html>"), Out.RETRY, R.CONFIG, "403", lane_wide=True),
    Row("suspended", (403, {}, error(30002)), Out.RETRY, R.AUTH, "30002", lane_wide=True),
    Row("no such account", (404, {}, error(20404)), Out.RETRY, R.AUTH, "20404", lane_wide=True),
    Row("429", (429, {}, error(20429)), Out.RETRY, R.RATE, "20429", lane_wide=True),
    Row("429 bare", (429, {}, ""), Out.RETRY, R.RATE, "429", lane_wide=True),
    Row("429 wait", (429, {"Retry-After": "3"}, error(20429)), Out.RETRY, R.RATE, "20429", 3.0, lane_wide=True),
    Row("429 loop", (429, {}, error(14107)), Out.RETRY, R.RATE, "14107"),
    Row("500", (500, {}, error(20500)), Out.UNKNOWN, R.TEMPORARY, "20500"),
    Row("502", (502, {}, "<html>"), Out.UNKNOWN, R.TEMPORARY, "502"),
    Row("503 that claims to be a refusal", (503, {}, PROBLEM), Out.UNKNOWN, R.TEMPORARY, "21610"),
    Row("hangs", HANG, Out.UNKNOWN, R.TEMPORARY),
    Row("cut after the request", CUT, Out.UNKNOWN, R.TEMPORARY),
]


def notify_error(status: int, kind: str, text: str = f"{NUMBER} {ADDRESS}: {WORDS}") -> tuple[int, dict[str, str], str]:
    return status, {}, f'{{"status_code": {status}, "errors": [{{"error": "{kind}", "message": "{text}"}}]}}'


NOTIFY_ROWS = [
    Row("accepted", (201, {}, f'{{"id": "{TEMPLATE}"}}'), Out.ACCEPTED),
    Row("garbage", (200, {}, "<html>Welcome to the school wifi</html>"), Out.UNKNOWN, R.TEMPORARY),
    Row("empty", (201, {}, ""), Out.UNKNOWN, R.TEMPORARY),
    Row("a list", (201, {}, "[1]"), Out.UNKNOWN, R.TEMPORARY),
    Row("no end", (201, {}, "[" * 99_999), Out.UNKNOWN, R.TEMPORARY),
    Row("no id", (201, {}, '{"reference": "01M"}'), Out.UNKNOWN, R.TEMPORARY),
    Row("an id with a NUL", (201, {}, '{"id": "XX\\u0000"}'), Out.UNKNOWN, R.TEMPORARY),
    Row("a redirect", (302, {"Location": "https://login.example"}, ""), Out.UNKNOWN, R.TEMPORARY),
    Row(
        "bad number",
        notify_error(400, "ValidationError", f"phone_number {NUMBER} is none"),
        Out.REFUSED,
        R.NO_TEXTS,
        "400 ValidationError",
    ),
    Row(
        "bad mailbox",
        notify_error(400, "ValidationError", f"email_address {ADDRESS} is none"),
        Out.REFUSED,
        R.BAD_ADDRESS,
        "400 ValidationError",
    ),
    Row(
        "our mistake", notify_error(400, "ValidationError"), Out.RETRY, R.CONFIG, "400 ValidationError", lane_wide=True
    ),
    Row("trial mode", notify_error(400, "BadRequestError"), Out.RETRY, R.CONFIG, "400 BadRequestError", lane_wide=True),
    Row("a kind of error that nobody knows", notify_error(400, "NewError"), Out.REFUSED, R.OTHER, "400 NewError"),
    *(Row(f"a proxy's {status}", (status, {}, "<html>"), Out.RETRY, R.TEMPORARY) for status in PROXYS),
    Row("a proxy's JSON", (400, {}, f'{{"error": "{WORDS}"}}'), Out.RETRY, R.TEMPORARY),
    Row("a word that is no kind of error", notify_error(418, f"{WORDS} {NUMBER}"), Out.RETRY, R.TEMPORARY),
    Row("a proxy's 407", (407, {}, "<html>"), Out.RETRY, R.CONFIG, "407", lane_wide=True),
    Row("408 may have been passed on", (408, {}, "<html>"), Out.UNKNOWN, R.TEMPORARY, "408"),
    Row("bad key", notify_error(403, "AuthError"), Out.RETRY, R.AUTH, "403 AuthError", lane_wide=True),
    Row("a filter's 403", (403, {}, "<html>"), Out.RETRY, R.CONFIG, "403", lane_wide=True),
    Row("not there", (404, {}, ""), Out.RETRY, R.CONFIG, "404", lane_wide=True),
    Row("too long", (413, {}, ""), Out.REFUSED, R.CONTENT, "413"),
    Row("too fast", notify_error(429, "RateLimitError"), Out.RETRY, R.RATE, "429 RateLimitError", 5.0, lane_wide=True),
    Row(
        "no more today",
        notify_error(429, "TooManyRequestsError"),
        Out.RETRY,
        R.RATE,
        "429 TooManyRequestsError",
        900.0,
        lane_wide=True,
    ),
    Row("429 wait", (429, {"Retry-After": "3"}, ""), Out.RETRY, R.RATE, "429", 3.0, lane_wide=True),
    Row("500", notify_error(500, "Exception"), Out.UNKNOWN, R.TEMPORARY, "500"),
    Row("503 that claims to be a refusal", notify_error(503, "AuthError"), Out.UNKNOWN, R.TEMPORARY, "503"),
    Row("hangs", HANG, Out.UNKNOWN, R.TEMPORARY),
    Row("cut after the request", CUT, Out.UNKNOWN, R.TEMPORARY),
]
SMTP_ROWS = [
    Row("accepted", {}, Out.ACCEPTED),
    *(Row(f"{at} 4xx", {at: "451 x"}, Out.RETRY, R.TEMPORARY, "451") for at in ("RCPT", "DATA", ".")),
    Row("MAIL 4xx", {"MAIL": "451 x"}, Out.RETRY, R.TEMPORARY, "451", lane_wide=True),
    Row("MAIL 5xx", {"MAIL": f"550 5.1.8 {ADDRESS}"}, Out.RETRY, R.CONFIG, "550 5.1.8", lane_wide=True),
    Row("RCPT 5xx", {"RCPT": f"550 5.1.1 <{ADDRESS}> {WORDS}"}, Out.REFUSED, R.BAD_ADDRESS, "550 5.1.1"),
    Row("RCPT policy", {"RCPT": f"554 5.7.1 <{ADDRESS}> denied"}, Out.REFUSED, R.CONFIG, "554 5.7.1"),
    Row("DATA 5xx", {"DATA": "554 no"}, Out.REFUSED, R.OTHER, "554"),
    Row("dot 5xx", {".": f"550 5.7.1 spam: {WORDS}"}, Out.REFUSED, R.CONTENT, "550 5.7.1"),
    *(Row(f"{step} cut", {step: CUT}, Out.RETRY, R.TEMPORARY) for step in ("MAIL", "RCPT", "DATA")),
    *(Row(f"{step} hangs", {step: HANG}, Out.RETRY, R.TEMPORARY) for step in ("MAIL", "RCPT", "DATA")),
    *(Row(f"{step} garbage", {step: "hello"}, Out.RETRY, R.TEMPORARY) for step in ("MAIL", "RCPT", "DATA")),
    *(Row(f"dot {code}", {".": f"{code} taken"}, Out.ACCEPTED) for code in (200, 251, 299)),
    *(Row(f"dot {code}", {".": f"{code} x"}, Out.UNKNOWN, R.TEMPORARY, f"{code}") for code in (150, 354, 650)),
    Row("dot cut", {".": CUT}, Out.UNKNOWN, R.TEMPORARY),
    Row("dot hangs", {".": HANG}, Out.UNKNOWN, R.TEMPORARY),
    Row("dot garbage", {".": "hello"}, Out.UNKNOWN, R.TEMPORARY),
    Row("greeting cut", {"greeting": CUT}, Out.RETRY, R.TEMPORARY, lane_wide=True),
    Row("greeting hangs", {"greeting": HANG}, Out.RETRY, R.TEMPORARY, lane_wide=True),
    Row("greeting 4xx", {"greeting": "421 4.3.2 busy"}, Out.RETRY, R.TEMPORARY, "421", lane_wide=True),
]  # fmt: skip
ROWS = {"twilio": HTTP_ROWS, "notify": NOTIFY_ROWS, "smtp": SMTP_ROWS}
CASES = [
    pytest.param(kind, row, id=f"{name}: {row.name}") for name, kind in CHANNELS.items() for row in ROWS[kind.words]
]


@pytest.fixture
async def opened() -> AsyncIterator[Callable[..., Awaitable[base.Channel]]]:
    channels: list[base.Channel] = []

    async def open_channel(kind: Kind, host: str, port: int, seconds: float = 5.0) -> base.Channel:
        channels.append(kind.make(host, port, seconds))
        await channels[-1].open()
        return channels[-1]

    yield open_channel
    for channel in channels:
        await channel.close()


def is_as_expected(result: base.SendResult, row: Row) -> None:
    assert (result.outcome, result.reason, result.lane_wide) == (row.outcome, row.reason, row.lane_wide)
    assert (result.code, result.wait) == (row.code, row.wait)
    assert bool(result.ref) == (row.outcome is base.Outcome.ACCEPTED)
    says_nothing_private(result)


def says_nothing_private(result: base.SendResult) -> None:
    for private in (NUMBER, NUMBER.lstrip("+"), "7700900123", ADDRESS, "parent", WORDS, "Ana"):
        assert private not in result.text
        assert private not in result.code
    if result.outcome is not base.Outcome.ACCEPTED:
        assert result.text.endswith((".", ")", "?")), "a sentence"


@pytest.mark.parametrize(("kind", "row"), CASES)
async def test_a_row_of_the_outcome_table(
    kind: Kind, row: Row, opened: Any, wire: Any, http_sink: Any, smtp_sink: Any
) -> None:
    sink = http_sink if kind.sink == "http" else smtp_sink
    if kind.sink == "http":
        sink.answers = [row.answer]
    else:
        sink.replies, sink.offers = row.answer, kind.offers
    server = await wire(sink.handle)
    channel = await opened(kind, "127.0.0.1", server.port, QUICK if HANG in str(row.answer) else 5.0)
    is_as_expected(await channel.send(kind.message), row)
    handed_over = sink.requests if kind.sink == "http" else sink.messages
    assert len(handed_over) <= 1, "never twice"


@pytest.mark.parametrize("kind", CHANNELS.values(), ids=CHANNELS)
async def test_a_refused_connection_left_nothing_behind(kind: Kind, opened: Any, closed_port: int) -> None:
    channel = await opened(kind, "127.0.0.1", closed_port)
    row = Row("refused", None, Out.RETRY, R.TEMPORARY, lane_wide=True)
    is_as_expected(await channel.send(kind.message), row)
    with pytest.raises(base.Misconfigured):
        await channel.check()


@pytest.mark.parametrize("kind", CHANNELS.values(), ids=CHANNELS)
async def test_a_name_that_does_not_exist_left_nothing_behind(kind: Kind, opened: Any) -> None:
    # RFC 6761 section 6.4: no resolver may know a name under .invalid.
    channel = await opened(kind, "nonexistent.invalid", 465)
    row = Row("no name", None, Out.RETRY, R.TEMPORARY, lane_wide=True)
    is_as_expected(await channel.send(kind.message), row)


@pytest.mark.parametrize("kind", CHANNELS.values(), ids=CHANNELS)
async def test_a_connection_that_closes_before_a_word_is_never_called_accepted(
    kind: Kind, opened: Any, wire: Any
) -> None:
    async def slam(reader: Any, writer: Any) -> None:
        writer.transport.abort()

    server = await wire(slam)
    channel = await opened(kind, "127.0.0.1", server.port)
    result = await channel.send(kind.message)
    # Over HTTP the request may already be on its way when the door shuts, so doubt is allowed; over SMTP it is not.
    assert result.outcome in ({Out.RETRY} if kind.sink == "smtp" else {Out.RETRY, Out.UNKNOWN})
    says_nothing_private(result)


@pytest.mark.parametrize("name", [name for name, kind in CHANNELS.items() if kind.sink == "http"])
async def test_an_answer_cut_in_the_middle_is_in_doubt(name: str, opened: Any, wire: Any) -> None:
    async def half(reader: Any, writer: Any) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b'HTTP/1.1 201 Created\r\nContent-Length: 100\r\n\r\n{"sid": "XX')
        await writer.drain()

    server = await wire(half)
    channel = await opened(CHANNELS[name], "127.0.0.1", server.port)
    assert (await channel.send(CHANNELS[name].message)).outcome is Out.UNKNOWN


async def test_a_message_that_waits_for_a_place_in_the_pool_has_not_left(wire: Any) -> None:
    """The only connection hangs: the first message is in doubt, the second has certainly not been sent."""
    seen = []

    async def hang(reader: Any, writer: Any) -> None:
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        await reader.read()

    url = f"http://127.0.0.1:{(await wire(hang)).port}"
    channel = twilio_sms.TwilioSms(
        twilio_account.TwilioAccount(
            "AC1", "token", api_base_url=url, connections=1, connect_seconds=QUICK, read_seconds=3 * QUICK
        )
    )
    await channel.open()
    message = CHANNELS["twilio-sms"].message
    results = await asyncio.gather(channel.send(message), channel.send(message))
    await channel.close()
    assert sorted(result.outcome for result in results) == [Out.RETRY, Out.UNKNOWN]
    assert len(seen) == 1


POLLED = [name for name, kind in CHANNELS.items() if isinstance(kind.make("127.0.0.1", 1, 1.0), base.Polled)]
BEGIN = datetime(2026, 8, 31, tzinfo=UTC)
NOT_SEEN = [
    Row("bad login", (401, {}, error(20003)), Out.RETRY),
    Row("a filter", (403, {}, "<html>"), Out.RETRY),
    Row("429", (429, {"Retry-After": "3"}, error(20429)), Out.RETRY, wait=3.0),
    Row("500", (500, {}, error(20500)), Out.RETRY),
    Row("garbage", (200, {}, "<html>Welcome to the school wifi</html>"), Out.RETRY),
    Row("a list", (200, {}, "[1]"), Out.RETRY),
    Row("an empty object", (200, {}, "{}"), Out.RETRY),
    Row("records that are none", (200, {}, '{"messages": [1, null]}'), Out.RETRY),
    Row("hangs", HANG, Out.RETRY),
    Row("cut", CUT, Out.RETRY),
]


async def ask(channel: Any, *refs: str) -> list[base.Receipt]:
    pending = [base.Pending(ref, AT) for ref in refs or [f"XX{number}" for number in range(20)]]
    return [receipt async for page in channel.follow(pending, now=AT) for receipt in page]


async def read(channel: Any) -> list[base.Look]:
    [stream] = channel.streams()
    return [page async for page in channel.look(stream, BEGIN, now=AT)]


def test_every_channel_of_a_provider_that_has_lists_is_polled() -> None:
    assert POLLED == ["twilio-sms", "twilio-voice", "notify-sms", "notify-email"]


@pytest.mark.parametrize("row", NOT_SEEN, ids=lambda row: row.name)
@pytest.mark.parametrize("name", POLLED)
async def test_a_look_that_did_not_end_is_told_and_gives_no_watermark(
    name: str, row: Row, opened: Any, wire: Any, http_sink: Any
) -> None:
    http_sink.answers = [row.answer]
    server = await wire(http_sink.handle)
    channel = await opened(CHANNELS[name], "127.0.0.1", server.port, QUICK if row.answer == HANG else 5.0)
    for asking in (ask(channel), *([read(channel)] if channel.streams() else [])):
        with pytest.raises(base.CouldNotLook) as why:
            await asking
        assert why.value.wait == row.wait
        says_nothing_private(base.SendResult(row.outcome, text=str(why.value)))


@pytest.mark.parametrize("name", POLLED)
async def test_a_filters_404_does_not_say_that_a_message_is_not_there(
    name: str, opened: Any, wire: Any, http_sink: Any
) -> None:
    http_sink.answers = [(404, {}, "<html>")]
    channel = await opened(CHANNELS[name], "127.0.0.1", (await wire(http_sink.handle)).port)
    with pytest.raises(base.CouldNotLook):
        await ask(channel, "XX0")


@pytest.mark.parametrize("name", POLLED)
async def test_no_connection_is_told_too(name: str, opened: Any, closed_port: int) -> None:
    channel = await opened(CHANNELS[name], "127.0.0.1", closed_port)
    with pytest.raises(base.CouldNotLook, match="No connection"):
        await ask(channel)


@pytest.mark.parametrize("name", POLLED)
async def test_a_word_that_nobody_knows_is_other_and_never_an_end(
    name: str, opened: Any, wire: Any, http_sink: Any
) -> None:
    ref, answer = {
        "twilio": ("XX0", '{"sid": "XX0", "status": "teleported", "date_created": null}'),
        "notify": (TEMPLATE, f'{{"notifications": [{{"id": "{TEMPLATE}", "status": "teleported"}}]}}'),
    }[CHANNELS[name].words]
    http_sink.answers = [(200, {}, answer)]
    server = await wire(http_sink.handle)
    channel = await opened(CHANNELS[name], "127.0.0.1", server.port)
    [receipt] = await ask(channel, ref)
    assert (receipt.state, receipt.reason) == (base.ReceiptState.ACCEPTED, R.OTHER)
    assert (receipt.event_id, receipt.ref, receipt.message_id, receipt.at) == (f"{ref}:teleported", ref, "", AT)


async def test_pages_are_followed_to_the_end(opened: Any, wire: Any, http_sink: Any) -> None:
    text = '{{"sid": "SM{0}", "direction": "inbound", "to": "+447700900001", "from": "+447700900123", "body": "b{0}"}}'
    first = f'{{"messages": [{text.format(2)}], "next_page_uri": "/next?Page=1&PageToken=PASM2"}}'
    last = f'{{"messages": [{text.format(1)}], "next_page_uri": null}}'
    http_sink.answers = [(200, {}, first), (200, {}, last)]
    server = await wire(http_sink.handle)
    channel = await opened(CHANNELS["twilio-sms"], "127.0.0.1", server.port)
    pages = await read(channel)
    assert [[event.event_id for event in page.events] for page in pages] == [["SM2"], ["SM1"], []]
    assert {page.since for page in pages} == {BEGIN}, "nothing had a date, so nothing is known to be read"
    assert http_sink.requests[1].target == "/next?Page=1&PageToken=PASM2"

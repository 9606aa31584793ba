"""Email over real sockets. The outcome table is in test_conformance; here is what only SMTP has."""

from __future__ import annotations

import asyncio
import email
import itertools
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from email import policy
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiosmtpd.smtp import SMTP, Envelope, Session

from channels import base, email_smtp

AT = datetime(2026, 9, 1, 8, 30, tzinfo=UTC)
MAIL = base.Outgoing(
    id="01JMAIL",
    to="parent@example.com",
    sender="office@school.example",
    subject="Wycieczka szkolna – zgoda",
    body="Line one\n.a line with a dot\n..two\n.\nend",
    html="<p>Cześć</p>",
    locale="pl",
)
Opener = Callable[..., Awaitable[email_smtp.SmtpEmail]]


@pytest.fixture(params=["one by one", "pipelining"])
def smtp_sink(request: pytest.FixtureRequest, smtp_sink: Any) -> Any:
    """Everything here holds for both sorts of servers."""
    if request.param == "pipelining":
        smtp_sink.offers = ("PIPELINING",)
    return smtp_sink


@pytest.fixture
async def opened() -> AsyncIterator[Opener]:
    channels = []

    async def open_channel(port: int, **settings: Any) -> email_smtp.SmtpEmail:
        usual = {"host": "127.0.0.1", "port": port, "security": "none", "timeout": 5.0, "school_name": "Szkoła"}
        channel = email_smtp.SmtpEmail(email_smtp.SmtpServer(**{**usual, **settings}), now=lambda: AT)
        await channel.open()
        channels.append(channel)
        return channel

    yield open_channel
    for channel in channels:
        await channel.close()


def test_it_keeps_the_contract() -> None:
    channel = email_smtp.SmtpEmail(email_smtp.SmtpServer("mail.example.com"), now=lambda: AT)
    assert isinstance(channel, base.Channel)
    assert channel.speaks("ckb")


def test_the_password_is_not_in_the_repr() -> None:
    assert "geheim" not in repr(email_smtp.SmtpServer("mail.example.com", password="geheim"))


class Keeper:
    """What aiosmtpd hands over."""

    def __init__(self) -> None:
        self.envelopes: list[Envelope] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        self.envelopes.append(envelope)
        return "250 2.0.0 ok"


async def test_a_whole_email_through_aiosmtpd(opened: Opener) -> None:
    keeper, loop = Keeper(), asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(keeper, enable_SMTPUTF8=True, loop=loop), "127.0.0.1", 0)
    channel = await opened(server.sockets[0].getsockname()[1], bounce_domain="bounces.example")
    results = await asyncio.gather(*(channel.send(replace(MAIL, id=f"01M{n}")) for n in range(20)))
    zoe = await channel.send(replace(MAIL, to="zoë@example.com"))
    await channel.close()
    server.close()
    await server.wait_closed()
    assert {result.outcome for result in [*results, zoe]} == {base.Outcome.ACCEPTED}
    assert sorted(envelope.mail_from or "" for envelope in keeper.envelopes[:20]) == sorted(
        f"bounce+01M{n}@bounces.example" for n in range(20)
    )
    assert keeper.envelopes[-1].rcpt_tos == ["zoë@example.com"]
    content = keeper.envelopes[0].content
    assert isinstance(content, bytes)
    message = email.message_from_bytes(content, policy=policy.SMTP)
    assert message["Subject"] == MAIL.subject
    plain = message.get_body(("plain",))
    assert plain
    assert plain.get_content().replace("\r\n", "\n") == f"{MAIL.body}\n"


async def test_connections_are_kept_and_no_more_than_the_pool(opened: Opener, wire: Any, smtp_sink: Any) -> None:
    server = await wire(smtp_sink.handle)
    channel = await opened(server.port, pool_size=3)
    for _ in range(3):
        results = await asyncio.gather(*(channel.send(replace(MAIL, id=f"01M{n}")) for n in range(10)))
        assert all(result.outcome is base.Outcome.ACCEPTED for result in results)
    assert server.connections <= 3
    assert len(smtp_sink.messages) == 30
    await channel.close()
    assert smtp_sink.commands[-1] == "QUIT"


async def test_without_a_free_connection_nothing_has_left(opened: Opener, smtp_port: int, smtp_sink: Any) -> None:
    smtp_sink.replies["."] = "<hang>"
    channel = await opened(smtp_port, pool_size=1, timeout=30, deadline=32)
    first = asyncio.create_task(channel.send(MAIL))
    while not smtp_sink.messages:
        await asyncio.sleep(0.01)
    second = await channel.send(replace(MAIL, id="01M2"))
    first.cancel()
    await asyncio.wait([first])
    assert (second.outcome, second.reason) == (base.Outcome.RETRY, base.Reason.TEMPORARY)
    assert not second.lane_wide, "the server is well: only this message was late"
    assert len(smtp_sink.messages) == 1


async def test_no_email_is_written_before_a_connection_is_free(smtp_port: int, smtp_sink: Any) -> None:
    smtp_sink.replies["."] = "<hang>"
    written = []

    def now() -> datetime:  # asked for the Date of each
        written.append(1)
        return AT

    server = email_smtp.SmtpServer("127.0.0.1", smtp_port, security="none", pool_size=2)
    channel = email_smtp.SmtpEmail(server, now=now)
    sending = [asyncio.create_task(channel.send(replace(MAIL, id=f"01M{n}"))) for n in range(10)]
    while len(smtp_sink.messages) < 2:
        await asyncio.sleep(0.01)
    assert len(written) == 2, "with files of some megabytes each, hundreds that wait would fill the memory"
    for task in sending:
        task.cancel()
    await asyncio.wait(sending)
    await channel.close()


@pytest.mark.parametrize("step", ["greeting", "EHLO", "MAIL", "RCPT", "DATA"])
async def test_what_is_late_before_the_text_has_not_left(
    opened: Opener, smtp_port: int, smtp_sink: Any, step: str
) -> None:
    smtp_sink.replies[step] = "<hang>"
    # The server's own patience is longer than a test may last: only the deadline can end this.
    channel = await opened(smtp_port, timeout=300, deadline=300.5)
    result = await channel.send(MAIL)
    assert (result.outcome, result.reason) == (base.Outcome.RETRY, base.Reason.TEMPORARY)
    assert smtp_sink.messages == []


async def test_what_is_late_after_the_text_may_have_been_taken(opened: Opener, smtp_port: int, smtp_sink: Any) -> None:
    smtp_sink.replies["."] = "<hang>"
    result = await (await opened(smtp_port, timeout=4, deadline=60)).send(MAIL)
    assert result.outcome is base.Outcome.UNKNOWN
    assert len(smtp_sink.messages) == 1


async def test_envelope_and_reference(opened: Opener, smtp_port: int, smtp_sink: Any) -> None:
    channel = await opened(smtp_port)
    result = await channel.send(MAIL)
    assert result == base.SendResult(base.Outcome.ACCEPTED, ref="<01JMAIL@school.example>")
    channel = await opened(smtp_port, return_path="post@trust.example", local_hostname="gateway.school.example")
    await channel.send(MAIL)
    said = [line.split(" BODY=")[0] for line in smtp_sink.commands]
    assert [line for line in said if line.startswith(("EHLO", "MAIL", "RCPT"))] == [
        "EHLO localhost",
        "MAIL FROM:<office@school.example>",
        "RCPT TO:<parent@example.com>",
        "EHLO gateway.school.example",
        "MAIL FROM:<post@trust.example>",
        "RCPT TO:<parent@example.com>",
    ]


async def test_a_refused_recipient_does_not_spoil_the_connection(opened: Opener, wire: Any, smtp_sink: Any) -> None:
    smtp_sink.replies["RCPT"] = ["550 5.1.1 gone", "250 ok"]
    server = await wire(smtp_sink.handle)
    channel = await opened(server.port)
    outcomes = [(await channel.send(MAIL)).outcome for _ in range(2)]
    assert outcomes == [base.Outcome.REFUSED, base.Outcome.ACCEPTED]
    assert server.connections == 1
    assert "RSET" in smtp_sink.commands
    assert len(smtp_sink.messages) == 1


@pytest.mark.parametrize("second", ["<cut>", "421 4.4.2 idle too long"])
async def test_a_connection_that_died_while_idle_is_replaced(
    opened: Opener, wire: Any, smtp_sink: Any, second: str
) -> None:
    smtp_sink.replies["MAIL"] = ["250 ok", second, "250 ok"]
    server = await wire(smtp_sink.handle)
    channel = await opened(server.port)
    assert [(await channel.send(MAIL)).outcome for _ in range(2)] == [base.Outcome.ACCEPTED] * 2
    assert server.connections == 2
    assert len(smtp_sink.messages) == 2


async def test_a_connection_closed_between_messages_is_noticed(opened: Opener, wire: Any, smtp_sink: Any) -> None:
    smtp_sink.replies["."] = "421 4.3.2 closing"
    server = await wire(smtp_sink.handle)
    channel = await opened(server.port)
    assert (await channel.send(MAIL)).outcome is base.Outcome.RETRY
    smtp_sink.replies["."] = "250 ok"
    assert (await channel.send(MAIL)).outcome is base.Outcome.ACCEPTED


async def test_a_break_after_mail_on_a_kept_connection_is_not_repeated(
    opened: Opener, wire: Any, smtp_sink: Any
) -> None:
    smtp_sink.replies["."] = ["250 ok", "<cut>"]
    server = await wire(smtp_sink.handle)
    channel = await opened(server.port)
    assert [(await channel.send(MAIL)).outcome for _ in range(2)] == [base.Outcome.ACCEPTED, base.Outcome.UNKNOWN]
    assert len(smtp_sink.messages) == 2, "the doubtful one went out once"


async def test_a_cancelled_delivery_leaves_no_half_used_connection(opened: Opener, wire: Any, smtp_sink: Any) -> None:
    smtp_sink.replies["RCPT"] = ["<hang>", "250 ok"]
    server = await wire(smtp_sink.handle)
    channel = await opened(server.port)
    sending = asyncio.create_task(channel.send(MAIL))
    while "RCPT TO:<parent@example.com>" not in smtp_sink.commands:
        await asyncio.sleep(0.01)
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    assert (await channel.send(MAIL)).outcome is base.Outcome.ACCEPTED
    assert server.connections == 2


async def test_an_address_that_the_server_cannot_write(opened: Opener, smtp_port: int, smtp_sink: Any) -> None:
    result = await (await opened(smtp_port)).send(replace(MAIL, to="zoë@example.com"))
    assert (result.outcome, result.reason) == (base.Outcome.REFUSED, base.Reason.BAD_ADDRESS)
    assert "letters" in result.text
    smtp_sink.replies["EHLO"] = "250-mail.example.com\r\n250 SMTPUTF8"
    assert (await (await opened(smtp_port)).send(replace(MAIL, to="zoë@example.com"))).outcome is base.Outcome.ACCEPTED
    assert "MAIL FROM:<office@school.example> SMTPUTF8" in smtp_sink.commands


@pytest.mark.parametrize(
    ("changes", "outcome", "reason", "lane_wide"),
    [
        ({"to": "nobody"}, base.Outcome.REFUSED, base.Reason.BAD_ADDRESS, False),
        ({"subject": "a\r\nBcc: b@example.com"}, base.Outcome.REFUSED, base.Reason.CONTENT, False),
        ({"sender": "office"}, base.Outcome.RETRY, base.Reason.CONFIG, True),
    ],
)
async def test_what_cannot_be_built_is_not_sent(
    opened: Opener, smtp_port: int, smtp_sink: Any, changes: dict[str, Any], outcome: base.Outcome,
    reason: base.Reason, lane_wide: bool,
) -> None:  # fmt: skip
    result = await (await opened(smtp_port)).send(replace(MAIL, **changes))
    assert (result.outcome, result.reason, result.lane_wide) == (outcome, reason, lane_wide)
    assert smtp_sink.commands == []


LOGIN = "250-mail.example.com\r\n250-STARTTLS\r\n250 AUTH PLAIN"


async def test_starttls_and_login(
    opened: Opener, smtp_port: int, smtp_sink: Any, server_tls: ssl.SSLContext, authority: tuple[trustme.CA, Path]
) -> None:
    smtp_sink.tls, smtp_sink.replies["EHLO"] = server_tls, LOGIN
    channel = await opened(
        smtp_port, security="starttls", ca_file=str(authority[1]), username="office", password="pass"
    )
    assert (await channel.send(MAIL)).outcome is base.Outcome.ACCEPTED
    verbs = [line.split()[0] for line in smtp_sink.commands]
    assert verbs == ["EHLO", "STARTTLS", "EHLO", "AUTH", "MAIL", "RCPT", "DATA"]
    assert "login" in await channel.check()


async def test_tls_from_the_first_byte(
    opened: Opener, wire: Any, smtp_sink: Any, server_tls: ssl.SSLContext, authority: tuple[trustme.CA, Path]
) -> None:
    server = await wire(smtp_sink.handle, server_tls)
    channel = await opened(server.port, security="tls", ca_file=str(authority[1]))
    assert (await channel.send(MAIL)).outcome is base.Outcome.ACCEPTED


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_an_untrusted_certificate_holds_the_lane(
    opened: Opener, wire: Any, smtp_sink: Any, server_tls: ssl.SSLContext, security: str
) -> None:
    smtp_sink.tls, smtp_sink.replies["EHLO"] = server_tls, LOGIN
    server = await wire(smtp_sink.handle, server_tls if security == "tls" else None)
    channel = await opened(server.port, security=security)
    result = await channel.send(MAIL)
    assert (result.outcome, result.reason, result.lane_wide) == (base.Outcome.RETRY, base.Reason.CONFIG, True)
    assert "certificate" in result.text
    assert not [line for line in smtp_sink.commands if line.startswith(("MAIL", "AUTH"))]


async def test_a_server_without_starttls_gets_nothing(opened: Opener, smtp_port: int, smtp_sink: Any) -> None:
    result = await (await opened(smtp_port, security="starttls")).send(MAIL)
    assert (result.outcome, result.reason, result.lane_wide) == (base.Outcome.RETRY, base.Reason.CONFIG, True)
    assert smtp_sink.messages == []


@pytest.mark.parametrize(
    ("replies", "reason", "words"),
    [
        ({"EHLO": LOGIN, "AUTH": "535 5.7.8 no"}, base.Reason.AUTH, "username and password"),
        ({"EHLO": LOGIN, "AUTH": "454 4.7.0 later"}, base.Reason.AUTH, "username and password"),
        ({}, base.Reason.CONFIG, "username"),  # the server offers no login
        ({"greeting": "554 5.7.1 go away"}, base.Reason.CONFIG, "greeting"),
        ({"greeting": "421 4.3.2 busy"}, base.Reason.TEMPORARY, "greeting"),
        ({"greeting": "<cut>"}, base.Reason.TEMPORARY, "host and port"),
        ({"EHLO": "<cut>"}, base.Reason.TEMPORARY, "host and port"),
        ({"EHLO": "not smtp at all"}, base.Reason.TEMPORARY, "greeting"),
    ],
)
async def test_no_connection_holds_the_lane_and_says_why(
    opened: Opener, smtp_port: int, smtp_sink: Any, replies: dict[str, str], reason: base.Reason, words: str
) -> None:
    smtp_sink.replies.update(replies)
    channel = await opened(smtp_port, username="office", password="pass")
    result = await channel.send(MAIL)
    assert (result.outcome, result.reason, result.lane_wide) == (base.Outcome.RETRY, reason, True)
    assert words in result.text
    with pytest.raises(base.Misconfigured, match=words):
        await channel.check()
    assert smtp_sink.messages == []


async def test_an_open_password_is_refused() -> None:
    server = email_smtp.SmtpServer("mail.example.com", security="none", username="a", password="b")
    with pytest.raises(base.Misconfigured, match="security"):
        await email_smtp.SmtpEmail(server, now=lambda: AT).open()


async def test_a_missing_ca_file_is_named(opened: Opener) -> None:
    with pytest.raises(base.Misconfigured, match="ca_file"):
        await opened(1, security="tls", ca_file="/nonexistent.pem")


async def test_a_relay_cannot_be_asked(opened: Opener, smtp_port: int) -> None:
    assert await (await opened(smtp_port)).find(MAIL, AT) == base.FindResult(base.Found.CANNOT_TELL)


async def test_no_words_end_a_mail_and_begin_another(opened: Opener, wire: Any, smtp_sink: Any) -> None:
    """Some servers take a bare line end for one, and mail is smuggled through them (CVE-2023-51764 to 51766)."""

    async def leniently(reader: asyncio.StreamReader) -> bytes:
        raw = b"\r\n"
        while not re.search(rb"[\r\n]\.\r?\n$", raw):
            raw += await reader.readexactly(1)
        return raw

    smtp_sink._text = leniently
    channel = await opened((await wire(smtp_sink.handle)).port)
    ends = [f"{before}.{after}" for before, after in itertools.product(["\r\n", "\n", "\r", "\n\r"], repeat=2)]
    for end in ends:
        smuggled = f"Hello{end}MAIL FROM:<evil@example.com>\r\nRCPT TO:<b@example.com>\r\nDATA\r\nBuy!{end}"
        for changes in ({"body": smuggled}, {"body": "x", "html": f"<p>{smuggled}"}):
            assert (await channel.send(replace(MAIL, **changes))).outcome is base.Outcome.ACCEPTED
    senders = [one for one in smtp_sink.commands if one.startswith("MAIL")]
    assert {one.split()[1] for one in senders} == {"FROM:<office@school.example>"}
    assert len(senders) == len(smtp_sink.messages) == 2 * len(ends)
    for raw in smtp_sink.messages:
        assert not re.search(rb"(?<!\r)\n|\r(?!\n)", raw), "every line ends with CRLF"

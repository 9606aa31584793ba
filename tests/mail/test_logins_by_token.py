"""Mail servers that take tokens and no password: a real Dovecot, and a Postfix that asks it."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from support import mailservers

from channels import base, email_smtp, imap_session, mail_in, mailbox_imap, oauth
from channels.base import Outcome, Reason

CLIENT = {"client_id": "handbell", "client_secret": "s3cret", "scope": "mail"}
MAIL = base.Outgoing("01JMAIL", "parent@example.com", "office@school.example", "Hello", subject="Hello")


@dataclass
class LoginService:
    """Gives tokens, and says whose they are; ``answer`` replaces what it gives."""

    url: str = ""
    given: list[str] = field(default_factory=list)
    good: set[str] = field(default_factory=set)
    seconds: object = 3600
    answer: tuple[int, bytes] | None = None

    def give(self, form: dict[str, list[str]]) -> tuple[int, bytes]:
        if self.answer:
            return self.answer
        asked = {name: values[0] for name, values in form.items()}
        if asked != CLIENT | {"grant_type": "client_credentials"}:
            return 401, b'{"error": "invalid_client"}'
        token = f"token-{len(self.given)}"
        self.given.append(token)
        self.good.add(token)
        return 200, json.dumps({"access_token": token, "expires_in": self.seconds}).encode()

    def about(self, token: str) -> tuple[int, bytes]:
        return (200, json.dumps({"email": mailservers.USER}).encode()) if token in self.good else (401, b"{}")

    def tokens(self, **changes: str) -> oauth.Tokens:
        return oauth.Tokens(oauth.Client(f"{self.url}/token", **CLIENT | changes))


@pytest.fixture
def logins() -> Iterator[LoginService]:
    service = LoginService()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            self._answer(*service.give(parse_qs(body)))

        def do_GET(self) -> None:
            self._answer(*service.about(parse_qs(urlsplit(self.path).query).get("access_token", [""])[0]))

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        service.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield service
        server.shutdown()
        thread.join()


Starter = Callable[..., Any]


@pytest.fixture
def dovecot(start_dovecot: Starter, logins: LoginService) -> mailservers.Dovecot:
    return start_dovecot(token_info=f"{logins.url}/tokeninfo?access_token=")  # type: ignore[no-any-return] # a fixture's


def mailbox(box: mailservers.Dovecot, tokens: oauth.Tokens) -> mailbox_imap.ImapMailbox:
    settings = imap_session.Mailbox("127.0.0.1", mailservers.USER, "", box.port, "none", timeout=20.0, tokens=tokens)

    def read(one: mail_in.Mail) -> list[base.Event]:
        return [base.Reply(base.Medium.EMAIL, "", "", one.raw.decode(), one.key, one.at)]

    return mailbox_imap.ImapMailbox(
        settings, read=read, now=lambda: datetime.now(UTC), keep=timedelta(days=9), jitter=lambda: 1.0
    )


async def test_a_mailbox_is_read_with_a_token(dovecot: mailservers.Dovecot, logins: LoginService) -> None:
    dovecot.add(b"From: parent@example.com\r\nSubject: yes\r\n\r\nComing\r\n")
    receiver, came = mailbox(dovecot, logins.tokens()), asyncio.Queue[base.Event]()

    async def deliver(events: Any) -> None:
        for event in events:
            came.put_nowait(event)

    await receiver.open()
    receiving = asyncio.create_task(receiver.receive(deliver))
    event = await asyncio.wait_for(came.get(), 60)
    receiving.cancel()
    await asyncio.wait([receiving])
    await receiver.close()
    assert isinstance(event, base.Reply)
    assert "Coming" in event.body
    assert logins.given == ["token-0"]


async def test_a_token_that_is_not_taken_is_not_used_again(dovecot: mailservers.Dovecot, logins: LoginService) -> None:
    tokens = logins.tokens()
    tokens.give()
    logins.good.clear()
    receiver = mailbox(dovecot, tokens)
    await receiver.open()
    with pytest.raises(base.Misconfigured, match="does not accept our login"):
        await receiver.check()
    await receiver.check()
    await receiver.close()
    assert logins.given == ["token-0", "token-1"]


async def test_a_client_that_is_refused_names_the_settings(dovecot: mailservers.Dovecot, logins: LoginService) -> None:
    receiver = mailbox(dovecot, logins.tokens(client_secret="wrong"))
    await receiver.open()
    with pytest.raises(base.Misconfigured, match=r"oauth\.client_secret"):
        await receiver.check()
    await receiver.close()


async def test_mail_goes_out_with_a_token(
    start_postfix: Starter, dovecot: mailservers.Dovecot, logins: LoginService, mail_certificate: tuple[Path, Path],
    mail_authority: Any,
) -> None:  # fmt: skip
    relay = start_postfix(certificate=mail_certificate, sasl=dovecot.auth_socket)

    def server(tokens: oauth.Tokens) -> email_smtp.SmtpServer:
        return email_smtp.SmtpServer(
            "127.0.0.1", relay.port, mailservers.USER, ca_file=str(mail_authority[1]), timeout=20, tokens=tokens
        )

    channel = email_smtp.SmtpEmail(server(logins.tokens()), now=lambda: datetime.now(UTC))
    await channel.open()
    assert (await channel.send(MAIL)).outcome is Outcome.ACCEPTED
    assert "accepts our login" in await channel.check()
    await channel.close()
    assert logins.given == ["token-0"], "one token serves many connections"
    refused = email_smtp.SmtpEmail(server(logins.tokens(client_id="stranger")), now=lambda: datetime.now(UTC))
    await refused.open()
    result = await refused.send(MAIL)
    await refused.close()
    assert (result.outcome, result.reason, result.lane_wide) == (Outcome.RETRY, Reason.AUTH, True)
    assert "oauth" in result.text


def test_a_token_is_kept_until_shortly_before_its_end(logins: LoginService) -> None:
    tokens = logins.tokens()
    assert [tokens.give(), tokens.give()] == ["token-0", "token-0"]
    tokens.forget()
    assert tokens.give() == "token-1"
    logins.seconds = 60
    tokens.forget()
    assert [tokens.give(), tokens.give()] == ["token-2", "token-3"]


@pytest.mark.parametrize(
    ("answer", "words", "ours"),
    [
        ((500, b"{}"), "trouble of its own", False),
        ((503, b"<html>"), "gives no tokens", False),
        ((302, b"{}"), "trouble of its own", False),
        ((200, b"[]"), "trouble of its own", False),
        ((200, b'{"access_token": 5}'), "trouble of its own", False),
        ((200, b"not JSON"), "gives no tokens", False),
        ((400, b'{"error": "invalid_scope"}'), "oauth.scope", True),
    ],
)
def test_a_login_service_that_gives_none(
    logins: LoginService, answer: tuple[int, bytes], words: str, ours: bool
) -> None:
    logins.answer = answer
    with pytest.raises(oauth.NoToken, match=words) as refusal:
        logins.tokens().give()
    assert refusal.value.ours is ours


def test_a_login_service_that_is_away(unused_tcp_port: int) -> None:
    with pytest.raises(oauth.NoToken, match="does not answer"):
        oauth.Tokens(oauth.Client(f"http://127.0.0.1:{unused_tcp_port}/token", "a", "b")).give()


def test_the_secret_travels_to_no_open_address() -> None:
    with pytest.raises(base.Misconfigured, match="https"):
        oauth.Tokens(oauth.Client("http://login.example.com/token", "a", "b")).check()
    assert "hush" not in repr(oauth.Client("https://login.example.com/token", "a", "hush"))

"""Mail out through a real Postfix: what was handed in is what lies in the mailbox, and what must not go does not go."""

from __future__ import annotations

import asyncio
import base64
import email
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import dkim
import pytest
import trustme
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from support import mailservers
from support.waiting import PATIENCE

from channels import base, email_dkim, email_smtp
from channels.base import Outcome, Reason

AT = datetime(2026, 9, 1, 8, 30, tzinfo=UTC)
LETTER = base.Attachment("List – zgoda.pdf", "application/pdf", bytes(range(256)) * 40)
CALENDAR = base.Attachment("event.ics", "text/calendar; charset=utf-8; method=PUBLISH", b"BEGIN:VCALENDAR\r\n")
MAIL = base.Outgoing(
    id="01JMAIL",
    to="parent@example.com",
    sender="office@school.example",
    subject="Wycieczka szkolna – zgoda rodziców na wyjazd, prosimy o odpowiedź do piątku (klasa 3A i 3B)",
    body="Dzień dobry\n.a line with a dot\n.\n..\n\nFrom here\nاسکول بند ہے\n" + "x" * 5000,
    html="<p>Dzień dobry – اسکول</p>",
    locale="pl",
    unsubscribe_url="https://handbell.school.example/u/01JMAIL/abc",
)

Relay = Callable[..., mailservers.Postfix]
Opener = Callable[..., Awaitable[email_smtp.SmtpEmail]]


@pytest.fixture
async def opened(mail_authority: tuple[trustme.CA, Path]) -> AsyncIterator[Opener]:
    channels = []

    async def open_channel(relay: mailservers.Postfix, **settings: Any) -> email_smtp.SmtpEmail:
        usual = {
            "host": "127.0.0.1", "port": relay.port, "security": "none", "timeout": 20.0, "school_name": "Szkoła Dąb",
            "bounce_domain": "bounces.school.example", "ca_file": str(mail_authority[1]),
        }  # fmt: skip
        channel = email_smtp.SmtpEmail(email_smtp.SmtpServer(**usual | settings), now=lambda: AT)
        await channel.open()
        channels.append(channel)
        return channel

    yield open_channel
    for channel in channels:
        await channel.close()


def delivered(relay: mailservers.Postfix, count: int = 1) -> list[bytes]:
    """The mails in the mailbox, once so many are there."""
    until = time.monotonic() + PATIENCE
    while len(relay.mails()) < count:
        assert time.monotonic() < until, f"{len(relay.mails())} of {count} mails came: {relay.said()}"
        time.sleep(0.05)
    return relay.mails()


def read(content: bytes) -> EmailMessage:
    message = email.message_from_bytes(content, policy=policy.SMTP)
    assert isinstance(message, EmailMessage)
    return message


def words(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    assert isinstance(part, EmailMessage)
    return str(part.get_content()).replace("\r\n", "\n")


async def test_what_is_handed_in_is_what_arrives(start_postfix: Relay, opened: Opener) -> None:
    relay = start_postfix()
    result = await (await opened(relay)).send(replace(MAIL, attachments=(LETTER, CALENDAR)))
    assert result == base.SendResult(Outcome.ACCEPTED, ref="<01JMAIL@school.example>")
    (content,) = delivered(relay)
    message = read(content)
    assert message["Return-Path"] == "<bounce+01JMAIL@bounces.school.example>", "bounces come back with our id"
    assert message["Message-ID"] == "<01JMAIL@school.example>"
    assert message["Subject"] == MAIL.subject
    assert message["From"] == '"Szkoła Dąb" <office@school.example>' or "Szkoła Dąb" in str(message["From"])
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert words(message, "plain") == MAIL.body + "\n"
    assert words(message, "html").strip() == MAIL.html
    letter, calendar = message.iter_attachments()
    assert (letter.get_filename(), letter.get_content()) == (LETTER.name, LETTER.content)
    assert calendar.get_content_type() == "text/calendar"
    assert max(map(len, content.splitlines())) <= 998


async def test_texts_go_as_they_are_where_the_server_takes_eight_bits(start_postfix: Relay, opened: Opener) -> None:
    plain = replace(MAIL, body="Dzień dobry, اسکول\n", html="")
    relay = start_postfix()
    assert (await (await opened(relay)).send(plain)).outcome is Outcome.ACCEPTED
    (content,) = delivered(relay)
    assert "Dzień dobry, اسکول".encode() in content
    assert b"Content-Transfer-Encoding: 8bit" in content
    simple = start_postfix(settings=["smtpd_discard_ehlo_keywords = 8bitmime, size"])
    assert (await (await opened(simple)).send(plain)).outcome is Outcome.ACCEPTED
    (content,) = delivered(simple)
    assert content.isascii()
    assert words(read(content), "plain") == plain.body


async def test_refused_ones_among_many_spoil_nothing(start_postfix: Relay, opened: Opener) -> None:
    """Postfix offers PIPELINING: each refusal is followed by one for DATA, and the connection stays in step."""
    refuse = (
        "smtpd_recipient_restrictions = check_recipient_access inline:{ { gone@example.com = 550 5.1.1 gone } }, permit"
    )
    relay = start_postfix(settings=[refuse])
    channel = await opened(relay, pool_size=3)
    mails = [
        replace(MAIL, id=f"01M{n:02d}", to="gone@example.com" if n % 3 == 1 else f"p{n}@example.com") for n in range(30)
    ]
    results = await asyncio.gather(*(channel.send(mail) for mail in mails))
    for mail, result in zip(mails, results, strict=True):
        assert result.outcome is (Outcome.REFUSED if mail.to == "gone@example.com" else Outcome.ACCEPTED)
    found = sorted(str(read(content)["Message-ID"]) for content in delivered(relay, 20))
    assert found == sorted(f"<{mail.id}@school.example>" for mail in mails if mail.to != "gone@example.com")


@pytest.mark.parametrize("hidden", ["", "8bitmime", "pipelining"])
async def test_whatever_is_written_arrives(start_postfix: Relay, opened: Opener, hidden: str) -> None:
    """The same as the generated tests of email_mime, but with Postfix in place of a reader alone."""
    chance = random.Random(29)
    alphabets = [". \n=-", "abc. \n", "ąśćżź .\n", "اسکول بند\n.", "学校\U0001f600 ", "\r\n.\t é"]

    def text(most: int) -> str:
        return "".join(chance.choices(chance.choice(alphabets), k=chance.randrange(most)))

    mails = {
        f"01M{n:02d}": replace(
            MAIL, id=f"01M{n:02d}", body=text(3000), html=f"<p>{text(2000)}</p>", subject=" ".join(text(120).split())
        )
        for n in range(40)
    }
    relay = start_postfix(settings=[f"smtpd_discard_ehlo_keywords = {hidden}"] if hidden else [])
    channel = await opened(relay)
    results = await asyncio.gather(*(channel.send(mail) for mail in mails.values()))
    assert {result.outcome for result in results} == {Outcome.ACCEPTED}
    for content in delivered(relay, len(mails)):
        found = read(content)
        mail = mails[str(found["Message-ID"])[1:].partition("@")[0]]
        assert found["Subject"] == mail.subject
        for kind, sent in (("plain", mail.body), ("html", mail.html)):
            part = found.get_body((kind,))
            assert part
            payload = part.get_payload(decode=True)
            assert isinstance(payload, bytes)
            came = payload.decode().replace("\r\n", "\n").removesuffix("\n")
            assert came == sent.replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n")


async def test_an_address_beyond_ascii(start_postfix: Relay, opened: Opener) -> None:
    zoe = replace(MAIL, to="zoë@example.com")
    relay = start_postfix()
    assert (await (await opened(relay)).send(zoe)).outcome is Outcome.ACCEPTED
    assert "zoë@example.com".encode() in delivered(relay)[0]
    simple = start_postfix(smtputf8=False)
    refusal = await (await opened(simple)).send(zoe)
    assert (refusal.outcome, refusal.reason) == (Outcome.REFUSED, Reason.BAD_ADDRESS)


async def test_starttls_and_a_login(
    start_postfix: Relay, opened: Opener, dovecot: mailservers.Dovecot, mail_certificate: tuple[Path, Path]
) -> None:
    relay = start_postfix(certificate=mail_certificate, sasl=dovecot.auth_socket)
    login = {"security": "starttls", "username": mailservers.USER, "password": mailservers.PASSWORD}
    channel = await opened(relay, **login)
    assert "accepts our login" in await channel.check()
    results = [await channel.send(replace(MAIL, id=f"01M{n}")) for n in range(3)]
    assert {result.outcome for result in results} == {Outcome.ACCEPTED}
    assert all(b"ESMTPSA" in content for content in delivered(relay, 3)), "encrypted and with a login"

    wrong = await opened(relay, **login | {"password": "wrong"})
    refusal = await wrong.send(MAIL)
    assert (refusal.outcome, refusal.reason, refusal.lane_wide) == (Outcome.RETRY, Reason.AUTH, True)
    with pytest.raises(base.Misconfigured, match="username and password"):
        await wrong.check()

    without = await opened(relay, security="starttls")
    refusal = await without.send(MAIL)
    assert (refusal.outcome, refusal.reason) == (Outcome.REFUSED, Reason.CONFIG), "no family's address is blamed"

    strange = await opened(relay, **login | {"ca_file": ""})
    refusal = await strange.send(MAIL)
    assert (refusal.outcome, refusal.reason, refusal.lane_wide) == (Outcome.RETRY, Reason.CONFIG, True)
    assert "certificate" in refusal.text
    assert len(relay.mails()) == 3, "nothing went out by any of these"


async def test_no_password_travels_where_starttls_is_not_to_be_had(start_postfix: Relay, opened: Opener) -> None:
    relay = start_postfix()
    channel = await opened(relay, security="starttls", username="office", password="hush")
    refusal = await channel.send(MAIL)
    assert (refusal.outcome, refusal.lane_wide) == (Outcome.RETRY, True)
    assert relay.mails() == []


async def test_a_signature_outlives_the_mail_server(start_postfix: Relay, opened: Opener) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = serialization.PrivateFormat.PKCS8
    pem = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()
    public = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    relay = start_postfix()
    channel = await opened(relay, dkim=email_dkim.Signer("school.example", "bell", pem))
    result = await channel.send(replace(MAIL, attachments=(LETTER, CALENDAR)))
    assert result.outcome is Outcome.ACCEPTED
    (content,) = delivered(relay)
    record = b"v=DKIM1; k=rsa; p=" + base64.b64encode(public)
    wired = content.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")  # a maildir has the line ends of the machine
    assert dkim.verify(wired, dnsfunc=lambda name, timeout=5: record)
    assert not dkim.verify(wired.replace(b"01JMAIL/abc", b"01JMAIL/xyz"), dnsfunc=lambda name, timeout=5: record)


@pytest.mark.parametrize("size", ["offered", "not offered"])
async def test_a_letter_that_is_too_long(start_postfix: Relay, opened: Opener, size: str) -> None:
    hidden = ["smtpd_discard_ehlo_keywords = size"] if size == "not offered" else []
    relay = start_postfix(settings=["message_size_limit = 20000", *hidden])
    channel = await opened(relay)
    refusal = await channel.send(replace(MAIL, attachments=(replace(LETTER, content=b"x" * 40_000),)))
    assert (refusal.outcome, refusal.reason, refusal.lane_wide) == (Outcome.REFUSED, Reason.CONTENT, False)
    assert (await channel.send(replace(MAIL, body="short"))).outcome is Outcome.ACCEPTED, "the next one goes"


@pytest.mark.parametrize(
    "forged",
    [
        {"subject": "Trip\r\nBcc: everybody@example.com"},
        {"to": "parent@example.com>\r\nRCPT TO:<everybody@example.com"},
        {"unsubscribe_url": "https://example.com/\r\nBcc: everybody@example.com"},
        {"attachments": (base.Attachment("a.pdf\r\nBcc: everybody@example.com", "application/pdf", b"x"),)},
    ],
)
async def test_nobody_can_add_a_header_or_a_recipient(
    start_postfix: Relay, opened: Opener, forged: dict[str, Any]
) -> None:
    relay = start_postfix()
    channel = await opened(relay)
    assert (await channel.send(replace(MAIL, **forged))).outcome is Outcome.REFUSED
    assert (await channel.send(MAIL)).outcome is Outcome.ACCEPTED
    (content,) = delivered(relay)
    assert b"everybody" not in content


async def test_words_that_look_like_smtp_stay_words(start_postfix: Relay, opened: Opener) -> None:
    """The end of a text cannot be smuggled in, nor commands after it (CVE-2023-51764 and its like)."""
    body = "before\n.\nMAIL FROM:<x@example.com>\r.\rRCPT TO:<y@example.com>\r\n.\r\nDATA\n\n.\r\nafter"
    relay = start_postfix()
    assert (await (await opened(relay)).send(replace(MAIL, body=body, html=""))).outcome is Outcome.ACCEPTED
    (content,) = delivered(relay)
    assert words(read(content), "plain") == body.replace("\r\n", "\n").replace("\r", "\n") + "\n"
    assert len(relay.mails()) == 1

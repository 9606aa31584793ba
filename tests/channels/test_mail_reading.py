"""A mail becomes receipts for ours, or one reply; and no bytes whatever raise."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from channels import base, mail_in, mail_parts, mail_reading

MAILS = Path(__file__).parent / "mails" / "bounces"
FILES = sorted(MAILS.glob("*.eml"))
NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
ID = "01hzzzzzzzzzzzzzzzzzzzzzz1"
OTHER = "01hzzzzzzzzzzzzzzzzzzzzzz2"


def read(raw: bytes, *, to: str = "", key: str = "1") -> list[base.Event]:
    return list(mail_reading.read(mail_in.Mail(raw, NOW, envelope_to=(to,) if to else (), key=key)))


def receipt(name: str, *, to: str = "") -> base.Receipt:
    [event] = read((MAILS / f"{name}.eml").read_bytes(), to=to)
    assert isinstance(event, base.Receipt)
    return event


def reply(headers: str, body: str = "Yes", *, to: str = "") -> base.Reply:
    [event] = read(f"{headers}\n\n{body}".encode(), to=to)
    assert isinstance(event, base.Reply)
    return event


@pytest.mark.parametrize(
    ("name", "state", "reason", "code"),
    [
        ("gmail_not_found", "failed", "bad_address", "5.1.1"),
        ("postfix_dns_final", "failed", "temporary", "5.4.4"),
        ("exchange_full", "failed", "full", "5.2.2"),
        ("gmail_disabled", "failed", "gone", "5.2.1"),
        ("exchange_queue_expired", "failed", "temporary", "4.4.7"),
        ("exchange_delayed", "accepted", "temporary", "4.4.7"),
        ("postfix_blocklist", "failed", "config", "5.7.1"),
        ("postfix_too_large", "failed", "content", "5.3.4"),
        ("docomo", "failed", "gone", "5.1.1"),
        ("reporter_says_unknown_remote_blocks", "failed", "config", "5.7.1"),
        ("suspended_words_only", "failed", "gone", "5.2.1"),
        ("spanish_full", "failed", "full", "5.2.2"),
        ("delivered", "delivered", None, "2.1.5"),
        ("relayed", "delivered", None, "2.0.0"),
        ("complaint", "delivered", "opted_out", "complaint"),
    ],
)
def test_a_bounce_becomes_a_receipt(name: str, state: str, reason: str | None, code: str) -> None:
    found = receipt(name)
    assert (found.message_id, found.state, found.reason, found.code) == (ID, state, reason, code)
    assert (found.address, found.at, found.hung_up) == ("jo.bloggs@example.com", NOW, False)


def test_the_address_that_it_came_to_names_the_message_before_anything_in_it() -> None:
    assert receipt("gmail_not_found", to=f"bounce+{OTHER}@school.example.com").message_id == OTHER


def test_each_recipient_has_a_receipt_of_its_own() -> None:
    events = read((MAILS / "two_of_three.eml").read_bytes())
    assert len({event.event_id for event in events}) == 3


def test_the_same_mail_is_the_same_event_whichever_way_it_came() -> None:
    for file in FILES:
        raw = file.read_bytes()
        [first, *_] = read(raw, key="1")
        [second, *_] = read(b"X-Loop: a\r\n" + raw.replace(b"\n", b"\r\n"), key="2")
        assert first.event_id == second.event_id


def test_the_address_that_we_wrote_to_is_the_one_of_the_receipt() -> None:
    assert receipt("forwarded_elsewhere").address == "jo.bloggs@example.com"


def test_an_answer() -> None:
    found = reply(
        f"From: Jo <Jo@Example.com>\nTo: office@school.example.com\nMessage-ID: <a@b>\n"
        f"In-Reply-To: <{ID}@school.example.com>\nSubject: Re: Trip",
        "Yes\n\nOn Mon, 5 Jan 2026 at 09:00, School <office@school.example.com> wrote:\n> Can she come?",
    )
    assert (found.medium, found.sender, found.to) == (base.Medium.EMAIL, "jo@example.com", "office@school.example.com")
    assert (found.body, found.in_reply_to, found.automatic, found.media) == ("Yes", ID, "", 0)


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        ("Subject: Ana is ill today", "Ana is ill today"),
        ("Subject: =?utf-8?q?Ana_jest_chora_dzi=C5=9B?=", "Ana jest chora dziś"),
        ("Subject: Re: Absence check", ""),
        ("Subject: Odp: Absence check", ""),
        (f"Subject: Absence check\nIn-Reply-To: <{ID}@school.example.com>", ""),
    ],
)
def test_a_mail_without_a_word_says_what_its_own_subject_says(headers: str, words: str) -> None:
    assert reply(f"From: jo@example.com\n{headers}", "\n\n").body == words
    assert reply(f"From: jo@example.com\n{headers}", "See you.").body == "See you."


def test_the_last_of_ours_that_it_refers_to_is_answered() -> None:
    headers = f"From: a@example.com\nReferences: <{OTHER}@x.example> <{ID}@x.example> <z@example.com>"
    assert reply(headers).in_reply_to == ID
    assert reply("From: a@example.com", to=f"reply+{ID}@school.example.com").in_reply_to == ID
    assert reply("From: a@example.com\nIn-Reply-To: <somebody@example.com>").in_reply_to == ""


@pytest.mark.parametrize(
    ("header", "sender"),
    [
        ("From: Jo <JO@example.com>", "jo@example.com"),
        ("From: jo@example.com (office@school.example.com)", "jo@example.com"),
        ('From: "office@school.example.com" <jo@example.com>', "jo@example.com"),
        ("From: =?utf-8?q?office=40school=2Eexample=2Ecom?= <jo@example.com>", "jo@example.com"),
        ("From: =?utf-8?q?jo=40example=2Ecom?=", ""),
        ("From: jo@example.com, sam@example.com", ""),
        ("From: jo@example.com\nFrom: sam@example.com", ""),
        ("From: Jo Bloggs", ""),
        ("From:", ""),
        ("X: y", ""),
        ("From: <>", ""),
        ("From: " + "(" * 5_000, ""),
    ],
)
def test_who_wrote_is_believed_only_where_one_is_named(header: str, sender: str) -> None:
    assert reply(header).sender == sender


def test_attachments_are_counted_and_not_read() -> None:
    body = (
        '--b\nContent-Type: text/html\n\n<p>Yes</p>\n--b\nContent-Type: image/png; name="a.png"\n\nxx\n'
        "--b\nContent-Type: text/plain\nContent-Disposition: attachment; filename=b.txt\n\nNo\n--b--\n"
    )
    found = reply('From: a@example.com\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="b"', body)
    assert (found.body, found.media) == ("Yes", 2)


def test_a_machine_is_named() -> None:
    assert reply("From: a@example.com\nSubject: Automatic reply: Trip").automatic == "out_of_office"


def test_a_long_mail_has_an_end() -> None:
    assert len(reply("From: a@example.com", "word " * 100_000).body) == 10_000


@settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.too_slow])
@given(st.binary(max_size=600))
def test_no_bytes_raise(raw: bytes) -> None:
    assert read(raw)


@settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(FILES), st.integers(0, 2**32))
def test_no_damaged_mail_raises(file: Path, seed: int) -> None:
    dice = random.Random(seed)
    raw = bytearray(file.read_bytes())
    for _ in range(dice.randrange(1, 12)):
        at = dice.randrange(len(raw))
        piece = dice.choice(
            [
                b"\0",
                b"\xff\xfe",
                b"\r",
                b"\n\n",
                b"=?",
                b";",
                b'"',
                b"<",
                b"charset=punycode",
                b"boundary=",
                raw[at : at + 200],
            ]
        )
        raw[at : at + dice.randrange(0, 30)] = piece
    for event in read(bytes(raw)):
        assert event.event_id


HEAD = b"Return-Path: <>\nFrom: mailer-daemon@example.com\nTo: a@example.com\nSubject: Undeliverable mail\n"


def nested(depth: int) -> bytes:
    pieces = [b'Content-Type: multipart/mixed; boundary="b%d"\n\n--b%d\n' % (at, at) for at in range(depth)]
    return HEAD + b"".join(pieces) + b"Content-Type: text/plain\n\nhi\n"


@pytest.mark.parametrize(
    "raw",
    [
        nested(1_000),
        HEAD + b"Content-Type: message/rfc822\n\n" * 2_000 + b"hi",
        HEAD + b"\n" + b"a" * 26_000_000,
        b"X: y\n" * 300_000 + HEAD + b"\nhi",
        b"Subject: " + b"x" * 5_000_000 + b"\n" + HEAD + b"\nhi",
        HEAD + b"Content-Type: multipart/mixed" + b";" * 1_000_000 + b"\n\nhi",
        HEAD + b"\n" + b"a@" * 1_000_000,
        HEAD + b"\n" + (b"a" * 200 + b"@") * 20_000,
        HEAD + b"Content-Type: text/plain; charset=punycode\n\n" + b"a-" * 500_000,
        HEAD + b"Content-Transfer-Encoding: x-uuencode\n\nbegin 644 x\n" + b"M" * 100_000,
        HEAD + b'\n{"notificationType":"Bounce","recipients":' + b"[" * 100_000 + b"}",
        b"\0" * 100_000,
        HEAD + b'Content-Type: text/plain; charset="a\0b"\n\nhi \xff',
        HEAD + b"\nReceived: from a\nTo: jo@example.com\n\n",
    ],
    ids=[
        "nested",
        "messages",
        "one line",
        "headers",
        "long header",
        "parameters",
        "ats",
        "locals",
        "codec",
        "uu",
        "json",
        "nul",
        "charset",
        "no report",
    ],
)
def test_hostile_mail_is_read_to_an_end(raw: bytes) -> None:
    assert len(read(raw)) >= 1


@pytest.mark.parametrize(("envelope_from", "automatic"), [("", "receipt"), ("jo@example.com", ""), (None, "")])
def test_the_null_sender_of_the_envelope_is_a_sign_of_a_machine(envelope_from: str | None, automatic: str) -> None:
    raw = b"From: jo@example.com\nSubject: Read: the letter\n\nIt was read."
    [event] = mail_reading.read(mail_in.Mail(raw, NOW, envelope_from=envelope_from))
    assert isinstance(event, base.Reply)
    assert event.automatic == automatic


def test_a_tag_counts_in_whichever_address_of_ours_it_stands() -> None:
    raw = b"From: jo@example.com\nSubject: Re: Trip\n\nYes"
    to = ("Office@school.example", f"reply+{ID}@school.example")
    [event] = mail_reading.read(mail_in.Mail(raw, NOW, envelope_to=to))
    assert isinstance(event, base.Reply)
    assert (event.in_reply_to, event.to) == (ID, "office@school.example")


@pytest.mark.parametrize(
    "part", [b"--b\n\nx\n", b"--b\nContent-Type: message/rfc822\n\nSubject: y\n\n", b"--b\r\n\r\nx\r\n"]
)
def test_a_mail_of_parts_costs_no_more_than_another(part: bytes) -> None:
    raw = HEAD + b"Content-Type: multipart/mixed; boundary=b\n\n" + part * 20_000 + b"--b--\n"
    assert sum(1 for _ in mail_parts.parse(raw).walk()) < 5_000

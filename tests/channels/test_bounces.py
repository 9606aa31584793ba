"""Bounces of many systems: the right address, and dead only where it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from channels import bounces, mail_parts
from channels.bounces import meaning

MAILS = Path(__file__).parent / "mails" / "bounces"
ROWS = [json.loads(line) for line in (MAILS / "expected.jsonl").read_text("utf-8").splitlines()]


def read(raw: bytes) -> bounces.Bounce | None:
    return bounces.read(mail_parts.parse(raw))


@pytest.mark.parametrize("row", ROWS, ids=[row["id"] for row in ROWS])
def test_each_system_is_read(row: dict[str, Any]) -> None:
    found = read((MAILS / row["file"]).read_bytes())
    given = {one.address: one.kind.value for one in found.recipients} if found else {}
    assert given == {one["address"]: one["kind"] for one in row["recipients"]}


@pytest.mark.parametrize("row", [row for row in ROWS if row["recipients"]], ids=lambda row: row["id"])
def test_line_ends_do_not_matter(row: dict[str, Any]) -> None:
    raw = (MAILS / row["file"]).read_bytes()
    assert read(raw) == read(raw.replace(b"\n", b"\r\n")) == read(raw.replace(b"\n", b"\r"))


def test_the_message_that_it_is_about_is_known_by_its_id() -> None:
    for name in ("qmail_no_mailbox", "exim_two", "gmail_not_found", "complaint"):
        found = read((MAILS / f"{name}.eml").read_bytes())
        assert found is not None
        assert found.message_id == "01hzzzzzzzzzzzzzzzzzzzzzz1@school.example.com", name


def test_a_forwarded_address_says_whom_we_asked() -> None:
    found = read((MAILS / "forwarded_elsewhere.eml").read_bytes())
    assert found is not None
    [one] = found.recipients
    assert (one.address, one.asked) == ("old@isp.example.org", "jo.bloggs@example.com")


def test_what_is_still_tried_is_not_final() -> None:
    for name in ("exim_warning", "sendmail_warning", "exchange_delayed", "russian_passing"):
        found = read((MAILS / f"{name}.eml").read_bytes())
        assert found is not None
        assert not found.recipients[0].final, name


@pytest.mark.parametrize(
    ("status", "words", "kind", "code"),
    [
        ("5.1.1", "", "permanent", "5.1.1"),
        ("5.1.1", "550 5.7.1 blacklisted", "policy", "5.7.1"),
        ("5.0.0", "550 user <a@example.com> unknown", "permanent", "5.1.1"),
        ("5.0.0", "550 Domain of sender address office@example.com does not exist", "policy", "5.1.8"),
        ("5.0.0", "550 message from example.com rejected by DMARC", "policy", "5.7.26"),
        ("5.7.1", "550 5.7.1 user unknown", "permanent", "5.1.1"),
        ("5.7.1", "", "policy", "5.7.1"),
        ("4.1.1", "450 4.1.1 user unknown", "temporary", "4.1.1"),
        ("4.4.7", "550 4.4.7 expired", "temporary", "4.4.7"),
        ("5.2.2", "", "temporary", "5.2.2"),
        ("5.1.1", "552 mailbox over quota", "temporary", "5.2.2"),
        ("5.2.1", "550 5.2.1 user unknown", "permanent", "5.1.1"),
        ("5.2.1", "", "temporary", "5.2.1"),
        ("5.3.4", "", "policy", "5.3.4"),
        ("5.4.4", "", "permanent", "5.4.4"),
        ("5.0.0", "", "policy", "5.0.0"),
        ("", "", "policy", "5.0.0"),
        ("", "421 too busy", "temporary", "4.3.2"),
        ("5.0.0", "550 the recipient's email provider rejected it", "policy", "5.7.0"),
        ("5.4.2", "lost connection: connection has been closed by the server", "temporary", "5.4.2"),
        ("5.0.0", "550 the group may not exist, or you may not have permission", "policy", "5.7.1"),
        ("5.0.0", "550 Rejected", "policy", "5.7.0"),
        ("5.0.0", "host 192.0.2.5 5.1.1.2 said 550 no such user", "permanent", "5.1.1"),
    ],
)
def test_code_and_words_decide_together(status: str, words: str, kind: str, code: str) -> None:
    assert meaning.judge(status, words, action="failed")[:2] == (kind, code)


@pytest.mark.parametrize("action", ["delayed", "relayed", "delivered", "expanded", "Relayed"])
def test_nothing_kills_an_address_that_was_not_refused(action: str) -> None:
    found = meaning.judge("5.1.1", "550 5.1.1 user unknown", action=action)
    assert found.kind is (meaning.Kind.TEMPORARY if action == "delayed" else meaning.Kind.DELIVERED)


def test_our_own_address_is_not_taken_for_the_recipient() -> None:
    raw = b"From: MAILER-DAEMON@mx.example.net\nTo: office@school.example.com\nSubject: failure notice\n\n"
    text = b"Message from <office@school.example.com> to nobody: user unknown. Contact help@mx.example.net\n"
    assert read(raw + text) is None

"""The way in for mail: what cannot work is said before anything is opened."""

from __future__ import annotations

import pytest

from channels import mail_in
from config import checks, sections
from config.settings import Settings


def settings(*, practice: bool = False, smtp: dict[str, object] | None = None, **mail: object) -> Settings:
    return Settings(
        mail_in=sections.MailIn.model_validate(mail),
        smtp=sections.Smtp.model_validate(smtp or {}),
        practice=sections.Practice(enabled=practice),
    )


IMAP = {"mode": "imap", "host": "mail.school.example", "username": "handbell", "password": "correct horse"}
OFFICE = {"from_address": "office@school.example"}


def said(found: Settings) -> str:
    return "\n".join(sentence for sentence in checks.problems(found) if sentence.startswith("mail_in."))


@pytest.mark.parametrize(
    ("mail", "smtp", "sentence"),
    [
        (IMAP, {}, ""),
        ({}, {}, ""),
        ({"mode": "imap"}, {}, "mail_in.host is not set"),
        (IMAP | {"username": ""}, {}, "mail_in.username is not set"),
        (IMAP | {"password": ""}, {}, "HANDBELL_MAIL_IN__PASSWORD"),
        (IMAP | {"security": "none"}, {}, "mail_in.security is none"),
        (IMAP | {"security": "none", "host": "127.0.0.1"}, {}, ""),
        ({"mode": "lmtp"}, OFFICE, ""),
        ({"mode": "lmtp"}, {}, "mail_in.addresses is not set"),
        ({"mode": "lmtp", "addresses": "reply@school.example"}, {}, ""),
        ({"mode": "lmtp", "lmtp_host": "0.0.0.0"}, OFFICE, "mail_in.lmtp_host is not this machine alone"),
        ({"mode": "lmtp", "lmtp_host": "0.0.0.0", "lmtp_beyond": True}, OFFICE, ""),
        ({"mode": "lmtp", "lmtp_host": "0.0.0.0", "lmtp_socket": "/run/handbell/lmtp"}, OFFICE, ""),
    ],
)
def test_what_cannot_work_is_said(mail: dict[str, object], smtp: dict[str, object], sentence: str) -> None:
    found = said(settings(smtp=smtp, **mail))
    assert sentence in found if sentence else not found


def test_practice_never_takes_real_mail() -> None:
    assert "mail_in.host is not on this machine" in said(settings(practice=True, **IMAP))
    assert not said(settings(practice=True, **(IMAP | {"host": "127.0.0.1"})))


def test_a_mailbox_for_bounces_that_nobody_reads_is_remarked() -> None:
    smtp: dict[str, object] = OFFICE | {"bounce_domain": "bounces.school.example"}
    assert any("nobody reads" in remark for remark in checks.warnings(settings(smtp=smtp)))
    assert not any("nobody reads" in remark for remark in checks.warnings(settings(smtp=smtp, **IMAP)))


def test_a_mail_of_forty_megabytes_is_too_large_wherever_it_comes_in() -> None:
    assert sections.MailIn().max_bytes == mail_in.MOST_BYTES == 25 * 2**20

"""Machines' mail is known by its headers; a person who writes about holidays is a person."""

from __future__ import annotations

import pytest

from channels import auto_replies, mail_parts

BASE = "From: Jo Bloggs <jo@example.com>\nTo: office@school.example.com\n"


def kind(headers: str, body: str = "We are on holiday, out of office, automatic reply.") -> str:
    return auto_replies.automatic(mail_parts.parse(f"{BASE}{headers}\n\n{body}".encode()))


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ("Auto-Submitted: auto-replied\nSubject: Re: Trip", "auto_acknowledgement"),
        ("Auto-Submitted: auto-replied (vacation)\nSubject: Out of office: Trip", "out_of_office"),
        ("Auto-Submitted: AUTO-GENERATED; owner-email=x\nSubject: Report", "auto_generated"),
        ("Subject: Automatic reply: Trip", "out_of_office"),
        ("Subject: =?utf-8?q?R=C3=A9ponse_automatique_=3A_Sortie?=", "out_of_office"),
        ("Subject: Automatische Antwort: Ausflug", "out_of_office"),
        ("Subject: Odpowiedź automatyczna: Wycieczka", "out_of_office"),
        ("Subject: Răspuns automat: Excursie", "out_of_office"),
        ("Subject: Автоматична відповідь: Екскурсія", "out_of_office"),
        ("Subject: رد تلقائي: رحلة", "out_of_office"),
        ("Subject: 自动回复: 旅行", "out_of_office"),
        ("Subject: [EXTERNAL] Automatic reply: Trip", "out_of_office"),
        ("Precedence: auto_reply\nSubject: Re: Trip", "auto_acknowledgement"),
        ("X-Autoreply: yes\nSubject: Re: Trip", "auto_acknowledgement"),
        ("X-Autorespond: on\nSubject: Re: Trip", "auto_acknowledgement"),
        ("Return-Path: <>\nX-Auto-Response-Suppress: All\nSubject: Re: Trip", "auto_acknowledgement"),
        ("Return-Path: <>\nSubject: Re: Trip", "auto_acknowledgement"),
        ("Return-Path: <>\nSubject: Undeliverable: Trip", "mail_system"),
        ("Subject: We have received your message [#48213]", "auto_acknowledgement"),
        ("Subject: Read: Trip", "receipt"),
        ("Content-Type: multipart/report; report-type=disposition-notification; boundary=b\nSubject: Trip", "receipt"),
        ("Content-Type: text/calendar; method=REPLY\nSubject: Trip", "calendar"),
        ("List-Id: <news.example.com>\nSubject: News", "list"),
        ("Precedence: bulk\nSubject: News", "list"),
        ("Subject: [boxbe] Please verify", "challenge"),
    ],
)
def test_machines(headers: str, expected: str) -> None:
    assert kind(headers) == expected


@pytest.mark.parametrize(
    "headers",
    [
        "Subject: Re: Absence: Ella",
        "Subject: Absence: Ella Brown",
        "Subject: On holiday until Friday",
        "Subject: Nieobecność Anny",
        "Subject: Fravær",
        "Subject: Re: Automatic reply: Trip",
        "Auto-Submitted: no\nSubject: Trip",
        "X-Auto-Response-Suppress: OOF\nSubject: Trip",
        "X-Autoreply: no\nSubject: Trip",
        "Return-Path: <jo@example.com>\nSubject: Trip",
        "Subject: Reading list",
        "From: Jo Postmaster <jo.postmaster@example.com>\nSubject: Re: Trip",
        "Subject: Delivered the form",
        "Subject:",
        "X-Nothing: here",
    ],
)
def test_people(headers: str) -> None:
    assert kind(headers) == ""


def test_from_of_nobody() -> None:
    raw = b"From: no-reply@shop.example.com\nSubject: Your order\n\nThanks."
    assert auto_replies.automatic(mail_parts.parse(raw)) == "auto_generated"

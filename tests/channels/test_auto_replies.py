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
        ("Subject: Out of Office AutoReply: Trip", "out_of_office"),
        ("Subject: Out of office", "out_of_office"),
        ("Precedence: bulk\nSubject: We have received your message [#48213]", "auto_acknowledgement"),
        ("Return-Path: <>\nSubject: Read: Trip", "receipt"),
        ("X-Auto-Response-Suppress: All\nSubject: Read: Trip", "receipt"),
        ("X-Auto-Response-Suppress: DR, OOF, AutoReply\nSubject: Thank you for contacting us", "auto_acknowledgement"),
        ("Auto-Submitted: auto-replied\nSubject: Out of office until Monday", "out_of_office"),
        ("List-Unsubscribe: <https://shop.example.com/u>\nSubject: Delivered: your parcel", "receipt"),
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
        "Subject: Read: the letter",
        "Subject: Lu : la lettre de Mme Martin",
        "Subject: Gelesen: der Brief",
        "Subject: Thank you for contacting me about Ben",
        "Subject: [case] violin left on the bus",
        "Subject: [ticket] for the play",
        "Subject: Delivered: PE kit to the office",
        "Subject: We have received your message and Ben will come",
        "Subject: Request received, Ben will bring it",
        "Subject: Please confirm your message of this morning",
        "Subject: Accepted: the place at the club",
        "Subject: Re: Out of office on Friday",
        "Subject: Out of office on Friday, please ring Ben's father",
        "Subject: Out of the office - please ring my mobile about Ben",
        "Subject: OOO: I am at work on Friday",
        "Subject: Fuori sede: Marco venerdì",
        "X-Auto-Response-Suppress: None\nSubject: Read: the letter",
        "X-Auto-Response-Suppress: OOF\nSubject: Read the letter",
        "Subject:",
        "X-Nothing: here",
    ],
)
def test_people(headers: str) -> None:
    assert kind(headers) == ""


def test_a_forwarded_absence_note_with_words_above_it() -> None:
    note = "Is she away?\n\n---------- Forwarded message ---------\nSubject: Automatic reply: Trip\n\nI am away."
    assert kind("Subject: Fwd: Automatic reply: Trip", note) == ""
    assert kind("Subject: WG: Automatische Antwort: Ausflug", note) == ""


@pytest.mark.parametrize(("envelope_from", "expected"), [("", "receipt"), ("jo@example.com", ""), (None, "")])
def test_the_null_sender_is_a_second_sign(envelope_from: str | None, expected: str) -> None:
    message = mail_parts.parse(f"{BASE}Subject: Read: Trip\n\nWas read.".encode())
    assert auto_replies.automatic(message, envelope_from=envelope_from) == expected


@pytest.mark.parametrize("subject", ["Thank you for contacting us", "Ticket created"])
def test_a_sender_that_nobody_can_answer_is_a_second_sign(subject: str) -> None:
    raw = f"From: do-not-reply@shop.example.com\nSubject: {subject}\n\nThanks.".encode()
    assert auto_replies.automatic(mail_parts.parse(raw)) == "auto_acknowledgement"


def test_from_of_nobody() -> None:
    raw = b"From: no-reply@shop.example.com\nSubject: Your order\n\nThanks."
    assert auto_replies.automatic(mail_parts.parse(raw)) == "auto_generated"

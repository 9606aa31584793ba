"""GOV.UK Notify's settings and the rules of routing: what cannot work is said, and secrets stay so."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from config import checks, sections
from config.settings import Settings

ID = "8e222534-7f05-4972-86e3-17c5d9f894e2"
TEXTS: dict[str, Any] = {"api_key": "hush-hush", "sms_template": ID, "sms_senders": [f"+447700900001: {ID}"]}
HERE = {"api_base_url": "http://127.0.0.1:9001"}


@pytest.mark.parametrize(
    ("notify", "practice", "sentence"),
    [
        ({}, False, ""),
        (TEXTS, False, ""),
        (TEXTS | {"api_key": ""}, False, "notify.api_key is not set"),
        (TEXTS | {"sms_template": ""}, False, "notify.sms_template is not set"),
        ({"api_key": "k", "email_address": "a@example.com"}, False, "notify.email_template is not set"),
        (TEXTS | {"sms_senders": ["Oakfield Primary"]}, False, "notify.sms_senders#1.address has 16 characters"),
        (TEXTS | {"callback_token": "letmein"}, False, "notify.callback_token is too short"),
        (TEXTS | {"callback_token": "t" * 20}, False, ""),
        (TEXTS, True, "notify.api_base_url is not on this machine"),
        (TEXTS | HERE, True, ""),
    ],
)
def test_what_cannot_work(notify: dict[str, Any], practice: bool, sentence: str) -> None:
    found = Settings(notify=sections.Notify.model_validate(notify), practice=sections.Practice(enabled=practice))
    said = [one for one in checks.problems(found) if one.startswith("notify.")]
    assert (not said and not sentence) or (sentence and len(said) == 1 and said[0].startswith(sentence))


def test_its_secrets_are_secret_and_its_senders_are_known() -> None:
    found = Settings(notify=sections.Notify.model_validate(TEXTS | {"callback_token": "hush-hush"}))
    assert "hush-hush" not in str(found.redacted()) + repr(found)
    assert found.text_senders == ("+447700900001",)
    assert sections.Notify.model_validate({"sms_senders": ["Oakfield"]}).senders() == {"Oakfield": ""}


@pytest.mark.parametrize("sender", ["", f": {ID}", "+447700900001: 8e22", "07700 900001 or so: x"])
def test_a_sender_that_is_none(sender: str) -> None:
    with pytest.raises(ValidationError):
        sections.Notify.model_validate({"sms_senders": [sender]})


@pytest.mark.parametrize(
    "rule", ["notify if gsm and free and one_way", "twilio", "smtp if can_wait", "notify if cheapest"]
)
def test_a_rule(rule: str) -> None:
    assert sections.Sending.model_validate({"text_routes": [rule]}).text_routes == (rule,)


@pytest.mark.parametrize(
    "rule", ["", "carrier pigeon", "notify if", "notify if sunny", "notify if gsm free", "if free"]
)
def test_a_rule_that_is_none_is_explained(rule: str) -> None:
    with pytest.raises(ValidationError, match="must be a provider"):
        sections.Sending.model_validate({"email_routes": [rule]})

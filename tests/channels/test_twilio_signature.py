"""Webhook signatures: published vectors, and what an attacker would try."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from channels import base, twilio_signature

URL = "https://school.example/hooks/twilio-sms/status?m=1&a=1"
FORM = {"MessageSid": ["SM1"], "MessageStatus": ["sent"], "Blank": [""], "Many": ["b", "a", "b"]}


def request(
    url: str, form: Mapping[str, Sequence[str]], headers: Mapping[str, str], body: bytes = b""
) -> base.HookRequest:
    return base.HookRequest(
        method="POST",
        url=url,
        path=urlsplit(url).path,
        query={},
        headers=headers,
        form=form,
        body=body,
        at=datetime(2026, 9, 1, tzinfo=UTC),
    )


def sign(secret: str, url: str, form: Mapping[str, Sequence[str]], algorithm: str = "sha1") -> str:
    """The published recipe, written once more: address, then each name and its different values, sorted."""
    text = url + "".join(name + value for name in sorted(form) for value in sorted(set(form[name])))
    return base64.b64encode(hmac.new(secret.encode(), text.encode(), algorithm).digest()).decode()


def check(**settings: Any) -> twilio_signature.SignatureCheck:
    given: dict[str, Any] = {"tokens": ("token",), "shared_keys": {"key1": "secret1"}, **settings}
    return twilio_signature.SignatureCheck(**given)


def test_every_published_vector(corpora: Path) -> None:
    checked = 0
    for line in (corpora / "twilio_webhooks" / "signatures.jsonl").read_text().splitlines():
        vector = json.loads(line)
        form = {
            name: [value or ""] if isinstance(value, str | None) else list(value)
            for name, value in (vector.get("params") or {}).items()
        }
        headers = {} if vector["signature"] is None else {"x-twilio-signature": vector["signature"]}
        body = (vector.get("body") or "").encode()
        verify = twilio_signature.SignatureCheck(tokens=[vector["token"]], shared_keys={}).verify
        if vector["level"] != "must":
            continue
        checked += 1
        if vector["valid"]:
            verify(request(vector["url"], form, headers, body))
        else:
            with pytest.raises(base.BadSignature):
                verify(request(vector["url"], form, headers, body))
    assert checked > 30


def test_the_documented_example_by_both_schemes() -> None:
    url = "https://mycompany.com/myapp.php?foo=1&bar=2"
    form = {
        "CallSid": ["CA1234567890ABCDE"],
        "Caller": ["+14158675309"],
        "Digits": ["1234"],
        "From": ["+14158675309"],
        "To": ["+18005551212"],
    }
    verify = check(tokens=("12345",), shared_keys={"k": "12345"}).verify
    verify(request(url, form, {"x-twilio-signature": "RSOYDt4T1cUTdK1PDd93/VVr8B8="}))
    sha256 = {
        "x-twilio-signature": "033hgUJA9M/hXIZsYjwkerEP/DBm35nEri5FhCYjA5s=",
        "x-twilio-webhooks-signature-settings": "key=k,algorithm=HMAC_SHA256",
    }
    verify(request(url, form, sha256))


@pytest.mark.parametrize("token", ["token", "older"])
def test_any_accepted_token_signs(token: str) -> None:
    headers = {"x-twilio-signature": sign(token, URL, FORM)}
    check(tokens=("token", "older")).verify(request(URL, FORM, headers))


def test_blank_and_repeated_values_are_part_of_the_signature() -> None:
    headers = {"x-twilio-signature": sign("token", URL, FORM)}
    without = {name: values for name, values in FORM.items() if name != "Blank"}
    check().verify(request(URL, FORM, headers))
    with pytest.raises(base.BadSignature):
        check().verify(request(URL, without, headers))


@pytest.mark.parametrize(
    ("secret", "algorithm", "settings"),
    [
        ("secret1", "sha1", "key=key1,algorithm=HMAC_SHA1"),  # a key made weaker than it is
        ("secret1", "sha1", "key=key1"),
        ("secret1", "sha1", ""),  # a key's secret used as a token
        ("token", "sha256", "algorithm=HMAC_SHA256"),  # no key named
        ("token", "sha256", "key=key1,algorithm=HMAC_SHA256"),
        ("secret1", "sha256", "key=key2,algorithm=HMAC_SHA256"),  # unknown key
        ("secret1", "sha256", "key=key1,algorithm=HMAC_MD5"),
        ("secret1", "sha256", "key=key1,algorithm=none"),
        ("secret1", "sha256", "key=key1,algorithm="),
        ("", "sha256", "key=,algorithm=HMAC_SHA256"),
    ],
)
def test_a_header_never_weakens_a_secret(secret: str, algorithm: str, settings: str) -> None:
    headers = {
        "x-twilio-signature": sign(secret, URL, FORM, algorithm),
        "x-twilio-webhooks-signature-settings": settings,
    }
    with pytest.raises(base.BadSignature):
        check().verify(request(URL, FORM, headers))


def test_the_older_scheme_can_be_switched_off() -> None:
    headers = {"x-twilio-signature": sign("token", URL, FORM)}
    with pytest.raises(base.BadSignature, match="switched off"):
        check(accept_sha1=False).verify(request(URL, FORM, headers))


def test_an_empty_token_is_no_token() -> None:
    headers = {"x-twilio-signature": sign("", URL, FORM)}
    with pytest.raises(base.BadSignature):
        check(tokens=("",)).verify(request(URL, FORM, headers))


def test_a_json_body_is_covered_by_its_hash() -> None:
    body = '{"name": "Żaneta"}'.encode()
    url = f"{URL}&bodySHA256={hashlib.sha256(body).hexdigest()}"
    headers = {"x-twilio-signature": sign("token", url, {})}
    check().verify(request(url, {}, headers, body))
    for bad_url, bad_body in ((url, body + b" "), (URL, body), (url, b"\xff")):
        signed = {"x-twilio-signature": sign("token", bad_url, {})}
        with pytest.raises(base.BadSignature):
            check().verify(request(bad_url, {}, signed, bad_body))


def test_another_address_does_not_fit() -> None:
    headers = {"x-twilio-signature": sign("token", URL, FORM)}
    with pytest.raises(base.BadSignature, match="public address"):
        check().verify(request(URL.replace("m=1", "m=2"), FORM, headers))

"""Signatures: made by us, checked by dkimpy's verifier with a key from a pretend DNS."""

from __future__ import annotations

import base64
import json
import re
from datetime import UTC, datetime
from pathlib import Path

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from channels import base, email_dkim, email_mime

AT = datetime(2026, 9, 1, 8, 30, tzinfo=UTC)
DOMAIN, SELECTOR = "school.example", "bell2026"


def pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def record(key: rsa.RSAPrivateKey) -> str:
    public = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return f"v=DKIM1; k=rsa; p={base64.b64encode(public).decode()}"


def letter() -> bytes:
    message = base.Outgoing(
        id="01JMAIL",
        to="parent@example.com",
        sender=f"office@{DOMAIN}",
        subject="Wycieczka szkolna – zgoda",
        body="Dzień dobry\n.\n\n  spaces at the end  \n\n\n",
        html="<p>Dzień dobry</p>",
        unsubscribe_url="https://handbell.school.example/u/01JMAIL/abc",
        attachments=(base.Attachment("event.ics", "text/calendar", b"BEGIN:VCALENDAR\r\n"),),
    )
    return email_mime.build(message, school_name="Szkoła", at=AT)


def verified(content: bytes, key: rsa.RSAPrivateKey) -> bool:
    def dns(name: bytes, timeout: float = 5) -> bytes | None:
        return record(key).encode() if name == f"{SELECTOR}._domainkey.{DOMAIN}.".encode() else None

    return bool(dkim.verify(content, dnsfunc=dns))


def test_a_signed_email_verifies_and_an_altered_one_does_not(key: rsa.RSAPrivateKey) -> None:
    signed = email_dkim.Signer(DOMAIN, SELECTOR, pem(key)).sign(letter())
    assert signed.endswith(letter())
    assert verified(signed, key)
    assert not verified(signed.replace(b"School", b"Skool").replace(b"parent@", b"other@"), key)
    assert not verified(signed.replace(b"/u/01JMAIL/abc", b"/u/01JMAIL/xyz"), key), "unsubscribe headers are covered"
    assert not verified(b"From: head@school.example\r\n" + signed, key), "nobody can put another From on top"


def test_both_unsubscribe_headers_are_in_the_signature(key: rsa.RSAPrivateKey) -> None:
    signature = email_dkim.Signer(DOMAIN, SELECTOR, pem(key)).sign(letter()).partition(b"\r\nDate:")[0]
    covered = re.sub(rb"\s", b"", signature.partition(b"h=")[2].partition(b";")[0]).split(b":")
    assert {b"list-unsubscribe", b"list-unsubscribe-post", b"from", b"to", b"subject", b"date"} <= set(covered)


def test_every_line_of_a_signed_email_is_short(key: rsa.RSAPrivateKey) -> None:
    signed = email_dkim.Signer(DOMAIN, SELECTOR, pem(key)).sign(letter())
    assert max(map(len, signed.split(b"\r\n"))) <= 998
    assert b"\n" not in signed.replace(b"\r\n", b"")


@pytest.mark.parametrize("text", ["", "no key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"])
def test_a_key_that_is_none(text: str) -> None:
    with pytest.raises(base.Misconfigured, match="dkim_private_key"):
        email_dkim.Signer(DOMAIN, SELECTOR, text).check()


def test_a_key_of_another_kind() -> None:
    with pytest.raises(base.Misconfigured, match="dkim_private_key"):
        email_dkim.Signer(DOMAIN, SELECTOR, pem(ec.generate_private_key(ec.SECP256R1()))).check()


def test_the_key_is_not_in_the_repr(key: rsa.RSAPrivateKey) -> None:
    assert "PRIVATE" not in repr(email_dkim.Signer(DOMAIN, SELECTOR, pem(key)))


def test_what_dns_holds_is_compared_with_what_we_sign_with(key: rsa.RSAPrivateKey) -> None:
    signer = email_dkim.Signer(DOMAIN, SELECTOR, pem(key))
    signer.check()
    assert email_dkim.published_modulus(record(key)) == signer.public_modulus()
    assert email_dkim.published_modulus(record(key).replace("; ", " ;\t")) == signer.public_modulus()
    for nothing in ("", "v=DKIM1; p=", "v=DKIM1; k=ed25519; p=AAAA", "v=spf1 -all", "v=DKIM1; p=%%%", "gr\xfc\xdf"):
        assert email_dkim.published_modulus(nothing) is None


def test_what_the_corpus_says_of_signatures_holds_for_our_verifier(corpora: Path) -> None:
    """The judge of the tests above is itself right about the corpus."""
    folder = corpora / "unsubscribe_dkim"
    names = json.loads((folder / "dns.json").read_text())
    for line in (folder / "dkim_verify.jsonl").read_text().splitlines():
        row = json.loads(line)
        if "ed25519" in row["id"] or "ed25519" in row["file"]:
            continue  # needs another library
        records = names | (row["dns_override"] or {})

        def dns(name: bytes, timeout: float = 5, records: dict[str, str] = records) -> bytes | None:
            found = records.get(name.decode().rstrip(".")) or records.get(name.decode())
            return found.encode() if found else None

        content = (folder / row["file"]).read_bytes()
        try:
            good = dkim.DKIM(content).verify(idx=row["signature_index"], dnsfunc=dns)
        except dkim.DKIMException:
            good = False
        assert good is (row["expect"] == "pass"), row["id"]

"""DKIM (RFC 6376): a signature by which mailbox providers know that the school itself wrote an email."""

from __future__ import annotations

from dataclasses import dataclass, field

import dkim
from dkim import crypto

from channels import base

#: What is signed where it stands (RFC 6376 section 5.4.1, and both unsubscribe headers by RFC 8058 section 4). ``from``
#: stands twice, so that nobody can put a second one on top (section 8.15).
_SIGNED = (
    b"from", b"from", b"to", b"subject", b"date", b"message-id", b"mime-version", b"content-type",
    b"content-transfer-encoding", b"content-language", b"auto-submitted", b"reply-to",
    b"list-unsubscribe", b"list-unsubscribe-post",
)  # fmt: skip
_LEAST_BITS = 1024  #: RFC 8301 section 3.2; 2048 is what one should have


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs for ``domain`` with the private key (PEM, RSA) whose public half DNS has under ``selector``."""

    domain: str
    selector: str
    private_key: str = field(repr=False)

    def check(self) -> None:
        """Raise :class:`base.Misconfigured` unless the key is one to sign with."""
        if self.public_modulus().bit_length() < _LEAST_BITS:
            raise base.Misconfigured("The key in smtp.dkim_private_key is too short: make one of 2048 bits.")

    def public_modulus(self) -> int:
        """What the public half of the key must have in common with ours; raises :class:`base.Misconfigured`."""
        try:
            key = crypto.parse_pem_private_key(self.private_key.encode())
        except (crypto.UnparsableKeyError, ValueError, TypeError, IndexError):
            cure = "make one with: openssl genrsa -out dkim.pem 2048"
            raise base.Misconfigured(f"smtp.dkim_private_key is no RSA key in PEM form: {cure}") from None
        return int(key["modulus"])

    def sign(self, content: bytes) -> bytes:
        """Give the email with its signature on top. It must be 7-bit: a relay that recodes it would break the seal."""
        signature: bytes = dkim.sign(
            content,
            self.selector.encode(),
            self.domain.encode(),
            self.private_key.encode(),
            canonicalize=(b"relaxed", b"relaxed"),
            include_headers=list(_SIGNED),
        )
        return signature + content


def published_modulus(record: str) -> int | None:
    """The modulus of the RSA key in a DNS record (RFC 6376 section 3.6.1); None for none, or a revoked one."""
    try:
        key = dkim.evaluate_pk("record", "".join(record.split()).encode("ascii"))[0]
        return int(key["modulus"])
    except (dkim.DKIMException, crypto.UnparsableKeyError, ValueError, TypeError, KeyError, IndexError):
        return None

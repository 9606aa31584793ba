"""Proof that a webhook comes from Twilio: both of its schemes, over the public address that Twilio called.

HMAC-SHA1 with the auth token, or HMAC-SHA256 with the shared key that ``X-Twilio-Webhooks-Signature-Settings`` names
(``key=…,algorithm=HMAC_SHA256``). Each secret belongs to one algorithm: a header can name a key, never weaken it.
Source: Twilio, "Webhooks security"; twilio-python 9.13 ``request_validator``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import parse_qs, urlsplit

from twilio.request_validator import HMAC_SHA1, HMAC_SHA256, RequestValidator

from channels import base

SIGNATURE_HEADER = "x-twilio-signature"
SETTINGS_HEADER = "x-twilio-webhooks-signature-settings"


class _Form(dict[str, Sequence[str]]):
    """The multi-dict that the validator asks for; a plain dict of lists makes it stumble."""

    def getlist(self, name: str) -> Sequence[str]:
        return self[name]


class SignatureCheck:
    """Checks signatures with any of the ``tokens`` (SHA-1) or the named ``shared_keys`` (SHA-256).

    With ``accept_sha1`` False only shared keys are believed.
    """

    def __init__(self, *, tokens: Iterable[str], shared_keys: Mapping[str, str], accept_sha1: bool = True) -> None:
        self._tokens = [RequestValidator(token) for token in tokens if token] if accept_sha1 else []
        self._keys = {name: RequestValidator(secret) for name, secret in shared_keys.items() if secret}

    def verify(self, request: base.HookRequest) -> None:
        """Raise :class:`base.BadSignature` unless Twilio signed this request for this address."""
        signature = request.headers.get(SIGNATURE_HEADER, "")
        if not signature:
            raise base.BadSignature("The request carries no X-Twilio-Signature.")
        algorithm, validators = self._choose(request.headers.get(SETTINGS_HEADER, ""))
        signed = _signed_content(request)
        # Every secret is tried, so that the time taken does not tell which one fits.
        if not any([validator.validate(request.url, signed, signature, algorithm) for validator in validators]):  # noqa: C419 - see above
            raise base.BadSignature(
                "The signature does not fit. Is the public address in the settings the one that Twilio calls, and the "
                "auth token the primary one?"
            )

    def _choose(self, settings: str) -> tuple[str, list[RequestValidator]]:
        named: dict[str, str] = {}
        for part in settings.split(","):
            name, _, value = part.strip().partition("=")
            named[name] = value
        algorithm, key = named.get("algorithm", HMAC_SHA1), named.get("key", "")
        if algorithm == HMAC_SHA1 and not key:
            if not self._tokens:
                raise base.BadSignature("Signatures by auth token are switched off; a shared key must sign.")
            return HMAC_SHA1, self._tokens
        if algorithm != HMAC_SHA256:
            raise base.BadSignature("The request names a signature algorithm that is not accepted for it.")
        if key not in self._keys:
            raise base.BadSignature("The request is signed with a shared key that is not in the settings.")
        return HMAC_SHA256, [self._keys[key]]


def _signed_content(request: base.HookRequest) -> _Form | str:
    if request.form or not request.body:
        return _Form(request.form)
    # A body that is no form is covered only by its hash in the address; without one anybody could swap the body.
    if "bodySHA256" not in parse_qs(urlsplit(request.url).query):
        raise base.BadSignature("The body is not covered by the signature: no bodySHA256 in the address.")
    try:
        return request.body.decode()
    except UnicodeDecodeError:
        raise base.BadSignature("The body is not readable text.") from None

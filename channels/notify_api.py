"""The school's service at GOV.UK Notify: its key, one request at a time, and what came of a message.

The official client for Python makes its calls one after another with a library of its own, and tries some of them again
by itself; what we need of it is three requests and a signature (decision 72).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp

from channels import base, loopback, notify_codes, resolving

HOME: Final = "https://api.notifications.service.gov.uk"
_MOST = 4 * 2**20  #: bytes of an answer; a page of 250 messages has less than half a megabyte
_UUID: Final = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_KEY = re.compile(f".*?({_UUID})-({_UUID})", re.IGNORECASE)
_ID = re.compile(_UUID, re.IGNORECASE)
_ERROR, _FIELD = re.compile("[A-Za-z]{1,40}(Error|Exception|Found)"), re.compile("[a-z_]{1,40}(?= )")


class NotSent(Exception):
    """No connection came about, so nothing left the house. ``str()`` is a sentence for staff."""


class Doubtful(Exception):
    """The request went out and no usable answer came: it may have been taken. ``code`` is the HTTP status, if any."""

    def __init__(self, sentence: str, *, code: str = "") -> None:
        super().__init__(sentence)
        self.code = code


@dataclass(frozen=True, slots=True)
class NotifyAccount:
    """Settings of one service at Notify.

    ``api_key``         as Notify shows it once: a name, the service's id and the secret
    ``callback_token``  what Notify puts before each of its calls to us
    ``connect_seconds``, ``read_seconds``, ``total_seconds``, ``connections``: as :class:`twilio_http.TwilioHttp`
    """

    api_key: str = field(repr=False)
    callback_token: str = field(default="", repr=False)
    api_base_url: str = HOME
    connect_seconds: float = 10.0
    read_seconds: float = 15.0
    total_seconds: float = 30.0
    connections: int = 20


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. ``data`` is the JSON object of it, empty where it is none."""

    status: int
    data: Mapping[str, Any]
    wait: float | None = None

    def refusal(self) -> tuple[str, notify_codes.Meaning]:
        """The code and the meaning of an answer that is no success."""
        errors = self.data.get("errors")
        first = errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], dict) else {}
        kind, field = _ERROR.fullmatch(str(first.get("error"))), _FIELD.match(str(first.get("message")))
        return notify_codes.refusal(self.status, kind[0] if kind else "", field[0] if field else "")


class NotifyApi:
    """The open service. One per channel; :meth:`open` inside the running loop, :meth:`close` at the end."""

    def __init__(self, account: NotifyAccount) -> None:
        self._account = account
        self._base = account.api_base_url.rstrip("/")
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        """Make the session ready. Raises :class:`base.Misconfigured` for settings that cannot work."""
        account, address = self._account, urlsplit(self._base)
        if _KEY.fullmatch(account.api_key) is None:
            raise base.Misconfigured("The setting notify.api_key is no key of Notify's: a name and two ids.")
        if address.scheme != "https" and not loopback.is_this_machine(address.hostname or ""):
            raise base.Misconfigured("notify.api_base_url must start with https://: children's names are in messages.")
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=account.connections, resolver=resolving.Resolver()),
            timeout=aiohttp.ClientTimeout(
                total=account.total_seconds, connect=account.connect_seconds, sock_read=account.read_seconds
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": "Handbell"},
        )

    async def close(self) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()
        self._session = None

    async def ask(
        self, method: str, path: str, *, params: Mapping[str, str] | None = None, body: object = None
    ) -> Answer:
        """Make one request, once. Raises :class:`NotSent` or :class:`Doubtful`."""
        if self._session is None:
            raise RuntimeError("The Notify channel was used before it was opened.")
        try:
            async with self._session.request(
                method,
                f"{self._base}{path}",
                params=params,
                json=body,
                headers={"Authorization": f"Bearer {token(self._account.api_key, at=time.time())}"},
                allow_redirects=False,
            ) as answer:
                status, asked = answer.status, answer.headers.get("Retry-After", "").strip()
                data = _object(await _read(answer.content))
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise NotSent(_connect_sentence(error)) from None
        except TimeoutError:
            raise Doubtful("Notify did not answer in time.") from None
        except (aiohttp.ClientError, OSError):
            raise Doubtful("The connection to Notify was cut before it answered.") from None
        if status >= 500:
            raise Doubtful(f"Notify had trouble of its own (HTTP {status}).", code=str(status))
        return Answer(status, data, float(asked[:9]) if asked.isascii() and asked.isdigit() else None)

    async def place(self, kind: str, body: object) -> base.SendResult:
        """Hand over one message (``sms`` or ``email``), once, and say what came of it (the outcome table)."""
        try:
            answer = await self.ask("POST", f"/v2/notifications/{kind}", body=body)
        except NotSent as error:
            temporary = base.Reason.TEMPORARY
            return base.SendResult(base.Outcome.RETRY, reason=temporary, text=str(error), lane_wide=True)
        except Doubtful as error:
            return base.SendResult(base.Outcome.UNKNOWN, code=error.code, reason=base.Reason.TEMPORARY, text=str(error))
        if 200 <= answer.status < 300 and is_id(ref := answer.data.get("id")):
            return base.SendResult(base.Outcome.ACCEPTED, ref=str(ref))
        if not 400 <= answer.status < 500:
            sentence = "What answered did not speak like Notify, so it is not known whether the message went out."
            return base.SendResult(base.Outcome.UNKNOWN, reason=base.Reason.TEMPORARY, text=sentence)
        code, meaning = answer.refusal()
        wait = meaning.wait if answer.wait is None else answer.wait
        return base.SendResult(
            meaning.outcome,
            code=code,
            reason=meaning.reason,
            text=meaning.text,
            wait=wait if meaning.reason is base.Reason.RATE else None,
            lane_wide=meaning.lane_wide,
        )


def token(api_key: str, *, at: float) -> str:
    """The JSON Web Token (RFC 7519, HS256) that a request of this second carries; Notify takes it for half a minute."""
    found = _KEY.fullmatch(api_key)
    if found is None:
        raise ValueError("no key of Notify's")
    service, secret = found.groups()
    head, claims = {"typ": "JWT", "alg": "HS256"}, {"iss": service, "iat": int(at)}
    signed = ".".join(_base64(json.dumps(part, separators=(",", ":")).encode()) for part in (head, claims))
    return f"{signed}.{_base64(hmac.digest(secret.encode(), signed.encode(), hashlib.sha256))}"


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def is_id(value: object) -> bool:
    """Whether it can be an id of Notify's. No text column holds just anything."""
    return isinstance(value, str) and _ID.fullmatch(value) is not None


async def _read(content: aiohttp.StreamReader) -> bytes:
    pieces, size = [], 0
    async for piece in content.iter_any():
        pieces.append(piece)
        size += len(piece)
        if size > _MOST:
            raise Doubtful("What answered did not speak like Notify: it went on and on.")
    return b"".join(pieces)


def _object(content: bytes) -> Mapping[str, Any]:
    try:
        data = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


def _connect_sentence(error: Exception) -> str:
    if isinstance(error, (aiohttp.ClientConnectorCertificateError, aiohttp.ClientConnectorSSLError)):
        return "The secure connection to Notify failed: its certificate could not be checked."
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "The name of Notify's server could not be looked up. Is the internet connection down?"
    return "No connection to Notify. Is the internet connection down, or a firewall in the way?"

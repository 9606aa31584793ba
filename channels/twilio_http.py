"""How requests of the twilio library leave the house: one aiohttp session, limits in seconds, nothing sent twice.

The library's own async client ignores its timeout, can repeat a POST by itself (two texts for one) and keeps the last
request with its words. Ours does none of that, and what it raises says the one thing that the outbox must know:
:class:`NotSent` nothing left the house, :class:`Doubtful` it may have been taken, :class:`TooFast` it was not taken and
Twilio asks for patience. Every other answer is given to the library, which raises its own exceptions for 3xx and 4xx.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import urlencode

import aiohttp
from twilio.http import AsyncHttpClient
from twilio.http.response import Response
from yarl import URL

from channels import resolving

_log = logging.getLogger(__name__)

LEAST_CODE = 10_000  #: Twilio's codes have five digits; with others somebody else answered
_ELSEWHERE = frozenset({301, 302, 303, 307, 308})
_MOST_HOPS = 3
_MOST = 4 * 2**20  #: bytes of an answer; a page of Twilio's lists has a tenth of that


class NotSent(Exception):
    """No connection came about, so nothing left the house. ``str()`` is a sentence for staff."""


class Doubtful(Exception):
    """The request went out and no usable answer came: it may have been taken. ``code`` is Twilio's, if any."""

    def __init__(self, sentence: str, *, code: str = "") -> None:
        super().__init__(sentence)
        self.code = code


class TooFast(Exception):
    """HTTP 429: not taken. ``wait`` is what Retry-After asked for, in seconds, or None."""

    def __init__(self, sentence: str, *, code: str, wait: float | None) -> None:
        super().__init__(sentence)
        self.code = code
        self.wait = wait


class TwilioHttp(AsyncHttpClient):  # type: ignore[misc]  # the library ships no types for mypy
    """An HTTP client for ``twilio.rest.Client``. Build it inside the running loop and close it.

    ``connect_seconds``  for a free place in the pool, the name look-up, the connection and its TLS, together
    ``read_seconds``     between two pieces of the answer
    ``total_seconds``    for the whole call; above the sum of the other two, or a slow connection counts as doubt
    ``connections``      how many calls may be under way at once
    """

    def __init__(
        self,
        *,
        connect_seconds: float = 10.0,
        read_seconds: float = 15.0,
        total_seconds: float = 30.0,
        connections: int = 20,
    ) -> None:
        super().__init__(_log, True)
        # The library's loggers print addresses and, in its own clients, the whole request: never below WARNING.
        logging.getLogger("twilio").setLevel(logging.WARNING)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=connections, resolver=resolving.Resolver()),
            timeout=aiohttp.ClientTimeout(total=total_seconds, connect=connect_seconds, sock_read=read_seconds),
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        self._dated = "", 0.0  # the Date of the last answer, and when it came

    async def request(
        self,
        method: str,
        uri: str,
        params: dict[str, object] | None = None,
        data: dict[str, object] | None = None,
        headers: dict[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - the library's signature; the session's limits hold instead
        allow_redirects: bool = False,
    ) -> Response:
        """Make one request, once. Raises :class:`NotSent`, :class:`Doubtful` or :class:`TooFast`."""
        sent_headers = dict(headers or {})
        if auth:
            sent_headers["Authorization"] = aiohttp.encode_basic_auth(*auth)
        try:
            async with self._session.request(
                method.upper(),
                _address(uri, params),
                data=urlencode(data, doseq=True).encode() if data else None,
                headers=sent_headers,
                allow_redirects=allow_redirects,
            ) as answer:
                status, answered = answer.status, answer.headers
                self._dated = answered.get("Date", ""), time.time()
                text = (await _read(answer.content)).decode("utf-8", "replace")
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise NotSent(_connect_sentence(error)) from None
        except TimeoutError:
            raise Doubtful("Twilio did not answer in time.") from None
        except (aiohttp.ClientError, OSError):
            raise Doubtful("The connection to Twilio was cut before it answered.") from None
        if status >= 500:
            raise Doubtful(f"Twilio had trouble of its own (HTTP {status}).", code=code_of(text) or str(status))
        if status == 429:
            wait = retry_after(answered)
            raise TooFast("Twilio asks us to slow down.", code=code_of(text) or "429", wait=wait)
        return Response(status, text, answered)

    async def download(self, uri: str, *, auth: tuple[str, str], most_bytes: int) -> tuple[int, str, bytes]:
        """Fetch a file: HTTP status, content type, and all of its bytes. A file that is cut short is never given.

        Twilio may send us on to where the school keeps its recordings: our credentials do not go along to another
        host, and a voice never comes over the open wire (:func:`onward`).

        Raises :class:`NotSent`, :class:`Doubtful` (a file that is longer than ``most_bytes`` too), :class:`TooFast`.
        """
        headers = {"Authorization": aiohttp.encode_basic_auth(*auth)}
        place, hops = URL(uri), 0
        try:
            while True:
                async with self._session.get(place, headers=headers, allow_redirects=False) as answer:
                    location = answer.headers.get("Location", "") if answer.status in _ELSEWHERE else ""
                    if not location:
                        content = await _read(answer.content, most=most_bytes)
                        status, kind = answer.status, answer.content_type
                        break
                there, hops = onward(place, location), hops + 1
                if hops > _MOST_HOPS:
                    raise Doubtful("Twilio sends us from one address to the next.")
                place, headers = there, headers if there.origin() == place.origin() else {}
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise NotSent(_connect_sentence(error)) from None
        except TimeoutError:
            raise Doubtful("Twilio did not answer in time.") from None
        except (aiohttp.ClientError, OSError):
            raise Doubtful("The connection to Twilio was cut before all had come.") from None
        if status >= 500:
            raise Doubtful(f"Twilio had trouble of its own (HTTP {status}).", code=str(status))
        if status == 429:
            raise TooFast("Twilio asks us to slow down.", code="429", wait=retry_after(answer.headers))
        return status, kind, content

    @property
    def ahead(self) -> timedelta | None:
        """By how much Twilio's clock is ahead of ours, to a second or two; None where its last answer does not say."""
        date, came = self._dated
        try:
            return parsedate_to_datetime(date) - datetime.fromtimestamp(came, UTC)
        except (TypeError, ValueError):
            return None

    async def close(self) -> None:
        """Close every connection."""
        await self._session.close()


async def _read(content: aiohttp.StreamReader, *, most: int = _MOST) -> bytes:
    """Read an answer to its end. Raises :class:`Doubtful` for one that has none: it would fill the memory."""
    pieces, size = [], 0
    async for piece in content.iter_any():
        pieces.append(piece)
        size += len(piece)
        if size > most:
            raise Doubtful("What answered did not speak like Twilio: it went on and on.")
    return b"".join(pieces)


def onward(place: URL, location: str) -> URL:
    """Where an answer sends us: https alone, or this machine to itself. Raises :class:`Doubtful`."""
    try:
        there = place.join(URL(location))
    except ValueError:
        there = URL()
    at_home = (there.scheme, there.host) == (place.scheme, place.host)
    if there.host and (there.scheme == "https" or at_home):
        return there
    raise Doubtful("Twilio sent us on to an address that is not https.")


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Give the seconds of a Retry-After header, or None (RFC 9110 section 10.2.3: whole seconds, or a date).

    A date is measured against the answer's own ``Date``, so our clock does not matter.
    """
    asked = headers.get("Retry-After", "").strip()
    if asked.isascii() and asked.isdigit():
        return float(asked[:9])
    try:
        wait = parsedate_to_datetime(asked) - parsedate_to_datetime(headers.get("Date", ""))
    except (TypeError, ValueError):
        return None
    return max(0.0, wait.total_seconds())


def _address(uri: str, params: dict[str, object] | None) -> str:
    known = {name: value for name, value in (params or {}).items() if value is not None}
    return f"{uri}{'&' if '?' in uri else '?'}{urlencode(known, doseq=True)}" if known else uri


def _connect_sentence(error: Exception) -> str:
    if isinstance(error, (aiohttp.ClientConnectorCertificateError, aiohttp.ClientConnectorSSLError)):
        return "The secure connection to Twilio failed: its certificate could not be checked."
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "The name of Twilio's server could not be looked up. Is the internet connection down?"
    return "No connection to Twilio. Is the internet connection down, or a firewall in the way?"


def code_of(text: str) -> str:
    """Give Twilio's own code out of an error's JSON, ``""`` when there is none."""
    try:
        answer = json.loads(text)
    except ValueError:
        return ""
    code = answer.get("code") if isinstance(answer, dict) else None
    return str(code) if isinstance(code, int) and code >= LEAST_CODE else ""

"""How a question to a translation service leaves the house: once, to that host alone, with an end to every wait."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from channels import loopback, resolving
from channels.translators.base import NotTranslated, Trouble

_MOST = 2 * 2**20  #: bytes of an answer; a long email in the longest script has a tenth of that
_CONNECT_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the HTTP status, and what its JSON says (None where it is none)."""

    status: int
    data: Any

    def error(self, key: str) -> str:
        """The service's own word about a refusal, to recognise it by; never to be shown: it may quote the text."""
        found = self.data.get(key) if isinstance(self.data, dict) else None
        return found if isinstance(found, str) else ""


@dataclass(frozen=True, slots=True)
class Wire:
    """The way to one service.

    ``name``     as sentences call it
    ``address``  where it answers, without a slash at the end
    ``seconds``  the patience with an answer
    ``headers``  go along with every question; a key may be among them
    """

    name: str
    address: str
    seconds: float
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)

    async def ask(
        self, method: str, path: str, *, params: Mapping[str, str] | None = None, body: object = None
    ) -> Answer:
        """Ask once. Raises :class:`NotTranslated` where there is no answer, or one that says only «not now»."""
        self._check()
        timeout = aiohttp.ClientTimeout(
            total=self.seconds + _CONNECT_SECONDS, connect=_CONNECT_SECONDS, sock_read=self.seconds
        )
        connector = aiohttp.TCPConnector(resolver=resolving.Resolver())
        try:
            async with (
                aiohttp.ClientSession(
                    connector=connector, timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()
                ) as session,
                session.request(
                    method,
                    f"{self.address}{path}",
                    params=params,
                    json=body,
                    headers={"Accept-Language": "en", "User-Agent": "Handbell", **self.headers},
                    allow_redirects=False,  # neither the words nor the key go anywhere else
                ) as answer,
            ):
                status, content = answer.status, await self._read(answer.content)
        except TimeoutError:
            raise NotTranslated(f"{self.name} did not answer in time.", Trouble.UNREACHABLE) from None
        except aiohttp.ClientConnectorCertificateError:
            sentence = f"The certificate of {self.name} could not be checked."
            raise NotTranslated(sentence, Trouble.UNREACHABLE) from None
        except (aiohttp.ClientError, OSError):
            sentence = f"{self.name} cannot be reached. Is the internet connection down, or translation.url wrong?"
            raise NotTranslated(sentence, Trouble.UNREACHABLE) from None
        return self._passed(status, content)

    def _check(self) -> None:
        """Refuse an address to which words and key would travel openly."""
        parts = urlsplit(self.address)
        if parts.scheme != "https" and not loopback.is_this_machine(parts.hostname or ""):
            sentence = f"The address of {self.name} must begin with https://: children's names may be in the words."
            raise NotTranslated(sentence, Trouble.UNREACHABLE)

    async def _read(self, content: aiohttp.StreamReader) -> bytes:
        pieces, size = [], 0
        async for piece in content.iter_any():
            pieces.append(piece)
            size += len(piece)
            if size > _MOST:
                raise self.garbage()
        return b"".join(pieces)

    def _passed(self, status: int, content: bytes) -> Answer:
        """An answer that speaks of our question; what every service says in the same way ends here."""
        if 300 <= status < 400:
            sentence = f"{self.name} has moved to another address. Set translation.url to the new one."
            raise NotTranslated(sentence, Trouble.UNREACHABLE)
        if status in (401, 403):
            raise NotTranslated(f"{self.name} refuses our key. Check translation.key.", Trouble.AUTH)
        if status in (413, 414):
            raise self.too_long()
        if status == 429:
            raise NotTranslated(f"{self.name} asks us to slow down. Try again in a minute.", Trouble.RATE)
        if status >= 500:
            raise NotTranslated(f"{self.name} has trouble of its own (HTTP {status}).", Trouble.SERVICE)
        try:
            data = json.loads(content)
        except ValueError:
            if status == 200:
                raise self.garbage() from None
            data = None
        return Answer(status, data)

    def garbage(self) -> NotTranslated:
        """What answered is not the service."""
        sentence = f"What answered did not speak like {self.name}. Check translation.service and translation.url."
        return NotTranslated(sentence, Trouble.GARBAGE)

    def too_long(self) -> NotTranslated:
        """A sentence is longer than the service takes."""
        return NotTranslated(f"A sentence is too long for {self.name}. Write shorter ones.", Trouble.TOO_LONG)

    def no_language(self, target: str) -> NotTranslated:
        """One of its languages it is not."""
        return NotTranslated(f"{self.name} does not translate into “{target}”.", Trouble.LANGUAGE)

    def refused(self, status: int) -> NotTranslated:
        """A refusal that nobody here knows."""
        return NotTranslated(f"{self.name} refused the words (HTTP {status}).", Trouble.SERVICE)

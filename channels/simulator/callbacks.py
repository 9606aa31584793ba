"""Signed calls to the gateway's webhooks, as Twilio makes them."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import urllib.parse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import Protocol

import aiohttp
import yarl

ANSWER_LIMIT = 65536  #: bytes; Twilio takes TwiML up to 64 KB (error 11750)
ANSWER_SECONDS = 15.0  #: Twilio waits 15 s for a webhook


class Patience(StrEnum):
    """How often a webhook is tried again."""

    PATIENT = (
        "patient"  #: on connection failures and 5xx, for about five minutes: practice and crash tests lose nothing
    )
    TWILIO = "twilio"  #: as Twilio by default: once more, and only when the connection failed


@dataclass(frozen=True, slots=True)
class Answer:
    """What the gateway answered; ``status`` 0 means that it could not be reached, and ``body`` says why."""

    status: int
    body: str
    url: str

    @property
    def fine(self) -> bool:
        """Whether it is a 2xx."""
        return 200 <= self.status < 300


class Complain(Protocol):
    """Where a sentence about the gateway's doings goes."""

    def __call__(self, sentence: str, /) -> None:
        """Take it down."""


def sign(token: str, url: str, form: Mapping[str, str]) -> str:
    """X-Twilio-Signature: base64 of HMAC-SHA1 over the URL and the form's names and values, sorted by name.

    Rule: twilio.com/docs/usage/webhooks/webhooks-security.
    """
    words = url + "".join(name + form[name] for name in sorted(form))
    return base64.b64encode(hmac.digest(token.encode(), words.encode(), hashlib.sha1)).decode()


def _waits(patience: Patience) -> Iterator[float]:
    """Seconds to wait before each further try."""
    if patience is Patience.TWILIO:
        yield 0.1
        return
    wait, waited = 0.1, 0.0
    while waited < 300:
        yield wait
        waited += wait
        wait = min(wait * 2, 5.0)


class Hooks:
    """The provider's outgoing side. One pool of connections, opened inside the running loop."""

    def __init__(self, *, auth_token: str, patience: Patience, random: Random, complain: Complain) -> None:
        self.patience = patience
        self._token = auth_token
        self._random = random
        self._complain = complain
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        """Make the pool."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=64),
            timeout=aiohttp.ClientTimeout(total=ANSWER_SECONDS),
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    async def close(self) -> None:
        """Give the connections back."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def call(
        self, url: str, form: Mapping[str, str], *, method: str = "POST", patience: Patience | None = None
    ) -> Answer:
        """Make one webhook call, tried again as ``patience`` (or our own) says, with the same idempotency token."""
        patience = patience or self.patience
        token = f"{self._random.getrandbits(128):032x}"
        answer = await self._try(url, form, method, token)
        for wait in _waits(patience):
            down = answer.status == 0 or (patience is Patience.PATIENT and answer.status >= 500)
            if not down:
                break
            await asyncio.sleep(wait)
            answer = await self._try(url, form, method, token)
        if not answer.fine:
            path = urllib.parse.urlsplit(url).path
            self._complain(f"The gateway answered {answer.status or 'nothing'} to {method} {path}: {answer.body[:200]}")
        return answer

    async def post(self, url: str, said: Mapping[str, object], *, bearer: str) -> Answer:
        """Make one call as GOV.UK Notify makes them: JSON, proved by a token; tried again as a webhook is."""
        answer = await self._post(url, said, bearer)
        for wait in _waits(self.patience):
            if answer.status and answer.status < 500:
                break
            await asyncio.sleep(wait)
            answer = await self._post(url, said, bearer)
        if not answer.fine:
            self._complain(f"The gateway answered {answer.status or 'nothing'} to POST {url}: {answer.body[:200]}")
        return answer

    async def _post(self, url: str, said: Mapping[str, object], bearer: str) -> Answer:
        if self._session is None:
            raise RuntimeError("The simulator is not started")
        headers = {"Authorization": f"Bearer {bearer}"}
        try:
            async with self._session.post(url, json=said, headers=headers, allow_redirects=False) as answer:
                return Answer(answer.status, (await answer.read())[:ANSWER_LIMIT].decode("utf-8", "replace"), url)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as problem:
            return Answer(0, f"{type(problem).__name__}", url)

    async def _try(self, url: str, form: Mapping[str, str], method: str, token: str) -> Answer:
        if self._session is None:
            raise RuntimeError("The simulator is not started")
        url = url.partition("#")[0]  # what follows is for Twilio itself (connection overrides), never sent
        if method == "GET" and form:
            url += ("&" if "?" in url else "?") + urllib.parse.urlencode(form)
        signed = form if method == "POST" else {}
        headers = {"X-Twilio-Signature": sign(self._token, url, signed), "I-Twilio-Idempotency-Token": token}
        body = None
        if method == "POST":
            headers["Content-Type"] = "application/x-www-form-urlencoded; charset=utf-8"
            body = urllib.parse.urlencode(form).encode()
        try:
            # encoded=True: what was signed must be what is sent, so nothing may be quoted anew.
            target = yarl.URL(url, encoded=True)
            async with self._session.request(
                method, target, data=body, headers=headers, allow_redirects=False
            ) as answer:
                return Answer(answer.status, (await answer.read())[:ANSWER_LIMIT].decode("utf-8", "replace"), url)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as problem:
            return Answer(0, f"{type(problem).__name__}", url)

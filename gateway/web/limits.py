"""How large a request may be, how long it may take to come, what its address may hold, and how often one may guess."""

from __future__ import annotations

import asyncio
import math
from contextlib import suppress
from datetime import datetime, timedelta

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway import rate

LONGEST = 4_000  #: characters of an address
SECONDS = 15.0  #: for the whole body; Twilio itself waits no longer for an answer


class Limits:
    """Refuses bodies over ``size`` bytes (413) and those that take longer than ``seconds`` to come (408).

    What is refused for another reason before its body has come is answered once it is here, within the same limits: a
    connection that is closed while somebody still sends is reset, and takes the answer with it.
    """

    def __init__(self, app: ASGIApp, *, size: int, seconds: float = SECONDS):
        self.app, self.size, self._seconds = app, size, seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with a body that is counted and timed."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        announced = _announced(scope)
        deadline = asyncio.get_running_loop().time() + self._seconds
        received, ended = 0, False

        async def limited() -> Message:
            nonlocal received, ended
            if ended:  # whoever still listens waits for the client to go away, however long that takes
                return await receive()
            # Refused before it has come; the server skips what follows, so that the client can read the answer.
            if announced > self.size:
                raise self._too_large()
            try:
                async with asyncio.timeout_at(deadline):
                    message = await receive()
            except TimeoutError:
                sentence = f"The request took longer than {self._seconds:g} seconds to come."
                raise HTTPException(408, sentence, {"Connection": "close"}) from None
            received += len(message.get("body", b""))
            if received > self.size:
                raise self._too_large()
            ended = not message.get("more_body", False)
            return message

        async def after_the_body(message: Message) -> None:
            # Whoever asks first whether to send (Expect) sends nothing any more.
            refused = message["type"] == "http.response.start" and message["status"] >= 400
            if refused and announced <= self.size and b"expect" not in dict(scope["headers"]):
                with suppress(HTTPException):
                    while not ended and received <= self.size:
                        await limited()
            await send(message)

        await self.app(scope, limited, after_the_body)

    def _too_large(self) -> HTTPException:
        return HTTPException(413, f"The request is larger than the {self.size} bytes that are allowed here.")


def _announced(scope: Scope) -> int:
    """What the Content-Length says, 0 without one. No length of ours has twenty digits."""
    value = dict(scope["headers"]).get(b"content-length", b"")
    return int(value[:20]) if value.isdigit() else 0


def refuse_address(scope: Scope) -> str:
    """Why an address cannot be one of ours, or ``""``: no text in any database holds the character NUL, and none of
    our numbers has thousands of digits.
    """
    if len(scope.get("raw_path", b"")) + len(scope.get("query_string", b"")) > LONGEST:
        return f"The address is longer than the {LONGEST} characters that are allowed here."
    if b"%00" in scope.get("raw_path", b"") or b"%00" in scope.get("query_string", b""):
        return "The address holds a character that no text can hold (%00)."
    return ""


class Guesses:
    """How often a token that nobody has used here yet may be tried: ``at_once``, then one every ``each`` seconds (429).

    Counted for all callers together, as behind a proxy they all have one address. Nobody is locked out by it: a token
    that opened something before does not count, for as long as it does.
    """

    def __init__(self, *, at_once: int = 20, each: float = 3.0):
        self._at_once, self._each = at_once, each
        self._good = set[str]()
        self._tat: datetime | None = None

    def admit(self, digest: str, *, now: datetime) -> None:
        """Count a try, before it is looked up. Raises 429 where there were too many."""
        if digest in self._good:
            return
        bucket = rate.bucket(rate=1 / self._each, burst=self._at_once, tat=self._tat, now=now)
        if wait := bucket.wait(1):
            sentence = "Too many tokens were tried that open nothing. Try again in a moment."
            raise HTTPException(429, sentence, {"Retry-After": str(math.ceil(wait))})
        bucket.pay(1)
        self._tat = now + timedelta(seconds=bucket.ahead)

    def learn(self, digest: str, *, opens: bool) -> None:
        """Say what a look-up found."""
        (self._good.add if opens else self._good.discard)(digest)

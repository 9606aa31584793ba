"""How large a request may be, how long it may take to come, and what its address may hold."""

from __future__ import annotations

import asyncio

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SECONDS = 15.0  #: for the whole body; Twilio itself waits no longer for an answer


class Limits:
    """Refuses bodies over ``size`` bytes (413) and those that take longer than ``seconds`` to come (408)."""

    def __init__(self, app: ASGIApp, *, size: int, seconds: float = SECONDS):
        self._app, self._size, self._seconds = app, size, seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with a body that is counted and timed."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        announced = _announced(scope)
        deadline = asyncio.get_running_loop().time() + self._seconds
        received, ended = 0, False

        async def limited() -> Message:
            nonlocal received, ended
            if ended:  # whoever still listens waits for the client to go away, however long that takes
                return await receive()
            # Refused before it has come; the server skips what follows, so that the client can read the answer.
            if announced > self._size:
                raise self._too_large()
            try:
                async with asyncio.timeout_at(deadline):
                    message = await receive()
            except TimeoutError:
                sentence = f"The request took longer than {self._seconds:g} seconds to come."
                raise HTTPException(408, sentence, {"Connection": "close"}) from None
            received += len(message.get("body", b""))
            if received > self._size:
                raise self._too_large()
            ended = not message.get("more_body", False)
            return message

        await self._app(scope, limited, send)

    def _too_large(self) -> HTTPException:
        return HTTPException(413, f"The request is larger than the {self._size} bytes that are allowed here.")


def _announced(scope: Scope) -> int:
    """What the Content-Length says, 0 without one. No length of ours has twenty digits."""
    value = dict(scope["headers"]).get(b"content-length", b"")
    return int(value[:20]) if value.isdigit() else 0


def refuse_address(scope: Scope) -> str:
    """Why an address cannot be one of ours, or ``""``: no text in any database holds the character NUL."""
    if b"%00" in scope.get("raw_path", b"") or b"%00" in scope.get("query_string", b""):
        return "The address holds a character that no text can hold (%00)."
    return ""

"""What the page after a deed says once, and how to take it back: "Saved. Undo".

It travels with the browser, in a cookie that only we can make, so that no process need remember it.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from gateway import context

COOKIE: Final = "handbell_said"
_SECONDS: Final = 60  #: whoever comes back later than so has other things on their mind
_PURPOSE: Final = "office said"
_MOST: Final = 300  #: characters: a cookie holds no more than 4,096 bytes


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence; ``undo`` is the address that takes back what it tells of, ``""`` where nothing does."""

    text: str
    undo: str = ""


def say(response: Response, gateway: context.Gateway, text: str, *, undo: str = "") -> None:
    """Let the next page say this."""
    packed = base64.urlsafe_b64encode(json.dumps([text[:_MOST], undo]).encode()).decode().rstrip("=")
    response.set_cookie(
        COOKIE,
        f"{packed}.{gateway.sign(_PURPOSE, packed)}",
        max_age=_SECONDS,
        httponly=True,
        samesite="strict",
        secure=gateway.office_url.startswith("https:"),
    )


def heard(request: Request, gateway: context.Gateway) -> Said | None:
    """What is to be said; nothing where the cookie is missing, or not ours."""
    packed, _, signature = request.cookies.get(COOKIE, "").partition(".")
    if not packed or not signature.isascii() or not gateway.signed(_PURPOSE, packed, signature):
        return None
    try:
        text, undo = json.loads(base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4)))
    except (ValueError, binascii.Error):
        return None
    return Said(str(text), str(undo))

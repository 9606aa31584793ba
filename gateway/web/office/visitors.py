"""Who looks: HTTP Basic (RFC 7617) with any name, and a token of ``handbell token create`` as the password."""

from __future__ import annotations

import base64
import binascii

from starlette.exceptions import HTTPException
from starlette.requests import Request

from gateway import tokens
from gateway.web import site


async def check(request: Request) -> None:
    """Let pass whoever has a token.

    Raises 401 for everybody else; the browser asks for it then.
    """
    token = _password(request.headers.get("authorization", ""))
    if token:
        async with site.of(request).gateway.database.read() as session:
            if await tokens.check(session, token) is not None:
                return
    sentence = "Give a token of handbell token create as the password; the name may be any."
    raise HTTPException(401, sentence, {"WWW-Authenticate": 'Basic realm="handbell", charset="UTF-8"'})


def _password(header: str) -> str:
    scheme, _, packed = header.partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(packed.strip(), validate=True).decode("utf-8").partition(":")[2]
    except (binascii.Error, ValueError):
        return ""

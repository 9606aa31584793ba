"""Who looks: HTTP Basic (RFC 7617) with any name, and a token of ``handbell token create`` as the password."""

from __future__ import annotations

import base64
import binascii

from starlette.exceptions import HTTPException
from starlette.requests import Request

from gateway.web import holders

_COMMAND = "handbell token create NAME --read-only"


async def who(request: Request, *, acting: bool = False) -> str:
    """Who looks, as it is signed in the audit log: ``office:`` and the token's name.

    Raises 401 for everybody without a token; the browser asks for it then. Whoever is ``acting`` needs one that may do
    more than read, else 403.
    """
    token = _password(request.headers.get("authorization", ""))
    found = await holders.of(request, token) if token else None
    if found is not None:
        if acting and found.read_only:
            raise HTTPException(403, f"The token “{found.name}” may only read. Sign in with another one to act.")
        return f"office:{found.name}"
    sentence = (
        "Give your token as the password; the name may be any. Whoever runs Handbell makes one for you: {command}."
    )
    raise HTTPException(
        401, sentence.format(command=_COMMAND), {"WWW-Authenticate": 'Basic realm="handbell", charset="UTF-8"'}
    )


def _password(header: str) -> str:
    scheme, _, packed = header.partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(packed.strip(), validate=True).decode("utf-8").partition(":")[2]
    except (binascii.Error, ValueError):
        return ""

"""Who calls: every request carries a bearer token (RFC 6750) that ``handbell token create`` has given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.exceptions import HTTPException

from gateway.web import holders

_READS = ("GET", "HEAD")
_bearer = HTTPBearer(auto_error=False, description="A token made by `handbell token create`")


@dataclass(frozen=True, slots=True)
class Known:
    """A caller. ``author`` is how its deeds are signed in the audit log."""

    id: int
    name: str

    @property
    def author(self) -> str:
        """``api:`` and the token's name."""
        return f"api:{self.name}"


async def caller(request: Request, given: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]) -> Known:
    """The caller, or 401; 403 for one who may only read and asks for more."""
    if given is None:
        raise _refused("Send a token: Authorization: Bearer hb_….")
    token = await holders.of(request, given.credentials)
    if token is None or token.id is None:
        raise _refused("This token is not known, or was revoked.")
    if token.read_only and request.method not in _READS:
        raise HTTPException(
            403, f"The token “{token.name}” may only read. Make another one for what changes something."
        )
    return Known(token.id, token.name)


def _refused(sentence: str) -> HTTPException:
    return HTTPException(401, sentence, {"WWW-Authenticate": 'Bearer realm="handbell"'})


Caller = Annotated[Known, Depends(caller)]

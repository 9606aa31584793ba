"""Who holds a token of ``handbell token create``: a program at the API."""

from __future__ import annotations

from starlette.requests import Request

from gateway import tokens
from gateway.models import ApiToken
from gateway.web import site


async def of(request: Request, token: str) -> ApiToken | None:
    """The row of a token that opens something; None for any other.

    Raises 429 where too many were tried that open nothing.
    """
    here = site.of(request)
    digest = tokens.digest(token)
    here.guesses.admit(digest, now=here.gateway.now())
    async with here.gateway.database.read() as session:
        found = await tokens.check(session, token)
    here.guesses.learn(digest, opens=found is not None)
    return found

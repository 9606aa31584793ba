"""Idempotency-Key: a deed that is asked for twice is done once, and both askers get the same answer.

The remembered answer is written in the transaction of the deed: there is never the one without the other. What was
refused is not remembered, because nothing was done: it may be asked again under the same key.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Header, Request
from pydantic import BaseModel
from starlette.responses import Response

from gateway import errors, upsert
from gateway.database import Session
from gateway.models import Idempotency
from gateway.models.types import core
from gateway.web import site
from gateway.web.api import callers

_UNDONE = 0  #: the status of a row whose deed is still in the same transaction


@dataclass(frozen=True, slots=True)
class Done:
    """What a deed answers."""

    body: BaseModel
    status: int = 200


Deed = Callable[[Session], Awaitable[Done]]


@dataclass(frozen=True, slots=True)
class Gate:
    """Lets a request's deed through once for each key; every time for a request that has none."""

    here: site.Site
    caller: callers.Known
    key: str
    digest: str

    async def do(self, deed: Deed) -> Response:
        """Do the deed in a transaction of its own, or give the answer that it got before.

        Raises :class:`errors.Conflict` while the first request is being worked on, :class:`errors.BadInput` when the
        key belongs to another request, and whatever the deed raises.
        """
        if not self.key:
            async with self.here.gateway.database.write() as session:
                return _answer(await deed(session))
        slot = (self.caller.id, self.key)
        if slot in self.here.busy:
            raise errors.Conflict("A request with this Idempotency-Key is being worked on. Ask again in a moment.")
        self.here.busy.add(slot)
        try:
            async with self.here.gateway.database.write() as session:
                return await self._do_once(session, deed)
        finally:
            self.here.busy.discard(slot)

    async def _do_once(self, session: Session, deed: Deed) -> Response:
        row = {
            "token_id": self.caller.id,
            "key": self.key,
            "digest": self.digest,
            "status": _UNDONE,
            "body": "",
            "at": self.here.gateway.now(),
        }
        # Another process with the same key makes this wait for the end of its transaction.
        await upsert.insert(session, core(Idempotency), [row], key=("token_id", "key"))
        kept = await session.get_one(Idempotency, (self.caller.id, self.key))
        if kept.digest != self.digest:
            problem = errors.Problem("this Idempotency-Key was used for another request.", "Make a new key.")
            raise errors.BadInput([problem])
        if kept.status != _UNDONE:
            replayed = {"Idempotent-Replayed": "true"}
            return Response(kept.body, status_code=kept.status, media_type="application/json", headers=replayed)
        done = await deed(session)
        kept.status, kept.body = done.status, done.body.model_dump_json(by_alias=True)
        session.add(kept)
        return _answer(done)


def _answer(done: Done) -> Response:
    return Response(done.body.model_dump_json(by_alias=True), status_code=done.status, media_type="application/json")


async def gate(
    request: Request,
    caller: callers.Caller,
    idempotency_key: Annotated[
        str,
        Header(
            alias="Idempotency-Key",
            max_length=200,
            description="Any text of your own; the same key with the same request is acted on once",
        ),
    ] = "",
) -> Gate:
    """The gate of this request."""
    body = await request.body()
    parts = [request.method.encode(), request.url.path.encode(), request.headers.get("content-type", "").encode(), body]
    return Gate(site.of(request), caller, idempotency_key, hashlib.sha256(b"\n".join(parts)).hexdigest())


Once = Annotated[Gate, Depends(gate)]

"""The audit log as a file that can be verified elsewhere: JSON lines, and a plain program that goes along."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC
from importlib.resources import files
from typing import Final

from gateway import audit, chain
from gateway.database import Session
from gateway.models import Audit

VERIFIER: Final = "verify_audit.py"  #: needs nothing but Python, and says how the lines are made


def packed(line: Audit) -> str:
    """One line as a JSON object, with everything that its HMAC and its place in the chain are made of."""
    return json.dumps(
        {
            "id": line.id,
            "link": line.link,
            "at": line.at.astimezone(UTC).isoformat(timespec="microseconds"),
            "actor": line.actor,
            "action": line.action,
            "subject": line.subject,
            "body": line.body,
            "nonce": line.nonce,
            "mac": line.mac,
            "hash": line.hash,
        },
        ensure_ascii=False,
    )


async def whole(session: Session) -> AsyncIterator[str]:
    """Every line, the oldest first, and at last the signed end of the chain."""
    async for page in audit.every(session, audit.Wanted()):
        yield "".join(f"{packed(line)}\n" for line in page)
    link, newest, mac = await chain.signed_end(session)
    yield json.dumps({"end": {"link": link, "hash": newest, "mac": mac}}) + "\n"


def verifier() -> str:
    """The program."""
    return files("gateway").joinpath(VERIFIER).read_text("utf-8")

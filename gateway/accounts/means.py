"""What a deed needs beside its session: whose it is, when, and where it is written down."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from gateway import audit
from gateway.database import Session


@dataclass(frozen=True, slots=True)
class Means:
    """``by`` is how whoever does it is signed in the audit log."""

    log: audit.Log
    now: datetime
    by: str = "handbell"

    async def record(self, session: Session, action: str, account_id: str, /, **facts: str | int | bool) -> None:
        """Write a line about somebody: ids, counts and reasons only."""
        subject = f"account:{account_id}" if account_id else ""
        await self.log.record(session, audit.Line(action, subject, facts, self.by), now=self.now)

"""Where this machine saw the audit log end, in a file outside the database.

A sealer never signs a chain that does not go on from where it saw it end (:class:`chain.Seen`). By this file the next
one knows, too: whoever has the database alone cannot rewrite the log while no daemon runs.
"""

from __future__ import annotations

import hmac
import json
import secrets
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Final

import structlog

from gateway import audit, chain
from gateway.database import Session

logger = structlog.get_logger()

MADE: Final = "audit.mark_made"  #: the action of the line that a new mark leaves


class Mark:
    """The file, as this process knows it. It is signed, so that nobody without the key can put it elsewhere.

    Whoever may write the folder can delete it: a line in the log tells of each one that was made anew. Without a file
    only this process remembers.
    """

    def __init__(self, file: Path | None, log: audit.Log, *, now: Callable[[], datetime]):
        self._file, self._log, self._now = file, log, now
        kept = self.kept()
        self._is_new, self._has_failed = file is not None and kept is None, False
        self._seen = chain.Seen(kept or chain.End())
        self._written = kept

    @property
    def is_missing(self) -> bool:
        """Whether there is to be a file, and is none that can be read."""
        return self._file is not None and self.kept() is None

    def kept(self) -> chain.End | None:
        """What the file says now; None where there is none, or none of ours."""
        if self._file is None:
            return None
        try:
            found = json.loads(self._file.read_text("ascii"))
            end = chain.End(int(found["link"]), str(found["hash"]), datetime.fromisoformat(found["at"]))
            is_ours = hmac.compare_digest(self._signed(end), str(found["mac"]))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError, KeyError) as error:
            logger.warning("audit.mark_unreadable", file=str(self._file), error=type(error).__name__)
            return None
        return end if is_ours else None

    async def fault(self, session: Session) -> str:
        """What is wrong where the log does not go on from the mark; ``""`` for nothing."""
        fault = await chain.fault_of_seen(session, self._log, self._seen.end)
        if not fault and not await self._seen.end.is_in(session):  # a restore, on another machine
            self._seen.end = chain.End(*await chain.head(session))
        return fault

    async def seal(self, session: Session) -> None:
        """Chain what is not chained yet, as long as the chain goes on from the mark; :meth:`committed` moves that."""
        if self._is_new and (await chain.head(session))[0]:
            await self._log.record(session, audit.Line(MADE), now=self._now())
        await self._log.seal(session, seen=self._seen)

    def committed(self) -> None:
        """What was sealed is committed: keep where the chain ends now, should it be elsewhere."""
        self._seen.committed()
        self.keep(self._seen.end)

    def keep(self, end: chain.End) -> None:
        """Keep an end from now on. Where the file cannot be written it is said once, as sealing must go on."""
        end = chain.End(end.link, end.hash, self._now())
        self._seen.end, self._is_new = end, False
        if self._file is None or end == self._written:
            return
        # Several may write at once; in containers all have the same process id.
        half = self._file.with_name(f"{self._file.name}.{secrets.token_hex(4)}")
        values = {"link": end.link, "hash": end.hash, "at": _stamp(end), "mac": self._signed(end)}
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            half.write_text(json.dumps(values) + "\n", "ascii")
            half.replace(self._file)
        except OSError as error:
            if not self._has_failed:
                logger.warning("audit.mark_not_kept", file=str(self._file), error=error.strerror)
            self._has_failed = True
            return
        self._written, self._has_failed = end, False

    def _signed(self, end: chain.End) -> str:
        return self._log.sign("audit mark", end.link, end.hash, _stamp(end))


def _stamp(end: chain.End) -> str:
    return end.at.isoformat() if end.at else ""

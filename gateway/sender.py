"""A lane at work: claims what one sender may send now, hands it to the channel, and settles what came of it.

Nothing here holds a database connection while a provider is slow. Results are settled in batches: whatever came in
while the last commit was being written goes into the next one.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
import structlog

from channels.base import Attachment, Channel, Outcome, Outgoing, Reason, SendResult
from gateway import audit, outbox, retry
from gateway.database import Database
from gateway.metrics import Metrics

logger = structlog.get_logger()

_GATHER_PAUSE = 0.005  #: seconds in which more calls may end, so that one claim fills many slots
_TROUBLE_PAUSE = 1.0  #: seconds to wait before asking a database again that did not answer


@dataclass(frozen=True, slots=True)
class Rules:
    """How a lane works: calls at once, how many of them are kept for urgent messages, the lease and the poll."""

    concurrency: int
    urgent_slots: int
    lease: timedelta
    poll: float
    policy: retry.Policy
    timezone: ZoneInfo


class Lane:
    """One sender's lane. ``run`` works until ``stop`` is called, then finishes what is on the wire."""

    def __init__(
        self,
        sender_id: int,
        channel: Channel,
        *,
        database: Database,
        log: audit.Log,
        rules: Rules,
        metrics: Metrics,
        outgoing: Callable[[Mapping[str, Any]], Outgoing],
        worker: str,
        now: Callable[[], datetime],
        attachments: Callable[[Mapping[str, Any]], Awaitable[tuple[Attachment, ...]]] | None = None,
    ):
        self.sender_id = sender_id
        self.channel = channel
        self.last_turn = now()
        self._database, self._log, self._rules, self._metrics = database, log, rules, metrics
        self._outgoing, self._attachments, self._worker, self._now = outgoing, attachments, worker, now
        self._calls: set[asyncio.Task[None]] = set()
        self._results: list[outbox.Sent] = []
        self._changed = asyncio.Event()  # a call ended, a message was planned, or it is time to stop
        self._settled = asyncio.Event()
        self._stopping = False

    def wake(self) -> None:
        """Look for due messages now."""
        self._changed.set()

    def stop(self) -> None:
        """Claim nothing more."""
        self._stopping = True
        self._changed.set()

    async def run(self) -> None:
        """Work until stopped; then wait for the calls on the wire and settle them."""
        settling = asyncio.create_task(self._settle_until_done(), name=f"settle-{self.sender_id}")
        try:
            while not self._stopping:
                self.last_turn = self._now()
                again_in = await self._turn()
                await self._rest(again_in)
            if self._calls:
                await asyncio.wait(self._calls)
        finally:
            self._stopping = True
            self._settled.set()
            await settling

    async def _turn(self) -> float:
        """Claim once and start the calls. Gives how many seconds to rest at most."""
        free = self._rules.concurrency - len(self._calls)
        if free <= 0:
            return self._rules.poll
        slots = outbox.Slots(urgent=free, routine=max(0, free - self._rules.urgent_slots))
        now = self._now()
        try:
            async with self._database.write() as session:
                claim = await outbox.claim(
                    session,
                    self.sender_id,
                    slots,
                    worker=self._worker,
                    lease=self._rules.lease,
                    log=self._log,
                    today=now.astimezone(self._rules.timezone).date(),
                    now=now,
                )
        except Exception:  # the database is away: nothing was claimed, so nothing is lost by waiting
            logger.exception("lane.claim_failed", sender=self.sender_id)
            return _TROUBLE_PAUSE
        for message in claim.messages:
            call = asyncio.create_task(self._send(message), name=f"send-{message['id']}")
            self._calls.add(call)
            call.add_done_callback(self._ended)
        if claim.again_in is not None:
            return min(claim.again_in, self._rules.poll)
        return 0.0 if len(claim.messages) == free else self._rules.poll

    def _ended(self, call: asyncio.Task[None]) -> None:
        self._calls.discard(call)
        self._changed.set()

    async def _rest(self, seconds: float) -> None:
        """Rest until something changes. With every slot taken there is nothing to do until a call ends."""
        full = len(self._calls) >= self._rules.concurrency
        if seconds <= 0 and not full:
            return
        try:
            async with asyncio.timeout(self._rules.poll if full else seconds):
                await self._changed.wait()
        except TimeoutError:
            return
        if self._calls:
            await asyncio.sleep(_GATHER_PAUSE)
        self._changed.clear()

    async def _send(self, message: Mapping[str, Any]) -> None:
        result = await self._call(message)
        self._metrics.sent(self.channel.name, result)
        self._results.append(outbox.Sent(message, result))
        self._settled.set()

    async def _call(self, message: Mapping[str, Any]) -> SendResult:
        """One provider call. Whatever goes wrong in it is a result too: nothing that was claimed is forgotten."""
        try:
            ready = self._outgoing(message)
        except Exception:  # a bug of ours, but nothing has left: another try would end in the same way
            logger.exception("lane.not_built", message=message["id"])
            return SendResult(Outcome.REFUSED, reason=Reason.OTHER, text="Handbell itself could not make this message.")
        try:
            files = await self._attachments(message) if self._attachments else ()
        except Exception:  # the database is away; nothing has left
            logger.exception("lane.files_not_read", message=message["id"])
            return SendResult(Outcome.RETRY, reason=Reason.TEMPORARY, text="The files of this email could not be read.")
        if files:
            ready = dataclasses.replace(ready, attachments=files)
        try:
            async with asyncio.timeout(self._rules.lease.total_seconds()):
                return await self.channel.send(ready)
        except TimeoutError:  # longer than the lease nobody waits; a call that hangs must not keep its slot
            logger.warning("lane.call_hung", message=message["id"])
            return SendResult(Outcome.UNKNOWN, reason=Reason.TEMPORARY, text="The provider did not answer in time.")
        except Exception:  # a bug of ours; the call may have been made, so only evidence can decide
            logger.exception("lane.send_failed", message=message["id"])
            return SendResult(Outcome.UNKNOWN, reason=Reason.OTHER, text="Handbell itself failed while sending.")

    async def _settle_until_done(self) -> None:
        while not (self._stopping and not self._calls and not self._results):
            await self._settled.wait()
            self._settled.clear()
            if self._results:
                await self._settle()
            elif self._stopping and self._calls:
                await asyncio.wait(self._calls)
                self._settled.set()

    async def _settle(self) -> None:
        """Commit what has come in. On failure it is kept: a result is worth more than a connection."""
        batch, self._results = self._results, []
        try:
            await self._commit(batch)
        except Exception:
            logger.exception("lane.settle_failed", sender=self.sender_id, messages=len(batch))
            await asyncio.sleep(_TROUBLE_PAUSE)
            self._results = await self._rescued(batch) + self._results
        if self._results:
            self._settled.set()

    async def _commit(self, batch: Sequence[outbox.Sent]) -> None:
        async with self._database.write() as session:
            await outbox.settle(session, batch, policy=self._rules.policy, log=self._log, now=self._now())

    async def _rescued(self, batch: list[outbox.Sent]) -> list[outbox.Sent]:
        """After a commit that failed: the results to try again.

        Where the database is away that is all of them, until it is time to stop. Where it answers, one of them spoils
        the commit: each goes alone, and the one that nobody can write down is left to its lease, which raises a doubt.
        """
        waiting = deque(batch)
        while waiting and await self._answers():
            result = waiting.popleft()
            try:
                await self._commit([result])
            except Exception:
                if not await self._answers():
                    waiting.appendleft(result)
                    break
                logger.exception("lane.left_in_doubt", message=result.message["id"])
        if self._stopping and waiting:
            logger.error("lane.results_left_in_doubt", sender=self.sender_id, messages=len(waiting))
            return []
        return list(waiting)

    async def _answers(self) -> bool:
        """Whether the database can be written to."""
        try:
            async with self._database.write() as session:
                await session.execute(sa.text("SELECT 1"))
        except Exception:
            logger.exception("lane.database_away", sender=self.sender_id)
            return False
        return True

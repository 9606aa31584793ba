"""A lane at work: claims what one sender may send now, hands it to the channel, and settles what came of it.

Nothing here holds a database connection while a provider is slow. Results are settled in batches: whatever came in
while the last commit was being written goes into the next one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import structlog

from channels.base import Channel, Outcome, Outgoing, Reason, SendResult
from gateway import audit, outbox, retry
from gateway.database import Database
from gateway.metrics import Metrics

logger = structlog.get_logger()

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
    ):
        self.sender_id = sender_id
        self.channel = channel
        self.last_turn = now()
        self._database, self._log, self._rules, self._metrics = database, log, rules, metrics
        self._outgoing, self._worker, self._now = outgoing, worker, now
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
        self._changed.clear()

    async def _send(self, message: Mapping[str, Any]) -> None:
        try:
            result = await self.channel.send(self._outgoing(message))
        except Exception:  # a bug of ours; the call may have been made, so only evidence can decide
            logger.exception("lane.send_failed", message=message["id"])
            result = SendResult(Outcome.UNKNOWN, reason=Reason.OTHER, text="Handbell itself failed while sending.")
        self._metrics.sent(self.channel.name, result)
        self._results.append(outbox.Sent(message, result))
        self._settled.set()

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
            async with self._database.write() as session:
                await outbox.settle(session, batch, policy=self._rules.policy, log=self._log, now=self._now())
        except Exception:  # kept for the next round; the lease decides if this process dies first
            logger.exception("lane.settle_failed", sender=self.sender_id, messages=len(batch))
            self._results = batch + self._results
            if not self._stopping:
                await asyncio.sleep(_TROUBLE_PAUSE)
                self._settled.set()
            elif not await self._last_chance():
                self._results = []
            return
        self._changed.set()

    async def _last_chance(self) -> bool:
        """One more try on the way out; False when the database is still away (the lease will raise the doubt)."""
        await asyncio.sleep(_TROUBLE_PAUSE)
        try:
            await self._database.ping()
        except Exception:  # still away
            logger.exception("lane.results_left_in_doubt", sender=self.sender_id, messages=len(self._results))
            return False
        self._settled.set()
        return True

"""A lane at work: claims what one sender may send now, hands it to the channel, and settles what came of it.

One transaction a turn: what came in since the last one is written down, and as much is claimed as has become free. So
the busier the lane, the more goes into each commit. Nothing here holds a database connection while a provider is slow.
"""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Connection

from channels.base import Attachment, Channel, Outcome, Outgoing, Reason, SendResult
from gateway import audit, outbox, retry, turns
from gateway.database import Database, is_in_trouble
from gateway.metrics import Metrics

logger = structlog.get_logger()

_GATHER_PAUSE = 0.02  #: seconds in which more calls may end, so that one commit serves many
_ENOUGH = 2  #: when one slot in so many has come free, nothing more is waited for
_LAST_PART = 0.2  #: the share of a lease in which no call is begun any more; calls end before it (sending.call_s)
_BROKEN = 5  #: so many calls in a row that broke on the wire are the provider's trouble, not the messages'
_TROUBLE_PAUSE = 1.0  #: seconds to wait before asking a database again that did not answer
_NOT_BEGUN = SendResult(
    Outcome.RETRY,
    code="not begun",
    reason=Reason.TEMPORARY,
    text="The worker stood still for so long that it did not make this call.",
)


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
        self._enough = asyncio.Event()  # many calls have ended
        self._look_at = 0.0  # the loop's time when it next pays to look for due messages
        self._broken = 0  # calls in a row that broke on the wire
        self._more = False  # some were due for which no slot was free
        self._stopping = False

    def wake(self) -> None:
        """Look for due messages now."""
        self._look_at = 0.0
        self._enough.set()  # what is due now may be urgent: it does not wait for more calls to end
        self._changed.set()

    def stop(self) -> None:
        """Claim nothing more."""
        self._stopping = True
        self._changed.set()

    async def run(self) -> None:
        """Work until stopped; then wait for the calls on the wire and settle them."""
        try:
            while not self._stopping:
                self.last_turn = self._now()
                await self._turn()
                await self._rest()
        finally:  # also where another loop has died and this one is cut off
            self._stopping = True
            while self._calls or self._results:
                await self._rest()
                await self._turn()

    async def _turn(self) -> None:
        """Settle what came in, claim what is free, start the calls."""
        slots = self._slots()
        if not self._results and not slots.urgent:
            return
        batch, self._results = self._results, []
        if slots.urgent:
            self._look_at = asyncio.get_running_loop().time() + self._rules.poll  # before: a wake in between counts
        lease_ends = _elapsed() + self._rules.lease.total_seconds()
        turn = partial(self._database.at_once, partial(self._write_down, batch, slots))
        try:
            claim, batch = await turns.again(turn)  # what is settled now is not settled again, whatever follows
            started = [asyncio.create_task(self._send(message, lease_ends)) for message in claim.messages]
            self._calls.update(started)
            if batch:
                await self._settle(batch)
        except asyncio.CancelledError:
            self._results = batch + self._results  # to settle twice what was settled changes nothing
            raise
        except Exception:  # the database is away: nothing was claimed, and what is known is kept
            logger.exception("lane.turn_failed", sender=self.sender_id, results=len(batch))
            await self._wait_out(batch)
            return
        if slots.urgent:
            self._more = claim.more
        if claim.again_in is not None:
            self._look_at = min(self._look_at, asyncio.get_running_loop().time() + claim.again_in)

    def _slots(self) -> outbox.Slots:
        """What may be claimed now: nothing before it pays to look, unless it was a slot that was wanting."""
        free = max(0, self._rules.concurrency - len(self._calls))
        routine = max(0, free - self._rules.urgent_slots)
        early = asyncio.get_running_loop().time() < self._look_at and not (self._more and routine)
        return outbox.Slots(0, 0) if self._stopping or early else outbox.Slots(free, routine)

    def _write_down(
        self, batch: Sequence[outbox.Sent], slots: outbox.Slots, connection: Connection
    ) -> tuple[outbox.Claim, list[outbox.Sent]]:
        """One transaction. Gives what was claimed, and the results that it could not settle as simply."""
        now = self._now()
        others = outbox.accept(connection, batch, log=self._log, now=now)
        if not slots.urgent:
            return outbox.Claim(()), others
        claim = outbox.claim(
            connection,
            self.sender_id,
            slots,
            worker=self._worker,
            lease=self._rules.lease,
            log=self._log,
            today=now.astimezone(self._rules.timezone).date(),
            now=now,
        )
        return claim, others

    async def _rest(self) -> None:
        """Rest until there is something to do. With every slot taken that is when a call ends."""
        if not self._changed.is_set() and not self._results:
            wait = self._rules.poll
            if len(self._calls) < self._rules.concurrency and not self._stopping:
                wait = min(wait, self._look_at - asyncio.get_running_loop().time())
            if wait > 0:
                with suppress(TimeoutError):
                    async with asyncio.timeout(wait):
                        await self._changed.wait()
        if self._calls and not self._enough.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(_GATHER_PAUSE):
                    await self._enough.wait()
        self._changed.clear()
        self._enough.clear()

    async def _send(self, message: Mapping[str, Any], lease_ends: float) -> None:
        result = await self._call(message, lease_ends)
        self._metrics.sent(self.channel.name, result)
        self._broken = self._broken + 1 if _broke(result) else 0
        begun = result is not _NOT_BEGUN
        if self._broken >= _BROKEN or (message.get("tries") and self._broken):
            result = dataclasses.replace(result, lane_wide=True, reason=result.reason or Reason.TEMPORARY)
        self._results.append(outbox.Sent(message, result, begun=begun))
        self._calls.discard(asyncio.current_task())
        self._changed.set()
        if len(self._results) * _ENOUGH >= self._rules.concurrency or not self._calls:
            self._enough.set()

    async def _call(self, message: Mapping[str, Any], lease_ends: float) -> SendResult:
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
        left = lease_ends - _elapsed()
        if left < _LAST_PART * self._rules.lease.total_seconds():
            logger.warning("lane.lease_over", message=message["id"])
            return _NOT_BEGUN  # we were frozen: a successor may be sending it by now
        try:
            async with asyncio.timeout(left):
                return await self.channel.send(ready)
        except TimeoutError:  # longer than the lease nobody waits; a call that hangs must not keep its slot
            logger.warning("lane.call_hung", message=message["id"])
            return SendResult(Outcome.UNKNOWN, reason=Reason.TEMPORARY, text="The provider did not answer in time.")
        except Exception:  # a bug of ours; the call may have been made, so only evidence can decide
            logger.exception("lane.send_failed", message=message["id"])
            return SendResult(Outcome.UNKNOWN, reason=Reason.OTHER, text="Handbell itself failed while sending.")

    async def _settle(self, results: Sequence[outbox.Sent]) -> None:
        """Settle what needs more than a word: refusals, tries to come, doubts, receipts that outran us."""

        async def settle() -> None:
            async with self._database.write() as session:
                await outbox.settle(session, results, policy=self._rules.policy, log=self._log, now=self._now())

        await turns.again(settle)

    async def _wait_out(self, batch: list[outbox.Sent]) -> None:
        """After a turn that failed. Results are kept: each is worth more than a connection."""
        await asyncio.sleep(_TROUBLE_PAUSE)
        self._results = await self._rescued(batch) + self._results

    async def _commit(self, batch: Sequence[outbox.Sent]) -> None:
        _, others = await self._database.at_once(partial(self._write_down, batch, outbox.Slots(0, 0)))
        if others:
            await self._settle(others)

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
            except Exception as error:
                if is_in_trouble(error) or not await self._answers():
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


def _elapsed() -> float:
    """Seconds on a clock that nobody sets, and that goes on while this process is stopped or the machine sleeps."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def _broke(result: SendResult) -> bool:
    """Whether there was no answer of the provider's, or one of a provider that fails. A code speaks of the message."""
    if result.outcome is Outcome.RETRY:
        return result.reason is Reason.TEMPORARY and not result.code
    return result.outcome is Outcome.UNKNOWN

"""A lane at work: claims what one sender may send now, hands it to the channel, and settles what came of it.

One transaction a turn: what came in since the last one is written down, and as much is claimed as has become free. So
the busier the lane, the more goes into each commit. Nothing here holds a database connection while a provider is slow.
"""

from __future__ import annotations

import asyncio
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

from channels.base import Attachment, Channel, Outgoing
from gateway import audit, calls, outbox, retry, turns
from gateway.database import Database, is_in_trouble
from gateway.metrics import Metrics

logger = structlog.get_logger()

_GATHER_PAUSE = 0.02  #: seconds in which more calls may end, so that one commit serves many
_ENOUGH = 3  #: when one in so many of those in hand has come to an end, nothing more is waited for
_SPOILED = 3  #: a result that fails so many times by itself, while the database answers, cannot be written down
_TROUBLE_PAUSE = 1.0  #: seconds to wait before asking a database again that did not answer


@dataclass(frozen=True, slots=True)
class Rules:
    """How a lane works: calls at once, how many of them are kept for urgent messages, the lease and the poll.

    ``is_quiet``  whether a moment lies in the quiet hours, when only what is urgent is claimed
    ``ahead``  messages that it may claim beyond, so that the wire is not idle while a turn is under way
    """

    concurrency: int
    urgent_slots: int
    lease: timedelta
    poll: float
    policy: retry.Policy
    timezone: ZoneInfo
    ahead: int = 0
    is_quiet: Callable[[datetime], bool] = lambda _: False


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
        self.failing = False  # its last turn could not be written down
        self._database, self._log, self._rules = database, log, rules
        self._worker, self._now = worker, now
        lease = rules.lease.total_seconds()
        self._calls = calls.Calls(
            channel,
            limits=calls.Limits(rules.concurrency, rules.urgent_slots, lease, rules.ahead),
            metrics=metrics,
            outgoing=outgoing,
            attachments=attachments,
            ended=self._call_ended,
        )
        self._changed = asyncio.Event()  # a call ended, a message was planned, or it is time to stop
        self._enough = asyncio.Event()  # many calls have ended
        self._look_at = 0.0  # the loop's time when it next pays to look for due messages
        self._more = self._more_urgent = False  # some were due for which no slot was free
        self._stopping = False

    def wake(self) -> None:
        """Look for due messages now."""
        self._look_at = 0.0
        self._enough.set()  # what is due now may be urgent: it does not wait for more calls to end
        self._changed.set()

    def stop(self) -> None:
        """Claim nothing more, and call nothing that is not under way."""
        self._stopping = True
        self._calls.put_back()
        self._changed.set()

    async def run(self) -> None:
        """Work until stopped; then wait for the calls on the wire and settle them."""
        try:
            while not self._stopping:
                self.last_turn = self._now()
                await self._turn()
                await self._rest()
                self._calls.look_after()
        finally:  # also where another loop has died and this one is cut off
            self._stopping = True
            self._calls.put_back()
            while self._calls.in_hand or self._calls.results:
                await self._rest()
                self._calls.look_after()
                await self._turn()

    async def _turn(self) -> None:
        """Settle what came in, claim what is free, start the calls."""
        slots = self._slots()
        if not self._calls.results and not slots.urgent:
            return
        batch, self._calls.results = self._calls.results, []
        if any(sent.result.lane_wide for sent in batch):
            slots = outbox.Slots(0, 0)  # nothing more before the hold is written down
        if slots.urgent:
            self._look_at = asyncio.get_running_loop().time() + self._rules.poll  # before: a wake in between counts
        lease_ends = calls.elapsed() + self._rules.lease.total_seconds()
        turn = partial(self._database.at_once, partial(self._write_down, batch, slots))
        try:
            claim, batch = await turns.again(turn)  # what is settled now is not settled again, whatever follows
            self.failing = False
            if self._stopping:
                self._calls.refuse(claim.messages)
            else:
                self._calls.begin(claim.messages, lease_ends=lease_ends)
            if batch:
                await self._settle(batch)
        except asyncio.CancelledError:
            self._calls.results = batch + self._calls.results  # to settle twice what was settled changes nothing
            raise
        except Exception:  # the database is away: what is known is kept, and we know of no claim (its lease will end)
            logger.exception("lane.turn_failed", sender=self.sender_id, results=len(batch))
            self.failing = True
            self._calls.results = batch + self._calls.results
            await self._wait_out()
            self._look_at = 0.0  # what this turn learnt of the next one is lost, and that pause was long enough
            return
        if slots.urgent:
            self._more, self._more_urgent = claim.more, claim.more_urgent
        if claim.again_in is not None:
            self._look_at = min(self._look_at, asyncio.get_running_loop().time() + claim.again_in)

    def _slots(self) -> outbox.Slots:
        """What may be claimed now: nothing before it pays to look, unless it was a slot that was wanting."""
        slots = self._calls.free()
        wanting = self._more_urgent or (self._more and slots.routine)
        early = asyncio.get_running_loop().time() < self._look_at and not wanting
        return outbox.Slots(0, 0) if self._stopping or early else slots

    def _write_down(
        self, batch: Sequence[outbox.Sent], slots: outbox.Slots, connection: Connection
    ) -> tuple[outbox.Claim, list[outbox.Sent]]:
        """One transaction. Gives what was claimed, and the results that it could not settle as simply."""
        now = self._now()
        accepted = outbox.accept(connection, batch, now=now)
        claim = outbox.Claim(())
        if slots.urgent:
            claim = outbox.claim(
                connection,
                self.sender_id,
                slots,
                worker=self._worker,
                lease=self._rules.lease,
                today=now.astimezone(self._rules.timezone).date(),
                now=now,
                quiet=self._rules.is_quiet(now),
                sign=self._log.sign,
            )
        self._log.write(connection, [*accepted.lines, *claim.lines], now=now)
        return claim, accepted.others

    async def _rest(self) -> None:
        """Rest until there is something to do. With every slot taken that is when a call ends."""
        if not self._changed.is_set() and not self._calls.results:
            wait = self._rules.poll
            if self._calls.free().urgent and not self._stopping:
                wait = min(wait, self._look_at - asyncio.get_running_loop().time())
            if wait > 0:
                with suppress(TimeoutError):
                    async with asyncio.timeout(wait):
                        await self._changed.wait()
        if self._calls.in_hand and not self._enough.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(_GATHER_PAUSE):
                    await self._enough.wait()
        self._changed.clear()
        self._enough.clear()

    def _call_ended(self) -> None:
        self._changed.set()
        in_hand = self._rules.concurrency + self._rules.ahead
        if len(self._calls.results) * _ENOUGH >= in_hand or not self._calls.in_hand:
            self._enough.set()

    async def _settle(self, results: Sequence[outbox.Sent]) -> None:
        """Settle what needs more than a word: refusals, tries to come, doubts, receipts that outran us."""

        async def settle() -> None:
            async with self._database.write() as session:
                await outbox.settle(session, results, policy=self._rules.policy, log=self._log, now=self._now())

        await turns.again(settle)

    async def _wait_out(self) -> None:
        """After a turn that failed. Results are kept: each is worth more than a connection."""
        await asyncio.sleep(_TROUBLE_PAUSE)
        self.last_turn = self._now()  # it is the database that stands still
        waiting, self._calls.results = deque(self._calls.results), []
        try:
            await self._rescue(waiting)
        finally:  # also where this lane is cut off meanwhile
            self._calls.results = [*waiting, *self._calls.results]
        if self._stopping and self._calls.results:
            logger.error("lane.results_left_in_doubt", sender=self.sender_id, messages=len(self._calls.results))
            self._calls.results = []

    async def _rescue(self, waiting: deque[outbox.Sent]) -> None:
        """Write results down one by one, and leave those that have to wait.

        Where the database is away that is all of them, until it is time to stop. Where it answers, one of them spoils
        the commit: the one that nobody can write down is left to its lease, which raises a doubt.
        """
        failed = 0
        while waiting and await self._answers():
            self.last_turn = self._now()
            try:
                await turns.again(partial(self._commit, [waiting[0]]))
            except Exception as error:
                failed += 1
                if is_in_trouble(error) or not await self._answers():
                    return
                if failed < _SPOILED:  # it may have been the connection
                    continue
                logger.exception("lane.left_in_doubt", message=waiting[0].message["id"])
            waiting.popleft()
            failed = 0

    async def _commit(self, batch: Sequence[outbox.Sent]) -> None:
        _, others = await self._database.at_once(partial(self._write_down, batch, outbox.Slots(0, 0)))
        if others:
            await self._settle(others)

    async def _answers(self) -> bool:
        """Whether the database can be written to."""
        try:
            async with self._database.write() as session:
                await session.execute(sa.text("SELECT 1"))
        except Exception:
            logger.exception("lane.database_away", sender=self.sender_id)
            return False
        return True

"""The calls of one lane: what is claimed is handed to the channel, so many at once, and what came of it is kept.

A lane may claim somewhat more than it calls at once. What is ahead waits here, so that a place that comes free is taken
at once and not only after the next commit. It waits for a moment only: the guard was asked when it was claimed, and
nobody would see what has changed since.
"""

from __future__ import annotations

import asyncio
import dataclasses
import inspect
import time
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import structlog

from channels.base import Attachment, Channel, Outcome, Outgoing, Reason, SendResult
from gateway import outbox, retry
from gateway.metrics import Metrics

logger = structlog.get_logger()

_LAST_PART = 0.2  #: the share of a lease in which no call is begun any more: a successor may have the message soon
_BROKEN = 5  #: so many calls in a row that broke on the wire are the provider's trouble, not the messages'
_NOT_BEGUN = SendResult(
    Outcome.RETRY,
    code="not begun",
    reason=Reason.TEMPORARY,
    text="The worker did not make this call: it stood still, it was stopped, or its sender was held back.",
)

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Limits:
    """``at_once`` calls, of which ``urgent`` are kept for urgent messages; ``ahead`` messages may wait for a place.

    ``lease``  seconds for which a claim holds
    """

    at_once: int
    urgent: int
    lease: float
    ahead: int = 0


class Calls:
    """The calls under way, the messages that wait for one, and the results that wait to be written down."""

    def __init__(
        self,
        channel: Channel,
        *,
        limits: Limits,
        metrics: Metrics,
        outgoing: Callable[[Row], Outgoing],
        attachments: Callable[[Row], Awaitable[tuple[Attachment, ...]]] | None,
        ended: Callable[[], None],
    ):
        self.channel = channel
        self.results: list[outbox.Sent] = []
        self._limits, self._metrics, self._outgoing, self._attachments = limits, metrics, outgoing, attachments
        self._ended = ended  # told of each call that has ended
        self._under_way: dict[asyncio.Task[None], float] = {}  # when the lease of each ends
        self._urgent: deque[tuple[Row, float]] = deque()
        self._routine: deque[tuple[Row, float]] = deque()
        self._ahead = limits.ahead  # how many may wait here: none after one had to wait for long
        self._broken = 0  # calls in a row that broke on the wire

    @property
    def in_hand(self) -> int:
        """How many messages are claimed and not called to an end."""
        return len(self._under_way) + len(self._urgent) + len(self._routine)

    def free(self) -> outbox.Slots:
        """How many more may be claimed."""
        free = max(0, self._limits.at_once + self._ahead - self.in_hand)
        return outbox.Slots(free, max(0, free - self._limits.urgent))

    def begin(self, messages: Sequence[Row], *, lease_ends: float) -> None:
        """Call these as soon as there is a place, urgent ones first; but not when their lease is nearly over."""
        for message in messages:
            waiting = self._urgent if message["priority"] <= outbox.URGENT else self._routine
            waiting.append((message, lease_ends))
        self._fill()

    def refuse(self, messages: Iterable[Row]) -> None:
        """Call none of these: they go back to the queue, and none of their tries is used up."""
        self.results += [outbox.Sent(message, _NOT_BEGUN, begun=False) for message in messages]

    def put_back(self) -> None:
        """Call nothing more of what waits here."""
        for waiting in (self._urgent, self._routine):
            self.refuse(message for message, _ in waiting)
            waiting.clear()

    def look_after(self) -> None:
        """Put back what waits for too long, and end the calls that are longer under way than their lease.

        One that hangs must not keep its place. A channel has limits of its own, and this is for one that breaks them; a
        timer for each call would cost as much as a fifth of writing it down.
        """
        now = elapsed()
        self._put_back_late()
        for call, lease_ends in self._under_way.items():
            # One that has not begun sees for itself that it is late; to cancel it would be to forget it.
            if lease_ends <= now and _has_begun(call):
                call.cancel()

    def _put_back_late(self) -> None:
        """Put back what has waited for too long: the guard is asked again."""
        latest = elapsed() + self._limits.lease - retry.AHEAD_SECONDS
        if any(waiting and waiting[0][1] < latest for waiting in (self._urgent, self._routine)):
            self._ahead = 0  # the provider is slower than its rate: each call that ends allows one more again
            self.put_back()

    def _fill(self) -> None:
        """Take the free places."""
        while turn := self._next():
            self._under_way[asyncio.create_task(self._call(*turn))] = turn[1]

    def _next(self) -> tuple[Row, float] | None:
        """The message whose turn it is, and the end of its lease; None where none waits or it has no place."""
        for waiting, kept in ((self._urgent, 0), (self._routine, self._limits.urgent)):
            if waiting and len(self._under_way) < self._limits.at_once - kept:
                return waiting.popleft()
        return None

    async def _call(self, message: Row, lease_ends: float) -> None:
        """Call this one, and then those that wait, as long as the place is theirs: a task for each would cost more."""
        place, turn = cast(asyncio.Task[None], asyncio.current_task()), (message, lease_ends)
        while True:
            self._keep(turn[0], await self._result(*turn))
            del self._under_way[place]
            self._put_back_late()  # no turn may have looked for long: the database stands still
            following = self._next()
            if following:
                turn, self._under_way[place] = following, following[1]
            self._ended()
            if not following:
                return

    def _keep(self, message: Row, result: SendResult) -> None:
        """Keep what came of a call until it is written down."""
        self._metrics.sent(self.channel.name, result)
        begun = result is not _NOT_BEGUN
        if begun:  # of a call that was not made nobody can say how it would have gone
            self._broken = self._broken + 1 if _broke(result) else 0
            if self._broken >= _BROKEN or (message.get("tries") and self._broken):
                result = dataclasses.replace(result, lane_wide=True, reason=result.reason or Reason.TEMPORARY)
        self.results.append(outbox.Sent(message, result, begun=begun))
        self._ahead = min(self._limits.ahead, self._ahead + 1)
        if result.lane_wide:
            self.put_back()

    async def _result(self, message: Row, lease_ends: float) -> SendResult:
        """Make one provider call. Whatever goes wrong in it is a result too: nothing that was claimed is forgotten."""
        called = False
        try:
            ready = await self._ready(message)
            if isinstance(ready, SendResult):
                return ready
            if lease_ends - elapsed() < _LAST_PART * self._limits.lease:
                logger.warning("lane.lease_over", message=message["id"])
                return _NOT_BEGUN  # we were frozen: a successor may be sending it by now
            called = True
            return await self.channel.send(ready)
        except asyncio.CancelledError:
            place = cast(asyncio.Task[None], asyncio.current_task())
            if place.cancelling() and elapsed() < lease_ends:
                raise
            place.uncancel()  # it was this call that ended, not its place: late, or what it waited for was given up
            logger.warning("lane.call_hung", message=message["id"])
            late = SendResult(Outcome.UNKNOWN, reason=Reason.TEMPORARY, text="The provider did not answer in time.")
            return late if called else _NOT_BEGUN
        except Exception:  # a bug of ours; the call may have been made, so only evidence can decide
            logger.exception("lane.send_failed", message=message["id"])
            return SendResult(Outcome.UNKNOWN, reason=Reason.OTHER, text="Handbell itself failed while sending.")

    async def _ready(self, message: Row) -> Outgoing | SendResult:
        """What the channel is handed, or why there is nothing to hand over."""
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
        return dataclasses.replace(ready, attachments=files) if files else ready


def elapsed() -> float:
    """Seconds on a clock that nobody sets, and that goes on while this process is stopped or the machine sleeps."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def _has_begun(call: asyncio.Task[None]) -> bool:
    return inspect.getcoroutinestate(cast(Coroutine[Any, Any, None], call.get_coro())) != inspect.CORO_CREATED


def _broke(result: SendResult) -> bool:
    """Whether there was no answer of the provider's, or one of a provider that fails. A code speaks of the message."""
    if result.outcome is Outcome.RETRY:
        return result.reason is Reason.TEMPORARY and not result.code
    return result.outcome is Outcome.UNKNOWN

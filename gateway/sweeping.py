"""Evidence about the doubts: the provider's own list is asked, several questions at once; each answer decides one."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial
from typing import Any

import structlog

from channels.base import FindResult, Found, Outgoing
from gateway import context, outbox, turns

logger = structlog.get_logger()

LOOKS_AT_ONCE = 8  #: questions to one channel's provider on the way at once
_LOOK_SECONDS = 30  #: how long one may take
_CLOCKS_DIFFER = timedelta(seconds=5)  #: by so much at most ours and the provider's


async def sweep(
    gateway: context.Gateway,
    *,
    outgoing: Callable[[Mapping[str, Any]], Outgoing],
    stopping: asyncio.Event,
    turned: Callable[[], None],
) -> int:
    """Look into every doubt whose time of grace is over. Gives how many there were.

    A provider that is slow does not hold up the evidence for the rest: each has places of its own, and of one that
    hung no more is asked in this round, which would keep the next one waiting. ``turned`` is told of every decision.
    """
    async with gateway.database.read() as session:
        doubts = await outbox.doubts(session, now=gateway.now())
    places: defaultdict[str, asyncio.Semaphore] = defaultdict(partial(asyncio.Semaphore, LOOKS_AT_ONCE))
    hung, deciding = set[str](), asyncio.Lock()

    async def look(doubt: outbox.Doubt) -> None:
        channel = doubt.message["channel"]
        async with places[channel]:
            if stopping.is_set() or channel in hung:
                return
            try:
                found = await _find(gateway, doubt, outgoing)
            except TimeoutError:
                logger.warning("sweep.look_hung", message=doubt.message["id"])
                hung.add(channel)
                found = FindResult(Found.NOT_NOW)
        # One by one: two doubts of one phone must not both take the same entry of the provider's list.
        async with deciding:
            await _decide(gateway, doubt, found)
        turned()

    async with asyncio.TaskGroup() as group:
        for doubt in doubts:
            group.create_task(look(doubt))
    return len(doubts)


async def _decide(gateway: context.Gateway, doubt: outbox.Doubt, found: FindResult) -> None:
    """Decide one doubt. One that cannot be written down is looked at again, and the others go on."""
    policy, named = gateway.policy(), bool(gateway.public_url)

    async def decide() -> None:
        async with gateway.database.write() as session:
            await outbox.resolve(session, doubt, found, policy=policy, log=gateway.log, now=gateway.now(), named=named)

    try:
        await turns.again(decide)
    except Exception:
        logger.exception("sweep.not_decided", message=doubt.message["id"])
        gateway.metrics.job_failures.labels("sweep").inc()


async def _find(
    gateway: context.Gateway, doubt: outbox.Doubt, outgoing: Callable[[Mapping[str, Any]], Outgoing]
) -> FindResult:
    """Look for a doubtful message. Raises TimeoutError; whatever else goes wrong in it, the others go on."""
    channel = gateway.channels.get(doubt.message["channel"])
    if channel is None:  # a provider that is no longer set up cannot be asked
        return FindResult(Found.CANNOT_TELL)
    try:
        async with asyncio.timeout(_LOOK_SECONDS):
            return await channel.find(outgoing(doubt.message), doubt.since - _CLOCKS_DIFFER)
    except TimeoutError:
        raise
    except Exception:  # a bug of ours
        logger.exception("sweep.look_failed", message=doubt.message["id"])
    return FindResult(Found.CANNOT_TELL)

"""The daemon: lanes that send, a ticker that plans and looks after, and a web server, in one process.

Loops are supervised: one that dies takes the daemon down with it, loudly, so that systemd starts it again; nothing is
lost by that. The watchdog is fed only while the loops really turn.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, suppress
from datetime import timedelta

import sqlalchemy as sa
import structlog
from sqlmodel import col, select

from channels.base import FindResult, Found, Outgoing
from gateway import context, intake, notices, outbox, outgoing, sender, systemd
from gateway.models import Audit, Conversation, Sender
from scheduler.ticker import Ticker

logger = structlog.get_logger()

STUCK_SECONDS = 60  #: a loop that has not turned for so long is not fed to the watchdog


class Daemon:
    """Runs a gateway until it is told to stop.

    ``serve`` is the web server as a coroutine function that returns when the given event is set, or None.
    """

    def __init__(
        self,
        gateway: context.Gateway,
        *,
        serve: Callable[[asyncio.Event], Awaitable[None]] | None,
        roles: Sequence[str] = ("web", "sender", "clock"),
        ready: Callable[[], None] = lambda: None,
    ):
        self.gateway = gateway
        self.stopping = asyncio.Event()
        self.lanes: list[sender.Lane] = []
        self.ticker = Ticker(on_error=self._job_failed, now=gateway.now)
        self.serve, self._roles, self._ready = serve, roles, ready
        self._arrived = asyncio.Event()
        self._worker = f"{socket.gethostname()}:{os.getpid()}"

    async def run(self) -> None:
        """Work until ``stop``. Raises whatever a loop died of."""
        async with AsyncExitStack() as stack:
            for channel in self.gateway.channels.values():
                await channel.open()
                stack.push_async_callback(channel.close)
            if "sender" in self._roles:
                self.lanes = await self._make_lanes()
            self._schedule()
            async with asyncio.TaskGroup() as group:
                for lane in self.lanes:
                    group.create_task(self._supervised(lane.run(), f"lane {lane.sender_id}"))
                group.create_task(self._supervised(self._take_in(), "intake"))
                if self.serve and "web" in self._roles:
                    group.create_task(self._supervised(self.serve(self.stopping), "web server"))
                watchdog = group.create_task(systemd.keep_alive(self._turning, environ=os.environ))
                self.ticker.start()
                systemd.notify("READY=1", environ=os.environ)
                self._ready()
                await self.stopping.wait()
                systemd.notify("STOPPING=1", environ=os.environ)
                await self.ticker.stop()
                watchdog.cancel()
                for lane in self.lanes:
                    lane.stop()
            await self._seal()
        logger.info("daemon.stopped")

    def stop(self) -> None:
        """Finish what is on the wire, then end."""
        self.stopping.set()
        self._arrived.set()

    def wake(self) -> None:
        """Something was planned: look for it now."""
        for lane in self.lanes:
            lane.wake()

    def arrived(self) -> None:
        """Something came in: interpret it now."""
        self._arrived.set()

    def listen_for_signals(self) -> None:
        """Stop cleanly on SIGTERM and SIGINT."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)

    async def _supervised(self, loop: Awaitable[None], name: str) -> None:
        """A loop that ends before it is told to is a fault, even when it raised nothing."""
        await loop
        if not self.stopping.is_set():
            raise RuntimeError(f"The {name} ended by itself.")

    async def _make_lanes(self) -> list[sender.Lane]:
        gateway, sending = self.gateway, self.gateway.settings.sending
        rules = sender.Rules(
            concurrency=sending.concurrency,
            urgent_slots=sending.urgent_slots,
            lease=timedelta(seconds=sending.lease_s),
            poll=sending.poll_s,
            policy=gateway.policy(),
            timezone=gateway.timezone,
        )
        async with gateway.database.read() as session:
            known = list(await session.scalars(select(Sender).where(col(Sender.active)).order_by(col(Sender.id))))
        return [
            sender.Lane(
                row.id,
                gateway.channels[row.channel],
                database=gateway.database,
                log=gateway.log,
                rules=rules,
                metrics=gateway.metrics,
                outgoing=self._outgoing,
                worker=self._worker,
                now=gateway.now,
            )
            for row in known
            if row.id is not None and row.channel in gateway.channels
        ]

    def _outgoing(self, message: outgoing.Row) -> Outgoing:
        gateway = self.gateway
        return outgoing.build(
            message, callback_url=gateway.public_url, unsubscribe_url=gateway.unsubscribe_url, now=gateway.now()
        )

    def _every(self, seconds: float, name: str, job: Callable[[], Awaitable[None]]) -> None:
        """Let the ticker run a job, and measure it."""

        async def timed() -> None:
            with self.gateway.metrics.job_seconds.labels(name).time():
                await job()

        self.ticker.every(seconds, name, timed)

    def _schedule(self) -> None:
        poll = self.gateway.settings.sending.poll_s
        if "clock" in self._roles:
            self._every(poll, "plan", self.plan)
            self._every(5, "sweep", self.sweep)
            self._every(self.gateway.settings.audit.seal_every_s, "seal", self._seal)
            self._every(15, "gauges", self._gauge)

    def _job_failed(self, name: str, _error: BaseException) -> None:
        self.gateway.metrics.job_failures.labels(name).inc()

    async def plan(self) -> None:
        """Plan every notice that is due, each in a transaction of its own."""
        while not self.stopping.is_set():
            async with self.gateway.database.write() as session:
                planned = await notices.plan_due(session, self.gateway)
            if planned is None:
                return
            self.wake()

    async def sweep(self) -> None:
        """Look into the doubts: calls whose outcome nobody knows."""
        gateway, policy = self.gateway, self.gateway.policy()
        async with gateway.database.write() as session:
            await outbox.expire_leases(session, policy=policy, log=gateway.log, now=gateway.now())
        async with gateway.database.read() as session:
            doubts = await outbox.doubts(session, now=gateway.now())
        for doubt in doubts:
            if self.stopping.is_set():
                return
            channel = gateway.channels.get(doubt.message["channel"])
            found = FindResult(Found.CANNOT_TELL)  # a provider that is no longer set up cannot be asked
            if channel is not None:
                found = await channel.find(self._outgoing(doubt.message), doubt.since - timedelta(seconds=5))
            async with gateway.database.write() as session:
                await outbox.resolve(session, doubt, found, policy=policy, log=gateway.log, now=gateway.now())
        if doubts:
            self.wake()

    async def _take_in(self) -> None:
        """Interpret what came in, as it comes and at every poll."""
        gateway = self.gateway
        while not self.stopping.is_set():
            self._arrived.clear()
            try:
                handled = await intake.handle_waiting(gateway.database, log=gateway.log, now=gateway.now())
            except Exception:  # the database is away; everything is stored already, so it can wait
                logger.exception("intake.trouble")
                handled = 0
            if not handled:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._arrived.wait(), gateway.settings.sending.poll_s)

    async def _seal(self) -> None:
        async with self.gateway.database.write() as session:
            await self.gateway.log.seal(session)

    async def _gauge(self) -> None:
        """Bring the gauges up to date."""
        metrics, now = self.gateway.metrics, self.gateway.now()
        async with self.gateway.database.read() as session:
            waiting = await outbox.waiting(session)
            people = await session.scalar(
                sa.select(sa.func.count()).select_from(Conversation).where(col(Conversation.waiting_since).is_not(None))
            )
            unsealed = await session.scalar(
                sa.select(sa.func.count()).select_from(Audit).where(col(Audit.link).is_(None))
            )
        metrics.queued.clear()
        metrics.oldest.clear()
        for (medium, priority), (count, oldest) in waiting.items():
            metrics.queued.labels(medium, str(priority)).set(count)
            age = max(0.0, (now - oldest).total_seconds()) if oldest else 0.0
            metrics.oldest.labels(medium, str(priority)).set(age)
        metrics.waiting.set(people or 0)
        metrics.unsealed.set(unsealed or 0)

    def stuck(self) -> list[str]:
        """The loops that have not turned for too long."""
        limit = self.gateway.now() - timedelta(seconds=STUCK_SECONDS)
        return [f"lane {lane.sender_id}" for lane in self.lanes if lane.last_turn < limit]

    def _turning(self) -> bool:
        """Whether every loop turns; the watchdog is fed only then."""
        if stuck := self.stuck():
            logger.error("daemon.stuck", loops=stuck)
        return not stuck

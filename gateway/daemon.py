"""The daemon: lanes that send, a ticker that plans and looks after, and a web server, in one process.

Loops are supervised: one that dies takes the daemon down with it, loudly, so that systemd starts it again; nothing is
lost by that. The watchdog is fed only while the loops and the jobs really turn, and ``/readyz`` says which do not.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager, suppress
from datetime import datetime, timedelta
from functools import partial

import sqlalchemy as sa
import structlog
from sqlmodel import col, select

from channels.base import Event, Medium, Outgoing, Receiver
from gateway import (
    answers,
    attachments,
    context,
    intake,
    notices,
    outbox,
    outgoing,
    polling,
    sender,
    sweeping,
    systemd,
    tasks,
)
from gateway.models import Audit, Conversation, Message, MessageState, Sender
from gateway.models.types import core
from scheduler.ticker import Ticker

logger = structlog.get_logger()

CALL_SECONDS = 45  #: how long calls are heard out when we are told to stop
STUCK_SECONDS = 60  #: a loop that has not turned for so long hangs
_LOOK_TICK = 5.0  #: how often it is asked whether a look is due, in seconds
STUCK_JOB_SECONDS = 300  #: a job may take longer: one that plans a message for every family of a trust

#: Answers on an open socket until the first event is set; sets the second one once it answers.
Serve = Callable[[asyncio.Event, asyncio.Event], Awaitable[None]]


class Daemon:
    """Runs a gateway until it is told to stop.

    ``listen`` opens the web server's socket and gives what answers on it, or None for no web server.
    """

    def __init__(
        self,
        gateway: context.Gateway,
        *,
        listen: Callable[[], Serve] | None,
        roles: Sequence[str] = ("web", "sender", "clock"),
        ready: Callable[[], None] = lambda: None,
    ):
        self.gateway = gateway
        self.stopping = asyncio.Event()
        self._closing = asyncio.Event()  # the last thing: until then the web answers, and what comes in is read
        self.lanes: list[sender.Lane] = []
        self.ticker = Ticker(on_error=self._job_failed, now=gateway.now)
        self.listen, self._roles, self._ready = listen, roles, ready
        self._receivers: Sequence[Receiver] = gateway.receivers if "web" in roles else ()
        self._arrived = asyncio.Event()
        self._worker = f"{socket.gethostname()}:{os.getpid()}"
        #: When the intake and each job last came round, well or ill, and how many seconds each may take for that.
        self._turned: dict[str, datetime] = {}
        self._patience: dict[str, float] = {}

    async def run(self) -> None:
        """Work until ``stop``. Raises what could not be opened, or what a loop died of."""
        async with AsyncExitStack() as stack:
            for channel in self.gateway.channels.values():
                await channel.open()
                stack.push_async_callback(channel.close)
            for receiver in self._receivers:
                await receiver.open()
                stack.push_async_callback(receiver.close)
            if "sender" in self._roles:
                self.lanes = await self._make_lanes()
            self._schedule()
            # Last, as nothing else would close it; and before anybody is told that we are ready.
            web = self.listen() if self.listen and "web" in self._roles else None
            with _plainly():
                await self._watch(web)
            await self._seal()
        logger.info("daemon.stopped")

    async def _watch(self, web: Serve | None) -> None:
        """Work, with the watchdog fed to the very end: a call that is waited for is no hang."""
        async with asyncio.TaskGroup() as group:
            watchdog = group.create_task(systemd.keep_alive(self._turning, environ=os.environ))
            await self._work(web)
            watchdog.cancel()

    async def _work(self, web: Serve | None) -> None:
        answering = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            for lane in self.lanes:
                group.create_task(self._supervised(lane.run(), f"lane {lane.sender_id}"))
            self._expect("intake", STUCK_SECONDS)
            group.create_task(self._supervised(self._take_in(), "intake"))
            if web:
                group.create_task(self._supervised(web(self._closing, answering), "web server"))
                await answering.wait()
            doors = [group.create_task(self._supervised(self._receive(each), each.name)) for each in self._receivers]
            try:
                self.ticker.start()
                systemd.tell("READY=1", environ=os.environ)
                self._ready()
                await self.stopping.wait()
                await self._hear_calls_out()
            finally:  # also when a loop has died: no job may go on beside what is being closed
                systemd.tell("STOPPING=1", environ=os.environ)
                self.stop()
                await _cancel(doors)
                await self.ticker.stop()
                self._closing.set()
                self._arrived.set()

    async def _hear_calls_out(self) -> None:
        """Go on answering for calls that people have just picked up: without us they would hear an error.

        Practice calls may ring for ever and are not waited for. A second signal ends the wait.
        """
        if self.listen is None or self.gateway.settings.practice.enabled:
            return
        t = core(Message).c
        since = self.gateway.now() - timedelta(seconds=CALL_SECONDS)
        going_on = sa.select(sa.func.count()).where(
            t.medium == Medium.VOICE,
            t.state.in_([MessageState.SENDING, MessageState.ACCEPTED]),
            t.changed_at > since,
        )
        with suppress(TimeoutError):
            async with asyncio.timeout(CALL_SECONDS):
                while not self._closing.is_set():
                    async with self.gateway.database.read() as session:
                        if not await session.scalar(going_on):
                            return
                    await asyncio.sleep(0.25)

    def stop(self) -> None:
        """Claim nothing more, finish what is on the wire, then end."""
        self.stopping.set()
        for lane in self.lanes:
            lane.stop()
        self._arrived.set()

    def wake(self) -> None:
        """Something was planned: look for it now."""
        for lane in self.lanes:
            lane.wake()

    def planned(self) -> None:
        """A notice was handed in or let go: plan it now, should it be due. An emergency waits for no tick."""
        self.ticker.soon("plan")
        self.wake()

    def arrived(self) -> None:
        """Something came in: interpret it now."""
        self._arrived.set()

    def listen_for_signals(self) -> None:
        """Stop cleanly on SIGTERM and SIGINT."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._interrupt)

    def _interrupt(self) -> None:
        if self.stopping.is_set():
            self._closing.set()  # somebody is in a hurry
        self.stop()

    async def _supervised(self, loop: Awaitable[None], name: str) -> None:
        """A loop that ends before it is told to is a fault, even when it raised nothing."""
        await loop
        if not self.stopping.is_set():
            raise RuntimeError(f"The {name} ended by itself.")

    async def _make_lanes(self) -> list[sender.Lane]:
        gateway = self.gateway
        async with gateway.database.read() as session:
            known = list(await session.scalars(select(Sender).where(col(Sender.active)).order_by(col(Sender.id))))
        files = attachments.Files(gateway.database, school=gateway.settings.school.short_name, now=gateway.now)
        return [
            sender.Lane(
                row.id,
                gateway.channels[row.channel],
                database=gateway.database,
                log=gateway.log,
                rules=self._rules(gateway.channels[row.channel].medium),
                metrics=gateway.metrics,
                outgoing=self._outgoing,
                worker=self._worker,
                now=gateway.now,
                attachments=files.of,
            )
            for row in known
            if row.id is not None and row.channel in gateway.channels
        ]

    def _rules(self, medium: Medium) -> sender.Rules:
        sending, mail_at_once = self.gateway.settings.sending, self.gateway.settings.smtp.pool_size
        concurrency, urgent = sending.concurrency, sending.urgent_slots
        if medium is Medium.EMAIL:
            # What was claimed must not spend its lease waiting for a connection. Half of the few at most are kept free.
            concurrency, urgent = mail_at_once, min(urgent, mail_at_once // 2)
        return sender.Rules(
            concurrency=concurrency,
            urgent_slots=urgent,
            lease=timedelta(seconds=sending.lease_s),
            poll=sending.poll_s,
            policy=self.gateway.policy(),
            timezone=self.gateway.timezone,
        )

    def _outgoing(self, message: outgoing.Row) -> Outgoing:
        gateway = self.gateway
        return outgoing.build(
            message, callback_url=gateway.public_url, unsubscribe_url=gateway.unsubscribe_url, now=gateway.now()
        )

    def _every(self, seconds: float, name: str, job: Callable[[], Awaitable[None]]) -> None:
        """Let the ticker run a job, measure it, and see that it comes round."""

        async def timed() -> None:
            try:
                with self.gateway.metrics.job_seconds.labels(name).time():
                    await job()
            finally:
                # Not the ticker's last_run, which counts good ends alone: a database that is away for an hour is no
                # reason to be started again and again until systemd gives up.
                self._turn(f"{name} job")

        self._expect(f"{name} job", STUCK_JOB_SECONDS + seconds)
        self.ticker.every(seconds, name, timed)

    def _expect(self, loop: str, seconds: float) -> None:
        self._patience[loop] = seconds
        self._turn(loop)

    def _turn(self, loop: str) -> None:
        self._turned[loop] = self.gateway.now()

    def _schedule(self) -> None:
        poll, sweep = self.gateway.settings.sending.poll_s, self.gateway.settings.sending.sweep_s
        if "clock" in self._roles:
            self._every(poll, "plan", self.plan)
            self._every(sweep, "leases", self.expire)
            self._every(sweep, "sweep", self.sweep)
            self._every(self.gateway.settings.audit.seal_every_s, "seal", self._seal)
            self._every(15, "gauges", self._gauge)
            self._schedule_looks()

    def _schedule_looks(self) -> None:
        """One job for each list that a provider is asked for. It ticks more often than it looks."""
        pause = polling.pause(self.gateway)
        if pause is None:
            return
        for number, stream in enumerate(polling.streams(self.gateway), start=1):
            name = f"look {number} {stream.channel}"
            looks = polling.Looks(
                self.gateway, stream, pause, arrived=self.arrived, turned=partial(self._turn, f"{name} job")
            )
            self._every(min(_LOOK_TICK, pause.total_seconds()), name, looks.tick)

    def _job_failed(self, name: str, _error: BaseException) -> None:
        self.gateway.metrics.job_failures.labels(name).inc()

    async def plan(self) -> None:
        """Plan every notice that is due, each in a transaction of its own."""
        while not self.stopping.is_set():
            async with self.gateway.database.write() as session:
                planned = await notices.plan_due(session, self.gateway)
            self._turn("plan job")
            if planned is None:
                return
            self.wake()

    async def expire(self) -> None:
        """Turn calls whose worker never reported into doubts."""
        gateway = self.gateway
        async with gateway.database.write() as session:
            await outbox.expire_leases(session, policy=gateway.policy(), log=gateway.log, now=gateway.now())

    async def sweep(self) -> None:
        """Look for evidence about the doubts."""
        looked = await sweeping.sweep(
            self.gateway, outgoing=self._outgoing, stopping=self.stopping, turned=lambda: self._turn("sweep job")
        )
        if looked:
            self.wake()

    async def _take_in(self) -> None:
        """Interpret what came in, as it comes and at every poll."""
        gateway = self.gateway
        while not self._closing.is_set():
            self._turn("intake")
            self._arrived.clear()
            try:
                handled = await intake.handle_waiting(
                    gateway.database, log=gateway.log, answering=self._answering(), now=gateway.now()
                )
            except Exception:  # the database is away; everything is stored already, so it can wait
                logger.exception("intake.trouble")
                handled = 0
            if not handled:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._arrived.wait(), gateway.settings.sending.poll_s)

    def _answering(self) -> answers.Answering:
        gateway = self.gateway
        return answers.Answering(gateway.school(), gateway.costs(), gateway.settings.answers, gateway.new_id)

    async def _receive(self, receiver: Receiver) -> None:
        """Store what a receiver hands in; it is interpreted from there, as everything is."""

        async def deliver(events: Sequence[Event]) -> None:
            async with self.gateway.database.write() as session:
                await intake.store(session, receiver.name, events, now=self.gateway.now())
            self.arrived()

        self.gateway.metrics.watch(receiver)
        await receiver.receive(deliver)

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
            open_tasks = await tasks.count(session)
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
        for urgent, count in open_tasks.items():
            metrics.tasks.labels("yes" if urgent else "no").set(count)

    def stuck(self) -> list[str]:
        """The loops and jobs of this process that have not come round for too long."""
        now = self.gateway.now()
        waited = {f"lane {lane.sender_id}": now - lane.last_turn for lane in self.lanes}
        waited |= {name: now - turned for name, turned in self._turned.items()}
        return [name for name, span in waited.items() if span.total_seconds() > self._patience.get(name, STUCK_SECONDS)]

    def _turning(self) -> bool:
        """Whether everything comes round; the watchdog is fed only then. Once we stop, TimeoutStopSec is the limit."""
        stuck = [] if self.stopping.is_set() else self.stuck()
        if stuck:
            logger.error("daemon.stuck", loops=stuck)
        return not stuck


async def _cancel(running: Sequence[asyncio.Task[None]]) -> None:
    """End tasks, and wait until they have."""
    for one in running:
        one.cancel()
    if running:
        await asyncio.wait(running)


@contextmanager
def _plainly() -> Iterator[None]:
    """Let an error that is alone in its group out of it: its sentence is for a person."""
    try:
        yield
    except BaseExceptionGroup as group:
        error: BaseException = group
        while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
            error = error.exceptions[0]
        if error is group:
            raise
        raise error from None

"""The daemon: lanes that send, a ticker that plans and looks after, and a web server, in one process.

Loops are supervised: one that dies takes the daemon down with it, loudly, so that systemd starts it again; nothing is
lost by that. The watchdog is fed only while the loops and the jobs really turn, and ``/readyz`` says which do not.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager, suppress
from datetime import datetime, timedelta

import sqlalchemy as sa
import structlog

from channels.base import Event, Medium, Receiver
from gateway import bell, can_send, context, intake, jobs, lanes, pulse, sender, systemd
from gateway.absence import meaning
from gateway.events import hearing
from gateway.models import Message, MessageState
from gateway.models.types import core
from gateway.phone_line import talking

logger = structlog.get_logger()

CALL_SECONDS = 45  #: how long calls are heard out when we are told to stop
_READY_SECONDS = 15.0  #: how often it is asked for the metrics whether we can send
_NEW_LANES, _NEW_LANES_SECONDS = "lanes", 15.0  #: how often it is asked whether there are senders without a lane

#: Answers on an open socket until the first event is set; sets the second one once it answers.
Serve = Callable[[asyncio.Event, asyncio.Event], Awaitable[None]]


class Daemon:
    """Runs a gateway until it is told to stop.

    ``listen`` opens the web server's socket and gives what answers on it, or None for no web server.
    ``understanding`` says what a family's words mean for an absence.
    ``among_others`` says that other schools run in this process, and that somebody else hears the bell for all.
    """

    def __init__(
        self,
        gateway: context.Gateway,
        *,
        listen: Callable[[], Serve] | None,
        roles: Sequence[str] = ("web", "sender", "clock"),
        ready: Callable[[], None] = lambda: None,
        understanding: meaning.Understanding = meaning.by_menu,
        among_others: bool = False,
        unmoved: Callable[[], datetime] | None = None,
    ):
        """``unmoved`` is a clock that practice mode does not put on: by the gateway's every loop would hang then."""
        self.gateway = gateway
        self._environ = {} if among_others else os.environ  # whoever runs several schools speaks to systemd for all
        self._has_ear = not (among_others or gateway.database.is_sqlite)
        self.stopping = asyncio.Event()
        self.closing = asyncio.Event()  # the last thing: until then the web answers, and what comes in is read
        self.lanes, self.pulse = lanes.Lanes(gateway), pulse.Pulse(unmoved or gateway.now)
        self.jobs = jobs.Jobs(
            gateway,
            lanes=self.lanes,
            pulse=self.pulse,
            stopping=self.stopping,
            arrived=self.arrived,
            understanding=understanding,
        )
        self.listen, self._roles, self._ready = listen, roles, ready
        self._receivers: Sequence[Receiver] = gateway.receivers if "web" in roles else ()
        self._arrived = asyncio.Event()
        self.talking = talking.Talking()
        self._several = not gateway.database.is_sqlite  # other processes may work on the same database

    async def run(self) -> None:
        """Work until ``stop``. Raises what could not be opened, or what a loop died of."""
        async with AsyncExitStack() as stack:
            for channel in self.gateway.channels.values():
                await channel.open()
                stack.push_async_callback(channel.close)
            for line in self.gateway.lines.values():
                await line.open()
                stack.push_async_callback(line.close)
            for receiver in self._receivers:
                await receiver.open()
                stack.push_async_callback(receiver.close)
            await self.jobs.keep_time()
            await self.jobs.keep_calendar()
            if "sender" in self._roles:
                await self.lanes.look()
            if "clock" in self._roles:
                self.jobs.schedule()
            if "web" in self._roles:  # or nobody can ask this process for its metrics
                self.gateway.metrics.watch_process(self.stuck)
                self.jobs.every(_READY_SECONDS, "ready", self._look)
            # Last, as nothing else would close it; and before anybody is told that we are ready.
            web = self.listen() if self.listen and "web" in self._roles else None
            with _plainly():
                await self._watch(web)
            await self.jobs.seal()
        logger.info("daemon.stopped")

    async def _watch(self, web: Serve | None) -> None:
        """Work, with the watchdog fed to the very end: a call that is waited for is no hang."""
        async with asyncio.TaskGroup() as group:
            watchdog = group.create_task(systemd.keep_alive(self._turning, environ=self._environ))
            await self._work(web)
            watchdog.cancel()

    async def _work(self, web: Serve | None) -> None:
        answering = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            self._run_lanes(group, self.lanes.all)
            heard = bell.Bell(self.gateway.database.url, {self.gateway.database.school: self.planned})
            ear = group.create_task(heard.listen()) if self._has_ear else None
            self.pulse.expect("intake")
            group.create_task(self._supervised(self._take_in(), "intake"))
            if web:
                group.create_task(self._supervised(web(self.closing, answering), "web server"))
                await answering.wait()
            doors = [group.create_task(self._supervised(self._receive(each), each.name)) for each in self._receivers]
            try:
                self.jobs.ticker.start()
                systemd.tell("READY=1", environ=self._environ)
                self._ready()
                await self.stopping.wait()
                await self._hear_calls_out()
            finally:  # also when a loop has died: no job may go on beside what is being closed
                told = self.stopping.is_set()  # else we are cut off ourselves, as what hangs would never end
                systemd.tell("STOPPING=1", environ=self._environ)
                self.stop()
                await _cancel([*doors, *([ear] if ear else [])])
                await self.jobs.ticker.stop(at_once=not told)
                self.closing.set()
                self._arrived.set()

    def _run_lanes(self, group: asyncio.TaskGroup, made: Sequence[sender.Lane]) -> None:
        """Run lanes, and those of senders that another process brings later."""
        for lane in made:
            group.create_task(self._supervised(lane.run(), f"lane {lane.sender_id}"))
        if made is not self.lanes.all or not self._several or "sender" not in self._roles:
            return

        async def look_again() -> None:
            new = await self.lanes.look()
            if not self.stopping.is_set():
                self._run_lanes(group, new)

        self.jobs.every(_NEW_LANES_SECONDS, _NEW_LANES, look_again)

    async def _hear_calls_out(self) -> None:
        """Go on answering for calls that people have just picked up, and for families who ring: without us they would
        hear an error.

        Practice calls may ring for ever and are not waited for. A second signal ends the wait.
        """
        if self.listen is None or self.gateway.settings.practice.enabled:
            return
        since = self.gateway.now() - timedelta(seconds=CALL_SECONDS)
        with suppress(TimeoutError):
            async with asyncio.timeout(CALL_SECONDS):
                while not self.closing.is_set():
                    if not await self._anybody_on_the_phone(since):
                        return
                    await asyncio.sleep(0.25)

    async def _anybody_on_the_phone(self, since: datetime) -> bool:
        """Whether a call goes on: of ours, begun since then, or of a family's."""
        if self.talking.anybody(now=self.gateway.now()):
            return True
        t = core(Message).c
        going_on = sa.select(sa.func.count()).where(
            t.medium == Medium.VOICE,
            t.state.in_([MessageState.SENDING, MessageState.ACCEPTED]),
            t.changed_at > since,
        )
        async with self.gateway.database.read() as session:
            return bool(await session.scalar(going_on))

    def stop(self) -> None:
        """Claim nothing more, finish what is on the wire, then end."""
        self.stopping.set()
        self.lanes.stop()
        self._arrived.set()

    def wake(self) -> None:
        """Something is due: look for it now."""
        self.lanes.wake()

    def planned(self) -> None:
        """Somebody handed something in or let it go: plan it now, should it be due. An emergency waits for no tick."""
        self.jobs.ticker.soon("plan")
        self.jobs.ticker.soon(_NEW_LANES)
        self.wake()

    def arrived(self) -> None:
        """Something came in: interpret it now."""
        self._arrived.set()

    def listen_for_signals(self) -> None:
        """Stop cleanly on SIGTERM and SIGINT."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.interrupt)

    def interrupt(self) -> None:
        """Stop cleanly; told a second time, hear no call out."""
        if self.stopping.is_set():
            self.closing.set()  # somebody is in a hurry
        self.stop()

    async def _supervised(self, loop: Awaitable[None], name: str) -> None:
        """A loop that ends before it is told to is a fault, even when it raised nothing."""
        await loop
        if not self.stopping.is_set():
            raise RuntimeError(f"The {name} ended by itself.")

    async def _take_in(self) -> None:
        """Interpret what came in, as it comes and at every poll."""
        gateway = self.gateway
        while not self.closing.is_set():
            self.pulse.turn("intake")
            self._arrived.clear()
            try:
                handled = await intake.handle_waiting(
                    gateway.database,
                    log=gateway.log,
                    answering=hearing.answering_of(gateway),
                    now=gateway.now(),
                    stretch=intake.STRETCH,
                )
            except Exception:  # the database is away; everything is stored already, so it can wait
                logger.exception("intake.trouble")
                handled = 0
            if handled:  # perhaps it says where a child is, or somebody must answer
                self.jobs.ticker.soon(jobs.ABSENCE)
                self.jobs.ticker.soon(jobs.DESK)
            else:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._arrived.wait(), gateway.settings.sending.poll_s * gateway.calm)

    async def _receive(self, receiver: Receiver) -> None:
        """Store what a receiver hands in; it is interpreted from there, as everything is."""

        async def deliver(events: Sequence[Event]) -> None:
            async with self.gateway.database.write() as session:
                await intake.store(session, receiver.name, events, now=self.gateway.now())
            self.arrived()

        self.gateway.metrics.watch(receiver)
        await receiver.receive(deliver)

    def stuck(self) -> list[str]:
        """The loops and jobs of this process that have not come round for too long."""
        return self.lanes.stuck(pulse.STUCK_SECONDS) + self.pulse.stuck()

    async def _look(self) -> None:
        """Let the metrics say what ``/readyz`` would."""
        answer = await can_send.look(self.gateway, stuck=self.stuck(), failing=self.failing())
        self.gateway.metrics.ready.set(not answer.reasons)

    def failing(self) -> list[str]:
        """The lanes of this process that cannot write down what they do."""
        return self.lanes.failing()

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

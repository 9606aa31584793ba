"""The ticker: wakes the gateway's loops. It knows names and seconds, never what it calls.

Jobs live in memory and nothing is lost with them: what must happen, and when, stands in the gateway's own tables.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_EXECUTED, JobExecutionEvent
from apscheduler.schedulers.asyncio import AsyncIOScheduler

Job = Callable[[], Awaitable[None]]
OnError = Callable[[str, Exception], None]

_log = logging.getLogger("handbell.ticker")

_CLOCK_SECONDS = 1.0  #: how often it is seen whether the clock was set back
_SET_BACK = timedelta(seconds=1)  #: by less it hardly matters, and NTP does it all day


class Ticker:
    """Runs each job every so many seconds, one run of it at a time, until it is stopped.

    A run that was missed because the loop was busy is made up once. An exception is logged, told to ``on_error(name,
    exception)`` and ends that run only. First runs are spread over ``jitter_s`` seconds, so that many processes that
    start together do not ask the database together.

    ``last_run`` holds for each name when a run last ended *well*, by ``now``: what has been failing or hanging for
    long shows as old.
    """

    def __init__(
        self, *, on_error: OnError, now: Callable[[], datetime] = lambda: datetime.now(UTC), jitter_s: float = 2.0
    ) -> None:
        self.last_run: dict[str, datetime] = {}
        self._on_error = on_error
        self._now = now
        self._jitter_s = jitter_s
        self._running: dict[asyncio.Future[None], asyncio.Task[None] | None] = {}
        self._asked: set[str] = set()
        self._stopping = self._cutting_off = self._shut = False
        self._watch: asyncio.Task[None] | None = None
        # The local zone that APScheduler would guess has no place in intervals. Grace None: however late, it runs.
        self._scheduler = AsyncIOScheduler(
            timezone=UTC, job_defaults={"max_instances": 1, "coalesce": True, "misfire_grace_time": None}
        )
        self._scheduler.add_listener(self._ended, EVENT_JOB_EXECUTED | EVENT_JOB_ERROR)
        # It writes two lines for each run, which would bury the school's own events.
        logging.getLogger("apscheduler").setLevel(logging.ERROR)

    def every(self, seconds: float, name: str, job: Job) -> None:
        """Run a coroutine function every so many seconds, before or after :meth:`start`.

        Raises :class:`ValueError` for a name that is taken or an interval that is not positive.
        """
        if seconds <= 0:
            raise ValueError(f"The interval of {name} must be more than 0 seconds.")
        if self._scheduler.get_job(name):
            raise ValueError(f"The ticker has a job called {name} already.")

        asked_by = contextvars.copy_context()

        async def run() -> None:
            # APScheduler runs it in the context of whoever woke it last. What the journal says of a run, such as whose
            # it is, is what it would say of whoever asked for the job.
            await asyncio.get_running_loop().create_task(self._run(name, job), context=asked_by.copy())

        spread = random.SystemRandom().uniform(0, min(seconds, self._jitter_s))
        first = datetime.now(UTC) + timedelta(seconds=spread)
        # The next run, not the beginning: where the ticker starts later than that, it is made up at once.
        self._scheduler.add_job(run, "interval", seconds=seconds, next_run_time=first, timezone=UTC, id=name)

    def soon(self, name: str) -> None:
        """Run a job now instead of at its time; if it is running already, once more after that: it may have looked.

        One that is not known is no job. Does nothing before :meth:`start` or once it is stopping.
        """
        if self._scheduler.running and not self._stopping and self._scheduler.get_job(name):
            self._asked.add(name)
            self._scheduler.modify_job(name, next_run_time=datetime.now(UTC))

    def _ended(self, run: JobExecutionEvent) -> None:
        """Run a job again that was asked for during its run: APScheduler passes over what is running."""
        if run.job_id in self._asked:
            self.soon(run.job_id)

    def start(self) -> None:
        """Begin to tick, within the running event loop."""
        self._scheduler.start()
        self._watch = asyncio.get_running_loop().create_task(self._watch_clock())

    async def stop(self, *, at_once: bool = False) -> None:
        """Start no more runs and wait for those under way to end. May be called twice, at once too, or without a start.

        ``at_once`` cuts those under way off: one that hangs would be waited for without end.
        """
        self._stopping = True
        if not self._scheduler.running:
            return
        if self._watch:
            self._watch.cancel()
            with suppress(asyncio.CancelledError):
                await self._watch
        self._scheduler.pause()
        # A run whose task exists but has not begun yet enters itself here before it sees that we are stopping.
        await asyncio.sleep(0)
        for run in self._running.values() if at_once else ():
            self._cutting_off = True
            if run:
                run.cancel()
        while self._running:
            await asyncio.wait(self._running)
        if not self._shut:  # it ends in a callback of its own: whoever stops it as well would end it again
            self._shut = True
            self._scheduler.shutdown()
        # The scheduler lets go of its timer in a callback of its own.
        await asyncio.sleep(0)

    async def _watch_clock(self) -> None:
        """Run every job when the clock was set back: APScheduler would wait until it shows the next time once more."""
        ahead = _ahead()
        while True:
            await asyncio.sleep(_CLOCK_SECONDS)
            before, ahead = ahead, _ahead()
            if ahead < before - _SET_BACK:
                _log.warning("ticker.clock_set_back")
                for job in self._scheduler.get_jobs():
                    self.soon(job.id)

    async def _run(self, name: str, job: Job) -> None:
        if self._stopping:
            return
        self._asked.discard(name)
        ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._running[ended] = asyncio.current_task()
        try:
            await job()
            self.last_run[name] = self._now()
        except asyncio.CancelledError:
            if not self._cutting_off:
                raise
            _log.warning("ticker.job_cut_off: %s", name)
        except Exception as error:
            # One bad run must not end the ticking: everything else depends on it.
            _log.exception("ticker.job_failed: %s", name)
            self._on_error(name, error)
        finally:
            del self._running[ended]
            ended.set_result(None)


def _ahead() -> timedelta:
    """How far the clock is from one that nobody sets."""
    return datetime.now(UTC) - datetime.fromtimestamp(time.monotonic(), UTC)

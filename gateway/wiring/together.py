"""Several schools in one process: a gateway and a daemon for each, one web server, one pool, one ear for the bell.

A school that fails is started again by itself, while the others go on. Only a process in which nothing turns any more
is started again as a whole, by systemd.
"""

from __future__ import annotations

import asyncio
import dataclasses
import os
import signal
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from functools import partial

import structlog
from sqlalchemy.engine import URL

from config import trust
from config.settings import Settings
from gateway import bell, clock, context, daemon, enclosure, errors, systemd
from gateway.database import Pools
from gateway.trust import register
from gateway.web import hosts, server
from gateway.wiring import building, running

logger = structlog.get_logger()

_PAUSE, _LONGEST_PAUSE = 5.0, 300.0  #: seconds before a school that has failed is started again
_LIVELY, _CALMEST = 2, 10.0  #: up to so many schools are looked through as often as one; at most so many times rarer


def serve_all(schools: Mapping[str, Settings], common: Settings, *, unfit: Iterable[str] = ()) -> None:
    """Run every school of a trust that is not retired, until SIGTERM or SIGINT.

    ``unfit`` are those whose settings cannot be used: they are away, and ``/readyz`` says so.

    Raises :class:`errors.NotReady` when none can run, or the web server cannot listen.
    """
    running.serve_by(Together(schools, common, unfit=unfit).run)


class Together:
    """The schools of one process. ``schools`` are the settings of each by key, ``common`` what they share.

    Every ``look`` seconds it is seen whether one hangs.
    """

    def __init__(
        self,
        schools: Mapping[str, Settings],
        common: Settings,
        *,
        unfit: Iterable[str] = (),
        look: float = 15.0,
    ) -> None:
        self._settings, self._common = schools, common
        self._look = look
        self._pools = Pools(size=common.trust.connections)
        self._hosts = hosts.Hosts()
        self._hosts.away = lambda: sorted({*self._wanted, *unfit} - set(self.works))
        self._wanted: Sequence[str] = ()
        self._unasked: set[str] = set()
        self._stopping = asyncio.Event()
        self.works: dict[str, daemon.Daemon] = {}

    async def run(self) -> None:
        """Work until told to stop."""
        try:
            self._wanted = await self._active()
            await self._run()
        finally:
            await self._pools.close()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.interrupt)
        closing, answering = asyncio.Event(), asyncio.Event()
        web = self._common.web
        serve = None
        if "web" in self._common.roles:
            serve = server.serve(self._hosts, host=web.host, port=web.port, proxies=web.trusted_proxies)
        async with asyncio.TaskGroup() as group, AsyncExitStack() as last:
            if serve:
                group.create_task(_served(serve, closing, answering))
                last.callback(closing.set)
                await answering.wait()
            started = [asyncio.Event() for _ in self._wanted]
            schools = [
                group.create_task(self._keep(key, first), name=f"school {key}")
                for key, first in zip(self._wanted, started, strict=True)
            ]
            ears = [group.create_task(ear.listen()) for ear in self._ears()]
            watchdog = group.create_task(systemd.keep_alive(self._turning, environ=os.environ))
            for first in started:
                await first.wait()
            systemd.tell("READY=1", environ=os.environ)
            logger.info("schools.running", schools=len(self.works), wanted=len(self._wanted))
            await asyncio.wait(schools)
            systemd.tell("STOPPING=1", environ=os.environ)
            for task in (*ears, watchdog):
                task.cancel()

    def interrupt(self) -> None:
        """Let every school finish what is on the wire, then end."""
        self._stopping.set()
        for works in self.works.values():
            works.interrupt()

    def _calm(self) -> float:
        """To look for what is due each second costs a fortieth of a core, for each school."""
        return min(max(len(self._wanted) / _LIVELY, 1.0), _CALMEST)

    async def _active(self) -> Sequence[str]:
        """The schools that have a place in their database and are not retired, and those whose database is away.

        Raises :class:`errors.NotReady` where there is none, or no database can be reached.
        """
        addresses = {key: one.database.dsn() for key, one in self._settings.items()}
        kept, away = await register.wherever_reached(addresses.values())
        self._unasked = {key for key, url in addresses.items() if enclosure.part(url)[0] in away}
        if away and self._unasked == set(addresses):
            raise next(iter(away.values()))
        active = {key for key, one in kept.items() if one.retired_at is None} | self._unasked
        for key in sorted(set(self._settings) - active):
            logger.warning("school.left_out", school=key, sentence=f"Run handbell school add {key}, or it is retired.")
        found = sorted(set(self._settings) & active)
        if not found:
            raise errors.NotReady("No school of this trust can run: run handbell school add KEY for each.")
        return found

    async def _may_run(self, key: str) -> bool:
        """Ask for a school whose database was away at the start what was asked for the others then.

        Raises :class:`errors.NotReady` while it still is.
        """
        if key in self._unasked:
            kept = await register.everywhere([self._settings[key].database.dsn()])
            if key not in kept or kept[key].retired_at is not None:
                return False
            self._unasked.discard(key)
        return True

    def _ears(self) -> Sequence[bell.Bell]:
        """One for each database."""
        rung: dict[URL, dict[str, Callable[[], None]]] = {}
        for key in self._wanted:
            url, _ = enclosure.part(self._settings[key].database.dsn())
            rung.setdefault(url, {})[key] = partial(self._rung, key)
        return [bell.Bell(url, of) for url, of in rung.items()]

    def _rung(self, key: str) -> None:
        if key in self.works:
            self.works[key].planned()

    async def _keep(self, key: str, first: asyncio.Event) -> None:
        """Run one school, and start it again when it fails, ever more rarely."""
        structlog.contextvars.bind_contextvars(school=key)  # for this task, and whatever it starts
        pause = _PAUSE
        while not self._stopping.is_set():
            begun = asyncio.get_running_loop().time()
            try:
                if not await self._may_run(key):
                    logger.warning("school.left_out", sentence=f"Run handbell school add {key}, or it is retired.")
                    self._wanted = [one for one in self._wanted if one != key]
                    return
                await self._run_one(key, first)
            except Exception:  # whatever it is, it is this school's alone
                logger.exception("school.failed")
            finally:
                self._forget(key)
                first.set()
            if asyncio.get_running_loop().time() - begun > _LONGEST_PAUSE:
                pause = _PAUSE
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    async def _run_one(self, key: str, first: asyncio.Event) -> None:
        settings = self._settings[key]
        gateway = building.build(settings, now=clock.Shared(context.utc_now), pools=self._pools)
        others = [trust.numbers(one) for other, one in self._settings.items() if other != key]
        gateway = dataclasses.replace(gateway, elsewhere=frozenset().union(*others), calm=self._calm())
        running.warn(settings, await running.prepare(gateway))
        works, pages = running.make_parts(gateway, None, ready=first.set, among_others=True)
        works.listen = lambda: _served_already
        self.works[key], self._hosts.sites[key] = works, pages.app.state.site
        for host in trust.hosts(settings):
            self._hosts.pages[host] = (key, pages)
        if self._stopping.is_set():
            return
        async with asyncio.timeout(None) as hangs:
            await self._watched(works, hangs)

    async def _watched(self, works: daemon.Daemon, hangs: asyncio.Timeout) -> None:
        """Run a school until it ends, or hangs."""

        async def watch() -> None:
            while not works.stuck() or works.stopping.is_set():  # noqa: ASYNC110 - nobody says that they hang
                await asyncio.sleep(self._look)
            logger.error("school.stuck", loops=works.stuck())
            hangs.reschedule(0)

        watching = asyncio.create_task(watch())
        try:
            await works.run()
        finally:
            watching.cancel()

    def _forget(self, key: str) -> None:
        self.works.pop(key, None)
        self._hosts.sites.pop(key, None)
        self._hosts.pages = {host: found for host, found in self._hosts.pages.items() if found[0] != key}

    def _turning(self) -> bool:
        """Whether the process can do anything at all: one school that hangs is seen to without the others."""
        return self._stopping.is_set() or not self.works or any(not works.stuck() for works in self.works.values())


async def _served(serve: server.Run, closing: asyncio.Event, answering: asyncio.Event) -> None:
    await serve(closing, answering)


async def _served_already(closing: asyncio.Event, answering: asyncio.Event) -> None:
    """What a school does instead of opening a web server of its own."""
    answering.set()
    await closing.wait()

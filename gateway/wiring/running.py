"""The daemon: started, alone on its SQLite file, and stopped."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Coroutine
from datetime import time
from functools import partial
from typing import TYPE_CHECKING

import structlog

from channels.base import Misconfigured
from config.settings import Settings
from gateway import clock, context, daemon, errors, migrate
from gateway.absence import listening
from gateway.accounts import links, means, staff
from gateway.models import DaySession
from gateway.trust import walls
from gateway.understanding import library
from gateway.wiring import alone, building, pretending, rehearsing, world

if TYPE_CHECKING:
    from channels.simulator import Simulator
    from gateway.web import envelope

logger = structlog.get_logger()

#: After so many new objects the interpreter looks for those that only point at one another. A portion of a plan or a
#: batch makes thousands of rows, which never do: by its own 700 it would look through them again and again.
COLLECTED = (30_000, 20, 50)


#: Called once it works, with the address by which the very first person comes in; ``""`` where somebody is there.
Ready = Callable[[str], None]


def serve(settings: Settings, *, ready: Ready = lambda _: None) -> None:
    """Run the daemon until SIGTERM or SIGINT; ``ready`` is called once it is working.

    Raises :class:`errors.NotReady` when it cannot start: not migrated, another daemon has this SQLite file, a port is
    taken, or a channel's settings cannot work.
    """
    serve_by(lambda: run(settings, ready=ready))


def serve_by(work: Callable[[], Coroutine[None, None, None]]) -> None:
    """Run a daemon's work in a loop that is made for it."""
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        # What is imported by now stays for good: never to be looked through again for what could be thrown away. That
        # costs a busy lane a third of its time.
        gc.collect()
        gc.freeze()
        gc.set_threshold(*COLLECTED)
        runner.run(work())


async def run(settings: Settings, *, ready: Ready) -> None:
    """Run the daemon in this loop until SIGTERM or SIGINT; see :func:`serve`."""
    moved = building.practice_clock(settings)
    gateway = building.build(settings, now=clock.Shared(moved or context.utc_now))
    try:
        with alone.on_file(settings.database.dsn()):
            await _run(gateway, ready=ready, moved=moved)
    except Misconfigured as error:
        raise errors.NotReady(str(error)) from None
    finally:
        await gateway.database.close()


async def _run(gateway: context.Gateway, *, ready: Ready, moved: clock.Movable | None) -> None:
    settings = gateway.settings
    first = await prepare(gateway)
    async with world.simulated(settings, now=gateway.now) as simulator:
        works = make_daemon(gateway, simulator, ready=lambda: ready(first), moved=moved)
        works.listen_for_signals()
        warn(settings, first)
        await works.run()


async def prepare(gateway: context.Gateway) -> str:
    """See that the database is as it must be, with the senders in it. Gives where the very first person comes in.

    Raises :class:`errors.NotReady`.
    """
    settings = gateway.settings
    await migrate.check(settings.database.dsn())
    async with gateway.database.read() as session:
        if gateway.database.school:
            await walls.check(session)
        # Or what has left since an older state would leave again.
        if fault := await gateway.mark.fault(session):
            raise errors.NotReady(fault)
    if "clock" in settings.roles:  # or a worker whose settings are older would put a new sender out of use
        async with gateway.database.write() as session:
            await building.write_senders(session, gateway)
    return await _first_link(gateway) if "web" in settings.roles else ""


def warn(settings: Settings, first: str) -> None:
    """Write into the journal what may not be as somebody expects, and where the ``first`` person comes in."""
    for warning in () if settings.practice.enabled else settings.warnings():
        logger.warning("settings.warning", sentence=warning)
    if first:  # nobody can sign in yet, and there is no password that everybody knows
        logger.warning("staff.nobody", come_in=first)
    logger.info("daemon.starting", roles=settings.roles, practice=settings.practice.enabled)


async def _first_link(gateway: context.Gateway) -> str:
    """Where the very first person comes in, while nobody is there."""
    async with gateway.database.write() as session:
        if not await staff.nobody(session):
            return ""
        value = await links.first(session, means=means.Means(gateway.log, gateway.now()))
    return f"{gateway.office_url}/first-run/{value}"


def make_daemon(
    gateway: context.Gateway,
    simulator: Simulator | None,
    *,
    ready: Callable[[], None] = lambda: None,
    moved: clock.Movable | None = None,
) -> daemon.Daemon:
    """A daemon with its web server, and the practice phones where there is a simulator.

    ``moved`` is the clock that the page of those may put on.
    """
    from gateway.web import server

    works, pages = make_parts(gateway, simulator, ready=ready, moved=moved)
    web = gateway.settings.web
    works.listen = partial(server.serve, pages, host=web.host, port=web.port, proxies=web.trusted_proxies)
    return works


def make_parts(
    gateway: context.Gateway,
    simulator: Simulator | None,
    *,
    ready: Callable[[], None] = lambda: None,
    moved: clock.Movable | None = None,
    among_others: bool = False,
) -> tuple[daemon.Daemon, envelope.Envelope]:
    """A daemon and its pages, which nothing serves yet."""
    from gateway.web import app, site

    def closes() -> time:
        return gateway.year.sessions[DaySession.AM].closes

    closes()  # a calendar that cannot be read is told now
    heard = listening.by_words(library.load(gateway.settings.answers.words), registers_close=closes)
    works = daemon.Daemon(
        gateway,
        listen=None,
        roles=gateway.settings.roles,
        ready=ready,
        understanding=heard,
        among_others=among_others,
        unmoved=moved.unmoved if moved else None,
    )
    pages = app.build(
        gateway,
        stuck=works.stuck,
        failing=works.failing,
        arrived=works.arrived,
        planned=works.planned,
        talking=works.talking,
        closing=works.closing,
        rehearse=partial(rehearsing.beside, gateway),
        practice=site.Practice(pretending.Pretend(simulator), moved) if simulator else None,
    )
    return works, pages


def _loop_factory() -> type[asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:  # not on this platform: the standard loop does the same, more slowly
        return None
    return uvloop.Loop

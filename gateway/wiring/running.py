"""The daemon: started, alone on its SQLite file, and stopped."""

from __future__ import annotations

import asyncio
import fcntl
import gc
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING

import structlog

from channels.base import Misconfigured
from config.settings import Settings
from gateway import clock, context, daemon, errors, migrate, senders
from gateway.absence import listening
from gateway.models import DaySession
from gateway.understanding import library
from gateway.wiring import building, world

if TYPE_CHECKING:
    from channels.simulator import Simulator

logger = structlog.get_logger()

#: After so many new objects the interpreter looks for those that only point at one another. A portion of a plan or a
#: batch makes thousands of rows, which never do: by its own 700 it would look through them again and again.
COLLECTED = (30_000, 20, 50)


def serve(settings: Settings, *, ready: Callable[[], None] = lambda: None) -> None:
    """Run the daemon until SIGTERM or SIGINT; ``ready`` is called once it is working.

    Raises :class:`errors.NotReady` when it cannot start: not migrated, another daemon has this SQLite file, a port is
    taken, or a channel's settings cannot work.
    """
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        # What is imported by now stays for good: never to be looked through again for what could be thrown away. That
        # costs a busy lane a third of its time.
        gc.collect()
        gc.freeze()
        gc.set_threshold(*COLLECTED)
        runner.run(run(settings, ready=ready))


async def run(settings: Settings, *, ready: Callable[[], None]) -> None:
    """Run the daemon in this loop until SIGTERM or SIGINT; see :func:`serve`."""
    gateway = building.build(settings, now=clock.Shared(context.utc_now))
    try:
        with _only_one(gateway):
            await _run(gateway, ready=ready)
    except Misconfigured as error:
        raise errors.NotReady(str(error)) from None
    finally:
        await gateway.database.close()


async def _run(gateway: context.Gateway, *, ready: Callable[[], None]) -> None:
    settings = gateway.settings
    await migrate.check(settings.database.dsn())
    if "clock" in settings.roles:  # or a worker whose settings are older would put a new sender out of use
        async with gateway.database.write() as session:
            await senders.sync(session, building.wanted_senders(settings), log=gateway.log, now=gateway.now())
    async with world.simulated(settings) as simulator:
        works = make_daemon(gateway, simulator, ready=ready, names=await world.names(gateway) if simulator else {})
        works.listen_for_signals()
        for warning in () if settings.practice.enabled else settings.warnings():
            logger.warning("settings.warning", sentence=warning)
        logger.info("daemon.starting", roles=settings.roles, practice=settings.practice.enabled)
        await works.run()


def make_daemon(
    gateway: context.Gateway,
    simulator: Simulator | None,
    *,
    ready: Callable[[], None] = lambda: None,
    names: Mapping[str, str] | None = None,
) -> daemon.Daemon:
    """A daemon with its web server, and the practice phones where there is a simulator.

    ``names`` says whose each practice phone and mailbox is.
    """
    from channels.simulator import page
    from gateway.web import app, server

    closes = gateway.year.sessions[DaySession.AM].closes
    heard = listening.by_words(library.load(gateway.settings.answers.words), registers_close=closes)
    works = daemon.Daemon(gateway, listen=None, roles=gateway.settings.roles, ready=ready, understanding=heard)
    pages = app.build(
        gateway,
        stuck=works.stuck,
        failing=works.failing,
        arrived=works.arrived,
        planned=works.planned,
        talking=works.talking,
        practice=page.asgi(simulator, name_of=lambda address: (names or {}).get(address, "")) if simulator else None,
    )
    works.listen = partial(server.serve, pages, host=gateway.settings.web.host, port=gateway.settings.web.port)
    return works


@contextmanager
def _only_one(gateway: context.Gateway) -> Iterator[IO[str] | None]:
    """Refuse a second daemon on one SQLite file: its lanes would not know of each other."""
    if not gateway.database.is_sqlite:
        yield None
        return
    file = Path(f"{Path(gateway.database.url.database or '').resolve()}.lock")
    with file.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            what = f"Another Handbell is running on {gateway.database.url.database}."
            raise errors.NotReady(f"{what} Stop it first, or use PostgreSQL for several.") from None
        yield lock


def _loop_factory() -> type[asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:  # not on this platform: the standard loop does the same, more slowly
        return None
    return uvloop.Loop

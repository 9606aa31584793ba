"""The bell: PostgreSQL's NOTIFY wakes the workers of other processes as soon as something is due.

It saves the rest of a poll and nothing else: the poll is the truth, and no message waits for a bell that cannot be
heard. Ringing makes commits take turns (PostgreSQL has one lock for all that notify), so it is done once for a plan, a
person's deed or a round of the sweep, and never for each message. SQLite has one process, whose own loops are woken.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping

import sqlalchemy as sa
import structlog
from asyncpg import Connection
from sqlalchemy.engine import URL

from gateway import enclosure
from gateway.database import Session

logger = structlog.get_logger()

CHANNEL = "handbell"  #: a school of a trust has one of its own, named like its schema
LISTENER = "handbell daemon"  #: how each daemon's line is called in pg_stat_activity
_BEAT = 20.0  #: seconds after which an idle line is tried: one that is cut without a word stays silent for ever
_ANSWER = 10.0  #: seconds in which a server must answer
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0  #: between two tries to connect, in seconds


async def ring(session: Session) -> None:
    """Wake every worker once the caller's transaction is committed; nobody, if it is not."""
    bind = session.get_bind()
    if bind.dialect.name == "postgresql":
        await session.execute(sa.select(sa.func.pg_notify(channel(enclosure.whose(bind)), "")))


def channel(school: str) -> str:
    """On which channel a school's bell rings; ``""`` for the only one of a database."""
    return enclosure.name(school) if school else CHANNEL


class Bell:
    """Listens on a connection of its own, for as long as ``listen`` is not cancelled.

    ``rung`` is by school (``""`` for the only one of a database): called for every ring of that school's, and whenever
    a line is up again, as something may have been missed meanwhile.
    """

    def __init__(self, url: URL, rung: Mapping[str, Callable[[], None]], *, beat: float = _BEAT):
        self.heard = False  #: whether there is a line at the moment
        self._url, self._beat = url, beat
        self._rung = {channel(school): ring for school, ring in rung.items()}

    async def listen(self) -> None:
        """Keep a line up. Whatever befalls it is logged once, and tried again, ever more rarely."""
        failures = 0
        while True:
            try:
                await self._hold_a_line()
            except Exception as error:  # whatever the driver calls it: the poll goes on without us
                failures = 1 if self.heard else failures + 1
                if failures == 1:
                    logger.warning("bell.deaf", error=type(error).__name__)
            finally:
                self.heard = False
            pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0 ** min(failures - 1, 10))
            await asyncio.sleep(pause * random.SystemRandom().uniform(0.5, 1.0))  # a server is not met by all at once

    async def _hold_a_line(self) -> None:
        """Listen until the line is lost. Raises what befell it."""
        named = {"server_settings": {"application_name": LISTENER}}
        # It reads the address as the database's own does.
        engine = enclosure.alone(self._url, connect_args=named)
        try:
            async with asyncio.timeout(_ANSWER):
                held = await engine.connect()
            try:
                raw: Connection | None = (await held.get_raw_connection()).driver_connection
                if raw is None:
                    raise ConnectionError("there is no connection")
                await self._hear(raw)
            finally:
                await held.invalidate()  # never politely: a server that does not answer would be waited for
                await held.close()
        finally:
            await engine.dispose()

    async def _hear(self, line: Connection) -> None:
        lost = asyncio.Event()
        line.add_termination_listener(lambda _line: lost.set())
        async with asyncio.timeout(_ANSWER):
            for name in self._rung:
                await line.add_listener(name, lambda _line, _pid, rang, _words: self._rung[rang]())
        self.heard = True
        logger.info("bell.listening")
        for ring in self._rung.values():
            ring()
        while True:
            try:
                async with asyncio.timeout(self._beat):
                    await lost.wait()
                raise ConnectionResetError("the server has closed the line")
            except TimeoutError:
                await line.execute("SELECT 1", timeout=_ANSWER)

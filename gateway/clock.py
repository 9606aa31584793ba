"""One clock for many workers: the database's.

The rate of a sender is kept by a moment in its row, and leases end by one in the message's: a worker whose own clock
goes wrong would send too fast for all of them, or take messages from the living.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import sqlalchemy as sa
import structlog

from gateway.database import Database

logger = structlog.get_logger()

_LOOKS = 3
_WORTH_SAYING = timedelta(seconds=2)  #: by so much two clocks under NTP never differ


class Movable:
    """The clock of practice mode: it can be put on, and never back. Nothing else has one.

    By how much stands in a file, for the next start, and for commands in another window.
    """

    def __init__(self, own: Callable[[], datetime], file: Path):
        self._own, self._file = own, file
        try:
            self._ahead = timedelta(seconds=max(0.0, float(file.read_text("ascii"))))
        except (OSError, ValueError):  # it was never put on
            self._ahead = timedelta(0)

    def __call__(self) -> datetime:
        """The moment, aware and in UTC."""
        return self._own() + self._ahead

    def unmoved(self) -> datetime:
        """What it would be had nobody put it on: whoever watches whether loops come round goes by this."""
        return self._own()

    def skip(self, span: timedelta) -> None:
        """Put it on. Raises :class:`ValueError` for a way back, and ``OSError`` where that cannot be kept."""
        if span < timedelta(0):
            raise ValueError("The clock is never put back.")
        ahead = self._ahead + span
        self._file.write_text(f"{ahead.total_seconds()}\n", "ascii")
        self._ahead = ahead


class Shared:
    """The time by the database's clock, as far as it is known: this process's own clock, and by how much it is wrong.

    SQLite has the clock of this machine, so nothing is asked.
    """

    def __init__(self, own: Callable[[], datetime]):
        self._own = own
        self._behind = timedelta(0)

    def __call__(self) -> datetime:
        """The moment, aware and in UTC."""
        return self._own() + self._behind

    async def ask(self, database: Database) -> None:
        """Compare the clocks. Of a few looks the quickest counts: it is wrong by half of what it took at most."""
        if database.is_sqlite:
            return
        looks = [await self._look(database) for _ in range(_LOOKS)]
        _, behind = min(looks)
        if abs(behind - self._behind) > _WORTH_SAYING:
            logger.warning("clock.differs", seconds=round(behind.total_seconds(), 1))
        self._behind = behind

    async def _look(self, database: Database) -> tuple[float, timedelta]:
        async with database.read() as session:
            await session.connection()  # or the first look would measure how long it takes to connect
            before, started = self._own(), time.monotonic()
            theirs = await session.scalar(sa.select(sa.func.clock_timestamp(type_=sa.DateTime(timezone=True))))
            took = time.monotonic() - started
        if theirs is None:
            raise TypeError("the database has no clock")
        return took, theirs - before - timedelta(seconds=took / 2)

"""Footprint: how much memory the daemon holds, and how long it takes to be ready. SQLite, as a school has it."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from bench import house, rounds, sink
from gateway.models import MessageState

_LOOK = 0.1  #: seconds between two looks at the memory


@dataclass(frozen=True, slots=True)
class Figures:
    """Seconds from the start of the process until it was ready; MB of resident memory; texts a second."""

    ready: float
    idle: float
    most: float
    after: float
    rate: float


async def section(*, quick: bool) -> str:
    """Start it several times; load it each time."""
    starts, texts, families = (2, 2_000, 1_000) if quick else (7, 20_000, 1_000)
    found = [await _measure(texts, families) for _ in range(starts)]
    lines = [
        _line("start until ready", "s", [one.ready for one in found], digits=2),
        _line("resident memory, idle", "MB", [one.idle for one in found]),
        _line("resident memory under load, at most", "MB", [one.most for one in found]),
        _line("resident memory, idle again", "MB", [one.after for one in found]),
    ]
    rate = statistics.median(one.rate for one in found)
    return f"""## Footprint

The whole daemon in one process (web, senders, clock) on SQLite, for a school of {families:,} families, started {starts}
times. Ready is when `/readyz` says so. The load is {texts:,} texts to a sink on this machine, {rate:,.0f} a second.

{rounds.rows(["", "median", "lowest to highest"], lines)}"""


async def _measure(texts: int, families: int) -> Figures:
    with tempfile.TemporaryDirectory() as folder, sink.running() as provider:
        url = f"sqlite+aiosqlite:///{Path(folder) / 'bench.sqlite'}"
        async with house.house(url, provider, Path(folder)) as school:
            await house.people(school.database, families)
            async with school.running() as ready:
                await asyncio.sleep(3)
                idle = school.rss_mb()
                sender_id = await school.sender_id()
                for _ in range(texts // families):
                    await house.messages(school.database, range(1, families + 1), sender_id=sender_id)
                begun, most = time.monotonic(), idle
                while await school.count(MessageState.QUEUED):
                    most = max(most, school.rss_mb())
                    await asyncio.sleep(_LOOK)
                rate = texts / (time.monotonic() - begun)
                await asyncio.sleep(3)
                after = school.rss_mb()
    rounds.say(f"ready in {ready:.2f} s, {idle:.0f} MB idle, {most:.0f} MB under load, {after:.0f} MB afterwards")
    return Figures(ready, idle, most, after, rate)


def _line(name: str, unit: str, values: list[float], *, digits: int = 0) -> list[str]:
    median, low, high = (f"{value:.{digits}f}" for value in (statistics.median(values), min(values), max(values)))
    return [name, f"{median} {unit}", f"{low} to {high} {unit}"]

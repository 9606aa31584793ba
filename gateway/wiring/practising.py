"""Practice mode: a made-up school in a database of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from config.settings import Settings
from gateway.wiring import building, running

if TYPE_CHECKING:
    from gateway.importing.report import Report
    from gateway.practice import setup


def practise(
    place: setup.Place,
    settings: Settings,
    *,
    report: Callable[[Report], None],
    progress: Callable[[int, int], None],
    ready: running.Ready,
) -> None:
    """Make the practice database, import the made-up school into it, and run the daemon.

    ``progress(done, total)`` is told bytes of the import; ``ready(link)`` is called once everything works.
    """
    if place.fresh:
        asyncio.run(_fill(place, settings, report=report, progress=progress))
    running.serve(settings, ready=ready)


async def _fill(
    place: setup.Place,
    settings: Settings,
    *,
    report: Callable[[Report], None],
    progress: Callable[[int, int], None],
) -> None:
    from gateway.importing import people

    await building.set_up(settings)
    gateway = building.build(settings)
    try:
        async with gateway.database.write() as session:
            found = await people.load(
                place.exports, session, log=gateway.log, now=gateway.now(), today=gateway.today(), progress=progress
            )
            report(found)
    finally:
        await gateway.database.close()

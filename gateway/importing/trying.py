"""Take files over for a person who decides: all the work in one transaction, which is kept or thrown away at its end.

What was shown is what is written: the second time nothing is kept unless the same comes of it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from gateway import audit, errors, tasks
from gateway.database import Database, Session
from gateway.importing import people, stops
from gateway.importing.report import Report

Tell = Callable[[Session, Report], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Wanted:
    """The files, who asks for them, under which name they come again, and how they are to be read if we guess wrong."""

    files: Sequence[Path]
    by: str
    source: str = ""
    encoding: str = ""


@dataclass(frozen=True, slots=True)
class Means:
    """What it is done with; ``today`` is the school's date."""

    database: Database
    log: audit.Log
    now: datetime
    today: date


async def take_over(
    wanted: Wanted,
    means: Means,
    *,
    write: bool,
    go_on: bool = False,
    as_shown: object = None,
    tell: Tell | None = None,
    progress: people.Progress | None = None,
) -> Report:
    """Keep it if ``write``, unless it looks like a mistake and nobody said ``go_on``: see the report's ``stops``.

    ``tell`` may look at what changed before it is thrown away. Raises :class:`errors.Conflict` where the counts are
    not ``as_shown``, and what :func:`people.load` raises.
    """
    async with means.database.write() as session:
        report = await people.load(
            wanted.files,
            session,
            log=means.log,
            now=means.now,
            today=means.today,
            source=wanted.source,
            by=wanted.by,
            source_encoding=wanted.encoding or None,
            go_on=True,
            progress=progress,
        )
        if as_shown is not None and counts(report) != as_shown:
            raise errors.Conflict("Handbell's records have changed meanwhile. Import again, and look again.")
        if tell is not None:
            await tell(session, report)
        names = {"files": [file.name for file in wanted.files], "source": wanted.source}
        line = audit.Line("people.import_asked", f"import:{report.import_id}", names, wanted.by)
        await means.log.record(session, line, now=means.now)
        if not write or (report.stops and not go_on):
            await session.rollback()
    return report


def counts(report: Report) -> dict[str, Any]:
    """What came of it, as plain numbers: the same twice where the same would be written."""
    return {name: count.facts() for name, count in report.tally.each().items()}


async def ask_staff(report: Report, means: Means) -> None:
    """Nobody may be watching: then somebody must learn that people are not up to date."""
    ask = tasks.Ask("import.stopped", "import", " ".join(report.stops), stops.CURE)
    async with means.database.write() as session:
        await tasks.ask(session, ask, log=means.log, now=means.now)

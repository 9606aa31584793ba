"""Import pupils and contacts from the files that a school's MIS exports."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from datetime import date, datetime
from pathlib import Path

from gateway import audit
from gateway.database import Session
from gateway.importing import bars, carrying, entries, formats, identity, leaving, seen
from gateway.importing.entries import Entry
from gateway.importing.headings import Kind
from gateway.importing.merging import Merger
from gateway.importing.report import FileReport, Report
from gateway.importing.rows import Row
from gateway.importing.tables import Source

BATCH = 1000  #: rows that are in memory at once

Progress = Callable[[int, int], None]


async def load(
    files: Sequence[Path],
    session: Session,
    *,
    log: audit.Log,
    now: datetime,
    today: date | None = None,
    source_encoding: str | None = None,
    trust_removals: bool = False,
    progress: Progress | None = None,
) -> Report:
    """Take the files over in the caller's transaction, lists of pupils first, and report what came of it.

    A row that cannot be read is reported and left out; a file that cannot be read raises :class:`BadInput`, and the
    caller's transaction must be rolled back. Importing the same files again changes nothing. What families told
    Handbell themselves (opt-outs, confirmed numbers, states) no file can undo.

    ``today`` is the school's date, by default that of ``now``. ``source_encoding`` overrides what the files look like.
    ``trust_removals`` also removes contacts and numbers that are gone when they are suspiciously many. ``progress`` is
    told bytes done and bytes in all.
    """
    today = today or now.date()
    looked = await asyncio.to_thread(formats.look_all, files, encoding=source_encoding)
    report, total, done = Report(), sum(sheet.size for sheet in looked), 0
    before = await carrying.barred(session)
    async with seen.opened(session):
        for sheet in looked:
            file = await _load_sheet(sheet, session, report, today=today, progress=_shifted(progress, done, total))
            report.tally.add(file.tally)
            await log.record(session, _line(sheet, file), now=now)
            done += sheet.size
        await carrying.carry(session, report, before)
        await leaving.remove(session, report, trust=trust_removals)
        if any(sheet.layout.kind is not Kind.CONTACTS for sheet in looked):
            await leaving.name_missing(session, report, today=today)
    removed = {name: count.gone for name, count in report.tally.each().items() if count.gone}
    if removed:
        await log.record(session, audit.Line("people.removed", "import", removed), now=now)
    for problem in [*await identity.doubled(session), *await bars.shared(session, today=today)]:
        report.warn(problem)
    return report


async def _load_sheet(
    sheet: Source, session: Session, report: Report, *, today: date, progress: Callable[[int], None]
) -> FileReport:
    layout = sheet.layout
    file = FileReport(sheet.name, layout.kind.value, unused=layout.unused())
    report.files.append(file)
    row = Row(layout, file=file.file, report=report, today=today)
    merger = Merger(session, report=report, file=file, lists=entries.lists(layout), today=today)
    with closing(_batches(sheet, row, file)) as batches:
        # Reading is work for the processor: in a thread, so that the school's other messages are not kept waiting.
        while found := await asyncio.to_thread(next, batches, None):
            batch, position = found
            await merger.merge(batch)
            progress(position)
    report.found.extend(sheet.remarks.problems)
    report.noticed.extend(sheet.remarks.warnings)
    return file


def _batches(sheet: Source, row: Row, file: FileReport) -> Generator[tuple[list[Entry], int], None, None]:
    """Give what the rows say, batch by batch, each with the bytes read so far."""
    batch: list[Entry] = []
    for line, cells, position in sheet.rows():
        file.rows += 1
        entry = entries.read(row) if row.turn(line, cells) else None
        if entry is None:
            file.left_out += 1
        else:
            batch.append(entry)
        if len(batch) == BATCH:
            yield batch, position
            batch = []
    yield batch, sheet.size


def _shifted(progress: Progress | None, done: int, total: int) -> Callable[[int], None]:
    """Tell the caller of bytes in all files, whichever file is being read."""
    return lambda here: progress(done + here, total) if progress else None


def _line(sheet: Source, file: FileReport) -> audit.Line:
    counts = {name: count.facts() for name, count in file.tally.each().items()}
    facts = {"kind": file.kind, "rows": file.rows, "left_out": file.left_out, "sha256": sheet.sha256, **counts}
    return audit.Line("people.imported", f"file:{file.file}", facts)

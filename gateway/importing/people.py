"""Import pupils and contacts from the files that a school's MIS exports."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from datetime import date, datetime
from pathlib import Path

from gateway import audit, tasks
from gateway.database import Session
from gateway.errors import BadInput, Problem
from gateway.importing import (
    bars,
    carrying,
    entries,
    formats,
    heirs,
    identity,
    leaving,
    listing,
    mapping,
    runs,
    seen,
    stops,
)
from gateway.importing.entries import Entry
from gateway.importing.headings import Kind
from gateway.importing.job import Job
from gateway.importing.ledger import Ledger
from gateway.importing.merging import Merger
from gateway.importing.report import FileReport, Report
from gateway.importing.rows import Row
from gateway.importing.tables import Source

BATCH = 1000  #: rows that are in memory at once

Progress = Callable[[int, int], None]


class Suspicious(BadInput):
    """The files look like a mistake. Nothing of them may stay: the caller's transaction must be rolled back."""

    def __init__(self, report: Report):
        self.report = report
        super().__init__([Problem(f"{' '.join(report.stops)} Nothing was written.", stops.CURE)])


async def load(
    files: Sequence[Path],
    session: Session,
    *,
    log: audit.Log,
    now: datetime,
    today: date | None = None,
    source: str = "",
    by: str = "",
    source_encoding: str | None = None,
    go_on: bool = False,
    progress: Progress | None = None,
) -> Report:
    """Take files over in the caller's transaction, lists of pupils first, and report what came of it.

    A row that cannot be read is reported and left out; a file that cannot be read raises :class:`BadInput`, files that
    look like a mistake raise :class:`Suspicious`, and the caller's transaction must be rolled back. Importing the same
    files again changes nothing. What families told Handbell themselves (opt-outs, confirmed numbers and languages)
    and what the school decided (bars) no file can undo: see ``conflicts``.

    ``today`` is the school's date, by default that of ``now``. ``source`` is the name under which this export comes
    again and again, ``by`` who asked for it. ``source_encoding`` overrides what the files look like. ``go_on`` takes
    over files that look like a mistake. ``progress`` is told bytes done and bytes in all.
    """
    known = await mapping.known(session, source)
    looked = await asyncio.to_thread(formats.look_all, files, encoding=source_encoding, known=known)
    today = today or now.date()
    return await take_over(
        looked, session, log=log, now=now, today=today, source=source, by=by, go_on=go_on, progress=progress
    )


async def take_over(
    looked: Sequence[Source],
    session: Session,
    *,
    log: audit.Log,
    now: datetime,
    today: date,
    source: str = "",
    by: str = "",
    go_on: bool = False,
    progress: Progress | None = None,
) -> Report:
    """The same with files that were looked through already."""
    await runs.wait(session)
    before = frozenset[str]() if go_on else await listing.known(session, source)
    ledger = await runs.begin(session, source=source, by=by, files=looked, expected=before, now=now)
    report, total, done = Report(import_id=ledger.import_id), sum(sheet.size for sheet in looked), 0
    about_contacts = [sheet.layout for sheet in looked if sheet.layout.kind is not Kind.PUPILS]
    if about_contacts:
        listing.tell_of_missing(report, {name for layout in about_contacts for name in listing.columns(layout)}, before)
    barred, marks = await carrying.barred(session), await leaving.marks(session)
    async with seen.opened(session):
        for sheet in looked:
            file = FileReport(sheet.name, sheet.layout.kind.value, unused=sheet.layout.unused())
            report.files.append(file)
            lists = " ".join(listing.sorts(set(listing.columns(sheet.layout)), before))
            said = {"lists": lists, "source": source, "format": sheet.format}
            job = Job(ledger, report, file, **said, whole=sheet.whole, today=today, now=now)
            await _load_sheet(sheet, job, progress=_shifted(progress, done, total))
            report.tally.add(file.tally)
            await log.record(session, _line(sheet, file), now=now)
            done += sheet.size
        await carrying.carry(ledger, report, barred)
        await heirs.carry(ledger, report, before=marks, now=now)
        await leaving.remove(ledger, report, before=marks, now=now)
        pupils = [sheet for sheet in looked if sheet.layout.kind is not Kind.CONTACTS]
        if pupils and all(sheet.whole for sheet in pupils):
            await leaving.name_missing(session, report, today=today, before=marks)
    await _watch(session, report, barred, today=today)
    if report.stops and not go_on:
        raise Suspicious(report)
    await _finish(ledger, report, log=log, now=now, today=today)
    return report


async def _watch(session: Session, report: Report, barred: Sequence[carrying.Tie], *, today: date) -> None:
    for name, count in (("pupil_renamed", report.tally.pupils), ("contact_renamed", report.tally.contacts)):
        report.watch(name, 0, of=count.changed + count.same)
    lifted, of = await carrying.lifted(session, barred, today=today)
    report.watch("bars_lifted", lifted, of=of)


async def _finish(ledger: Ledger, report: Report, *, log: audit.Log, now: datetime, today: date) -> None:
    """Write down what came of it, and whom it concerns that there are questions."""
    session = ledger.session
    report.fields = ledger.fields
    removed = {name: count.gone for name, count in report.tally.each().items() if count.gone and name != "contacts"}
    if removed:
        await log.record(session, audit.Line("people.removed", "import", removed), now=now)
    for problem in [*await identity.doubled(session), *await bars.shared(session, today=today)]:
        report.warn(problem)
    if report.conflicts:
        what = "Files contradict what families confirmed or the school decided."
        ask = tasks.Ask("import.conflicts", "import", what, "Answer the questions of handbell import conflicts.")
        await tasks.ask(session, ask, log=log, now=now)
    await runs.end(ledger, {name: count.facts() for name, count in report.tally.each().items()})


async def _load_sheet(sheet: Source, job: Job, *, progress: Callable[[int], None]) -> None:
    row = Row(sheet.layout, file=job.file.file, report=job.report, today=job.today)
    merger = Merger(job)
    with closing(_batches(sheet, row, job.file)) as batches:
        # Reading is work for the processor: in a thread, so that the school's other messages are not kept waiting.
        while found := await asyncio.to_thread(next, batches, None):
            batch, position = found
            await merger.merge(batch)
            progress(position)
    job.report.found.extend(sheet.remarks.problems)
    job.report.noticed.extend(sheet.remarks.warnings)


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

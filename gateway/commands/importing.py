"""``handbell import``: pupils and contacts from the files that an MIS exports."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any

import typer

from gateway import errors
from gateway.commands import bar, opening, options, showing

if TYPE_CHECKING:
    from gateway.context import Gateway
    from gateway.database import Session
    from gateway.importing.diff import Difference
    from gateway.importing.report import Report

EXAMPLES = 5  #: of every sort of change


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was typed."""

    files: list[Path]
    actor: str
    source: str
    encoding: str
    dry_run: bool
    go_on: bool
    everything: bool
    json: bool


def import_files(
    ctx: typer.Context,
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="Exported lists of pupils or contacts.")],
    actor: options.As,
    source: Annotated[str, typer.Option(metavar="NAME", help="What this export is called, if it comes again.")] = "",
    encoding: Annotated[str, typer.Option(help="Read the files so, if Handbell guesses wrong (cp1252 …).")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would change, and change nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before writing.")] = False,
    go_on: Annotated[
        bool, typer.Option("--go-on", help="Go on although very much is gone or changed at once.")
    ] = False,
    everything: Annotated[bool, typer.Option("--all", help="List every change, not examples only.")] = False,
    json: options.Json = False,
) -> None:
    """Take over pupils, contacts and their numbers.

    What is new, changed and gone is shown first; in a terminal you are asked before anything is written. Rows with
    mistakes are named and left out. The same files again change nothing.
    """
    wanted = Wanted(files, actor, source, encoding, dry_run, go_on, everything, json)
    watched = sys.stdin.isatty() and sys.stdout.isatty()
    opening.work(ctx, lambda gateway: _import(gateway, wanted, ask=watched and not (yes or dry_run)))


async def _import(gateway: Gateway, wanted: Wanted, *, ask: bool) -> None:
    from gateway.importing import people

    report = await _take_over(gateway, wanted, write=not (wanted.dry_run or ask), show=True)
    if report.stops and not wanted.go_on:
        if not wanted.dry_run:
            await _ask_staff(gateway, report)
        raise people.Suspicious(report)
    if ask:
        if report.changes and not typer.confirm("Take this over?", err=True):
            raise errors.Conflict("Nothing was written.")
        await _take_over(gateway, wanted, write=True, show=False, as_shown=report)
    if wanted.dry_run:
        showing.remark("Nothing was written: this was a dry run.")


async def _take_over(
    gateway: Gateway, wanted: Wanted, *, write: bool, show: bool, as_shown: Report | None = None
) -> Report:
    """Do all the work in one transaction, and keep it if ``write``, unless it looks like a mistake.

    Raises :class:`errors.Conflict` when what comes of it is not ``as_shown``.
    """
    from gateway import audit
    from gateway.importing import people

    now = gateway.now()
    with tempfile.TemporaryFile("w+", encoding="utf-8") as shown:
        async with gateway.database.write() as session:
            with bar.shown("Importing") as progress:
                report = await people.load(
                    wanted.files,
                    session,
                    log=gateway.log,
                    now=now,
                    today=gateway.today(),
                    source=wanted.source,
                    by=wanted.actor,
                    source_encoding=wanted.encoding or None,
                    go_on=True,
                    progress=progress,
                )
            if as_shown is not None and report.tally != as_shown.tally:
                raise errors.Conflict("Handbell's records have changed meanwhile. Import again, and look again.")
            if show:
                await _account(session, report, shown, wanted)
            names = {"files": [file.name for file in wanted.files], "source": wanted.source}
            line = audit.Line("people.import_asked", f"import:{report.import_id}", names, wanted.actor)
            await gateway.log.record(session, line, now=now)
            if not write or (report.stops and not wanted.go_on):
                await session.rollback()
        # Not before: whoever reads slowly must not keep the database waiting.
        shown.seek(0)
        for text in shown:
            showing.say(text.rstrip("\n"))
    return report


async def _ask_staff(gateway: Gateway, report: Report) -> None:
    """Nobody may be watching: then somebody must learn that people are not up to date."""
    from gateway import tasks
    from gateway.importing import stops

    ask = tasks.Ask("import.stopped", "import", " ".join(report.stops), stops.CURE)
    async with gateway.database.write() as session:
        await tasks.ask(session, ask, log=gateway.log, now=gateway.now())


async def _account(session: Session, report: Report, into: IO[str], wanted: Wanted) -> None:
    """Write the report and the changes into a file: they may be more than memory holds."""
    from gateway.importing import diff

    every = diff.every(session, report.import_id)
    if wanted.json:
        await _write_json(report, every, into)
        return
    into.write(f"{report}\n")
    if wanted.everything:
        into.writelines([f"  {missing.what} is in none of the files\n" for missing in report.missing.kept])
        async for difference in every:
            into.write(f"  {difference}\n")
        return
    examples = await diff.examples(session, report.import_id, each=EXAMPLES)
    if examples:
        into.write("Examples (--all lists every change):\n")
        into.writelines([f"  {difference}\n" for difference in examples])


async def _write_json(report: Report, changes: AsyncIterator[Difference], into: IO[str]) -> None:
    """One object, whose changes come last and are written one by one."""
    head = showing.as_json(_plain(report)).rstrip().removesuffix("}").rstrip()
    into.write(f'{head},\n  "changes": [')
    comma = ""
    async for one in changes:
        fields = {name: {"before": before, "after": after} for name, (before, after) in one.fields.items()}
        plain = {"kind": one.kind, "how": one.how, "name": one.name, "fields": fields}
        into.write(f"{comma}\n    {showing.as_json(plain, indent=None)}")
        comma = ","
    into.write("\n  ]\n}\n")


def _plain(report: Report) -> dict[str, Any]:
    return {
        "files": [{"file": f.file, "kind": f.kind, "rows": f.rows, "left_out": f.left_out} for f in report.files],
        "counts": {name: count.facts() for name, count in report.tally.each().items()},
        "fields": {table: dict(fields) for table, fields in report.fields.items()},
        "missing": [problem.what for problem in report.missing.kept],
        "stops": report.stops,
        "conflicts": report.conflicts,
        "problems": report.found.texts(),
        "warnings": report.noticed.texts(),
    }

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
    from gateway.importing import people, trying

    means = trying.Means(gateway.database, gateway.log, gateway.now(), gateway.today())
    asked = trying.Wanted(wanted.files, wanted.actor, wanted.source, wanted.encoding)
    with tempfile.TemporaryFile("w+", encoding="utf-8") as shown:

        async def tell(session: Session, report: Report) -> None:
            await _account(session, report, shown, wanted)

        write = not (wanted.dry_run or ask)
        with bar.shown("Importing") as progress:
            report = await trying.take_over(asked, means, write=write, go_on=wanted.go_on, tell=tell, progress=progress)
        # Not before: whoever reads slowly must not keep the database waiting.
        shown.seek(0)
        for text in shown:
            showing.say(text.rstrip("\n"))
    if report.stops and not wanted.go_on:
        if not wanted.dry_run:
            await trying.ask_staff(report, means)
        raise people.Suspicious(report)
    if ask:
        if report.changes and not typer.confirm("Take this over?", err=True):
            raise errors.Conflict("Nothing was written.")
        with bar.shown("Importing") as progress:
            await trying.take_over(
                asked, means, write=True, go_on=wanted.go_on, as_shown=trying.counts(report), progress=progress
            )
    if wanted.dry_run:
        showing.remark("Nothing was written: this was a dry run.")


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

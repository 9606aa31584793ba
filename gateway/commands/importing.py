"""``handbell import``: pupils and contacts from the files that an MIS exports."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.commands import bar, opening, options, showing

if TYPE_CHECKING:
    from gateway.context import Gateway
    from gateway.importing.report import Report


def import_files(
    ctx: typer.Context,
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="Exported lists of pupils or contacts.")],
    actor: options.As,
    encoding: Annotated[str, typer.Option(help="Read the files so, if Handbell guesses wrong (cp1252 …).")] = "",
    trust_removals: Annotated[
        bool, typer.Option("--trust-removals", help="Remove those who are not in the files, however many that is.")
    ] = False,
    json: options.Json = False,
) -> None:
    """Take over pupils, contacts and their numbers.

    Rows with mistakes are named and left out. The same files again change nothing.
    """
    from gateway import audit
    from gateway.importing import people

    async def job(gateway: Gateway) -> Report:
        now = gateway.now()
        async with gateway.database.write() as session:
            with bar.shown("Importing") as progress:
                report = await people.load(
                    files,
                    session,
                    log=gateway.log,
                    now=now,
                    today=gateway.today(),
                    source_encoding=encoding or None,
                    go_on=trust_removals,
                    progress=progress,
                )
            names = {"files": [file.name for file in files]}
            await gateway.log.record(session, audit.Line("people.import_asked", "import", names, actor), now=now)
        return report

    report = opening.work(ctx, job)
    if json:
        showing.data(_plain(report))
    else:
        showing.say(str(report))


def _plain(report: Report) -> dict[str, object]:
    return {
        "files": [{"file": f.file, "kind": f.kind, "rows": f.rows, "left_out": f.left_out} for f in report.files],
        "counts": {name: count.facts() for name, count in report.tally.each().items()},
        "problems": report.found.texts(),
        "warnings": report.noticed.texts(),
    }

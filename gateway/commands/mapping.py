"""``handbell import map``: which column of a school's own report is which of our fields."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.commands import opening, options, showing

if TYPE_CHECKING:
    from gateway.context import Gateway
    from gateway.importing.mapping import Shown


def columns(
    ctx: typer.Context,
    actor: options.As,
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar='[FILE | "HEADING"=FIELD]…', help='Files to look at; "HEADING"= ignores a column.'),
    ] = None,
    source: Annotated[str, typer.Option(metavar="NAME", help="The export that comes again and again.")] = "",
    forget: Annotated[
        list[str] | None, typer.Option(metavar="HEADING", help="Take back what was said of a column.")
    ] = None,
    encoding: Annotated[str, typer.Option(help="Read the files so, if Handbell guesses wrong (cp1252 …).")] = "",
    json: options.Json = False,
) -> None:
    """Show what each column of a file is taken for, and keep what you say of them under the source's name.

    Imports with the same --source use it before the headings that Handbell knows by itself.
    """
    from gateway.importing import mapping

    files = [Path(word) for word in words or [] if Path(word).exists()]
    said = mapping.read([word for word in words or [] if not Path(word).exists()])
    if not source and (said or forget or not files):
        raise typer.BadParameter("give the name of the source with --source.")

    async def job(gateway: Gateway) -> tuple[dict[str, str], list[Shown]]:
        async with gateway.database.write() as session:
            if said or forget:
                await mapping.save(
                    session, source, said, forget=forget or (), log=gateway.log, by=actor, now=gateway.now()
                )
            known = await mapping.known(session, source)
        return dict(known.mapped), [mapping.look(file, known, encoding=encoding or None) for file in files]

    saved, shown = opening.work(ctx, job)
    if json:
        showing.data({"source": source, "mapping": saved, "files": list(map(_plain, shown))})
        return
    for one in shown:
        rows = ((column.heading, column.field, "you said so" if column.said else "") for column in one.columns)
        showing.table(("heading", "taken for", "because"), rows, title=f"{one.file} {f'({one.kind})' * bool(one.kind)}")
        for problem in one.problems:
            showing.say(str(problem))
    if not shown:
        showing.table(("heading", "taken for"), ((name, field or "ignored") for name, field in saved.items()))


def _plain(shown: Shown) -> dict[str, Any]:
    return {
        "file": shown.file,
        "kind": shown.kind,
        "columns": [{"heading": c.heading, "field": c.field, "said": c.said} for c in shown.columns],
        "problems": [str(problem) for problem in shown.problems],
    }

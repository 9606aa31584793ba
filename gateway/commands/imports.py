"""``handbell import list|undo|conflicts|answer``: the imports there were, and the questions that they raised."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway import errors
from gateway.commands import opening, options, showing

if TYPE_CHECKING:
    from gateway.context import Gateway
    from gateway.models import ImportRun


class Which(StrEnum):
    """What holds: ours is what the family confirmed or the school decided, theirs what the files say."""

    OURS = "ours"
    THEIRS = "theirs"


def list_all(
    ctx: typer.Context,
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 20,
    json: options.Json = False,
) -> None:
    """List the imports, newest first: when, by whom, from which files, and what came of them."""
    from gateway.importing import runs

    async def job(gateway: Gateway) -> None:
        async with gateway.database.read() as session:
            rows = [_row(run) for run in await runs.latest(session, limit=limit)]
        if json:
            showing.data(rows)
            return
        columns = ("id", "when", "who", "source", "files", "changes", "undone")
        cells = [
            (
                row["id"],
                showing.when(row["at"], gateway.timezone),
                row["by"],
                row["source"],
                ", ".join(file["file"] for file in row["files"]),
                _summed(row["counts"]),
                showing.when(row["undone_at"], gateway.timezone),
            )
            for row in rows
        ]
        showing.table(columns, cells)

    opening.work(ctx, job)


def undo(
    ctx: typer.Context,
    actor: options.As,
    import_id: Annotated[
        int | None, typer.Argument(metavar="[ID]", help="Which; else the latest that changed anything.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before writing.")] = False,
) -> None:
    """Put an import back: what it added goes, what it changed or removed comes back.

    What has changed since stays and is named. Nobody who was written to is removed.
    """
    from gateway.importing import undo as undoing

    if not yes and sys.stdin.isatty():
        which = f"import {import_id}" if import_id else "the latest import that changed anything"
        typer.confirm(f"Undo {which}?", abort=True, err=True)

    async def job(gateway: Gateway) -> undoing.Undone:
        async with gateway.database.write() as session:
            days = gateway.settings.retention.imports_days
            return await undoing.undo(session, import_id, days=days, by=actor, log=gateway.log, now=gateway.now())

    showing.say(str(opening.work(ctx, job)))


def conflicts(ctx: typer.Context, json: options.Json = False) -> None:
    """List what the files say against what families confirmed or the school decided, and nobody has answered."""
    from gateway.importing import conflicts as asking

    async def job(gateway: Gateway) -> None:
        async with gateway.database.read() as session:
            found = await asking.waiting(session)
        rows: list[dict[str, Any]] = [
            {
                "id": conflict.id,
                "asked": conflict.asked_at,
                "source": source,
                "subject": conflict.subject,
                "field": conflict.field,
                "ours": conflict.ours,
                "theirs": conflict.theirs,
                "what": conflict.what,
            }
            for conflict, source in found
        ]
        if json:
            showing.data(rows)
            return
        columns = ("id", "asked", "source", "what", "ours", "theirs")
        cells = [{**row, "asked": showing.when(row["asked"], gateway.timezone)} for row in rows]
        showing.table(columns, ([row[column] for column in columns] for row in cells))

    opening.work(ctx, job)


def answer(
    ctx: typer.Context,
    conflict: Annotated[str, typer.Argument(metavar="ID|all", help="The id, from handbell import conflicts, or all.")],
    which: Annotated[Which, typer.Argument(metavar="ours|theirs", help="What holds.")],
    actor: options.As,
    source: Annotated[
        str | None, typer.Option(metavar="NAME", help="With all: only those that this source raised.")
    ] = None,
) -> None:
    """Answer a conflict: ours keeps what is confirmed, theirs takes over what the files say."""
    from gateway.importing import conflicts as asking

    async def job(gateway: Gateway) -> int:
        async with gateway.database.write() as session:
            waiting = await asking.waiting(session) if conflict == "all" else []
            chosen = [one.id for one, name in waiting if source is None or name == source]
            for id_ in chosen if conflict == "all" else [_number(conflict)]:
                await asking.answer(session, id_ or 0, which=which.value, by=actor, log=gateway.log, now=gateway.now())
        return len(chosen) if conflict == "all" else 1

    showing.say(f"{showing.count(opening.work(ctx, job), 'conflict')} answered: {which.value}.")


def _number(word: str) -> int:
    if not word.isascii() or not word.isdigit():
        raise errors.NotFound(f"“{word}” is no conflict. handbell import conflicts gives the ids.")
    return int(word)


def _row(run: ImportRun) -> dict[str, Any]:
    return {
        "id": run.id,
        "at": run.at,
        "by": run.by,
        "source": run.source,
        "files": run.files,
        "counts": run.counts,
        "undone_at": run.undone_at,
        "undone_by": run.undone_by,
    }


def _summed(counts: dict[str, Any]) -> str:
    sums = {how: sum(count[how] for count in counts.values()) for how in ("new", "changed", "gone")}
    return ", ".join(f"{many} {how}" for how, many in sums.items() if many) or "none"

"""``handbell audit``: the log of every deed, and the proof that nobody has changed it."""

from __future__ import annotations

import json as codec
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from gateway import errors
from gateway.commands import opening, options, showing

if TYPE_CHECKING:
    from gateway.context import Gateway
    from gateway.models import Audit


def show(
    ctx: typer.Context,
    about: Annotated[str, typer.Option(metavar="SUBJECT", help="Only about this, such as message:01JD…")] = "",
    action: Annotated[str, typer.Option(help="Only of this action, such as notice.approved.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="How many of the newest.")] = 50,
    json: options.Json = False,
) -> None:
    """Show lines of the audit log, the newest first."""
    from gateway import audit, messages

    async def job(gateway: Gateway) -> None:
        async with gateway.database.read() as session:
            if about.startswith("message:") and not action:
                lines: Sequence[Audit] = await messages.deeds(session, about.removeprefix("message:"), limit=limit)
            else:
                lines = await audit.lines_about(session, about, action=action, limit=limit)
        if json:
            showing.data([line.model_dump() | {"body": codec.loads(line.body)} for line in lines])
            return
        columns = ("line", "when", "who", "action", "about", "facts")
        rows = (
            (row.link, showing.when(row.at, gateway.timezone), row.actor, row.action, row.subject, row.body)
            for row in lines
        )
        showing.table(columns, rows, right="line")

    opening.work(ctx, job)


def verify(
    ctx: typer.Context,
    against: Annotated[str | None, typer.Option(metavar="HASH", help="A head hash that was published earlier.")] = None,
    json: options.Json = False,
) -> None:
    """Prove that no line was changed, added or removed.

    Recomputes the whole log. Ends with 1, naming the first bad row, when it is broken.
    """
    published = "" if against is None else against.strip().lower()
    if against is not None and re.fullmatch("[0-9a-f]{64}", published) is None:
        raise typer.BadParameter("a head hash has 64 letters, 0 to 9 and a to f.", param_hint="--against")

    async def job(gateway: Gateway) -> None:
        seen = gateway.mark.kept()  # before the log is read, as that goes on meanwhile
        async with gateway.database.read() as session:
            verdict = await gateway.log.verify(session, expect_head=published, seen=seen)
        if json:
            found = {"sealed": verdict.sealed, "unsealed": verdict.unsealed, "head": verdict.head}
            showing.data(found | {"fault": verdict.fault or None})
        if verdict.fault:
            raise errors.AuditBroken(verdict.fault)
        if not json:
            lines = showing.count(verdict.sealed, "line")
            showing.say(
                f"Nothing was changed or removed among {lines} in the chain; {verdict.unsealed} not sealed yet."
            )
            showing.say(f"Head hash: {verdict.head}")
            if not against:
                showing.say("Keep it elsewhere: with --against it shows later whether lines were cut off at the end.")

    opening.work(ctx, job)


def head(ctx: typer.Context, json: options.Json = False) -> None:
    """Print the head hash, how many lines are sealed, and since when the oldest one waits that is not.

    Keep the hash elsewhere: verify --against proves later that no line before it was changed, added or removed.
    """
    from gateway import chain

    async def job(gateway: Gateway) -> None:
        async with gateway.database.read() as session:
            sealed, newest = await chain.head(session)
            oldest = await chain.oldest_unsealed(session)
        if json:
            showing.data({"sealed": sealed, "head": newest, "unsealed_since": oldest})
            return
        showing.say(f"{newest}  {showing.count(sealed, 'line')} sealed")
        if oldest is not None:
            showing.say(f"A line of {showing.when(oldest, gateway.timezone)} waits to be sealed.")

    opening.work(ctx, job)


def export(
    ctx: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A new folder for the files.")],
    by: options.As,
) -> None:
    """Write the whole log as JSON lines, with a program beside it that verifies them and needs Python alone."""
    from gateway import audit, audit_export
    from gateway.web.office import audit_words

    async def job(gateway: Gateway) -> None:
        try:
            folder.mkdir(mode=0o700, parents=True)
        except OSError as error:
            raise errors.Conflict(f"The folder {folder} cannot be made: {error.strerror}.") from None
        async with gateway.database.write() as session:
            line = audit.Line(audit_words.EXPORTED, "", {"what": "", "when": "all"}, by)
            await gateway.log.record(session, line, now=gateway.now())
        with _own(folder / "audit.jsonl") as file:
            async with gateway.database.read() as session:
                async for lines in audit_export.whole(session):
                    file.write(lines)
        with _own(folder / audit_export.VERIFIER) as file:
            file.write(audit_export.verifier())
        showing.say(f"{folder}: python3 {audit_export.VERIFIER} audit.jsonl")

    opening.work(ctx, job)


def _own(path: Path) -> TextIO:
    return os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w", encoding="utf-8", newline="\n")

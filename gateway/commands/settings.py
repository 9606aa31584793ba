"""``handbell config``: the settings in force, and all that there are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import typer

from gateway.commands import opening, options, showing


def show(ctx: typer.Context, json: options.Json = False) -> None:
    """Show the settings in force, with stars in place of each secret."""
    settings = opening.settings(ctx)
    if json:
        showing.data(settings.redacted())
        return
    for key, value in _lines(settings.redacted()):
        showing.say(f"{key} = {value!r}")
    for warning in settings.warnings():
        showing.remark(warning)


def reference(
    example: Annotated[bool, typer.Option("--example", help="Print an example file to begin with.")] = False,
    json: options.Json = False,
) -> None:
    """List every setting, its type, its default and what it means."""
    from config import reference as written

    if example:
        showing.say(written.example().rstrip())
        return
    entries = written.describe()
    if json:
        showing.data([entry._asdict() for entry in entries])
    else:
        showing.table(("setting", "type", "default", "meaning"), entries)


def _lines(table: Any, before: str = "") -> Iterator[tuple[str, Any]]:
    """Every setting by its dotted key."""
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _lines(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", value

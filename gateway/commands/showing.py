"""How commands print: tables for people, JSON for programs. What is printed is data, never markup."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import typer

if TYPE_CHECKING:
    from rich.console import Console

#: Where nobody's window sets a width, a table must not be cut.
_PIPED_WIDTH = 160


def console(*, stderr: bool = False) -> Console:
    """A console that prints what it is given and nothing more."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else _PIPED_WIDTH
    return Console(stderr=stderr, width=width, markup=False, emoji=False, highlight=False)


def say(sentence: str = "") -> None:
    """Print a sentence."""
    typer.echo(sentence)


def remark(sentence: str) -> None:
    """Print a sentence that is no part of the result, on standard error."""
    typer.echo(sentence, err=True)


def data(value: Any) -> None:
    """Print JSON; times as ISO 8601."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2, default=_plain))


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, title: str = "", right: str = "") -> None:
    """Print a table. ``right`` names the columns of figures, by comma."""
    from rich import box
    from rich.table import Table

    figures = {name.strip() for name in right.split(",")}
    made = Table(box=box.SIMPLE_HEAD, title=title or None, title_justify="left", title_style="bold", pad_edge=False)
    for name in columns:
        made.add_column(name, justify="right" if name in figures else "left", overflow="fold")
    for row in rows:
        made.add_row(*("" if cell is None else str(cell) for cell in row))
    if made.row_count:
        console().print(made)
    else:
        say("There are none.")


def when(moment: datetime | None, timezone: ZoneInfo) -> str:
    """A moment on the school's clock, ``""`` for none."""
    return moment.astimezone(timezone).strftime("%a %d %b %Y %H:%M:%S") if moment else ""


def money(pence: float) -> str:
    """Pounds and pence."""
    return f"£{pence / 100:,.2f}"


def count(number: int, one: str, many: str = "") -> str:
    """``1 text``, ``2 texts``."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)

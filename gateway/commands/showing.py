"""How commands print: tables for people, JSON for programs. What is printed is data, never markup."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import typer

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

#: Where nobody's window sets a width, a table must not be cut.
_PIPED_WIDTH = 160
#: What would steer the terminal instead of standing on it: control characters but for the line end, and the marks that
#: override directions. The isolates U+2066 to U+2069 stay: our own phrases need them.
_STEERING = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2028\u2029]")


def console(*, stderr: bool = False) -> Console:
    """A console that prints what it is given and nothing more."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else _PIPED_WIDTH
    return Console(stderr=stderr, width=width, markup=False, emoji=False, highlight=False)


def say(sentence: str = "") -> None:
    """Print a sentence."""
    typer.echo(harmless(sentence))


def remark(sentence: str) -> None:
    """Print a sentence that is no part of the result, on standard error."""
    typer.echo(harmless(sentence), err=True)


def data(value: Any) -> None:
    """Print JSON; times as ISO 8601. What would steer a terminal is written ``\\u…``, so that nothing is lost."""
    typer.echo(as_json(value))


def as_json(value: Any, *, indent: int | None = 2) -> str:
    """The same as a text."""
    text = json.dumps(value, ensure_ascii=False, indent=indent, default=_plain)
    return _STEERING.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


async def listed(values: AsyncIterator[Any]) -> None:
    """Print a JSON list as its values come: the memory for a million is that for one."""
    before = "[\n"
    async for value in values:
        typer.echo(before + as_json(value), nl=False)
        before = ",\n"
    typer.echo("[]" if before.startswith("[") else "\n]")


def harmless(text: str) -> str:
    """A text from anybody, with what would steer a terminal made visible as ``<U+001B>``; a tab becomes a space."""
    return _STEERING.sub(_visible, text.replace("\r\n", "\n").replace("\t", " "))


def _visible(found: re.Match[str]) -> str:
    return f"<U+{ord(found[0]):04X}>"


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, title: str = "", right: str = "") -> None:
    """Print a table. ``right`` names the columns of figures, by comma."""
    made = grid(columns, rows, title=title, right=right)
    if made.row_count:
        console().print(made)
    else:
        say("There are none.")


def grid(columns: Sequence[str], rows: Iterable[Sequence[object]], *, title: str = "", right: str = "") -> Table:
    """The same, to be printed within something else."""
    from rich import box
    from rich.table import Table

    figures = {name.strip() for name in right.split(",")}
    made = Table(
        box=box.SIMPLE_HEAD, title=harmless(title) or None, title_justify="left", title_style="bold", pad_edge=False
    )
    for name in columns:
        made.add_column(name, justify="right" if name in figures else "left", overflow="fold")
    for row in rows:
        made.add_row(*("" if cell is None else harmless(str(cell)) for cell in row))
    return made


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

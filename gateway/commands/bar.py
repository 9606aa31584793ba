"""A bar that shows how far a long piece of work has come."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from gateway.commands import showing


@contextmanager
def shown(what: str) -> Iterator[Callable[[int, int], None]]:
    """Show a bar on standard error while the block runs. The block is given ``told(done, total)``.

    Where nobody watches (a pipe, a journal) nothing is drawn.
    """
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    console = showing.console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(what, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)

"""Sorts of command groups."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from typer.core import TyperGroup


class Later(TyperGroup):
    """A group whose commands are put together when somebody asks for one of them.

    Typer puts all commands of all groups together to run one, and most take less time than that.
    """

    put_together: Callable[[], dict[str, Any]]  #: of the class that is made for each group

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        del self.commands

    def __getattr__(self, name: str) -> Any:
        if name != "commands":
            raise AttributeError(name)
        self.commands = self.put_together()
        return self.commands


class FirstByDefault(Later):
    """A group whose first command needs no word: ``import pupils.csv`` is ``import files pupils.csv``.

    A file that is called like a command is given as ``./list``.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the word in where it is left out."""
        if args and args[0] not in (*self.commands, *ctx.help_option_names):
            args = [next(iter(self.commands)), *args]
        return super().parse_args(ctx, args)

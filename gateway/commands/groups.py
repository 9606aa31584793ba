"""Sorts of command groups."""

from __future__ import annotations

from typing import Any

from typer.core import TyperGroup


class FirstByDefault(TyperGroup):
    """A group whose first command needs no word: ``import pupils.csv`` is ``import files pupils.csv``.

    A file that is called like a command is given as ``./list``.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the word in where it is left out."""
        if args and args[0] not in (*self.commands, *ctx.help_option_names):
            args = [next(iter(self.commands)), *args]
        return super().parse_args(ctx, args)

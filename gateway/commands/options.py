"""Options that several commands share."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import Annotated

import typer


def login_name() -> str:
    """Who is at the keyboard, for the audit log."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return "command line"


def _own_name(name: str) -> str:
    """Nobody at the keyboard signs as an account or a token does."""
    if name.strip().casefold().startswith(("office:", "api:")):
        raise typer.BadParameter("this is how accounts and tokens sign. Give your name alone.")
    return name


As = Annotated[
    str,
    typer.Option(
        "--as",
        metavar="NAME",
        default_factory=login_name,
        callback=_own_name,
        help="Who does this, for the audit log.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for other programs.")]
Definition = Annotated[Path, typer.Argument(metavar="FILE", help="The definition, a TOML file.")]
Key = Annotated[str, typer.Argument(metavar="KEY", help="The notice's key or id.")]

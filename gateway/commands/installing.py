"""``handbell install``: Handbell under systemd."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from gateway.commands import showing


def install(
    systemd: Annotated[bool, typer.Option("--systemd", help="Under systemd, which is the only way there is.")] = False,
    write: Annotated[bool, typer.Option("--write", help="Do it. Else it is only said.")] = False,
    show: Annotated[bool, typer.Option("--show", help="Print the files too, but for secrets.")] = False,
    root: Annotated[Path, typer.Option(metavar="FOLDER", help="Below which folder everything goes.")] = Path("/"),
) -> None:
    """Say which files put Handbell under systemd, and with --write put them there.

    Settings and keys that are there already are kept. Nothing is started.
    """
    from gateway import installing

    if not systemd:
        raise typer.BadParameter("say --systemd.")
    wanted = installing.files(root, program=Path(sys.prefix) / "bin" / "handbell")
    states = [file.state() for file in wanted]
    if write:
        installing.write(wanted)
    rows = ((state, f"{file.mode:04o}", file.path, file.what) for file, state in zip(wanted, states, strict=True))
    showing.table(("", "mode", "file", "what"), rows)
    if show:
        for file in wanted:
            if not file.secret:
                showing.say(f"# {file.path}\n{file.content.decode()}")
    showing.say("Written. Then, as root:" if write else "Nothing was written: say --write as well. Then, as root:")
    for line in installing.afterwards():
        showing.say(f"  {line}")

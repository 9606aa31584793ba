"""``docs/commands.md``: every command of ``handbell``, in the order of its own help."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import typer.main

from docs.writers import markdown
from gateway import cli

_INTRO = """
`handbell --help` lists the commands, and `--help` after any of them explains it. What goes wrong is said in a sentence
on standard error, with exit code 1; a command that was misspelt ends with 2. Many commands print JSON with `--json`.
"""
#: What a value is called where the command gives it no name of its own.
_KINDS: dict[object, str] = {int: "NUMBER", float: "NUMBER", str: "TEXT", Path: "PATH"}


class Entry(NamedTuple):
    """A command: the words that call it, where the help lists it, an example, and Typer's own object."""

    words: tuple[str, ...]
    panel: str
    example: str
    command: Any


def page() -> str:
    """Give the page."""
    return markdown.whole(_parts())


def entries() -> list[Entry]:
    """Every command, panel by panel."""
    root: Any = typer.main.get_command(cli.build())
    found = [Entry((one.name,), panel, one.example, root.commands[one.name]) for panel, one in cli.LONE]
    for group in cli.GROUPS:
        inner = root.commands[group.name].commands
        found += [Entry((group.name, one.name), group.panel, one.example, inner[one.name]) for one in group.commands]
    panels = (cli.DAILY, cli.UPKEEP, cli.ANSWERS, cli.WORKSHOP)
    return sorted(found, key=lambda entry: panels.index(entry.panel))


def _parts() -> Iterator[str]:
    root: Any = typer.main.get_command(cli.build())
    yield markdown.head("Commands", "gateway/cli.py")
    yield _INTRO
    yield "These options stand before the command:"
    yield _table(root.params)
    for panel, members in groupby(entries(), key=lambda entry: entry.panel):
        yield f"## {panel}"
        for entry in members:
            yield from _command(entry)


def _command(entry: Entry) -> Iterator[str]:
    yield f"### handbell {' '.join(entry.words)}"
    yield entry.command.help
    params = [param for param in entry.command.params if not getattr(param, "hidden", False)]
    yield markdown.block(" ".join(["handbell", *entry.words, *map(_usage, params)]), "text")
    yield _table(params) if params else ""
    yield "Example:"
    yield markdown.block(entry.example, "sh")


def _usage(param: Any) -> str:
    spelt = _spelt(param)
    return spelt if param.required else f"[{spelt}]"


def _table(params: Sequence[Any]) -> str:
    rows = [(markdown.code(_spelt(param)), _meaning(param), _default(param)) for param in params]
    return markdown.table(("what", "meaning", "default"), rows)


def _spelt(param: Any) -> str:
    """An option with the name of its value, or the name of an argument."""
    value = param.metavar or _KINDS.get(param.type_descriptor.annotation, "VALUE")
    if param.param_type_name == "argument":
        return str(value)
    names = ", ".join(param.opts)
    return names if param.is_flag else f"{names} {value}"


def _meaning(param: Any) -> str:
    variable = f" Also from the environment: `{param.envvar}`." if param.envvar else ""
    return f"{param.help}{variable}"


def _default(param: Any) -> str:
    """A default that is worth telling; what is worked out when the command runs is named, as it differs."""
    if callable(param.default):
        return f"your {param.default.__name__.replace('_', ' ')}"
    return markdown.code(str(param.default)) if param.default not in (None, False, "", ()) else ""

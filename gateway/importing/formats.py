"""Every format that Handbell reads, tried in turn: a school need not know what its export is called."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from gateway.errors import BadInput, Problem
from gateway.importing import ctf, headings, sheets, wonde
from gateway.importing.tables import Source


class Reader(Protocol):
    """A module that reads one format."""

    def recognises(self, path: Path) -> bool:
        """Whether a file or folder is of this format: a quick look, that raises for nothing but our own bugs."""
        ...

    def look(self, path: Path) -> list[Source]:
        """Look through it without keeping it. Raises :class:`BadInput` with every problem found."""
        ...


#: The first that recognises a file reads it; what none recognises is read as CSV.
READERS: tuple[Reader, ...] = (ctf, wonde)


def look_all(paths: Sequence[Path], *, encoding: str | None = None) -> list[Source]:
    """Look through every file, lists of pupils first, so that contacts find their pupils.

    Raises :class:`BadInput` with the problems of all of them.
    """
    found: list[Source] = []
    problems: list[Problem] = []
    for path in paths:
        try:
            found += _look(path, encoding=encoding)
        except BadInput as error:
            problems += error.problems
    if not paths:
        problems.append(Problem("No file was given.", "Name the files that were exported."))
    if problems:
        raise BadInput(problems)
    order = [headings.Kind.PUPILS, headings.Kind.COMBINED, headings.Kind.CONTACTS]
    return sorted(found, key=lambda source: order.index(source.layout.kind))


def _look(path: Path, *, encoding: str | None) -> list[Source]:
    for reader in READERS:
        if reader.recognises(path):
            return reader.look(path)
    return [sheets.look(path, known=headings.aliases(), encoding=encoding)]

"""Every format that Handbell reads, tried in turn: a school need not know what its export is called."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from gateway.errors import BadInput, Problem
from gateway.importing import ctf, headings, oneroster, sds, sheets, unknown, wonde
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
READERS: tuple[Reader, ...] = (ctf, wonde, oneroster, sds)


def look_all(
    paths: Sequence[Path], *, encoding: str | None = None, known: headings.Aliases | None = None
) -> list[Source]:
    """Look through every file, lists of pupils first, so that contacts find their pupils.

    ``known`` are the headings of CSV files, by default those that come with Handbell. Raises :class:`BadInput` with the
    problems of all files, and with every column that the saved mapping counts on and no file has.
    """
    known = known or headings.aliases()
    found: list[Source] = []
    problems: list[Problem] = []
    for path in paths:
        try:
            found += _look(path, encoding=encoding, known=known)
        except BadInput as error:
            problems += error.problems
    if known.mapped:
        problems += known.vanished([name for path in paths for name in _headings(path, encoding=encoding, known=known)])
    if not paths:
        problems.append(Problem("No file was given.", "Name the files that were exported."))
    if problems:
        raise BadInput(problems)
    order = [headings.Kind.PUPILS, headings.Kind.COMBINED, headings.Kind.CONTACTS]
    return sorted(found, key=lambda source: order.index(source.layout.kind))


def reader_of(path: Path) -> Reader | None:
    """The reader that recognises a file or folder; None for CSV, and for a pipe, which would keep us waiting."""
    if unknown.is_stream(path):
        return None
    return next((reader for reader in READERS if reader.recognises(path)), None)


def _look(path: Path, *, encoding: str | None, known: headings.Aliases) -> list[Source]:
    if reader := reader_of(path):
        return reader.look(path)
    unknown.refuse(path)
    return [sheets.look(path, known=known, encoding=encoding)]


def _headings(path: Path, *, encoding: str | None, known: headings.Aliases) -> list[str]:
    """The headings of a CSV file, none of one that cannot be read: that is told already."""
    try:
        if reader_of(path) or unknown.is_stream(path):
            return []
        return sheets.read_top(path, known=known, encoding=encoding).headings
    except BadInput:
        return []

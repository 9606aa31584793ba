"""Files as rows of cells: whatever encoding, delimiter and line ends the exporting system or Excel chose."""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from gateway.errors import BadInput, Problem
from gateway.importing import headings
from gateway.importing.report import Remarks

DELIMITERS = (",", ";", "\t", "|")

# What else people rename to .csv, by its first bytes.
NOT_TEXT = (
    (b"PK\x03\x04", "an Excel workbook or a zip archive"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
    (b"%PDF", "a PDF"),
)
BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
CURE = "Export it again as CSV (in Excel: Save as, “CSV UTF-8”)."


@dataclass(frozen=True, slots=True)
class Sheet:
    """A file that was looked through once: it can be decoded and its columns are known. ``size`` is in bytes."""

    path: Path
    size: int
    sha256: str
    encoding: str
    delimiter: str
    header_line: int
    layout: headings.Layout
    whole: bool = True
    format: str = "csv"
    remarks: Remarks = field(default_factory=Remarks)

    @property
    def name(self) -> str:
        """What reports call it."""
        return self.path.name

    def rows(self) -> Iterator[tuple[int, list[str], int]]:
        """Give each row that is not blank, with the line it starts on before it and the bytes read so far after it.

        Raises :class:`BadInput` when a quotation mark is left open, for then nobody knows where a row ends.
        """
        rows = _rows(self.path, encoding=self.encoding, delimiter=self.delimiter)
        return (row for row in rows if row[0] > self.header_line)


@dataclass(frozen=True, slots=True)
class Top:
    """The row of headings of a file, and how the file is written."""

    encoding: str
    delimiter: str
    line: int
    headings: list[str]


def look(path: Path, *, known: headings.Aliases, encoding: str | None = None) -> Sheet:
    """Look through a file without keeping it: can it be decoded, and what are its columns?

    Raises :class:`BadInput` for what is missing, empty, not text, or without the needed columns.
    """
    top = read_top(path, known=known, encoding=encoding)
    digest = hashlib.sha256()
    with path.open("rb") as raw:
        for chunk in _chunks(raw):
            digest.update(chunk)
    layout = headings.layout(top.headings, known=known, file=path.name, line=top.line)
    return Sheet(path, path.stat().st_size, digest.hexdigest(), top.encoding, top.delimiter, top.line, layout)


def read_top(path: Path, *, known: headings.Aliases, encoding: str | None = None) -> Top:
    """Read the headings, whatever they mean. Raises :class:`BadInput` for what is missing, empty or not text."""
    try:
        encoding = proved(lambda: path.open("rb"), file=path.name, encoding=encoding)
        line, words = _first_line(path, encoding)
    except FileNotFoundError as error:
        raise _bad(path.name, "There is no such file.", "Check its name and folder.") from error
    except OSError as error:
        raise _bad(
            path.name, "The file cannot be opened.", "Close it in other programs and check who may read it."
        ) from error
    delimiter = _delimiter(words, known)
    # Read as a row, not as a line: a heading may have a line break in it.
    row = next((cells for at, cells, _ in _rows(path, encoding=encoding, delimiter=delimiter) if at == line), None)
    if row is None:  # signs alone that are no letters and no blanks
        raise _bad(path.name, "The file is empty.")
    return Top(encoding, delimiter, line, row)


def _rows(path: Path, *, encoding: str, delimiter: str) -> Iterator[tuple[int, list[str], int]]:
    with path.open("rb") as raw, io.TextIOWrapper(raw, encoding=encoding, newline="") as text:
        reader = csv.reader(text, delimiter=delimiter, strict=True)
        line = 1
        try:
            for cells in reader:
                if any(map(str.strip, cells)):
                    yield line, cells, raw.tell()
                line = reader.line_num + 1
        except csv.Error as error:
            raise _bad(path.name, *broken(error), line=line) from error


def broken(error: csv.Error) -> tuple[str, str]:
    """What is wrong with a row and its cure. The csv module tells its errors apart by their words only."""
    if "field larger" in str(error):
        return (
            f"A cell of this row is too long: more than {csv.field_size_limit():,} letters.",
            "Shorten it. If it looks short, a quotation mark at its start is never closed.",
        )
    return "A quotation mark in this row is never closed, or stands amid a cell.", CURE


def proved(opened: Callable[[], IO[bytes]], *, file: str, encoding: str | None = None) -> str:
    """The encoding under which the whole of a file can be read: what is said, else what its first bytes say.

    What is not UTF-8 is cp1252, as Excel for Windows writes it in Britain. Raises :class:`BadInput`, with ``file`` as
    its place, for what is empty or no text.
    """
    if encoding is None:
        with opened() as raw:
            encoding = _guessed(raw.read(4096), file=file)
    try:
        decoder = codecs.getincrementaldecoder(encoding)()
    except LookupError as error:
        raise _bad(file, f"“{encoding}” is not an encoding.", "Use utf-8 or cp1252.") from error
    try:
        with opened() as raw:
            for chunk in _chunks(raw):
                if "\0" in decoder.decode(chunk):
                    raise _bad(file, "This is not a text file.")
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        if encoding == "utf-8":
            return proved(opened, file=file, encoding="cp1252")
        raise _bad(file, "The letters in this file cannot be read.") from error
    return encoding


def _guessed(start: bytes, *, file: str) -> str:
    if not start.strip():
        raise _bad(file, "The file is empty.")
    for magic, name in NOT_TEXT:
        if start.startswith(magic):
            raise _bad(file, f"This is {name}, whatever its name says.")
    return next((encoding for bom, encoding in BOMS if start.startswith(bom)), "utf-8")


def _first_line(path: Path, encoding: str) -> tuple[int, str]:
    """The first line that says something and its number. Excel's ``sep=;`` line says nothing to us."""
    with path.open(encoding=encoding, newline=None) as text:
        for number, line in enumerate(text, start=1):
            if line.strip(' \t\r\n,;|"') and not line.lower().startswith("sep="):
                return number, line.rstrip("\n")
    raise _bad(path.name, "The file is empty.")


def _delimiter(line: str, known: headings.Aliases) -> str:
    """The delimiter under which most headings make sense."""

    def understood(delimiter: str) -> int:
        try:
            headings = next(csv.reader([line], delimiter=delimiter), [])
        except csv.Error:  # a cell too long: told with its line once the row is read
            return 0
        return sum(bool(known.field(heading)) for heading in headings)

    return max(DELIMITERS, key=understood)


def _chunks(raw: IO[bytes]) -> Iterator[bytes]:
    while chunk := raw.read(1 << 16):
        yield chunk


def _bad(file: str, what: str, cure: str = CURE, *, line: int = 0) -> BadInput:
    return BadInput([Problem(what, cure, file, line)])

"""One CSV file of a bundle: its columns by their exact names, and its rows, each with the line it starts on."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from operator import itemgetter

from gateway.errors import BadInput, Problem
from gateway.importing import bundles, cells, sheets
from gateway.importing.bundles import Bundle, Member
from gateway.importing.report import Remarks

RECORDS = "Correct it in the school's records."
Needed = str | tuple[str, ...]  #: a column, or its spellings: one of them is needed
QUOTES = "Export it again; cells with commas in them need quotation marks."


@dataclass(slots=True)
class Part:
    """A file that can be read. ``lost`` counts the rows that could not be, once it was read."""

    label: str
    member: Member
    encoding: str
    headings: tuple[str, ...]
    header_line: int
    remarks: Remarks
    lost: int = field(default=0)

    def has(self, *names: str) -> bool:
        """Whether there is a column of any of the names."""
        return any(name in self.headings for name in names)

    def one_of(self, *names: str) -> str:
        """The first of the names that is a column: drafts of a standard spelled it otherwise."""
        return next((name for name in names if name in self.headings), names[0])

    def rows(self, *names: str) -> Iterator[tuple[int, int, tuple[str, ...]]]:
        """Give the line, the bytes read so far, and the tidied cells under the names; ``""`` where there is no column.

        A row with more or fewer cells than there are headings is reported and left out: nobody knows what is missing.
        """
        # A column that is not there is read from behind the row's own cells.
        pick = itemgetter(*(self.headings.index(name) if self.has(name) else len(self.headings) for name in names))
        pick_all: Callable[[Sequence[str]], tuple[str, ...]] = pick if len(names) > 1 else lambda row: (pick(row),)
        for line, row, at in _rows(self.label, self.member, self.encoding):
            if line <= self.header_line:
                continue
            if len(row) != len(self.headings):
                self.lost += 1
                self.leave_out(
                    line, f"This row has {len(row)} cells, but there are {len(self.headings)} headings.", QUOTES
                )
                continue
            yield line, at, pick_all([*map(str.strip, row), ""])

    def leave_out(self, line: int, what: str, cure: str = RECORDS) -> None:
        """Report a row that is not taken."""
        self.tell(line, f"{what} The row was left out.", cure)

    def tell(self, line: int, what: str, cure: str = RECORDS) -> None:
        """Report what is wrong."""
        self.remarks.problems.add(Problem(what, cure, self.label, line))

    def warn(self, line: int, what: str, cure: str = RECORDS) -> None:
        """Report what wants a look."""
        self.remarks.warnings.add(Problem(what, cure, self.label, line))

    def day(self, line: int, cell: str) -> str:
        """A day by ISO 8601, ``""`` for none; one that cannot be read is reported."""
        found = cells.day(cell[:10]) if cell else ""
        if isinstance(found, Problem):
            self.tell(line, f"{found.what} It was left out.", found.cure)
            return ""
        return str(found)


def look(bundle: Bundle, name: str, *, needed: Sequence[Needed], remarks: Remarks) -> Part:
    """Look through a file of a bundle: can it be read, and has it the needed columns?

    Raises :class:`BadInput` when it cannot be used.
    """
    label = bundle.label(name)
    member = bundle.member(name)
    if member is None:
        raise BadInput([Problem("This file is missing.", bundles.ANEW, label)])
    try:
        encoding = sheets.proved(member.opened, file=label)
    except bundles.BROKEN as error:
        raise bundles.damaged(label) from error
    if encoding == "cp1252":
        what = "The file is not in UTF-8, as the format asks. It was read as Windows writes it in Britain."
        remarks.warnings.add(Problem(what, "Look at a few names with accents.", label))
    if encoding == "utf-8":
        encoding = "utf-8-sig"
    line, header, _ = next(_rows(label, member, encoding), (1, list[str](), 0))
    headings = tuple(cell.strip() for cell in header)
    spellings = [column if isinstance(column, tuple) else (column,) for column in needed]
    missing = [names[0] for names in spellings if not set(names) & set(headings)]
    if missing:
        names = ", ".join(f"“{column}”" for column in missing)
        what = f"No column is headed {names}." if len(missing) == 1 else f"No columns are headed {names}."
        raise BadInput([Problem(what, "Headings are spelled exactly so. " + bundles.ANEW, label, line)])
    return Part(label, member, encoding, headings, line, remarks)


def maybe(bundle: Bundle, name: str, *, needed: Sequence[Needed], remarks: Remarks) -> Part | None:
    """A file that the import can do without: None when it is not there, or is no use, which is then reported."""
    if bundle.member(name) is None:
        return None
    try:
        return look(bundle, name, needed=needed, remarks=remarks)
    except BadInput as error:
        for problem in error.problems:
            what = f"{problem.what} Nothing was taken from this file."
            remarks.problems.add(Problem(what, problem.cure, problem.file, problem.line))
        return None


def _rows(label: str, member: Member, encoding: str) -> Iterator[tuple[int, list[str], int]]:
    """Every row that is not blank. Raises :class:`BadInput` where a quotation mark is left open."""
    with member.opened() as raw, io.TextIOWrapper(raw, encoding=encoding, newline="") as text:
        reader, line = csv.reader(text, strict=True), 1
        try:
            for row in reader:
                if any(map(str.strip, row)):
                    yield line, row, raw.tell()
                line = reader.line_num + 1
        except csv.Error as error:
            raise BadInput([Problem(*sheets.broken(error), label, line)]) from error
        except bundles.BROKEN as error:
            raise bundles.damaged(label) from error

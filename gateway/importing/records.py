"""Formats that nest: each pupil as one record with its contacts in it, told as a list of pupils and one of contacts."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gateway.errors import BadInput, Problem
from gateway.importing.headings import Kind, Layout
from gateway.importing.report import Remarks

Fields = dict[str, list[str]]  #: our fields and the cells of each; one that is missing says nothing

#: What ties a contact's row to its pupil: the first that there is.
TIES = ("pupil.id", "pupil.upn")


@dataclass(frozen=True, slots=True)
class Record:
    """One pupil; ``contacts`` are their lines and fields, ``position`` the bytes read so far."""

    line: int
    position: int
    pupil: Fields
    contacts: list[tuple[int, Fields]]


@dataclass(frozen=True, slots=True)
class Table:
    """The pupils of a file, or their contacts: a :class:`~gateway.importing.tables.Source` that reads it anew."""

    name: str
    size: int
    sha256: str
    layout: Layout
    format: str
    whole: bool
    read: Callable[[], Iterator[Record]]
    remarks: Remarks = field(default_factory=Remarks)

    def rows(self) -> Iterator[tuple[int, list[str], int]]:
        """Give each row, as the protocol says. Raises ``BadInput``."""
        for record in self.read():
            if self.layout.kind is Kind.PUPILS:
                yield record.line, self._cells(record.pupil), record.position
            else:
                ties = next(({name: record.pupil[name]} for name in TIES if name in record.pupil), {})
                for line, fields in record.contacts:
                    yield line, self._cells(ties | fields), record.position

    def _cells(self, fields: Fields) -> list[str]:
        cells = [""] * len(self.layout.headings)
        for name, columns in self.layout.columns.items():
            for column, cell in zip(columns, fields.get(name, ()), strict=False):
                cells[column] = cell
        return cells


def tables(
    path: Path,
    read: Callable[[], Iterator[Record]],
    *,
    format_: str,
    headings: Mapping[str, str],
    whole_roll: bool,
    whole_lists: bool = True,
    remarks: Remarks,
) -> list[Table]:
    """Look through a file once and give its tables, with a column for each field that it says anything about.

    ``headings`` is how the format itself spells each of our fields, in the order of the columns. ``whole_roll`` says
    that a pupil who is not in it may be gone, ``whole_lists`` the same of the contacts of a pupil. Raises
    :class:`BadInput` when there is no pupil in it, and what ``read`` raises.
    """
    pupils, contacts = dict[str, int](), dict[str, int]()
    for record in read():
        _widen(pupils, record.pupil)
        for _, fields in record.contacts:
            _widen(contacts, fields)
    if not pupils:
        raise BadInput(
            [Problem("There are no pupils in this file.", "Export it again, with pupils chosen.", path.name)]
        )
    size, sha256 = path.stat().st_size, _digest(path)
    layout = _layout(Kind.PUPILS, pupils, headings)
    found = [Table(path.name, size, sha256, layout, format_, whole_roll, read, remarks)]
    if contacts:
        ties = {name: width for name, width in pupils.items() if name in TIES}
        layout = _layout(Kind.CONTACTS, ties | contacts, headings)
        found.append(Table(path.name, size, sha256, layout, format_, whole_lists, read))
    return found


def _widen(widths: dict[str, int], fields: Fields) -> None:
    for name, cells in fields.items():
        widths[name] = max(widths.get(name, 0), len(cells))


def _layout(kind: Kind, widths: Mapping[str, int], headings: Mapping[str, str]) -> Layout:
    columns, spelled = dict[str, tuple[int, ...]](), list[str]()
    for name, heading in headings.items():
        if width := widths.get(name, 0):
            columns[name] = tuple(range(len(spelled), len(spelled) + width))
            spelled += [heading] * width
    return Layout(kind, columns, spelled)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def said(pairs: Iterable[tuple[str, str]]) -> Fields:
    """The fields of a list of names and cells; cells that are empty say nothing, unless another of the name does."""
    fields: Fields = {}
    for name, cell in pairs:
        if cell.strip():
            fields.setdefault(name, []).append(cell)
    return fields

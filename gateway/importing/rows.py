"""One row of a file: its cells by field, and a voice to say what is wrong with them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import date
from functools import lru_cache
from typing import Any, TypeVar

from gateway import phone_cells
from gateway.errors import Problem
from gateway.importing import cells, letters
from gateway.importing.headings import Layout
from gateway.importing.report import Report
from templates import languages

T = TypeVar("T")
Values = dict[str, Any]

MANY = 5  #: so many damaged names in one file are one fault: each is told up to here, and then that on top of all


class Row:
    """The row that is being read; one object for all rows of a file. ``today`` bounds dates of birth.

    Readers put what a cell says into ``values``. A key that is missing there means that the row says nothing about it,
    and what is known stays: an empty language never wipes out one that a family has told us.
    """

    def __init__(self, layout: Layout, *, file: str, report: Report, today: date):
        self.layout, self.file, self.report, self.today = layout, file, report, today
        self.line, self.cells = 0, list[str]()
        self.damaged = 0
        # Brothers and sisters have the same parents: most numbers and languages come by more than once.
        self.phones = lru_cache(maxsize=4096)(phone_cells.read)
        self.language = lru_cache(maxsize=512)(languages.match)

    def turn(self, line: int, cells: list[str]) -> bool:
        """Go on to the next row. False when it cannot be read; then the report says why."""
        self.line, self.cells = line, cells
        if any(cell.strip() for cell in cells[len(self.layout.headings) :]):
            self.wrong(
                "",
                Problem(
                    "This row has more cells than there are headings.", "Put quotation marks around cells with commas."
                ),
                note="The row was left out.",
            )
            return False
        if len(cells) < len(self.layout.headings) and self.is_cut(self.layout.columns):
            self.warn(
                "",
                "This row ends before its last columns. What they hold was left as it is, here and on other rows.",
                "Look for a line break within a cell, or export the file again.",
                once="cut",
            )
        return True

    def has(self, name: str) -> bool:
        """Whether the row says anything of a field: an empty cell does, a row that ends before it does not."""
        return self.layout.has(name) and not self.is_cut([name])

    def is_cut(self, names: Iterable[str]) -> bool:
        """Whether the row ends before a column of these fields."""
        return any(column >= len(self.cells) for name in names for column in self.layout.columns.get(name, ()))

    def cell(self, name: str) -> str:
        """The first cell of a field, ``""`` when there is no such column or the row ends before it."""
        columns = self.layout.columns.get(name, ())
        return self.cells[columns[0]] if columns and columns[0] < len(self.cells) else ""

    def every(self, name: str) -> Iterator[str]:
        """Every cell of a field that says something."""
        for column in self.layout.columns.get(name, ()):
            if column < len(self.cells) and not cells.says_nothing(self.cells[column]):
                yield self.cells[column]

    def words(self, name: str) -> str:
        """The tidied words of a field."""
        return cells.text(self.cell(name))

    def name(self, name: str) -> str:
        """The tidied words of a person's name, with a warning where letters of it got lost."""
        found = letters.read(self.cell(name))
        if found.damage:
            self.damaged += 1
            if self.damaged <= MANY:
                self.warn(name, *letters.WORDS[found.damage])
            if self.damaged == MANY:
                self.report.found.kept.insert(0, Problem(*letters.ENCODING, self.file))
        return cells.text(found.text)

    def wrong(self, name: str, problem: Problem, *, note: str) -> None:
        """Report what was not taken; ``note`` says what became of it."""
        self.report.found.add(self._placed(name, f"{problem.what} {note}", problem.cure))

    def warn(self, name: str, what: str, cure: str, *, once: str = "") -> None:
        """Report what was taken and wants a look; with ``once``, only the first of the file with that word."""
        self.report.warn(self._placed(name, what, cure), once=(self.file, name, once) if once else ())

    def take(self, values: Values, name: str, read: Callable[[str], T | Problem], *, empty: str | None = None) -> None:
        """Put what a cell says into ``values`` if it can be read; ``empty`` is what an empty cell says, if anything."""
        if not self.has(name):
            return
        raw, column = self.cell(name), name.partition(".")[2]
        if cells.says_nothing(raw):
            if empty is not None:
                values[column] = empty
            return
        value = read(raw)
        if isinstance(value, Problem):
            self.wrong(name, value, note="It was left out.")
        else:
            values[column] = value

    def take_language(self, values: Values, name: str, column: str) -> None:
        """Put the tag of a language into ``values``; warn of a word that is none."""
        raw = self.words(name)
        if cells.says_nothing(raw):
            return
        if tag := self.language(raw):
            values[column] = tag
            return
        self.warn(
            name,
            f"“{raw}” is no language that Handbell knows, or more than one. It was left out, here and on other rows.",
            "Write one language by its English name, for example Polish.",
            once=raw.casefold(),
        )

    def _placed(self, name: str, what: str, cure: str) -> Problem:
        return Problem(what, cure, self.file, self.line, self.layout.heading(name))

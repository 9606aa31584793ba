"""No cell that we export is run as a formula, whoever wrote what stands in it, and every export goes the same way."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import gateway
from gateway import spreadsheet

HOME = Path(gateway.__file__).parent
RUN = '=cmd|"/c calc"!A1', "+1+1", "-1+1", "@SUM(1)", "\t=1", "\r=1", "\n=1", "＝1+1", "＠SUM(1)"


@pytest.mark.parametrize("cell", RUN)
def test_a_formula_is_shown_as_it_was_written(cell: str) -> None:
    assert spreadsheet.plain(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", ["", "/", "-", "+", "=", "07700 900123", "a=1", -1.5, 0, None])
def test_what_is_none_stays_as_it_is(cell: object) -> None:
    assert spreadsheet.plain(cell) == cell


@given(st.lists(st.lists(st.text(st.sampled_from("=+-@\t\r\n\",;'a0＝")) | st.integers() | st.none()), max_size=5))
def test_no_cell_is_a_formula_however_it_is_quoted(rows: list[list[str | int | None]]) -> None:
    written = list(csv.reader(io.StringIO(spreadsheet.csv_of(rows), newline="")))
    assert [len(row) for row in written if row] == [len(row) for row in rows if row]
    for cell, given_ in zip((c for row in written for c in row), (c for row in rows for c in row), strict=True):
        if isinstance(given_, str):
            assert cell in (given_, f"'{given_}")
            assert len(cell) < 2 or not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n", "＝"))


def test_there_is_no_other_way_out() -> None:
    """Whoever writes CSV in another place must say here why it is for no spreadsheet."""
    writers = {
        str(file.relative_to(HOME))
        for file in HOME.rglob("*.py")
        if re.search(r"csv\.(Dict)?[wW]riter", file.read_text())
    }
    assert writers == {
        "spreadsheet.py",
        "practice/school.py",  # a made-up school's files, for our own importer
    }

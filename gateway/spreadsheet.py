"""Tables as CSV, the one way out to a spreadsheet: what a family has written is never run as a formula there."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import Final

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # the wide ones too


def csv_of(rows: Iterable[Iterable[object]]) -> str:
    """Rows as text, the headings first; an empty row parts two tables."""
    written = io.StringIO()
    out = csv.writer(written, lineterminator="\r\n")
    out.writerows([plain(cell) for cell in row] for row in rows)
    return written.getvalue()


def plain(cell: object) -> object:
    """A cell that no spreadsheet takes for a formula; a lone code of a register such as / or - is none."""
    text = isinstance(cell, str) and len(cell) > 1 and cell.startswith(_FORMULA)
    return f"'{cell}" if text else cell

"""A report as CSV: each table under its title. No cell can be a formula: somebody opens it in a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from gateway.reports import figures

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_of(report: figures.Report) -> str:
    """The report as text; a share as a number from 0 to 1."""
    written = io.StringIO()
    out = csv.writer(written, lineterminator="\r\n")
    for number, table in enumerate(report.tables):
        if number:
            out.writerow([])
        out.writerow([_plain(table.title)])
        out.writerow(map(_plain, table.columns))
        out.writerows(_row(row) for row in table.rows)
    return written.getvalue()


def _row(row: Sequence[figures.Cell | None]) -> Iterable[figures.Cell]:
    for cell in row:
        yield "" if cell is None else round(cell, 4) if isinstance(cell, float) else _plain(cell)


def _plain(cell: str | int) -> str | int:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell


def shown(cell: figures.Cell | None) -> str:
    """A cell as a person reads it; a share in per cent."""
    if cell is None:
        return ""
    return f"{cell:.0%}" if isinstance(cell, float) else f"{cell:,}" if isinstance(cell, int) else cell

"""A report as CSV: each table under its title."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from gateway import spreadsheet
from gateway.reports import figures


def csv_of(report: figures.Report) -> str:
    """The report as text; a share as a number from 0 to 1."""
    rows = list[Iterable[object]]()
    for number, table in enumerate(report.tables):
        if number:
            rows.append([])
        rows += [[table.title], table.columns, *map(_row, table.rows)]
    return spreadsheet.csv_of(rows)


def _row(row: Sequence[figures.Cell | None]) -> Iterable[figures.Cell]:
    for cell in row:
        yield "" if cell is None else round(cell, 4) if isinstance(cell, float) else cell


def shown(cell: figures.Cell | None) -> str:
    """A cell as a person reads it; a share in per cent."""
    if cell is None:
        return ""
    return f"{cell:.0%}" if isinstance(cell, float) else f"{cell:,}" if isinstance(cell, int) else cell

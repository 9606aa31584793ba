"""The balance as CSV. No cell can be a formula: somebody opens it in a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from gateway.good_news.balance import Child, Line

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def of_children(children: Iterable[Child]) -> str:
    """A row for each pupil."""
    rows = [
        (
            one.pupil.source_id,
            f"{one.pupil.called} {one.pupil.surname}",
            one.pupil.form,
            "; ".join(one.groups),
            f"{one.last_good:%d/%m/%Y}" if one.last_good else "",
            one.good,
            one.bad,
        )
        for one in children
    ]
    return _written(("Pupil ID", "Name", "Form", "Groups", "Last good news", "Good", "Bad"), rows)


def of_lines(lines: Iterable[Line], heading: str) -> str:
    """A row for each form, group or teacher."""
    rows = [(one.name, one.pupils, one.without, one.good, one.bad) for one in lines]
    return _written((heading.capitalize(), "Pupils", "Without good news", "Good", "Bad"), rows)


def _written(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    written = io.StringIO()
    out = csv.writer(written, lineterminator="\r\n")
    out.writerow(headings)
    out.writerows([_plain(cell) for cell in row] for row in rows)
    return written.getvalue()


def _plain(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell

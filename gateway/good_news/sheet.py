"""The balance as CSV."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from gateway import spreadsheet
from gateway.good_news.balance import Child, Line


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
    if heading == "teacher":  # nobody is one teacher's to praise
        return _written(
            ("Teacher", "Pupils", "Good", "Bad"), [(one.name, one.pupils, one.good, one.bad) for one in lines]
        )
    rows = [(one.name, one.pupils, one.without, one.good, one.bad) for one in lines]
    return _written((heading.capitalize(), "Pupils", "Without good news", "Good", "Bad"), rows)


def _written(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    return spreadsheet.csv_of([headings, *rows])

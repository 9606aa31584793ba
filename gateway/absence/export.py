"""The day's list as CSV for the MIS. No cell can be a formula: somebody opens it in a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import date
from zoneinfo import ZoneInfo

from gateway import audit
from gateway.absence import views

HEADINGS = (
    "Pupil ID", "UPN", "Name", "Form", "Date", "Session", "Mark", "Code", "Comment", "State", "Decided by",
    "Decided at",
)  # fmt: skip

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_of(lines: Sequence[views.Line], *, timezone: ZoneInfo) -> str:
    """The list as text. ``Code`` is empty where nobody has decided yet."""
    written = io.StringIO()
    out = csv.writer(written, lineterminator="\r\n")
    out.writerow(HEADINGS)
    for line in lines:
        decided = f"{line.decided_at.astimezone(timezone):%d/%m/%Y %H:%M}" if line.decided_at else ""
        cells = (
            line.pupil_id, line.upn, line.name, line.form, f"{line.day:%d/%m/%Y}", line.session.upper(), line.mark,
            line.code, line.comment, line.state.replace("_", " "), line.decided_by, decided,
        )  # fmt: skip
        out.writerow([plain(cell) for cell in cells])
    return written.getvalue()


def shown(day: date, *, to: str) -> audit.Line:
    """That somebody was given a day's list: it says why children are away."""
    return audit.Line("absence.codes_shown", f"day:{day:%Y-%m-%d}", actor=to)


def plain(cell: str) -> str:
    """A text that no spreadsheet takes for a formula; a lone code such as / or \\ is none."""
    return f"'{cell}" if len(cell) > 1 and cell.startswith(_FORMULA) else cell

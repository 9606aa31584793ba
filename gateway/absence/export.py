"""The day's list as CSV for the MIS."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from zoneinfo import ZoneInfo

from gateway import audit, spreadsheet
from gateway.absence import views

HEADINGS = (
    "Pupil ID", "UPN", "Name", "Form", "Date", "Session", "Mark", "Code", "Comment", "State", "Decided by",
    "Decided at",
)  # fmt: skip


def csv_of(lines: Sequence[views.Line], *, timezone: ZoneInfo) -> str:
    """The list as text. ``Code`` is empty where nobody has decided yet."""
    rows = list[Sequence[object]]([HEADINGS])
    for line in lines:
        decided = f"{line.decided_at.astimezone(timezone):%d/%m/%Y %H:%M}" if line.decided_at else ""
        rows.append((
            line.pupil_id, line.upn, line.name, line.form, f"{line.day:%d/%m/%Y}", line.session.upper(), line.mark,
            line.code, line.comment, line.state.replace("_", " "), line.decided_by, decided,
        ))  # fmt: skip
    return spreadsheet.csv_of(rows)


def shown(day: date, *, to: str) -> audit.Line:
    """That somebody was given a day's list: it says why children are away."""
    return audit.Line("absence.codes_shown", f"day:{day:%Y-%m-%d}", actor=to)

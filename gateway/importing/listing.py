"""Which sorts of telephones and mailboxes a file lists in full: only of those can a number that it lacks be gone.

A column that earlier files had and this one has not (renamed, forgotten, or not in this format) says nothing: its
numbers stay, or an export with one heading changed would take every family's mobile away. But a contact who gets a new
number of a sort loses the old ones: nobody may be written to at a number that was given up.
"""

from __future__ import annotations

from collections.abc import Set

from sqlmodel import col, select

from gateway.database import Session
from gateway.errors import Problem
from gateway.importing.headings import Layout
from gateway.importing.report import Report
from gateway.models import ImportRun

MOBILE, LANDLINE, EMAIL = "mobile", "landline", "email"

#: The columns from which numbers of each sort come. A plain «Telephone» may hold either.
COLUMNS = {
    MOBILE: frozenset({"contact.mobile", "contact.phone"}),
    LANDLINE: frozenset({"contact.phone", "contact.home_phone", "contact.work_phone"}),
    EMAIL: frozenset({"contact.email"}),
}
ALL = frozenset().union(*COLUMNS.values())


def columns(layout: Layout) -> list[str]:
    """The columns of telephones and mailboxes that a file has."""
    return sorted(name for name in ALL if layout.has(name))


async def known(session: Session, source: str) -> frozenset[str]:
    """The columns that the last import of this source left us to expect; those of all imports where it had none."""
    runs = select(ImportRun.source, ImportRun.files).where(col(ImportRun.undone_at).is_(None))
    found = frozenset[str]()
    for name, files in await session.execute(runs.order_by(col(ImportRun.id).desc())):
        columns = frozenset(column for file in files for column in file.get("columns", ()))
        if columns and name == source:
            return columns
        found |= columns
    return found


def sorts(here: Set[str], before: Set[str]) -> list[str]:
    """The sorts that a file with these columns lists in full, if earlier files had those of ``before``."""
    return [sort for sort, names in COLUMNS.items() if names & here and names & before <= here]


def tell_of_missing(report: Report, here: Set[str], before: Set[str]) -> None:
    """Warn of numbers that are kept because their column is missing."""
    kept = [sort for sort, names in COLUMNS.items() if not names & before <= here]
    if kept:
        lost = ", ".join(sorted(name.removeprefix("contact.").replace("_", " ") for name in before - here))
        what = f"Earlier files had columns that these have not ({lost}), so nothing of that sort was removed."
        cure = (
            "Look whether a heading was renamed: handbell import map shows what each column is taken for. "
            "If they are gone for good, import once with --go-on."
        )
        report.warn(Problem(what, cure))

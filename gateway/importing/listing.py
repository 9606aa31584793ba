"""Which sorts of telephones and mailboxes a file lists in full: only of those can a number that it lacks be gone.

A column that earlier files had and this one has not (renamed, forgotten, or not in this format) says nothing: its
numbers stay, or an export with one heading changed would take every family's mobile away.
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


async def known(session: Session, source: str, *, but: int) -> frozenset[str]:
    """The columns that imports of this source had, or all imports where it is new; ``but`` is the one under way."""
    runs = select(ImportRun.source, ImportRun.files).where(col(ImportRun.undone_at).is_(None), ImportRun.id != but)
    rows = [(name, file) for name, files in await session.execute(runs) for file in files]
    own = [file for name, file in rows if name == source]
    return frozenset(name for file in own or [file for _, file in rows] for name in file.get("columns", ()))


def sorts(here: Set[str], before: Set[str]) -> list[str]:
    """The sorts that a file with these columns lists in full, if earlier files had those of ``before``."""
    return [sort for sort, names in COLUMNS.items() if names & here and names & before <= here]


def tell_of_missing(report: Report, here: Set[str], before: Set[str]) -> None:
    """Warn of numbers that are kept because their column is missing."""
    kept = [sort for sort, names in COLUMNS.items() if not names & before <= here]
    if kept:
        lost = ", ".join(sorted(name.removeprefix("contact.").replace("_", " ") for name in before - here))
        what = f"Earlier files had columns that these have not ({lost}), so nothing of that sort was removed."
        cure = "Look whether a heading was renamed: handbell import map shows what each column is taken for."
        report.warn(Problem(what, cure))

"""What merging one file needs at hand."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from gateway.database import Session
from gateway.importing import conflicts, identity, seen
from gateway.importing.conflicts import Question, Topic
from gateway.importing.ledger import Ledger
from gateway.importing.report import FileReport, Report
from gateway.importing.seen import What
from gateway.importing.settling import Claim


@dataclass(frozen=True, slots=True)
class Job:
    """One file of an import.

    ``lists`` the sorts of points that it lists in full (``listing``), ``whole`` False when it lists changes only
    ``source`` the export that comes again and again, ``""`` for none; ``format`` of the file
    ``today`` the school's date, ``now`` the moment of the import
    """

    ledger: Ledger
    report: Report
    file: FileReport
    lists: str
    whole: bool
    source: str
    format: str
    today: date
    now: datetime

    @property
    def session(self) -> Session:
        """The import's transaction."""
        return self.ledger.session

    async def rows(self, column: sa.Column[Any], keys: Collection[Any]) -> Sequence[sa.RowMapping]:
        """The rows of a table that have one of these values in a column."""
        if not keys:
            return []
        return (await self.session.execute(sa.select(column.table).where(column.in_(keys)))).mappings().all()

    async def by(self, column: sa.Column[Any], keys: Iterable[str]) -> dict[str, sa.RowMapping]:
        """The same by that column, which is unique."""
        return {row[column.name]: row for row in await self.rows(column, set(keys))}

    async def ask(self, found: Mapping[Topic, Question | None]) -> set[Topic]:
        """Raise what a person must decide, and warn of what is new. Gives the topics that were answered ``ours``."""
        if not found:
            return set()
        fresh, answered = await conflicts.raise_all(self.ledger, found, now=self.now)
        conflicts.tell(self.report, fresh)
        return answered

    async def note_names(self, what: What, changed: Sequence[tuple[sa.RowMapping, Claim]]) -> None:
        """Mark and count those whose name changed by more than its spelling: it may be somebody else under that id."""
        renamed = []
        for row, claim in changed:
            before, after = (identity.folded(_name(one)) for one in (row, {**row, **claim.values}))
            if before != after:
                renamed.append((row["id"], 0, f"{claim.line} {self.file.file}"))
        self.report.signs[what.value] += len(renamed)
        await seen.mark(self.session, what, renamed)


def _name(values: Mapping[str, Any] | sa.RowMapping) -> str:
    return f"{values['forename']} {values['surname']}"

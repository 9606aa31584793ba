"""New, changed or the same: rows that files claim, against the rows that are there."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import sqlalchemy as sa

from gateway.errors import Problem
from gateway.importing.ledger import Ledger
from gateway.importing.report import Count, Report
from gateway.importing.rows import Values

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Claim:
    """What a line of a file says of one pupil, contact, link or point. A key that is missing says nothing."""

    line: int
    values: Values


class Claims(dict[Key, Claim]):
    """The claims of a batch by key. The first claim on a key stands; one that differs is told to the secretary."""

    def __init__(self, report: Report, *, file: str):
        super().__init__()
        self._report, self._file = report, file

    def add(self, key: Key, values: Values, *, line: int) -> None:
        """Add a claim, unless an earlier line made one on the same key."""
        if key in self:
            self.compare(self[key].values, values, line=line)
        else:
            self[key] = Claim(line, values)

    def compare(self, standing: Mapping[str, Any] | sa.RowMapping, values: Values, *, line: int) -> None:
        """Warn when a later line contradicts what stands."""
        differing = [name for name, value in values.items() if name in standing and standing[name] != value]
        if differing:
            self._report.warn(
                Problem(
                    f"This row differs from an earlier row about the same person in: {_readable(differing)}. "
                    "The earlier row was taken.",
                    "Correct one of them in the school's records.",
                    self._file,
                    line,
                )
            )


@dataclass(frozen=True, slots=True)
class Target:
    """A table, the columns that its rows are known by, and what a new row holds where a file says nothing.

    ``new`` are the columns that a file may set; ``born_with`` those that only a new row gets, and no file changes.
    """

    table: sa.Table
    key: Sequence[str]
    new: Values
    born_with: Values = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Settled:
    """What came of a batch: was anything written, and the claims that changed a row, each with the row before."""

    written: bool
    changed: Sequence[tuple[sa.RowMapping, Claim]]


async def settle(
    ledger: Ledger,
    target: Target,
    claims: Claims[Key],
    existing: Mapping[Key, sa.RowMapping],
    *,
    again: Collection[Key],
    count: Count,
) -> Settled:
    """Write what differs and count it.

    Keys in ``again`` were settled by an earlier batch of this import and stand as they are.
    """
    fresh: list[Values] = []
    changed: list[tuple[sa.RowMapping, Claim]] = []
    for key, claim in claims.items():
        row = existing.get(key)
        if row is None:
            fresh.append(target.born_with | target.new | claim.values)
            count.new += 1
        elif key in again:
            claims.compare(row, claim.values, line=claim.line)
        elif all(row[name] == value for name, value in claim.values.items()):
            count.same += 1
        else:
            changed.append((row, claim))
            count.changed += 1
    await ledger.insert(target.table, fresh, key=target.key)
    await ledger.change(target.table, [(row, claim.values) for row, claim in changed])
    return Settled(bool(fresh or changed), changed)


def _readable(columns: Sequence[str]) -> str:
    return ", ".join(name.replace("_", " ") for name in columns)

"""Every row that an import writes, written down in the same transaction: for its diff, and so that it can be undone.

What was inserted at once is one line with many keys, so that a first import of a million rows costs hardly more.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from enum import Enum
from typing import Any

import sqlalchemy as sa

from gateway import upsert
from gateway.database import Session
from gateway.importing.rows import Values
from gateway.models import ImportChange
from gateway.models.types import UtcDateTime, core

CHANGES = core(ImportChange)

#: A row to be changed, and the values that it shall have. What is equal already is no change.
Change = tuple[Mapping[str, Any] | sa.RowMapping, Values]


class Ledger:
    """Writes rows for one import. ``fields`` counts changed rows by table and column."""

    def __init__(self, session: Session, *, import_id: int):
        self.session, self.import_id = session, import_id
        self.fields: defaultdict[str, Counter[str]] = defaultdict(Counter)

    async def insert(self, table: sa.Table, rows: upsert.Rows, *, key: Sequence[str]) -> None:
        """Insert rows, all with the same columns; one whose ``key`` is taken is left alone."""
        keys = await upsert.insert_new(self.session, table, rows, key=key)
        if keys:
            await self._note([self._line(table, [key_of(row) for row in keys])])

    async def change(self, table: sa.Table, changes: Iterable[Change]) -> int:
        """Change rows by their ids. Gives how many differed."""
        lines: list[Values] = []
        groups: defaultdict[tuple[str, ...], list[Values]] = defaultdict(list)
        for row, values in changes:
            after = {name: value for name, value in values.items() if row[name] != value}
            if after:
                groups[tuple(sorted(after))].append({"id": row["id"]} | after)
                before = {name: row[name] for name in after}
                lines.append(self._line(table, [row["id"]], row_id=row["id"], before=before, after=after))
                self.fields[table.name].update(after.keys())
        for rows in groups.values():
            await upsert.change(self.session, table, rows)
        await self._note(lines)
        return len(lines)

    async def remove(self, table: sa.Table, rows: Sequence[sa.RowMapping]) -> None:
        """Remove rows."""
        if not rows:
            return
        await self.session.execute(sa.delete(table).where(among(table, [_key(table, row) for row in rows])))
        lines = [self._line(table, [_key(table, row)], row_id=row.get("id"), before=dict(row)) for row in rows]
        await self._note(lines)

    def _line(
        self,
        table: sa.Table,
        keys: Sequence[Any],
        *,
        row_id: int | None = None,
        before: Values | None = None,
        after: Values | None = None,
    ) -> Values:
        return {
            "import_id": self.import_id,
            "table_name": table.name,
            "row_id": row_id,
            "keys": list(keys),
            "before": None if before is None else {name: plain(value) for name, value in before.items()},
            "after": None if after is None else {name: plain(value) for name, value in after.items()},
        }

    async def _note(self, lines: Sequence[Values]) -> None:
        if lines:
            await self.session.execute(sa.insert(CHANGES), lines)


def among(table: sa.Table, keys: Sequence[Any]) -> sa.ColumnElement[bool]:
    """The condition that a row is one of those with these keys, as they are written down."""
    columns = list(table.primary_key.columns)
    if len(columns) == 1:
        return columns[0].in_(keys)
    return sa.tuple_(*columns).in_([tuple(key) for key in keys])


def key_of(values: Sequence[Any]) -> Any:
    """A primary key as it is written down: the id, or the list of its columns."""
    return values[0] if len(values) == 1 else list(values)


def plain(value: Any) -> Any:
    """A value as JSON can hold it."""
    if isinstance(value, date):  # a datetime is one too
        return value.isoformat()
    return value.value if isinstance(value, Enum) else value


def restored(table: sa.Table, values: Mapping[str, Any]) -> Values:
    """Values as the table's columns hold them, from their JSON."""
    return {name: _restored(table.c[name].type, value) for name, value in values.items()}


def _restored(kind: sa.types.TypeEngine[Any], value: Any) -> Any:
    if value is None:
        return None
    if isinstance(kind, UtcDateTime):
        return datetime.fromisoformat(value)
    if isinstance(kind, sa.Date):
        return date.fromisoformat(value)
    if isinstance(kind, sa.Enum) and kind.enum_class is not None:
        return kind.enum_class(value)
    return value


def _key(table: sa.Table, row: sa.RowMapping) -> Any:
    return key_of([row[column.name] for column in table.primary_key.columns])

"""Many rows at once, on SQLite and PostgreSQL: the only place where the two dialects' INSERT differ."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from gateway.database import Session

Rows = Sequence[dict[str, Any]]


async def insert(
    session: Session, table: sa.Table, rows: Rows, *, key: Sequence[str], update: Sequence[str] = ()
) -> None:
    """Insert rows, all with the same columns. Where ``key`` is taken, set the ``update`` columns, or do nothing."""
    if not rows:
        return
    statement = _insert(session, table)
    if update:
        changes = {column: statement.excluded[column] for column in update}
        statement = statement.on_conflict_do_update(index_elements=list(key), set_=changes)
    else:
        statement = statement.on_conflict_do_nothing(index_elements=list(key))
    await session.execute(statement, rows)


async def insert_new(session: Session, table: sa.Table, rows: Rows, *, key: Sequence[str]) -> list[tuple[Any, ...]]:
    """Insert rows, all with the same columns; one whose ``key`` is taken is left alone.

    Gives the primary keys of those that were inserted, in no certain order.
    """
    if not rows:
        return []
    statement = _insert(session, table).on_conflict_do_nothing(index_elements=list(key))
    found = await session.execute(statement.returning(*table.primary_key.columns), rows)
    return [tuple(row) for row in found]


async def add(session: Session, table: sa.Table, rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert rows of plain values, in the order of the table's columns; rows that are there already are left alone.

    Straight to the driver: for very many small rows SQLAlchemy's handling of each would cost more than the database's.
    """
    if not rows:
        return
    connection = await session.connection()
    statement = _insert(session, table).on_conflict_do_nothing()
    compiled = statement.compile(dialect=connection.dialect, column_keys=list(table.c.keys()))
    await connection.exec_driver_sql(str(compiled), list(rows))


async def change(session: Session, table: sa.Table, rows: Rows) -> None:
    """Update rows by their ``id``, all with the same columns."""
    if not rows:
        return
    columns = [name for name in rows[0] if name != "id"]
    statement = (
        sa.update(table)
        .where(table.c.id == sa.bindparam("_id"))
        .values({name: sa.bindparam(f"_{name}", type_=table.c[name].type) for name in columns})
    )
    connection = await session.connection()
    await connection.execute(statement, [{f"_{name}": value for name, value in row.items()} for row in rows])


def _insert(session: Session, table: sa.Table) -> postgresql.Insert | sqlite.Insert:
    return postgresql.insert(table) if session.get_bind().dialect.name == "postgresql" else sqlite.insert(table)

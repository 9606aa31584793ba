"""How a database means to do what we ask: the plans of every statement that some work makes."""

from __future__ import annotations

import contextlib
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine
from sqlmodel import SQLModel

from gateway.database import Database


@dataclass
class Plans:
    """The plans of statements, by the statement's text."""

    found: dict[str, str] = field(default_factory=dict)

    def scanned(self, *tables: str) -> dict[str, str]:
        """Statements that read one of these tables from end to end, with what the plan says of it.

        On SQLite an index may be read from end to end if it holds a few rows only.
        """
        names, few = "|".join(tables), "|".join(_partial_indexes())
        by_few = rf"(?! USING (?:COVERING )?INDEX (?:{few})\b| AS \w+ USING (?:COVERING )?INDEX (?:{few})\b)"
        full = re.compile(rf"\bSCAN (?:{names})\b{by_few}[^\n]*|Seq Scan on (?:{names})\b[^\n]*")
        return {statement: hit[0] for statement, plan in self.found.items() if (hit := full.search(plan))}

    def sorted(self) -> dict[str, str]:
        """Statements that put rows in order themselves, instead of reading them so."""
        sorts = re.compile(
            r"USE TEMP B-TREE FOR (?:LAST TERM OF )?ORDER BY|(?m:^ *(?:->  )?(?:Incremental )?Sort\b)[^\n]*"
        )
        return {statement: hit[0] for statement, plan in self.found.items() if (hit := sorts.search(plan))}


def _partial_indexes() -> list[str]:
    indexes = (index for table in SQLModel.metadata.tables.values() for index in table.indexes)
    return [str(one.name) for one in indexes if one.dialect_options["sqlite"]["where"] is not None]


@contextlib.asynccontextmanager
async def listening(database: Database) -> AsyncIterator[Plans]:
    """Ask for the plan of everything that is asked of the database meanwhile."""
    plans = Plans()
    explain = "EXPLAIN QUERY PLAN " if database.is_sqlite else "EXPLAIN "

    def note(connection: Connection, cursor: Any, statement: str, parameters: Any, _context: Any, many: bool) -> None:
        if statement.startswith(("SELECT", "WITH", "UPDATE", "INSERT", "DELETE")) and statement not in plans.found:
            plans.found[statement] = ""
            one = parameters[0] if many else parameters
            with contextlib.closing(connection.connection.cursor()) as asking:
                asking.execute(explain + statement, one)
                plans.found[statement] = "\n".join(str(row[-1]) for row in asking.fetchall())

    event.listen(Engine, "before_cursor_execute", note)  # of every engine: a database has several
    try:
        yield plans
    finally:
        event.remove(Engine, "before_cursor_execute", note)


async def statistics(database: Database) -> None:
    """Let PostgreSQL know what is in its tables, as its own housekeeping does after a while."""
    if not database.is_sqlite:
        async with database.write() as session:
            await session.execute(sa.text("ANALYZE"))

"""What is asked every second reads no whole table, however many mornings there were."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from support.absences import Morning

from gateway import alerting
from gateway.absence import rounds
from gateway.database import Database


async def test_whether_anything_is_due_follows_an_index(sqlite_database: Database) -> None:
    morning = await Morning(sqlite_database, absence={"alert_numbers": ("+447700900990",)}).open()
    child = await morning.child("Ana", await morning.parent())
    await morning.mark(child, "N")
    await morning.at("09:40")
    asked: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
        asked.append((statement, values))

    engine = sqlite_database.reader.sync_engine
    sa.event.listen(engine, "before_cursor_execute", note)
    async with sqlite_database.read() as session:
        assert not await rounds.is_due(session, morning.gateway, morning.rules)
        assert not await alerting.is_due(session, morning.gateway)
    sa.event.remove(engine, "before_cursor_execute", note)
    assert len(asked) >= 4
    scans: list[str] = []
    async with sqlite_database.read() as session:
        connection = await session.connection()
        for statement, values in asked:
            rows = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
            scans += [row[-1] for row in rows if row[-1].startswith("SCAN")]
    assert scans == ["SCAN absence_case USING INDEX absence_case_tell"]  # which holds only those still to be told

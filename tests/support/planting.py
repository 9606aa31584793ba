"""A row in every table, tied to one child and one contact, with marks in whatever may tell something of a person."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import SQLModel

from channels.base import Medium
from gateway.database import Database
from gateway.models import MessageState, UtcDateTime
from gateway.privacy import holdings
from gateway.privacy.holdings import Clock, Kind

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
FORENAME, SURNAME, NUMBER, WORDS = "Zanelexq", "Markwardtxq", "+447700900777", "plumquartz"
NAMED = f"{FORENAME} {SURNAME}"
#: Of these a person can be erased only after they are no more: see test_who_cannot_be_erased.
PERSONS = ("contact", "pupil")
#: What hangs on a child: everywhere else there are words of their parents.
ABOUT_A_CHILD = {"message", "letter", "event_told", "mark", "absence_case", "absence_step", "absence_reason", "praise",
                 "attempt", "reply", "gist", "inbound", "emergency_word"}  # fmt: skip
#: And here words about the child, which stay when a parent is erased.
A_CHILDS_ALONE = {"mark", "absence_case", "absence_step", "absence_reason", "praise", "emergency_word"}


def needles(kind: str) -> tuple[str, ...]:
    return (FORENAME, SURNAME, WORDS) + ((NUMBER[4:],) if kind == "contact" else ())


async def plant(database: Database, kind: str) -> set[str]:
    """Write a row into every table, each tied to the same child and contact, with marks in whatever may hold them."""
    planted = dict[str, Mapping[str, Any]]()
    async with database.write() as session:
        await session.execute(sa.text("DELETE FROM sender"))
        for table in SQLModel.metadata.sorted_tables:
            if (
                table.name in ("audit", "audit_end", "suppression")
                or holdings.HOLDINGS[table.name].clock is Clock.STAFF
            ):
                continue
            row = {column.name: value_of(table, column, planted, kind) for column in table.columns}
            planted[table.name] = row
            await session.execute(sa.insert(table).values(row))
    return set(planted)


def value_of(table: sa.Table, column: sa.Column[Any], planted: Mapping[str, Mapping[str, Any]], kind: str) -> Any:
    special = {
        ("pupil", "left_on"): date(2026, 7, 20),
        ("message", "state"): MessageState.QUEUED,
        ("message", "purpose"): "service",
        ("inbound", "message_id"): "1",
        ("import_change", "table_name"): kind,
        ("import_change", "row_id"): 1,
        ("import_conflict", "subject"): f"{kind}:1",
        ("opt_out", "medium"): Medium.SMS,
        ("conversation", "merged_into_id"): None,
        ("guardianship", "no_contact"): False,
        ("preference", "contact_id"): 1,
        ("sender", "address"): "+441134960001",  # the school's own: never a person's
        ("sender", "account"): "AC1",
    }
    if (table.name, column.name) in special:
        return special[table.name, column.name]
    for key in column.foreign_keys:
        if key.column.table.name in planted:
            return planted[key.column.table.name][key.column.name]
        return None if column.nullable else 1
    if isinstance(column.type, UtcDateTime):
        return NOW
    if isinstance(column.type, sa.Enum):
        return next(iter(column.type.enum_class or column.type.enums))
    if isinstance(column.type, sa.Boolean):
        return False
    if isinstance(column.type, sa.Integer | sa.Float):
        return 1
    if isinstance(column.type, sa.Date):
        return date(2015, 1, 1)
    marked = mark(table.name, column.name, kind)
    if isinstance(column.type, sa.JSON):
        return {"words": marked, "list": [marked]}
    if isinstance(column.type, sa.LargeBinary):
        return marked.encode() if table.name == "voice_sound" else b"a file, which nobody looks into"
    return "1" if column.primary_key and (table.name, kind) != ("contact_alias", "contact") else marked


def mark(table: str, column: str, kind: str) -> str:
    """What stands in a column: their own name and words where the row is theirs, else a sentence that names them."""
    held = holdings.HOLDINGS[table]
    what = held.columns.get(column)
    if what is None:
        return "1"
    if table in PERSONS and table != kind:
        return "someone else"
    if what is Kind.ADDRESS:
        return NUMBER if kind == "contact" or held.clock is Clock.NOBODY else "+447700900001"
    if what is Kind.NAME:
        return {"forename": FORENAME, "surname": SURNAME}.get(column, NAMED)
    if held.clock in (Clock.NOBODY, Clock.STAFF) or table in ("notice", "notice_file", "announcement_draft", "task",
                                                               "idempotency"):  # fmt: skip
        return f"Ring {NAMED} on {NUMBER}" if kind == "contact" else f"About {NAMED} today"
    if kind == "pupil" and table not in ABOUT_A_CHILD:
        return f"About {NAMED} today"
    if kind == "contact" and table in A_CHILDS_ALONE:
        return f"{NAMED} knows"
    return f"{WORDS} {NAMED} {NUMBER}"

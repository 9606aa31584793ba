"""Somebody who owns the database, and first takes the triggers away that guard the audit log."""

from __future__ import annotations

import sqlalchemy as sa

from gateway.database import Session

_TRIGGERS = ("audit_insert", "audit_update", "audit_delete", "audit_end_delete")


async def unguard(session: Session) -> None:
    """Let anything be done to the audit log, until the transaction is rolled back."""
    for name in _TRIGGERS:
        table = "audit_end" if name.startswith("audit_end") else "audit"
        on = f" ON {table}" if session.get_bind().dialect.name == "postgresql" else ""
        await session.execute(sa.text(f"DROP TRIGGER {name}{on}"))


async def forget_last_number(session: Session, number: int) -> None:
    """Let SQLite believe that no row of the audit log ever had a higher number."""
    if session.get_bind().dialect.name == "sqlite":
        statement = sa.text("UPDATE sqlite_sequence SET seq = :number WHERE name = 'audit'")
        await session.execute(statement, {"number": number})

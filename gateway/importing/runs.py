"""The imports there were: each is a row, and what it wrote is in its ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import col, select

from gateway import errors
from gateway.database import Session
from gateway.importing import listing
from gateway.importing.ledger import Ledger
from gateway.importing.tables import Source
from gateway.models import ImportRun
from gateway.models.types import core

RUNS = core(ImportRun)


async def wait(session: Session) -> None:
    """Wait until no other import or undo is under way. SQLite's writers are one anyway."""
    if session.get_bind().dialect.name == "postgresql":
        await session.execute(sa.text("SELECT pg_advisory_xact_lock(hashtext('handbell.import ' || current_schema()))"))


async def begin(
    session: Session, *, source: str, by: str, files: Sequence[Source], expected: Set[str], now: datetime
) -> Ledger:
    """Write down that an import begins, and open its ledger. The next one will expect the ``expected`` columns too."""
    listed: dict[str, dict[str, Any]] = {}
    for file in files:  # a bundle is several lists of one name
        entry = listed.setdefault(file.name, {"file": file.name, "sha256": file.sha256, "columns": []})
        if own := listing.columns(file.layout):
            entry["columns"] = sorted({*entry["columns"], *own, *expected})
    row = {"source": source, "at": now, "by": by, "files": list(listed.values()), "counts": {}, "undone_by": ""}
    (made,) = await session.execute(sa.insert(RUNS).values(row).returning(RUNS.c.id))
    return Ledger(session, import_id=made.id)


async def end(ledger: Ledger, counts: Mapping[str, Mapping[str, int]]) -> None:
    """Write down what came of it."""
    where = RUNS.c.id == ledger.import_id
    await ledger.session.execute(sa.update(RUNS).where(where).values(counts=dict(counts)))


async def latest(session: Session, *, limit: int) -> Sequence[ImportRun]:
    """The imports there were, newest first."""
    return (await session.scalars(select(ImportRun).order_by(col(ImportRun.id).desc()).limit(limit))).all()


async def one(session: Session, import_id: int) -> ImportRun:
    """One import. Raises :class:`errors.NotFound`."""
    found = await session.get(ImportRun, import_id)
    if found is None:
        raise errors.NotFound(f"There is no import {import_id}.")
    return found

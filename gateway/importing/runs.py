"""The imports there were: each is a row, and what it wrote is in its ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import col, select

from gateway.database import Session
from gateway.importing.ledger import Ledger
from gateway.importing.tables import Source
from gateway.models import ImportRun
from gateway.models.types import core

RUNS = core(ImportRun)


async def wait(session: Session) -> None:
    """Wait until no other import or undo is under way. SQLite's writers are one anyway."""
    if session.get_bind().dialect.name == "postgresql":
        await session.execute(sa.text("SELECT pg_advisory_xact_lock(hashtext('handbell.import'))"))


async def begin(session: Session, *, source: str, by: str, files: Sequence[Source], now: datetime) -> Ledger:
    """Write down that an import begins, and open its ledger."""
    sums = {file.name: file.sha256 for file in files}  # a bundle is several lists of one name
    listed = [{"file": name, "sha256": sum_} for name, sum_ in sums.items()]
    row = {"source": source, "at": now, "by": by, "files": listed, "counts": {}, "undone_by": ""}
    (made,) = await session.execute(sa.insert(RUNS).values(row).returning(RUNS.c.id))
    return Ledger(session, import_id=made.id)


async def end(ledger: Ledger, counts: Mapping[str, Mapping[str, int]]) -> None:
    """Write down what came of it."""
    where = RUNS.c.id == ledger.import_id
    await ledger.session.execute(sa.update(RUNS).where(where).values(counts=dict(counts)))


async def latest(session: Session, *, limit: int) -> Sequence[ImportRun]:
    """The imports there were, newest first."""
    return (await session.scalars(select(ImportRun).order_by(col(ImportRun.id).desc()).limit(limit))).all()

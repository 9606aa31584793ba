"""An import put back: what it inserted goes, what it changed or removed comes back.

What has changed since stays as it is and is named, and nothing that proves something is lost: whoever was written to,
or answered, stays on file. Imports of one source are undone newest first.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlmodel import SQLModel

from gateway import audit, errors, upsert
from gateway.database import Session
from gateway.importing import ledger as ledgers
from gateway.importing import remains, runs
from gateway.importing.report import Lines
from gateway.models import ImportChange, ImportRun
from gateway.models.types import core

CHANGES, RUNS = core(ImportChange), core(ImportRun)
PAGE = 100  #: lines of the ledger that are in memory at once; one may stand for a thousand rows

Line = sa.RowMapping


@dataclass(slots=True)
class Undone:
    """What came of it. ``kept`` are sentences about what was left alone, and why."""

    import_id: int
    at: datetime  #: when it was imported
    removed: int = 0
    restored: int = 0
    lifted: int = 0  #: bars that the import had set
    kept: Lines = field(default_factory=Lines)

    def keep(self, what: str) -> None:
        """Say what was left alone."""
        self.kept.add(errors.Problem(what))

    def __str__(self) -> str:
        head = f"Import {self.import_id} was undone: {self.removed} rows removed, {self.restored} put back."
        bars = [f"Bars that it had set and that are lifted by that: {self.lifted}."] if self.lifted else []
        return "\n".join([head, *bars, *([f"{len(self.kept)} left alone:", *self.kept.texts()] if self.kept else [])])


async def undo(session: Session, import_id: int | None, *, days: int, by: str, log: audit.Log, now: datetime) -> Undone:
    """Undo an import, the latest one that changed anything if none is named, in the caller's transaction.

    Undoing "the latest" twice undoes one: the second time it is refused. ``days`` are those of
    ``retention.imports_days``; then what an import changed is written down no more.

    Raises :class:`errors.NotFound` when there is none, :class:`errors.Conflict` when it was undone already, is
    too long ago, or a later one of the same source has to be undone first.
    """
    await runs.wait(session)
    run = await _chosen(session, import_id, days=days, now=now)
    done = Undone(run.id or 0, run.at)
    query = sa.select(CHANGES).where(CHANGES.c.import_id == run.id).order_by(CHANGES.c.id.desc()).limit(PAGE)
    page = (await session.execute(query)).mappings().all()
    while page:
        for portion in _portions(page):
            await _put_back(session, portion, done)
        page = (await session.execute(query.where(CHANGES.c.id < page[-1]["id"]))).mappings().all()
    run.undone_at, run.undone_by = now, by
    session.add(run)
    await session.flush()
    facts = {"removed": done.removed, "restored": done.restored, "lifted": done.lifted, "kept": len(done.kept)}
    await log.record(session, audit.Line("people.import_undone", f"import:{run.id}", facts, by), now=now)
    return done


async def _chosen(session: Session, import_id: int | None, *, days: int, now: datetime) -> ImportRun:
    if import_id is None:
        import_id = await session.scalar(sa.select(sa.func.max(RUNS.c.id)).where(_changed()))
        if import_id is None:
            raise errors.NotFound("There is no import to undo.")
    run = await session.get(ImportRun, import_id)
    if run is None:
        raise errors.NotFound(f"There is no import {import_id}. handbell import list shows them.")
    if run.undone_at is not None:
        cure = "To undo another one, name it: handbell import list shows them."
        raise errors.Conflict(f"Import {import_id} was undone already, by {run.undone_by or 'somebody'}. {cure}")
    if run.at < now - timedelta(days=days):
        raise errors.Conflict(f"Import {import_id} is of {run.at:%d/%m/%Y}: after {days} days none is undone.")
    did = any(count[how] for count in run.counts.values() for how in ("new", "changed", "gone"))
    if did and await session.scalar(sa.select(RUNS.c.id).where(RUNS.c.id == import_id, _changed())) is None:
        raise errors.Conflict(f"What import {import_id} changed is written down no more: it cannot be put back.")
    later = sa.select(sa.func.max(RUNS.c.id)).where(
        RUNS.c.id > import_id,
        RUNS.c.source == run.source,
        RUNS.c.undone_at.is_(None),
        _changed(),
    )
    if newest := await session.scalar(later):
        raise errors.Conflict(f"Import {newest} came later and changed things. Undo it first.")
    return run


def _changed() -> sa.ColumnElement[bool]:
    """The condition that an import changed anything."""
    return sa.exists().where(CHANGES.c.import_id == RUNS.c.id)


def _portions(page: Sequence[Line]) -> list[list[Line]]:
    """Lines that do the same to the same table, together: so that a thousand changed rows are not a thousand questions.

    A line of many rows stands alone, and no portion has two lines about one row.
    """
    found: list[list[Line]] = []
    rows = set[Any]()
    for line in page:
        sort = (line["table_name"], line["row_id"] is None, line["after"] is None)
        last = found[-1][0] if found else None
        same = last is not None and sort == (last["table_name"], last["row_id"] is None, last["after"] is None)
        if not same or line["row_id"] is None or line["row_id"] in rows:
            found.append([])
            rows = set()
        found[-1].append(line)
        rows.add(line["row_id"])
    return found


async def _put_back(session: Session, lines: Sequence[Line], done: Undone) -> None:
    table = SQLModel.metadata.tables[lines[0]["table_name"]]
    if lines[0]["before"] is None:
        await _take_out(session, table, lines[0], done)
    elif lines[0]["after"] is None:
        for line in lines:
            await _bring_back(session, table, line, done)
    else:
        await _change_back(session, table, lines, done)


async def _take_out(session: Session, table: sa.Table, line: Line, done: Undone) -> None:
    """Remove the rows of a batch that was inserted, but for those that are needed still."""
    there = sa.select(*table.primary_key.columns).where(ledgers.among(table, line["keys"]))
    keys = [ledgers.key_of(tuple(row)) for row in await session.execute(there)]
    kept = await remains.needed(session, table, keys, since=line["import_id"])
    for what in kept.values():
        done.keep(what)
    gone = [key for key in keys if _plain(key) not in kept]
    if gone:
        await session.execute(sa.delete(table).where(ledgers.among(table, gone)))
        done.removed += len(gone)


async def _bring_back(session: Session, table: sa.Table, line: Line, done: Undone) -> None:
    """Insert a removed row again, with its old id unless another row has that by now."""
    row = ledgers.restored(table, line["before"])
    if what := await remains.hindrance(session, table, row):
        done.keep(what)
        return
    if "id" in row and await session.scalar(sa.select(table.c.id).where(table.c.id == row["id"])):
        del row["id"]
    await session.execute(sa.insert(table).values(row))
    await remains.tie_messages(session, table, row)
    done.restored += 1


async def _change_back(session: Session, table: sa.Table, lines: Sequence[Line], done: Undone) -> None:
    query = sa.select(table).where(table.c.id.in_([line["row_id"] for line in lines]))
    rows = {row["id"]: row for row in (await session.execute(query)).mappings()}
    groups: defaultdict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
    for line in lines:
        row = rows.get(line["row_id"])
        if row is None:
            done.keep(f"{remains.named(table, {'id': line['row_id']})} is on file no more.")
            continue
        values = await _ours_still(session, table, row, line, done)
        if "source_id" in values:  # at once: the next row may get the id that this one gives up
            await session.execute(sa.update(table).where(table.c.id == row["id"]).values(values))
        elif values:
            groups[tuple(sorted(values))].append({"id": row["id"]} | values)
        done.restored += bool(values)
        done.lifted += values.get("no_contact") is False
    for changes in groups.values():
        await upsert.change(session, table, changes)


async def _ours_still(
    session: Session, table: sa.Table, row: sa.RowMapping, line: Line, done: Undone
) -> dict[str, Any]:
    """The columns as they were, without those that somebody else has changed since."""
    before, after = ledgers.restored(table, line["before"]), ledgers.restored(table, line["after"])
    held = await remains.held(session, table, row, before, since=done.at)
    mine = {name: before[name] for name in before if row[name] == after[name] and name not in held}
    others = [name for name in before if name not in mine and row[name] != before[name]]
    if others:
        columns = ", ".join(name.replace("_", " ") for name in others)
        done.keep(f"{remains.named(table, row)}: {columns}. It was changed or decided by somebody else since.")
    return mine


def _plain(key: Any) -> Any:
    return tuple(key) if isinstance(key, list) else key

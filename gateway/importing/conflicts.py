"""What an import does not decide alone: a file against a parent's word or a decision of the school.

The import goes on with ours and asks; a person answers with one command. An answer ``ours`` stands for as long as the
files go on saying the same. Only a bar is taken over at once: there the question is whether it may be lifted again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import SQLModel, col, select

from gateway import audit, errors
from gateway.database import Session
from gateway.importing import ledger as ledgers
from gateway.importing.ledger import Ledger
from gateway.importing.report import Report
from gateway.importing.rows import Values
from gateway.models import ImportConflict, ImportRun
from gateway.models.types import core

CONFLICTS = core(ImportConflict)
OURS, THEIRS = "ours", "theirs"
CURE = "Answer it: handbell import conflicts."

Topic = tuple[str, str]  #: the subject, such as ``contact:12``, and the field


@dataclass(frozen=True, slots=True)
class Question:
    """A conflict that the files raise. ``what`` is a sentence for the person who answers.

    ``change`` has the ``table`` and ``id`` of the row, the columns that ``ours`` and ``theirs`` set (None removes the
    row), and the column to ``stamp`` with the moment of the answer.
    """

    ours: str
    theirs: str
    what: str
    change: Values


def change(
    table: sa.Table, row_id: int, *, ours: Values | None = None, theirs: Values | None = None, stamp: str = ""
) -> Values:
    """What each answer does to a row; ``theirs`` None removes it."""
    plain = {name: ledgers.plain(value) for name, value in (ours or {}).items()}
    other = None if theirs is None else {name: ledgers.plain(value) for name, value in theirs.items()}
    return {"table": table.name, "id": row_id, OURS: plain, THEIRS: other, "stamp": stamp}


async def raise_all(
    ledger: Ledger, found: Mapping[Topic, Question | None], *, now: datetime
) -> tuple[list[Question], set[Topic]]:
    """Write down the questions that are new, and close those that the files no longer raise (None, or another value).

    Gives the new ones, and the topics on which a person has answered ``ours`` to the very same.
    """
    standing = await _standing(ledger.session, {subject for subject, _ in found})
    over, fresh, answered = list[ledgers.Change](), list[tuple[Topic, Question]](), set[Topic]()
    for topic, question in found.items():
        key = _key(topic, question) if question else None
        known = standing.get(topic, [])
        over += [(row, _closed(row, now=now)) for row in known if row["open_key"] != key]
        same = next((row for row in known if row["open_key"] == key), None)
        if same is not None and same["answer"] == OURS:
            answered.add(topic)
        if question is not None and same is None:
            fresh.append((topic, question))
    await ledger.change(CONFLICTS, over)
    rows = [_row(topic, question, import_id=ledger.import_id, now=now) for topic, question in fresh]
    await ledger.insert(CONFLICTS, rows, key=["open_key"])
    return [question for _, question in fresh], answered


async def waiting(session: Session) -> list[tuple[ImportConflict, str]]:
    """The questions that nobody has answered, oldest first, each with the name of its source."""
    query = (
        select(ImportConflict, ImportRun.source)
        .outerjoin(ImportRun, col(ImportRun.id) == col(ImportConflict.import_id))
        .where(col(ImportConflict.answered_at).is_(None))
        .order_by(col(ImportConflict.id))
    )
    return [(conflict, source or "") for conflict, source in await session.execute(query)]


async def answer(
    session: Session, conflict_id: int, *, which: str, by: str, log: audit.Log, now: datetime
) -> ImportConflict:
    """Let ``ours`` or ``theirs`` hold.

    Raises :class:`errors.NotFound`, or :class:`errors.Conflict` when it is answered already.
    """
    found = await session.get(ImportConflict, conflict_id, with_for_update=True)
    if found is None:
        raise errors.NotFound(f"There is no conflict {conflict_id}. handbell import conflicts lists those that wait.")
    if found.answered_at is not None:
        said = f": {found.answer}, by {found.answered_by}" if found.answer else ", for the files said so themselves"
        raise errors.Conflict(f"Conflict {conflict_id} is settled already{said}.")
    await _apply(session, found.change, which=which, now=now)
    found.answer, found.answered_at, found.answered_by = which, now, by
    if which == THEIRS:
        found.open_key = None
    session.add(found)
    await session.flush()
    facts = {"answer": which, "subject": found.subject, "field": found.field}
    await log.record(session, audit.Line("import.answered", f"conflict:{conflict_id}", facts, by), now=now)
    return found


async def _apply(session: Session, wanted: Mapping[str, Any], *, which: str, now: datetime) -> None:
    table = SQLModel.metadata.tables[wanted["table"]]
    if wanted[which] is None:
        await session.execute(sa.delete(table).where(table.c.id == wanted["id"]))
        return
    values = ledgers.restored(table, wanted[which])
    if wanted["stamp"]:
        values[wanted["stamp"]] = now
    if values:
        await session.execute(sa.update(table).where(table.c.id == wanted["id"]).values(values))


async def _standing(session: Session, subjects: set[str]) -> dict[Topic, list[sa.RowMapping]]:
    """The questions about these subjects that wait, or were answered ``ours``."""
    found: dict[Topic, list[sa.RowMapping]] = {}
    if subjects:
        query = sa.select(CONFLICTS).where(CONFLICTS.c.subject.in_(subjects), CONFLICTS.c.open_key.is_not(None))
        for row in (await session.execute(query)).mappings():
            found.setdefault((row["subject"], row["field"]), []).append(row)
    return found


def _closed(row: sa.RowMapping, *, now: datetime) -> Values:
    return {"open_key": None, "answered_at": row["answered_at"] or now, "answered_by": row["answered_by"] or "import"}


def _row(topic: Topic, question: Question, *, import_id: int, now: datetime) -> Values:
    return {
        "import_id": import_id,
        "subject": topic[0],
        "field": topic[1],
        "ours": question.ours,
        "theirs": question.theirs,
        "what": question.what,
        "change": question.change,
        "open_key": _key(topic, question),
        "asked_at": now,
        "answer": "",
        "answered_by": "",
    }


def _key(topic: Topic, question: Question) -> str:
    return " ".join((*topic, question.theirs))


def tell(report: Report, questions: Sequence[Question]) -> None:
    """Put new questions into a report."""
    report.conflicts += len(questions)
    for question in questions:
        report.warn(errors.Problem(question.what, CURE))

"""Sentences that were translated before: a machine's, which save a second question, and those that a person reviewed.

The memory holds no names: a sentence with one in it is never kept. Neither are telephone numbers and links.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import col, select

from gateway import upsert
from gateway.database import Session
from gateway.models import KnownSentence
from gateway.models.types import core

MACHINE, REVIEWED = "machine", "reviewed"
_AT_ONCE = 400


@dataclass(frozen=True, slots=True)
class Known:
    """A translation of a sentence, and the way ``back`` into English (``""`` where nobody has asked for it)."""

    source: str
    text: str
    back: str
    reviewed_by: str = ""


async def look_up(session: Session, sources: Iterable[str], *, language: str, service: str) -> dict[str, Known]:
    """What is known of these English sentences in a language: reviewed ones, and those of the service in use."""
    keys = sorted({key(source) for source in sources})
    row, known = KnownSentence, dict[str, Known]()
    for start in range(0, len(keys), _AT_ONCE):
        some = col(row.key).in_(keys[start : start + _AT_ONCE])
        usable = sa.or_(col(row.state) == REVIEWED, col(row.service) == service)
        for found in await session.scalars(select(row).where(some, row.language == language, usable)):
            known[found.source] = Known(found.source, found.text, found.back, found.reviewed_by)
    return known


async def keep(session: Session, sentences: Sequence[Known], *, language: str, service: str, now: datetime) -> None:
    """Remember what a service said. What a person has reviewed stays; only its way back is put beside it."""
    table = core(KnownSentence)
    for known in sentences:
        reviewed = table.c.key == key(known.source), table.c.language == language, table.c.state == REVIEWED
        changed = await session.execute(sa.update(table).where(*reviewed).values(back=known.back).returning(table.c.id))
        if changed.first() is None:
            row = _row(known, language) | {"state": MACHINE, "service": service, "reviewed_by": "", "at": now}
            columns = ["text", "back", "service", "at"]
            await upsert.insert(session, table, [row], key=["key", "language"], update=columns)


async def accept(
    session: Session, sentences: Sequence[Known], *, language: str, reviewed_by: str, now: datetime
) -> None:
    """Remember what a person stands for, in place of whatever was known."""
    columns = ["text", "back", "state", "service", "reviewed_by", "at"]
    rows = {
        key(known.source): _row(known, language)
        | {"state": REVIEWED, "service": "", "reviewed_by": reviewed_by, "at": now}
        for known in sentences
    }
    table = core(KnownSentence)
    await upsert.insert(session, table, list(rows.values()), key=["key", "language"], update=columns)


async def listed(session: Session, *, language: str = "", reviewed_only: bool = False) -> list[KnownSentence]:
    """Everything remembered, by language, the newest first."""
    query = select(KnownSentence).order_by(KnownSentence.language, col(KnownSentence.at).desc(), col(KnownSentence.id))
    if language:
        query = query.where(KnownSentence.language == language)
    if reviewed_only:
        query = query.where(KnownSentence.state == REVIEWED)
    return list((await session.scalars(query)).all())


async def forget(session: Session, ids: Sequence[int]) -> int:
    """Forget sentences by their numbers; gives how many there were."""
    table = core(KnownSentence)
    gone = await session.execute(sa.delete(table).where(table.c.id.in_(list(ids))).returning(table.c.id))
    return len(gone.all())


def key(source: str) -> str:
    """What a sentence is found by; an index takes no text of any length."""
    return hashlib.sha256(source.encode()).hexdigest()


def _row(known: Known, language: str) -> dict[str, object]:
    said: dict[str, object] = {"source": known.source, "text": known.text, "back": known.back}
    return {"key": key(known.source), "language": language} | said

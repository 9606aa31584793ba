"""The log that cannot be quietly changed: a deed and its line are one transaction (architecture.md §7).

Each line carries an HMAC of its canonical form. A sealer chains the lines about once a second, after they are
committed: ``hash = SHA-256(previous hash ‖ mac)``; chaining inside the transaction would hold every writer up.
Bodies hold ids, counts and reasons only; words and whole numbers stay in their own tables, so that retention and
erasure do not break the chain.
"""

from __future__ import annotations

import functools
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlmodel import col, select

from gateway import bulk
from gateway.database import Session
from gateway.models import Audit
from gateway.models.types import core

GENESIS = "0" * 64
_table = core(Audit)


@dataclass(frozen=True, slots=True)
class Line:
    """What is to be written down: who did what, about what, with which facts."""

    action: str
    subject: str = ""
    facts: Mapping[str, Any] | None = None
    actor: str = "handbell"


class Log:
    """Writes lines under one key (bytes; at least 32)."""

    def __init__(self, key: bytes):
        self._key = key

    def mac(self, *, at: datetime, actor: str, action: str, subject: str, body: str) -> str:
        """HMAC-SHA256 (RFC 2104) of a line's canonical JSON form, in hex."""
        stamp = at.astimezone(UTC).isoformat(timespec="microseconds")
        return hmac.digest(self._key, _packed([stamp, actor, action, subject, body]).encode(), "sha256").hex()

    async def record(self, session: Session, lines: Line | Iterable[Line], *, now: datetime) -> None:
        """Write lines in the caller's transaction: no deed without a line, no line without the deed."""
        given = [lines] if isinstance(lines, Line) else list(lines)
        if given:
            await session.run_sync(lambda plain: self.write(plain.connection(), given, now=now))

    def write(self, connection: Connection, lines: Sequence[Line], *, now: datetime) -> None:
        """Do the same in a transaction that is done in one piece."""
        if not lines:
            return
        rows = bulk.packed(self._row(line, now) for line in lines)
        bulk.run(connection, _insert(bulk.dialect(connection)), {"lines": rows, "now": now})

    def _row(self, line: Line, now: datetime) -> tuple[str, ...]:
        body = json.dumps(
            dict(line.facts or {}), ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=str
        )
        mac = self.mac(at=now, actor=line.actor, action=line.action, subject=line.subject, body=body)
        return line.actor, line.action, line.subject, body, mac

    async def seal(self, session: Session, *, limit: int = 5000) -> int:
        """Chain the lines that are not chained yet, oldest first. Gives how many."""
        await _lock(session)
        last = (
            await session.scalars(
                select(Audit).where(col(Audit.link).is_not(None)).order_by(col(Audit.link).desc()).limit(1)
            )
        ).first()
        link, head = (last.link or 0, last.hash) if last else (0, GENESIS)
        waiting = await session.execute(
            sa.select(_table.c.id, _table.c.mac).where(_table.c.link.is_(None)).order_by(_table.c.id).limit(limit)
        )
        rows = []
        for row_id, mac in waiting:
            link += 1
            head = chained(head, mac)
            rows.append((row_id, link, head))
        if rows:
            await session.execute(_chain(session.get_bind().dialect.name), {"links": bulk.packed(rows)})
        return len(rows)

    async def verify(self, session: Session, *, expect_head: str = "") -> Verdict:
        """Recompute every HMAC and the whole chain; the first bad line is named in the verdict."""
        head, link, found = GENESIS, 0, ""
        async for row in _in_chain(session):
            link += 1
            head = chained(head, row.mac)
            found = found or self._fault(row, link=link, head=head)
        unsealed = 0
        async for row in _unsealed(session):
            unsealed += 1
            found = found or self._fault(row, link=None, head="")
        if not found and expect_head and not await _was_head(session, expect_head):
            found = "The head hash that was published is nowhere in this chain: lines were removed or rewritten."
        return Verdict(sealed=link, unsealed=unsealed, head=head, fault=found)

    def _fault(self, row: Audit, *, link: int | None, head: str) -> str:
        if row.link != link:
            return f"Line {link} is missing: the chain goes on with line {row.link} (row {row.id})."
        mac = self.mac(at=row.at, actor=row.actor, action=row.action, subject=row.subject, body=row.body)
        if not hmac.compare_digest(mac, row.mac) or (link is None and row.hash):
            return f"Row {row.id} ({row.action}) was changed after it was written."
        if link is not None and row.hash != head:
            return f"The chain is broken at line {link} (row {row.id}): a line before it was removed, added or swapped."
        return ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What verification found. ``fault`` is ``""`` when nothing is missing and nothing has been changed."""

    sealed: int
    unsealed: int
    head: str
    fault: str


def chained(previous: str, mac: str) -> str:
    """The next hash of the chain, in hex."""
    return hashlib.sha256(f"{previous}{mac}".encode()).hexdigest()


async def lines_about(session: Session, subject: str = "", *, action: str = "", limit: int = 50) -> Sequence[Audit]:
    """The newest lines, newest first, about one subject or of one action where those are given."""
    query = select(Audit).order_by(col(Audit.id).desc()).limit(limit)
    if subject:
        query = query.where(Audit.subject == subject)
    if action:
        query = query.where(Audit.action == action)
    return (await session.scalars(query)).all()


def _packed(values: Sequence[str]) -> str:
    return json.dumps(values, ensure_ascii=False, separators=(",", ":"))


@functools.cache
def _insert(dialect: str) -> sa.Insert:
    text = sa.Text
    line = bulk.table(dialect, "lines", actor=text, action=text, subject=text, body=text, mac=text).c
    now = sa.bindparam("now", type_=_table.c.at.type)
    rows = sa.select(now, line.actor, line.action, line.subject, line.body, line.mac, sa.literal(""))
    return sa.insert(_table).from_select(["at", "actor", "action", "subject", "body", "mac", "hash"], rows)


@functools.cache
def _chain(dialect: str) -> sa.Update:
    link = bulk.table(dialect, "links", id=sa.BigInteger, link=sa.BigInteger, hash=sa.Text).c
    return sa.update(_table).where(_table.c.id == link.id).values(link=link.link, hash=link.hash)


async def lines_at(session: Session, actions: Sequence[str], moments: Sequence[datetime]) -> Sequence[Audit]:
    """The lines of these actions that were written at exactly one of these moments."""
    query = select(Audit).where(col(Audit.action).in_(actions), col(Audit.at).in_(moments)).order_by(col(Audit.id))
    return (await session.scalars(query)).all()


async def _lock(session: Session) -> None:
    """Let one sealer work at a time. SQLite's writers are one anyway."""
    if session.get_bind().dialect.name == "postgresql":
        await session.execute(sa.text("SELECT pg_advisory_xact_lock(hashtext('handbell.audit.seal'))"))


async def _in_chain(session: Session) -> AsyncIterator[Audit]:
    stream = await session.stream_scalars(
        select(Audit).where(col(Audit.link).is_not(None)).order_by(col(Audit.link)).execution_options(yield_per=1000)
    )
    async for row in stream:
        yield row


async def _unsealed(session: Session) -> AsyncIterator[Audit]:
    stream = await session.stream_scalars(
        select(Audit).where(col(Audit.link).is_(None)).order_by(col(Audit.id)).execution_options(yield_per=1000)
    )
    async for row in stream:
        yield row


async def _was_head(session: Session, head: str) -> bool:
    query = select(Audit.id).where(Audit.hash == head, col(Audit.link).is_not(None)).limit(1)
    return (await session.scalars(query)).first() is not None

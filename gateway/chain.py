"""The chain of the audit log: how lines are sealed, and how every alteration is found (architecture.md §7).

``hash = SHA-256(previous hash ‖ mac)`` needs no key, so that whoever has the head on paper can recompute it. The end of
the chain is signed under the key (table ``audit_end``): lines that are taken off the end are missed, and whoever can
write the database, but has no key, cannot make another chain and sign that.
"""

from __future__ import annotations

import functools
import hashlib
import hmac
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Protocol

import sqlalchemy as sa
from sqlmodel import col, select
from sqlmodel.sql.expression import SelectOfScalar

from gateway import bulk, enclosure
from gateway.database import Session
from gateway.models import Audit, AuditEnd
from gateway.models.types import core

GENESIS = "0" * 64
PUT_BACK: Final = "backup.restored"  #: the action of the line by which a person says that this is an older state
_table, _end = core(Audit), core(AuditEnd)


class Seal(Protocol):
    """What the key is needed for."""

    def mac_of(self, row: Audit) -> str:
        """The HMAC that a line must have."""
        ...

    def sign(self, *values: object) -> str:
        """The HMAC of anything else."""
        ...


@dataclass(frozen=True, slots=True)
class Verdict:
    """What verification found. ``fault`` is ``""`` when nothing is missing and nothing has been changed.

    ``unused``  numbers of rows that no line has: on PostgreSQL every transaction that is rolled back leaves some
    """

    sealed: int
    unsealed: int
    head: str
    fault: str
    unused: int = 0


@dataclass(frozen=True, slots=True)
class End:
    """Where the chain ended: the number of its last line, the head hash, and, where that matters, when it was seen."""

    link: int = 0
    hash: str = GENESIS
    at: datetime | None = field(default=None, compare=False)

    async def is_in(self, session: Session) -> bool:
        """Whether the chain of now goes on from there."""
        if not self.link:
            return True
        return await session.scalar(sa.select(_table.c.hash).where(_table.c.link == self.link)) == self.hash


@dataclass(slots=True)
class Seen:
    """Where the chain ended when a sealer looked last: it only ever goes on from there.

    Without it, whoever takes the seal off every line and throws the end away would have the rest sealed anew and
    signed, as if nothing had been sealed yet.
    """

    end: End = field(default_factory=End)
    _sealed: End | None = None

    async def goes_on(self, session: Session, end: AuditEnd | None) -> bool:
        """Whether the chain of now goes on from there; if so, this is where it ends."""
        now = End(end.link, end.hash) if end else End()
        self._sealed = None
        goes_on = now.link >= self.end.link and await self.end.is_in(session)
        if goes_on:
            self.end = now
        return goes_on

    def sealed(self, end: End) -> None:
        """Note what was sealed in a transaction that is not committed yet."""
        self._sealed = end

    def committed(self) -> None:
        """It is committed: the chain ends there."""
        self.end, self._sealed = self._sealed or self.end, None


def chained(previous: str, mac: str) -> str:
    """The next hash of the chain, in hex."""
    return hashlib.sha256(f"{previous}{mac}".encode()).hexdigest()


async def head(session: Session) -> tuple[int, str]:
    """How many lines are sealed, and the head hash."""
    link, newest, _ = await signed_end(session)
    return link, newest


async def signed_end(session: Session) -> tuple[int, str, str]:
    """The same, and our HMAC over both; ``""`` where it was not signed."""
    end = await session.get(AuditEnd, 1, populate_existing=True)
    return (end.link, end.hash, end.mac) if end else (0, GENESIS, "")


async def oldest_unsealed(session: Session) -> datetime | None:
    """Since when the oldest line waits that is not sealed: so long somebody could remove it without a trace."""
    query = sa.select(_table.c.at).where(_table.c.link.is_(None)).order_by(_table.c.id).limit(1)
    return await session.scalar(query)


async def seal(session: Session, key: Seal, *, limit: int, seen: Seen | None = None) -> int:
    """Chain the lines that are not chained yet, oldest first. Gives how many.

    It goes on from the end that was signed, not from the last line there is: a line that was removed stays missing. An
    end that was not signed by us is not signed now either, so that it is found for ever; nor is one that does not go on
    from what this sealer has ``seen``.
    """
    await lock(session)
    end = await session.get(AuditEnd, 1, populate_existing=True)
    goes_on = seen is None or await seen.goes_on(session, end)  # as it was committed: what we write now may fail yet
    is_ours = await _is_ours(session, key, end) and goes_on
    end = end or AuditEnd(id=1, link=0, hash=GENESIS)
    link, newest = end.link, end.hash
    if not is_ours:  # go on behind whatever stands there
        link = max(link, await session.scalar(sa.select(sa.func.max(_table.c.link))) or 0)
    waiting = await session.execute(
        sa.select(_table.c.id, _table.c.mac).where(_table.c.link.is_(None)).order_by(_table.c.id).limit(limit)
    )
    rows = []
    for row_id, mac in waiting:
        link += 1
        newest = chained(newest, mac)
        rows.append((row_id, link, newest))
    if rows:
        await session.execute(_chain(session.get_bind().dialect.name), {"links": bulk.packed(rows)})
        end.link, end.hash, end.mac = link, newest, _signed(key, link, newest) if is_ours else ""
        session.add(end)
        await session.flush()
        if seen and goes_on:
            seen.sealed(End(link, newest))
    return len(rows)


async def verify(session: Session, key: Seal, *, expect_head: str = "", seen: End | None = None) -> Verdict:
    """Recompute every HMAC, the whole chain and its end; the first bad line is named in the verdict.

    ``seen`` is where the chain was seen to end, ``expect_head`` a head that was published.
    """
    walk = _Walk(key, counts_rows=session.get_bind().dialect.name == "sqlite")
    async for row in _in_chain(session):
        walk.sealed_line(row)
    async for row in _unsealed(session):
        walk.unsealed_line(row)
    found = walk.fault or await _copied(session)
    found = found or await fault_of_end(session, key, link=walk.link, newest=walk.head)
    unused = await _last_number(session) - walk.link - walk.unsealed
    if not found and unused and walk.counts_rows:
        found = (
            f"Row {walk.link + walk.unsealed + 1} is missing: it was written last, and removed before it was sealed."
        )
    found = found or await fault_of_seen(session, key, seen or End())
    if not found and expect_head and not await _was_head(session, expect_head):
        found = "The head hash that was published is nowhere in this chain: lines were removed or rewritten."
    return Verdict(sealed=walk.link, unsealed=walk.unsealed, head=walk.head, fault=found, unused=max(unused, 0))


async def fault_of_end(session: Session, key: Seal, *, link: int, newest: str) -> str:
    """What is wrong with the signed end, where the last line has this link and hash; ``""`` for nothing."""
    end = await session.get(AuditEnd, 1, populate_existing=True)
    if not await _is_ours(session, key, end):
        return "The signature of the chain's end is missing or not ours: the log was rewritten, or its key changed."
    if end and (end.link, end.hash) != (link, newest):
        return f"Line {link + 1} is missing: {end.link} lines were sealed, and the chain ends at {link}."
    return ""


async def fault_of_seen(session: Session, key: Seal, seen: End) -> str:
    """What is wrong where the chain was seen to end there, before; ``""`` for nothing.

    An older state that a person has put back since then is no fault: the log has their line, on whichever machine they
    said so.
    """
    if await seen.is_in(session) or await _put_back_since(session, key, seen):
        return ""
    newest = await session.scalar(sa.select(sa.func.max(_table.c.at)))
    since = f" --since {newest.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if newest else ""
    school = enclosure.whose(session.get_bind())
    command = f"handbell --school {school} backup hold" if school else "handbell backup hold"
    return (
        f"The audit log does not go on from line {seen.link}, where this machine saw it end: lines were removed or"
        f" rewritten, or an older state of the database was put back. If you put it back, say: {command}{since}."
        " If nobody did, restore a copy."
    )


async def _put_back_since(session: Session, key: Seal, seen: End) -> bool:
    if seen.at is None:
        return False
    said = select(Audit).where(Audit.action == PUT_BACK, col(Audit.at) > seen.at)
    return any(hmac.compare_digest(key.mac_of(row).encode(), row.mac.encode()) for row in await session.scalars(said))


class _Walk:
    """Going through the lines in the order in which they were sealed.

    ``counts_rows``  SQLite numbers rows without a gap in the order in which they are committed, so that one that was
                     removed, or has changed places, before it was sealed is missed. PostgreSQL's numbers have gaps.
    """

    def __init__(self, key: Seal, *, counts_rows: bool):
        self.counts_rows = counts_rows
        self.link, self.unsealed, self.head, self.fault = 0, 0, GENESIS, ""
        self._key = key
        self._has_nonces = False
        self._last = dict[str, tuple[int, int]]()

    def sealed_line(self, row: Audit) -> None:
        self.link += 1
        self.head = chained(self.head, row.mac)
        self.fault = self.fault or self._unlinked(row) or self._bad(row, self.link)

    def unsealed_line(self, row: Audit) -> None:
        self.unsealed += 1
        changed = f"Row {row.id} ({row.action}) was changed: it has a hash and is not sealed." if row.hash else ""
        self.fault = self.fault or changed or self._bad(row, self.link + self.unsealed)

    def _unlinked(self, row: Audit) -> str:
        if row.link != self.link:
            return f"Line {self.link} is missing: the chain goes on with line {row.link} (row {row.id})."
        if row.hash != self.head:
            before = "this line or one before it was changed, removed, added or swapped"
            return self._changed(row) or f"The chain is broken at line {self.link} (row {row.id}): {before}."
        return ""

    def _bad(self, row: Audit, number: int) -> str:
        if self.counts_rows and row.id != number:
            what = "is missing" if (row.id or 0) > number else "was added, or has changed places"
            return f"Row {min(number, row.id or 0)} {what}: row {row.id} stands in its place."
        return self._changed(row) or self._out_of_turn(row)

    def _changed(self, row: Audit) -> str:
        if hmac.compare_digest(self._key.mac_of(row).encode(), row.mac.encode()):
            return ""
        return f"Row {row.id} ({row.action}) was changed after it was written."

    def _out_of_turn(self, row: Audit) -> str:
        """A line of an older Handbell has no nonce; there are none after the first that has. On one process's go up."""
        if not row.nonce:
            return f"Row {row.id} ({row.action}) was added: it is a copy of an older line." if self._has_nonces else ""
        self._has_nonces = True
        writer, _, number = row.nonce.partition("-")
        (before, before_id), self._last[writer] = self._last.get(writer, (0, 0)), (int(number), row.id or 0)
        if self.counts_rows and before >= int(number):
            return f"Row {before_id} or row {row.id} was added, or has changed places: it is not its writer's turn."
        return ""


async def _is_ours(session: Session, key: Seal, end: AuditEnd | None) -> bool:
    """Whether we signed the chain's end; a chain of which nothing is sealed has none.

    One without a signature is ours where the line there is an older Handbell's: those were not signed.
    """
    if end is None:
        return await session.scalar(sa.select(sa.func.max(_table.c.link))) is None
    if end.mac:
        return hmac.compare_digest(_signed(key, end.link, end.hash).encode(), end.mac.encode())
    return await session.scalar(sa.select(_table.c.nonce).where(_table.c.link == end.link)) == ""


def _signed(key: Seal, link: int, newest: str) -> str:
    return key.sign("audit end", link, newest)


async def _copied(session: Session) -> str:
    """A line is written once: whoever has no key can only add a copy of one."""
    query = sa.select(sa.func.max(_table.c.id), sa.func.min(_table.c.id)).where(_table.c.nonce != "")
    found = (await session.execute(query.group_by(_table.c.mac).having(sa.func.count() > 1).limit(1))).first()
    return f"Row {found[0]} was added: it is a copy of row {found[1]}." if found else ""


async def _last_number(session: Session) -> int:
    """The highest number that a row was ever given."""
    if session.get_bind().dialect.name == "sqlite":
        query = "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'audit'"
    else:
        query = "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM audit_id_seq"
    return await session.scalar(sa.text(query)) or 0


async def _was_head(session: Session, expected: str) -> bool:
    query = select(Audit.id).where(Audit.hash == expected, col(Audit.link).is_not(None)).limit(1)
    return expected == GENESIS or (await session.scalars(query)).first() is not None


@functools.cache
def _chain(dialect: str) -> sa.Update:
    link = bulk.table(dialect, "links", id=sa.BigInteger, link=sa.BigInteger, hash=sa.Text).c
    return sa.update(_table).where(_table.c.id == link.id).values(link=link.link, hash=link.hash)


async def lock(session: Session) -> None:
    """Let one process seal, or publish, at a time. SQLite's writers are one anyway."""
    if session.get_bind().dialect.name == "postgresql":
        await session.execute(
            sa.text("SELECT pg_advisory_xact_lock(hashtext('handbell.audit.seal ' || current_schema()))")
        )


def _in_chain(session: Session) -> AsyncIterator[Audit]:
    return _streamed(session, select(Audit).where(col(Audit.link).is_not(None)).order_by(col(Audit.link)))


def _unsealed(session: Session) -> AsyncIterator[Audit]:
    return _streamed(session, select(Audit).where(col(Audit.link).is_(None)).order_by(col(Audit.id)))


async def _streamed(session: Session, query: SelectOfScalar[Audit]) -> AsyncIterator[Audit]:
    async for row in await session.stream_scalars(query.execution_options(yield_per=1000)):
        yield row

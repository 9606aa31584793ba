"""The log that cannot be quietly changed: a deed and its line are one transaction (architecture.md §7).

Each line carries an HMAC of its canonical form. A sealer chains the lines about once a second, after they are
committed: ``hash = SHA-256(previous hash ‖ mac)``; chaining inside the transaction would hold every writer up.
Bodies hold ids, counts and reasons only; words and whole numbers stay in their own tables, so that retention and
erasure do not break the chain.
"""

from __future__ import annotations

import functools
import hmac
import itertools
import json
import secrets
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlmodel import col, select

from gateway import bulk, chain
from gateway.database import Session
from gateway.models import Audit
from gateway.models.types import core

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
        self._writer, self._numbers = secrets.token_hex(6), itertools.count(1)
        self.has_written = False  #: whether this process has something to be sealed

    def mac_of(self, row: Audit) -> str:
        """HMAC-SHA256 (RFC 2104) of a line's canonical JSON form, in hex. A line of an older Handbell has no nonce."""
        stamp = row.at.astimezone(UTC).isoformat(timespec="microseconds")
        nonce = [row.nonce] if row.nonce else []
        return self.sign(stamp, row.actor, row.action, row.subject, row.body, *nonce)

    def sign(self, *values: object) -> str:
        """HMAC-SHA256 of some values, in hex."""
        return hmac.digest(self._key, _packed(values).encode(), "sha256").hex()

    async def record(self, session: Session, lines: Line | Iterable[Line], *, now: datetime) -> None:
        """Write lines in the caller's transaction: no deed without a line, no line without the deed."""
        given = [lines] if isinstance(lines, Line) else list(lines)
        if given:
            await session.run_sync(lambda plain: self.write(plain.connection(), given, now=now))

    def write(self, connection: Connection, lines: Sequence[Line], *, now: datetime) -> None:
        """Do the same in a transaction that is done in one piece."""
        if not lines:
            return
        self.has_written = True
        rows = bulk.packed(self._row(line, now) for line in lines)
        bulk.run(connection, _insert(bulk.dialect(connection)), {"lines": rows, "now": now})

    def _row(self, line: Line, now: datetime) -> tuple[str, ...]:
        body = json.dumps(
            dict(line.facts or {}), ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=str
        )
        # What nobody can guess and is never given twice: a copy of a line is no second line.
        nonce = f"{self._writer}-{next(self._numbers)}"
        row = Audit(at=now, actor=line.actor, action=line.action, subject=line.subject, body=body, nonce=nonce, mac="")
        return line.actor, line.action, line.subject, body, nonce, self.mac_of(row)

    async def seal(self, session: Session, *, limit: int = 5000, seen: chain.Seen | None = None) -> int:
        """Chain the lines that are not chained yet, oldest first. Gives how many.

        ``seen`` is what one who seals again and again remembers, and what must still be there.
        """
        return await chain.seal(session, self, limit=limit, seen=seen)

    async def verify(self, session: Session, *, expect_head: str = "", seen: chain.End | None = None) -> chain.Verdict:
        """Recompute every HMAC and the whole chain; the first bad line is named in the verdict."""
        return await chain.verify(session, self, expect_head=expect_head, seen=seen)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which lines to list; what is empty does not matter.

    ``since``, ``until``  the moments that they are of, the second of them not among them
    ``actors``    who did it, as lines are signed; one that ends with a colon stands for all that begin so
    ``actions``   what was done; ``without`` what does not matter
    ``mentions``  lines of one of these deeds, by somebody whose name has this in it, or about one of these
    """

    since: datetime | None = None
    until: datetime | None = None
    actors: Sequence[str] = ()
    actions: Sequence[str] = ()
    without: Sequence[str] = ()
    mentions: Mentions | None = None


@dataclass(frozen=True, slots=True)
class Mentions:
    """Words that somebody looks for: in a signature, as deeds that they describe, and as ``subjects``, one column."""

    words: str
    actions: Sequence[str]
    subjects: sa.CompoundSelect[tuple[str]]


async def listed(session: Session, wanted: Wanted, *, before: int = 0, limit: int = 50) -> Sequence[Audit]:
    """The lines that are wanted, the newest first; ``before`` is the id of the last one that was seen already."""
    query = select(Audit).where(*await _conditions(session, wanted)).order_by(col(Audit.id).desc()).limit(limit)
    if before:
        query = query.where(col(Audit.id) < before)
    return (await session.scalars(query)).all()


async def count(session: Session, wanted: Wanted, *, most: int) -> int:
    """How many there are, but no more than ``most``: nobody reads a number of millions, and it takes its time."""
    some = sa.select(_table.c.id).where(*await _conditions(session, wanted)).limit(most).subquery()
    return await session.scalar(sa.select(sa.func.count()).select_from(some)) or 0


async def every(session: Session, wanted: Wanted, *, page: int = 1000) -> AsyncIterator[Sequence[Audit]]:
    """All of them, the oldest first, page by page."""
    conditions, last = await _conditions(session, wanted), 0
    while True:
        query = select(Audit).where(*conditions, col(Audit.id) > last).order_by(col(Audit.id)).limit(page)
        found = (await session.scalars(query)).all()
        if not found:
            return
        yield found
        last = found[-1].id or 0
        session.expunge_all()


#: Lines are written in the order of time, give or take the length of a transaction and a clock that is set.
_OUT_OF_ORDER = timedelta(minutes=15)


async def _conditions(session: Session, wanted: Wanted) -> list[sa.ColumnElement[bool]]:
    t, found = _table.c, list[sa.ColumnElement[bool]]()
    if wanted.since:
        found += [t.id >= await _first_at(session, wanted.since - _OUT_OF_ORDER), t.at >= wanted.since]
    if wanted.until:
        found += [t.id < await _first_at(session, wanted.until + _OUT_OF_ORDER), t.at < wanted.until]
    if wanted.actors:
        exact = [one for one in wanted.actors if not one.endswith(":")]
        begins = [t.actor.startswith(one, autoescape=True) for one in wanted.actors if one.endswith(":")]
        found.append(sa.or_(t.actor.in_(exact), *begins))
    if wanted.actions:
        found.append(t.action.in_(wanted.actions))
    if wanted.without:
        found.append(t.action.not_in(wanted.without))
    if of := wanted.mentions:
        by = t.actor.icontains(of.words, autoescape=True)
        found.append(sa.or_(by, t.action.in_(of.actions), t.subject.in_(of.subjects)))
    return found


async def _first_at(session: Session, moment: datetime) -> int:
    """The id of the first line of a moment or later, found by halving: the time has no index of its own."""
    low, high = 0, (await session.scalar(sa.select(sa.func.max(_table.c.id))) or 0) + 1
    while low < high:
        middle = (low + high) // 2
        query = sa.select(_table.c.id, _table.c.at).where(_table.c.id >= middle).order_by(_table.c.id).limit(1)
        row = (await session.execute(query)).one_or_none()
        if row is None or row.at >= moment:
            high = middle
        else:
            low = row.id + 1
    return low


VERIFIED = "audit.verified"  #: the action of the line that a verification leaves


async def note_verified(
    session: Session, verdict: chain.Verdict, *, seconds: float, by: str, log: Log, now: datetime
) -> None:
    """Write down that somebody had the whole log verified, what came of it, and how long it took."""
    facts = {"sealed": verdict.sealed, "unsealed": verdict.unsealed, "head": verdict.head,
             "seconds": round(seconds, 2), "fault": verdict.fault}  # fmt: skip
    await log.record(session, Line(VERIFIED, "", facts, by), now=now)


async def written_since(session: Session, line: Audit) -> int:
    """About how many lines were written after one: ids are given one after another, but a few may be left out."""
    last = await session.scalar(sa.select(sa.func.max(_table.c.id))) or 0
    return max(last - (line.id or 0), 0)


async def first(session: Session) -> Audit | None:
    """The first line there is."""
    return (await session.scalars(select(Audit).order_by(col(Audit.id)).limit(1))).first()


async def lines_about(session: Session, subject: str = "", *, action: str = "", limit: int = 50) -> Sequence[Audit]:
    """The newest lines, newest first, about one subject or of one action where those are given."""
    query = select(Audit).order_by(col(Audit.id).desc()).limit(limit)
    if subject:
        query = query.where(Audit.subject == subject)
    if action:
        query = query.where(Audit.action == action)
    return (await session.scalars(query)).all()


def _packed(values: Sequence[object]) -> str:
    return json.dumps(values, ensure_ascii=False, separators=(",", ":"))


@functools.cache
def _insert(dialect: str) -> sa.Insert:
    text = sa.Text
    line = bulk.table(dialect, "lines", actor=text, action=text, subject=text, body=text, nonce=text, mac=text).c
    now = sa.bindparam("now", type_=_table.c.at.type)
    rows = sa.select(now, line.actor, line.action, line.subject, line.body, line.nonce, line.mac, sa.literal(""))
    return sa.insert(_table).from_select(["at", "actor", "action", "subject", "body", "nonce", "mac", "hash"], rows)


async def lines_at(session: Session, actions: Sequence[str], moments: Sequence[datetime]) -> Sequence[Audit]:
    """The lines of these actions that were written at exactly one of these moments."""
    query = select(Audit).where(col(Audit.action).in_(actions), col(Audit.at).in_(moments)).order_by(col(Audit.id))
    return (await session.scalars(query)).all()

"""What people do to the calendar: hand in another one, close a day, take that back. Each is written down."""

from __future__ import annotations

import secrets
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import col, select

from gateway import audit, errors, upsert
from gateway.calendars import document
from gateway.calendars.book import ONLY
from gateway.database import Session
from gateway.models import CalendarClosure, SchoolCalendar
from gateway.models.types import core


async def changed(session: Session, **values: Any) -> None:
    """Mark a change, so that every process reads anew; holds the calendar until the transaction ends."""
    table = core(SchoolCalendar)
    row = {"id": ONLY, "revision": "", "changed_by": "", "digest": ""}
    await upsert.insert(session, table, [row], key=("id",))
    # No number: one that was rolled back would be given again, to other days than those somebody has read under it.
    revision = secrets.token_hex(8)
    await session.execute(sa.update(table).where(table.c.id == ONLY).values(revision=revision, **values))


async def put(session: Session, wanted: document.Calendar, *, by: str, log: audit.Log, now: datetime) -> None:
    """Hold this calendar from now on, instead of the file of the settings. Closures of the day stay."""
    await changed(session, document=wanted.plain(), changed_at=now, changed_by=by)
    facts = {"terms": len(wanted.terms), "closed": len(wanted.closed), "schools": sorted(wanted.schools)}
    await log.record(session, audit.Line("calendar.put", "calendar", facts, by), now=now)


async def forget(session: Session, *, by: str, log: audit.Log, now: datetime) -> None:
    """Go back to the file of the settings."""
    await changed(session, document=sa.null(), changed_at=now, changed_by=by)
    await log.record(session, audit.Line("calendar.forgotten", "calendar", actor=by), now=now)


async def close(
    session: Session,
    first: date,
    last: date,
    *,
    why: str,
    school: str = "",
    by: str,
    log: audit.Log,
    now: datetime,
) -> CalendarClosure:
    """Close days on which there was to be school, both inclusive.

    Raises :class:`errors.BadInput` for days in the wrong order, too many, or closed already, and no reason.
    """
    if not why.strip():
        raise errors.BadInput([errors.Problem("a reason is missing.", "Say why, in a few words.", field="why")])
    if not first <= last < first + document.LONGEST:
        problem = errors.Problem("these days are in the wrong order, or too many.", "Look at the dates.", field="last")
        raise errors.BadInput([problem])
    there = await closures(session, since=last)
    if any((one.school, one.first, one.last) == (school, first, last) for one in there):
        problem = errors.Problem("these days are closed already.", "Look at the calendar.", field="first")
        raise errors.BadInput([problem])
    closure = CalendarClosure(school=school, first=first, last=last, why=why.strip()[:200], at=now, by=by)
    await changed(session)
    session.add(closure)
    await session.flush()
    facts = {"closure": closure.id, "first": first, "last": last, "school": school}
    await log.record(session, audit.Line("calendar.closed", f"closure:{closure.id}", facts, by), now=now)
    return closure


async def undo(session: Session, closure_id: int, *, by: str, log: audit.Log, now: datetime) -> CalendarClosure:
    """Take a closure back: there is school on those days after all.

    Raises :class:`errors.NotFound` or :class:`errors.Conflict`.
    """
    await changed(session)
    closure = await session.get(CalendarClosure, closure_id, populate_existing=True)
    if closure is None:
        raise errors.NotFound(f"There is no closure {closure_id}.")
    if closure.undone_at is not None:
        raise errors.Conflict(f"Closure {closure_id} was taken back already, by {closure.undone_by}.")
    closure.undone_at, closure.undone_by = now, by
    session.add(closure)
    await session.flush()
    await log.record(session, audit.Line("calendar.reopened", f"closure:{closure_id}", actor=by), now=now)
    return closure


async def closures(session: Session, *, since: date | None = None, everything: bool = False) -> list[CalendarClosure]:
    """Closures in the order of their days; those that were taken back only with ``everything``."""
    query = select(CalendarClosure).order_by(col(CalendarClosure.first), col(CalendarClosure.id))
    if not everything:
        query = query.where(col(CalendarClosure.undone_at).is_(None))
    if since is not None:
        query = query.where(col(CalendarClosure.last) >= since)
    return list(await session.scalars(query))

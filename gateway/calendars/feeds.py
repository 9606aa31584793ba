""".ics feeds: fetched again and again; what was said last holds until something else is said.

The look itself is outside every transaction; which process has it is a row.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import sqlalchemy as sa
import structlog
from sqlmodel import col, select

from gateway import audit, errors, upsert
from gateway.calendars import book, deeds, document, fetching, ics
from gateway.database import Session
from gateway.models import CalendarFeed
from gateway.models.types import core

logger = structlog.get_logger()

_KEPT = timedelta(days=400)  #: so long what is over is remembered; nobody counts further back
_table = core(CalendarFeed)


@dataclass(frozen=True, slots=True)
class Due:
    """A feed whose turn it is; ``etag`` is that of what is known, ``""`` for none."""

    school: str
    address: str
    etag: str


def addresses(calendars: book.Calendars) -> Iterator[tuple[str, str]]:
    """Every school that has a feed, with its address."""
    for school in ("", *calendars.schools):
        if address := book.feed_of(calendars.document, school):
            yield school, address


async def any_due(session: Session, calendars: book.Calendars, *, every: timedelta, now: datetime) -> bool:
    """Whether :func:`claim` would find something to do."""
    wanted = dict(addresses(calendars))
    rows = {row.school: row for row in await session.scalars(select(CalendarFeed))}
    gone = any(urlsplit(row.source).scheme and school not in wanted for school, row in rows.items())
    fresh = {school for school, row in rows.items() if row.source == wanted.get(school) and row.tried_at + every > now}
    return gone or bool(wanted.keys() - fresh)


async def claim(session: Session, calendars: book.Calendars, *, every: timedelta, now: datetime) -> list[Due]:
    """The feeds whose turn it is, for this process alone.

    A feed that the calendar does not name any more is forgotten with what it said.
    """
    wanted = dict(addresses(calendars))
    rows = {row.school: row for row in await session.scalars(select(CalendarFeed))}
    taken: list[Due] = []
    for school, known in rows.items():
        if urlsplit(known.source).scheme and school not in wanted:
            await session.delete(known)
            await deeds.changed(session)
    for school, address in wanted.items():
        row = rows.get(school)
        same = row is not None and row.source == address
        if row is not None and same and row.tried_at + every > now:
            continue
        if row is None:
            new = {"school": school, "source": address, "found": {}, "problems": [], "etag": "", "tried_at": now,
                   "trouble": ""}  # fmt: skip
            if not await upsert.insert_new(session, _table, [new], key=("school",)):
                continue  # another process was first
        else:
            mine = sa.update(_table).where(_table.c.school == school, _table.c.tried_at == row.tried_at)
            changed = {"tried_at": now, "source": address} | ({} if same else {"etag": ""})
            if not (await session.execute(mine.values(**changed).returning(_table.c.school))).all():
                continue
        taken.append(Due(school, address, row.etag if row is not None and same else ""))
    return taken


async def look(
    address: str, etag: str, *, inside: bool, timezone: ZoneInfo, today: date
) -> tuple[ics.Found | None, str]:
    """Fetch a feed and read it; None when it has not changed. Gives its ETag, too. See :func:`fetching.fetch`.

    Raises :class:`fetching.NotFetched`.
    """
    answer = await fetching.fetch(address, etag, inside=inside)
    if answer.content is None:
        return None, answer.etag
    ends = time.monotonic() + fetching.PATIENCE_SECONDS
    content = answer.content
    try:
        found = await asyncio.to_thread(
            lambda: ics.read(content, timezone=timezone, today=today, late=lambda: time.monotonic() > ends)
        )
    except errors.BadInput as error:
        raise fetching.NotFetched(f"What came cannot be read: {' '.join(str(one) for one in error.problems)}") from None
    return found, answer.etag


async def keep(
    session: Session,
    school: str,
    source: str,
    found: ics.Found,
    *,
    etag: str = "",
    by: str = "handbell",
    log: audit.Log,
    now: datetime,
) -> bool:
    """Keep what a file or feed says. Whether it says something new.

    Raises :class:`fetching.NotFetched` when it says nothing at all: what was said before holds.
    """
    if not found.terms and not found.closed:
        raise fetching.NotFetched("It says nothing of terms or closed days.")
    row = await session.get(CalendarFeed, school, populate_existing=True)
    row = row or CalendarFeed(school=school, source=source, tried_at=now)
    if urlsplit(source).scheme and row.source == source:
        found = _with_the_past(found, document.School.model_validate(row.found), now.date())
    said = found.plain()
    new = row.found != said
    row.source, row.found, row.problems, row.etag = source, said, found.problems, etag
    row.fetched_at, row.tried_at, row.trouble = now, now, ""
    session.add(row)
    if new:
        await deeds.changed(session)
        facts = {"school": school, "terms": len(found.terms), "closed": len(found.closed)}
        await log.record(session, audit.Line("calendar.feed", "calendar", facts, by), now=now)
    return new


def _with_the_past(found: ics.Found, before: document.School, today: date) -> ics.Found:
    """What is said now, and what was said before of days that are over: many a feed tells of what is to come alone.

    Of a term that goes on such a feed knows the end and no beginning more.
    """
    terms = [_begun(term, before.terms, today) for term in found.terms or before.terms]
    first = min((term.first for term in terms), default=today)
    over = [term for term in before.terms if today - _KEPT < term.last < min(today, first)]
    said = {day for one in found.closed for day in one.days()}
    closed = [
        one for one in before.closed
        if today - _KEPT < one.days()[-1] < today and said.isdisjoint(one.days())
    ]  # fmt: skip
    return replace(found, terms=[*over, *terms], closed=[*closed, *found.closed])


def _begun(term: document.Term, before: Sequence[document.Term], today: date) -> document.Term:
    earlier = [one.first for one in before if one.first < term.first <= min(one.last, today)]
    return term.model_copy(update={"first": min(earlier)}) if earlier else term


async def unchanged(session: Session, school: str, *, now: datetime) -> None:
    """Note that a feed was looked at and says what it said."""
    await session.execute(
        sa.update(_table).where(_table.c.school == school).values(fetched_at=now, tried_at=now, trouble="")
    )


async def failed(session: Session, school: str, trouble: str, *, now: datetime) -> None:
    """Note that a feed could not be had; what it said before holds, and doctor tells."""
    logger.warning("calendar.feed_failed", school=school, trouble=trouble)
    await session.execute(
        sa.update(_table).where(_table.c.school == school).values(tried_at=now, trouble=trouble[:500])
    )


async def listed(session: Session) -> list[CalendarFeed]:
    """What is known of every feed and file."""
    return list(await session.scalars(select(CalendarFeed).order_by(col(CalendarFeed.school))))

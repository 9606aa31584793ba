""".ics feeds: fetched again and again; what was said last holds until something else is said.

The look itself is outside every transaction; which process has it is a row.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from urllib.parse import urljoin, urlsplit
from zoneinfo import ZoneInfo

import aiohttp
import sqlalchemy as sa
import structlog
from sqlmodel import col, select

from config import values
from gateway import audit, errors, upsert
from gateway.calendars import book, deeds, ics
from gateway.database import Session
from gateway.models import CalendarFeed
from gateway.models.types import core

logger = structlog.get_logger()

PATIENCE_SECONDS = 20.0  #: for fetching a feed, and again for reading it
_REDIRECTS = 3
_table = core(CalendarFeed)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a feed's server said. ``content`` None: nothing has changed."""

    content: bytes | None
    etag: str


@dataclass(frozen=True, slots=True)
class Due:
    """A feed whose turn it is; ``etag`` is that of what is known, ``""`` for none."""

    school: str
    address: str
    etag: str


class NotFetched(Exception):
    """The feed could not be had; ``str()`` is a sentence."""


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


async def look(address: str, etag: str, *, timezone: ZoneInfo, today: date) -> tuple[ics.Found | None, str]:
    """Fetch a feed and read it; None when it has not changed. Gives its ETag, too.

    Raises :class:`NotFetched`.
    """
    answer = await _fetch(address, etag)
    if answer.content is None:
        return None, answer.etag
    ends = time.monotonic() + PATIENCE_SECONDS
    content = answer.content
    try:
        found = await asyncio.to_thread(
            lambda: ics.read(content, timezone=timezone, today=today, late=lambda: time.monotonic() > ends)
        )
    except errors.BadInput as error:
        raise NotFetched(f"What came cannot be read: {' '.join(str(one) for one in error.problems)}") from None
    return found, answer.etag


async def _fetch(address: str, etag: str) -> Answer:
    url = f"https://{address.removeprefix('webcal://')}" if address.startswith("webcal://") else address
    timeout = aiohttp.ClientTimeout(total=PATIENCE_SECONDS, connect=10)
    headers = {"User-Agent": "Handbell", "Accept": "text/calendar"} | ({"If-None-Match": etag} if etag else {})
    try:
        async with aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()) as session:
            for _ in range(_REDIRECTS + 1):
                async with session.get(url, headers=headers, allow_redirects=False) as answer:
                    if answer.status == 304:
                        return Answer(None, etag)
                    if answer.status in (301, 302, 303, 307, 308):
                        url = _safe(urljoin(url, answer.headers.get("Location", "")))
                        continue
                    if answer.status != 200:
                        raise NotFetched(f"The feed's server answered {answer.status}.")
                    return Answer(await _read(answer.content), answer.headers.get("ETag", "")[:200])
    except TimeoutError:
        raise NotFetched("The feed's server did not answer in time.") from None
    except (aiohttp.ClientError, OSError, ValueError):
        raise NotFetched("The feed's server cannot be reached.") from None
    raise NotFetched("The feed's server sends us on and on.")


def _safe(url: str) -> str:
    """Where a server sends us: nowhere that the settings may not name."""
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and values.is_loopback(parts.hostname or "")):
        raise NotFetched("The feed's server sends us to an address that is not safe.")
    return url


async def _read(content: aiohttp.StreamReader) -> bytes:
    pieces: list[bytes] = []
    size = 0
    async for piece in content.iter_chunked(65_536):
        size += len(piece)
        if size > ics.LARGEST:
            raise NotFetched(f"The feed is larger than {ics.LARGEST // 2**20} MB.")
        pieces.append(piece)
    return b"".join(pieces)


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

    Raises :class:`NotFetched` when it says nothing at all: what was said before holds.
    """
    if not found.terms and not found.closed:
        raise NotFetched("It says nothing of terms or closed days.")
    row = await session.get(CalendarFeed, school, populate_existing=True)
    row = row or CalendarFeed(school=school, source=source, tried_at=now)
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

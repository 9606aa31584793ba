"""Asking Twilio where it cannot call us back: its lists of messages and calls, page by page, newest first.

What the API offers (Twilio, Message and Call resources; ``twilio-oai``): messages come sorted by ``DateSent``, newest
first, and cannot be asked for the other way round; ``DateSent`` and ``StartTime`` filter by whole days of GMT, and what
still waits in Twilio's queue has neither. So nothing is filtered by date: a list is read from its top until what comes
is old by its place in the list; what is new is judged by ``date_created``, which every record has. ``next_page_uri``
holds a token, so that records made while we read shift no page; where they do shift, something is seen twice, never
missed.

How far a stream was read is told by Twilio's clock alone: it is the youngest ``date_created`` seen. Ours may be wrong.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Protocol

from twilio.base.exceptions import TwilioException

from channels import base, twilio_account, twilio_http

#: Records on a page: Twilio's own default. A quiet look is one page, and a small one.
PAGE_SIZE = 50
#: How much of what was read already is read again: a record may appear this late, as may one that a second process or
#: a slower part of Twilio entered. It costs nothing, as all of it is usually on the first page.
OVERLAP = timedelta(hours=1)
#: So many records in a row that are too old end a look. By as many places the order may be wrong.
_QUIET = 25
#: The statuses of a text that Twilio has still to send.
_WAITING = frozenset({"accepted", "scheduled", "queued", "sending"})
#: Texts and calls that were handed over this recently are looked for in the list; it is asked for once, they are many.
_RECENT = timedelta(minutes=15)
#: Up to so many are asked for one by one all the same.
_FEW = 5
_CLOCK_SLACK = timedelta(minutes=2)
#: Seconds to wait before the second and third try of one page.
_HICCUPS = (0.2, 1.0)
#: How many of those that were asked for one by one are given at once.
_HANDFUL = 20


class Lists(Protocol):
    """One of the account's lists: messages, or calls. The library gives its pages and records without a type."""

    async def page_async(self, *, page_size: int) -> Any:
        """The first page."""

    def __call__(self, sid: str) -> Any:
        """One record, to be fetched."""


async def look(
    first: Callable[[], Awaitable[Any]],
    read: Callable[[Any], base.Event | None],
    since: datetime,
    *,
    now: datetime,
) -> AsyncGenerator[base.Look, None]:
    """Read a list back to a little before ``since``; ``read`` gives None for what is not for us.

    Raises :class:`base.CouldNotLook`.
    """
    oldest, newest = _whole(since - OVERLAP), since
    async with aclosing(_pages(first, oldest=oldest)) as pages:
        async for records in pages:
            young = [record for record in records if _created(record, oldest) >= oldest]
            # A date ahead of us is not believed, or a bad one would hide everything until that day.
            newest = max([newest, *(min(_created(record, oldest), now) for record in young)])
            yield base.Look([event for record in young if (event := read(record)) is not None], since)
    yield base.Look((), newest)


async def follow(
    lists: Callable[[], Lists], read: Callable[[Any], base.Receipt], pending: Sequence[base.Pending]
) -> AsyncGenerator[Sequence[base.Receipt], None]:
    """Give the present word about our messages or calls: the young ones from the list, the others one by one.

    Raises :class:`base.CouldNotLook`.
    """
    youngest = max((one.since for one in pending), default=datetime.min.replace(tzinfo=UTC))
    recent = {one.ref: one.since for one in pending if one.since > youngest - _RECENT}
    if len(recent) <= _FEW:
        recent = {}
    # Those that the list does not show, as they wait in Twilio's queue, are asked for once they are older.
    others = [one.ref for one in pending if one.ref not in recent]
    if recent:
        oldest = _whole(min(recent.values()) - _CLOCK_SLACK)
        async with aclosing(_pages(lambda: lists().page_async(page_size=PAGE_SIZE), oldest=oldest)) as pages:
            async for records in pages:
                found = [record for record in records if recent.pop(record.sid, None)]
                yield [read(record) for record in found]
                if not recent:
                    break
    for start in range(0, len(others), _HANDFUL):
        records = [await _fetch(lists, ref) for ref in others[start : start + _HANDFUL]]
        yield [read(record) for record in records if record is not None]


async def _pages(first: Callable[[], Awaitable[Any]], *, oldest: datetime) -> AsyncGenerator[list[Any], None]:
    """Give page after page, until the list ends or what comes is older than ``oldest``."""
    page = await _asked(first)
    quiet = 0
    while page is not None:
        records = await _asked(partial(_records, page))
        yield records
        for place in filter(None, [_place(record, oldest) for record in records]):
            quiet = quiet + 1 if place < oldest else 0
        if quiet >= _QUIET:
            return
        page = await _asked(page.next_page_async)


async def _records(page: Any) -> list[Any]:
    return list(page)  # each is read only now, and the library stumbles over what is no record of Twilio's


async def _fetch(lists: Callable[[], Lists], ref: str) -> Any:
    """Fetch one record; None for one that Twilio does not know (any more)."""
    return await _asked(lambda: lists()(ref).fetch_async(), missing=(404,))


async def _asked(ask: Callable[[], Awaitable[Any]], *, missing: Sequence[int] = ()) -> Any:
    """Ask; None for the HTTP statuses of ``missing``. Raises :class:`base.CouldNotLook` with a sentence."""
    try:
        return await _patiently(ask)
    except twilio_http.TooFast as error:
        raise base.CouldNotLook(str(error), wait=error.wait) from None
    except (twilio_http.NotSent, twilio_http.Doubtful) as error:
        raise base.CouldNotLook(str(error)) from None
    except TwilioException as error:
        if twilio_account.said(error) in missing:
            return None
        status = twilio_account.status_of(error) or "unknown"
        sentence = f"Twilio does not show its list (HTTP {status}): check the account SID and auth token."
        raise base.CouldNotLook(sentence) from None
    except (ValueError, TypeError, AttributeError, KeyError):
        raise base.CouldNotLook("What answered did not speak like Twilio: is there a filter on the way?") from None


async def _patiently(ask: Callable[[], Awaitable[Any]]) -> Any:
    """Ask again after a hiccup: reading may be repeated, and one page of sixty must not spoil the other fifty-nine."""
    for wait in _HICCUPS:
        try:
            return await ask()
        except (twilio_http.NotSent, twilio_http.Doubtful):
            await asyncio.sleep(wait)
    return await ask()


def _place(record: Any, otherwise: datetime) -> datetime | None:
    """The moment by which a list is sorted. None for a text that waits: it has none yet, and may stand anywhere.

    A text may be sent ten hours after it was made: old by its making, it stands above answers of a minute ago.
    """
    if record.status in _WAITING:
        return None
    sent: datetime | None = getattr(record, "date_sent", None)  # calls have none
    return _created(record, otherwise) if sent is None else sent.replace(tzinfo=sent.tzinfo or UTC)


def _created(record: Any, otherwise: datetime) -> datetime:
    created: datetime = record.date_created or otherwise
    return created.replace(tzinfo=UTC) if created.tzinfo is None else created


def _whole(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(microsecond=0)  # as Twilio's dates are

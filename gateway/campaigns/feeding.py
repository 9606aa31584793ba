"""The .ics feeds of the calendar, followed: each when its turn comes, by one process."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from gateway import context
from gateway.calendars import feeds, fetching


async def claim(gateway: context.Gateway) -> Sequence[feeds.Due]:
    """The feeds that this process is to fetch now."""
    every, now = timedelta(seconds=gateway.settings.calendar.feed_every_s), gateway.now()
    async with gateway.database.read() as session:
        calendars = await gateway.calendars.look(session)
        if not await feeds.any_due(session, calendars, every=every, now=now):
            return ()
    async with gateway.database.write() as session:
        return await feeds.claim(session, await gateway.calendars.look(session), every=every, now=now)


async def follow(gateway: context.Gateway, due: feeds.Due) -> None:
    """Fetch one feed and keep what it says; what it said before holds while it cannot be had.

    Each transaction is its own, and the fetching is in none.
    """
    try:
        inside = gateway.settings.calendar.feeds_inside
        found, etag = await feeds.look(
            due.address, due.etag, inside=inside, timezone=gateway.timezone, today=gateway.today()
        )
        async with gateway.database.write() as session:
            if found is None:
                await feeds.unchanged(session, due.school, now=gateway.now())
                return
            await feeds.keep(session, due.school, due.address, found, etag=etag, log=gateway.log, now=gateway.now())
    except fetching.NotFetched as error:
        async with gateway.database.write() as session:
            await feeds.failed(session, due.school, str(error), now=gateway.now())

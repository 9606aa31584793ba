"""Whole daemons in different roles on one database: they wake one another, and the poll does without the bell."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from support import desk, lanes, school
from support.waiting import PATIENCE, until

from channels.base import Medium
from config import sections
from gateway import context, daemon, notices, senders
from gateway.database import Database

SLOWLY = 600.0  #: seconds of a poll that no test waits for


def gateway(database: Database, wire: lanes.Wire | None, *, poll: float = SLOWLY) -> context.Gateway:
    made = desk.gateway(database, channels={"wire": wire} if wire else {}, quiet=False)  # it may be night
    sending = sections.Sending().model_copy(update={"poll_s": poll})  # longer than settings allow
    settings = made.settings.model_copy(update={"sending": sending})
    return dataclasses.replace(made, settings=settings, now=context.utc_now)


@asynccontextmanager
async def running(made: context.Gateway, *roles: str) -> AsyncIterator[daemon.Daemon]:
    ready = asyncio.Event()
    works = daemon.Daemon(made, listen=None, roles=roles, ready=ready.set)
    run = asyncio.create_task(works.run())
    try:
        async with asyncio.timeout(PATIENCE):
            await asyncio.wait([run, asyncio.create_task(ready.wait())], return_when=asyncio.FIRST_COMPLETED)
        yield works
    finally:
        works.stop()
        async with asyncio.timeout(PATIENCE):
            await run


@pytest.fixture
async def family(shared: Database) -> int:
    """A sender, and somebody to write to."""
    sender = await school.sender(shared, channel="wire")
    home = await school.family(shared)
    await school.point(shared, home.mother, school.number())
    return sender


async def send(shared: Database) -> None:
    """What ``handbell notice send`` does, in a process of its own."""
    async with shared.write() as session:
        await notices.submit(session, gateway(shared, None), desk.definition(), author="office")


async def heard(shared: Database, count: int) -> None:
    """Wait until so many connections listen."""
    query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query ILIKE 'LISTEN%'"
    async with asyncio.timeout(PATIENCE):
        while True:
            async with shared.read() as session:
                found = await (await session.connection()).exec_driver_sql(query)
                if found.scalar_one() >= count:
                    return
            await asyncio.sleep(0.05)


async def test_a_notice_from_the_command_line_is_planned_and_sent_without_waiting_for_any_poll(
    shared: Database, shared_url: str, family: int
) -> None:
    wire, other = lanes.Wire(), Database(shared_url)
    try:
        async with running(gateway(shared, wire), "clock") as clock, running(gateway(other, wire), "sender"):
            await heard(shared, 2)
            await until(lambda: "plan" in clock.jobs.ticker.last_run)
            await asyncio.sleep(0.5)  # the lane has looked once as well, and both rest
            await send(shared)
            await until(lambda: len(wire.calls) == 1)
    finally:
        await other.close()


async def test_without_any_bell_the_poll_does_it(shared: Database, shared_url: str, family: int) -> None:
    """A pooler between us and the server may swallow LISTEN: then nothing is heard, and nothing is lost."""
    deaf = shared.url.set(port=9) if not shared.url.query.get("host") else shared.url.set(query={"host": "/nowhere"})
    wire, other = lanes.Wire(), Database(shared_url)
    try:
        for database in (shared, other):
            database.url = deaf
        async with running(gateway(shared, wire, poll=0.3), "clock"), running(gateway(other, wire, poll=0.3), "sender"):
            await send(shared)
            await until(lambda: len(wire.calls) == 1)
    finally:
        await other.close()


async def test_a_sender_that_another_process_brings_gets_a_lane(shared: Database) -> None:
    wire = lanes.Wire()
    known = senders.Wanted("wire", Medium.SMS, "+441134960001", 100, 100)
    new = senders.Wanted("wire", Medium.SMS, "+441134960002", 100, 100)
    elsewhere = senders.Wanted("telex", Medium.SMS, "+441134960003", 100, 100)

    async def sync(*wanted: senders.Wanted) -> None:
        async with shared.write() as session:
            await senders.sync(session, wanted, log=desk.LOG, now=context.utc_now())

    await sync(known)
    async with running(gateway(shared, wire), "sender") as works:
        await heard(shared, 1)
        assert len(works.lanes.all) == 1
        await sync(known, new, elsewhere)
        await until(lambda: len(works.lanes.all) == 2)
        [urgent] = await lanes.queue(shared, works.lanes.all[1].sender_id, priority=0)
        works.wake()
        await until(lambda: urgent in wire.calls)
        await sync(known)  # it goes out of use again, and is left alone
        await asyncio.sleep(0.5)
        assert len(works.lanes.all) == 2

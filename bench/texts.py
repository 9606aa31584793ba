"""Texts: outbox → Twilio adapter → sink, all bookkeeping durable, against a bare loop of the same client."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from bench import postgres, rounds, sink
from channels.base import Medium, Outgoing
from channels.twilio_account import TwilioAccount
from channels.twilio_sms import TwilioSms
from gateway import audit, ids, lanes, migrate, outgoing, retry, sender
from gateway.database import Database
from gateway.metrics import Metrics
from gateway.models import Contact, ContactPoint, LineType, Message, MessageState, PointKind, Purpose, Sender
from gateway.models.types import core

CONCURRENCY = 128
AHEAD = lanes.ahead(rate=1e6)
BODY = "Oakfield: the school is closed on Tuesday 1 December (the boiler has failed)."


async def section(*, quick: bool) -> str:
    """The lane on both databases against the plain client."""
    count, turns = (500, 3) if quick else (5000, 7)
    with sink.running() as url, postgres.short_lived() as server:
        await bare(url, 200)  # warm up

        async def on_sqlite() -> float:
            with tempfile.TemporaryDirectory() as folder:
                return await ours(url, count, f"sqlite+aiosqlite:///{Path(folder) / 'bench.sqlite'}")

        async def on_postgresql() -> float:
            async with postgres.empty(server) as database:
                return await ours(url, count, database)

        measured = await rounds.alternate(
            {"bare client": lambda: bare(url, count), "SQLite": on_sqlite, "PostgreSQL": on_postgresql}, rounds=turns
        )
    goals = [rounds.Goal("SQLite", "bare client", 0.75), rounds.Goal("PostgreSQL", "bare client", 0.65)]
    return f"""## Texts

{count:,} texts in each of {turns} rounds, {CONCURRENCY} calls at once, to a sink on this machine. Handbell claims,
sends, settles and audits, every commit durable; the bare client is a loop over the same Twilio client without any
database.

{rounds.table(measured, goals)}"""


@contextlib.asynccontextmanager
async def channel(url: str) -> AsyncIterator[TwilioSms]:
    account = TwilioAccount("AC" + "0" * 32, "token", api_base_url=url, connections=CONCURRENCY)
    opened = TwilioSms(account)
    await opened.open()
    yield opened
    await opened.close()


async def bare(url: str, count: int) -> float:
    """Messages a second of the plain client in a loop."""
    async with channel(url) as wire:
        todo = iter(range(count))

        async def work() -> None:
            for n in todo:
                await wire.send(
                    Outgoing(str(n), "+447700900123", "+441134960001", BODY, callback_url="http://127.0.0.1:9")
                )

        begun = time.perf_counter()
        await asyncio.gather(*(work() for _ in range(CONCURRENCY)))
        return count / (time.perf_counter() - begun)


async def ours(url: str, count: int, database_url: str) -> float:
    """Messages a second of a lane: claimed, sent, settled, audited."""
    await migrate.upgrade(database_url)
    database = Database(database_url)
    try:
        sender_id = await fill(database, count)
        async with channel(url) as wire:
            lane = sender.Lane(
                sender_id,
                wire,
                database=database,
                log=audit.Log(b"k" * 32),
                rules=sender.Rules(
                    CONCURRENCY, 8, timedelta(seconds=60), 1.0, retry.Policy(), ZoneInfo("Europe/London"), AHEAD
                ),
                metrics=Metrics(),
                outgoing=lambda row: outgoing.build(
                    row, callback_url="http://127.0.0.1:9", unsubscribe_url=str, now=datetime.now(UTC)
                ),
                worker="bench",
                now=lambda: datetime.now(UTC),
            )
            begun = time.perf_counter()
            working = asyncio.create_task(lane.run())
            taken = await all_accepted(database, count, working) - begun
            lane.stop()
            await working
        return count / taken
    finally:
        await database.close()


async def fill(database: Database, count: int) -> int:
    """A sender, contacts and queued messages."""
    now = datetime.now(UTC)
    async with database.write() as session:
        lane = Sender(channel="twilio-sms", medium=Medium.SMS, address="+441134960001", rate=1e6, burst=1e6)
        session.add(lane)
        await session.flush()
        people = [
            {
                "id": n,
                "source_id": str(n),
                "title": "",
                "forename": "",
                "surname": "",
                "written_language": "",
                "spoken_language": "",
            }
            for n in range(1, count + 1)
        ]
        await session.execute(sa.insert(core(Contact)), people)
        points = [
            ContactPoint(
                id=n, contact_id=n, kind=PointKind.PHONE, address=f"+4477009{n:05d}", line_type=LineType.MOBILE
            ).model_dump()
            for n in range(1, count + 1)
        ]
        await session.execute(sa.insert(core(ContactPoint)), points)
        rows = [
            Message(
                id=ids.new_id(),
                contact_id=n,
                contact_point_id=n,
                sender_id=lane.id,
                medium=Medium.SMS,
                address=f"+4477009{n:05d}",
                slot=str(n),
                purpose=Purpose.SERVICE,
                language="en",
                body=BODY,
                state=MessageState.QUEUED,
                due_at=now,
                created_at=now,
                changed_at=now,
            ).model_dump()
            for n in range(1, count + 1)
        ]
        await session.execute(sa.insert(core(Message)), rows)
    assert lane.id is not None
    return lane.id


async def all_accepted(database: Database, count: int, working: asyncio.Task[None]) -> float:
    """Wait until every message is written down as accepted. Gives when the last one was, by ``time.perf_counter``.

    The rows tell the moment themselves; to look for it all the time would be a load of its own.
    """
    t = core(Message).c
    query = sa.select(sa.func.count(), sa.func.max(t.changed_at)).where(t.state == MessageState.ACCEPTED)
    while not working.done():
        async with database.read() as session:
            accepted, last = (await session.execute(query)).one()
        if accepted == count:
            since: timedelta = datetime.now(UTC) - last
            return time.perf_counter() - since.total_seconds()
        await asyncio.sleep(0.25)
    working.result()
    raise AssertionError("the lane ended before its work did")

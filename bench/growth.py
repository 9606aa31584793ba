"""Growth: what a message costs when a thousand, and when a million, lie behind it; and the jobs that run beside it."""

from __future__ import annotations

import asyncio
import contextlib
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import sqlalchemy as sa

from bench import house, postgres, rounds
from channels.base import FindResult, Found, Medium, Outcome, Outgoing, SendResult
from config import sections
from config.settings import Settings
from gateway import audit, context, daemon, gauges, migrate, outgoing, retry, sender
from gateway.database import Database
from gateway.metrics import Metrics
from gateway.models import Message, MessageState, Notice, NoticeState, Purpose, Run, Sender
from gateway.models.types import core

FAMILIES = 1_000
_AT_ONCE = 100_000  #: rows of history in one statement
EACH_RUN = 1_000  #: messages of a run
WITHIN = 0.2  #: the cost of a message may differ by so much
CONCURRENCY = 64

_ID = "'H' || CAST(100000000 + n AS VARCHAR)"  #: of the n-th message


class Yes:
    """A channel that takes everything at once: what remains is our own cost."""

    name, medium = "twilio-sms", Medium.SMS

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def send(self, message: Outgoing) -> SendResult:
        return SendResult(Outcome.ACCEPTED, ref=f"SM{message.id}")

    async def find(self, message: Outgoing, since: datetime) -> FindResult:
        return FindResult(Found.CANNOT_TELL)

    async def check(self) -> str:
        return "Yes."

    def speaks(self, locale: str) -> bool:
        return True


@dataclass(frozen=True, slots=True)
class Shelf:
    """A database with so much history, and the lane of its one sender."""

    rows: int
    database: Database
    sender_id: int

    def gateway(self) -> context.Gateway:
        school = sections.School(name="Oakfield Primary School", short_name="Oakfield", phone="020 7946 0123")
        return context.Gateway(
            settings=Settings(school=school, quiet=sections.Quiet(enabled=False)),
            database=self.database,
            log=audit.Log(b"k" * 32),
            secret=b"s" * 32,
            channels={"twilio-sms": Yes()},
        )


async def section(*, quick: bool) -> str:
    """Both databases; each has one file or database for every size, so that the sizes take turns within a round."""
    sizes = (1_000, 100_000) if quick else (1_000, 10_000, 100_000, 1_000_000)
    turns, count = (3, 1_000) if quick else (7, 4_000)
    found = []
    with tempfile.TemporaryDirectory() as folder:
        async with contextlib.AsyncExitStack() as stack:
            urls = [f"sqlite+aiosqlite:///{Path(folder) / f'{rows}.sqlite'}" for rows in sizes]
            shelves = [await stack.enter_async_context(shelf(url, rows)) for url, rows in zip(urls, sizes, strict=True)]
            found.append(await _measure("SQLite", shelves, turns, count))
    with postgres.short_lived() as server:
        async with contextlib.AsyncExitStack() as stack:
            urls = [await stack.enter_async_context(postgres.empty(server)) for _ in sizes]
            shelves = [await stack.enter_async_context(shelf(url, rows)) for url, rows in zip(urls, sizes, strict=True)]
            found.append(await _measure("PostgreSQL", shelves, turns, count))
    return f"""## Growth

What a message costs when so many others are in the table: {count:,} new ones are claimed and settled by a lane whose
provider says yes at once, in {turns} rounds. Every message in the table was called once and stands in the audit log
twice. The jobs beside it run every 1 to 15 seconds; their times are milliseconds a run.

{"".join(found)}"""


@contextlib.asynccontextmanager
async def shelf(url: str, rows: int, *, families: int = FAMILIES) -> AsyncIterator[Shelf]:
    """A database with people, a sender, and so many messages that were delivered long ago."""
    await migrate.upgrade(url)
    database = Database(url)
    try:
        begun = time.monotonic()
        await house.people(database, families)
        async with database.write() as session:
            lane = Sender(channel="twilio-sms", medium=Medium.SMS, address=house.SENDER, rate=1e6, burst=1e6)
            session.add(lane)
            await session.flush()
            assert lane.id is not None
            sender_id = lane.id
        await history(database, rows, sender_id=sender_id)
        rounds.say(f"{database.url.get_backend_name()}: {rows:,} rows in {time.monotonic() - begun:.0f} s")
        yield Shelf(rows, database, sender_id)
    finally:
        await database.close()


async def history(database: Database, rows: int, *, sender_id: int) -> None:
    """So many delivered messages of a notice with a run for every thousand."""
    now = datetime.now(UTC)
    old = "'2026-01-05 09:00:00.000000'" if database.is_sqlite else "TIMESTAMPTZ '2026-01-05 09:00:00+00:00'"
    async with database.write() as session:
        fields = {"title": "Fair", "purpose": Purpose.SERVICE, "state": NoticeState.DONE, "definition": {}}
        session.add(Notice(id="N1", key="fair", author="bench", created_at=now, **fields))  # type: ignore[arg-type]
        await session.flush()
        runs = [{"notice_id": "N1", "fire_at": now + timedelta(seconds=n)} for n in range(1, rows // EACH_RUN + 3)]
        await session.execute(sa.insert(core(Run)), runs)
    texts = {
        "medium": "sms", "purpose": "service", "language": "en", "subject": "", "body": house.BODY, "keys": "",
        "state": "delivered", "reason": "", "reason_text": "", "only_if": "",
    }  # fmt: skip
    columns = {name: f"'{value}'" for name, value in texts.items()} | {
        "id": _ID,
        "run_id": f"1 + n / {EACH_RUN}",
        "contact_id": f"1 + n % {FAMILIES}",
        "contact_point_id": f"1 + n % {FAMILIES}",
        "sender_id": str(sender_id),
        "address": f"'+4477009' || CAST(10001 + n % {FAMILIES} AS VARCHAR)",
        "slot": "'sms:' || CAST(n AS VARCHAR)",
        "ref": "'SM' || CAST(n AS VARCHAR)",
        **dict.fromkeys(("step", "pence", "retries"), "0"),
        **dict.fromkeys(("parts", "attempt"), "1"),
        "priority": "2",
        **dict.fromkeys(("due_at", "created_at", "changed_at"), old),
    }
    for start in range(1, rows + 1, _AT_ONCE):  # a statement has a time limit
        async with database.write() as session:
            for statement in _statements(columns, start, min(start + _AT_ONCE - 1, rows), old):
                await session.execute(sa.text(statement))
    async with database.write() as session:
        await session.execute(sa.text("ANALYZE"))  # as autovacuum has, long before there are so many rows


def _statements(columns: Mapping[str, str], first: int, last: int, old: str) -> Iterator[str]:
    """Rows are made in the database itself: a million values sent one after the other would take minutes.

    Each message is about a pupil, has been called once, and has two sealed lines in the audit log.
    """
    numbers = f"WITH RECURSIVE n(n) AS (SELECT {first} UNION ALL SELECT n + 1 FROM n WHERE n < {last}) SELECT"
    names = ", ".join(f'"{name}"' for name in columns)
    yield f"INSERT INTO message ({names}) {numbers} {', '.join(columns.values())} FROM n"
    yield f"INSERT INTO about (message_id, pupil_id) {numbers} {_ID}, 1 + n % {FAMILIES} FROM n"
    calls = "message_id, number, worker, begun_at, ended_at, outcome, code, reason, text, ref"
    called = f"{_ID}, 1, 'w', {old}, {old}, 'accepted', '', '', '', 'SM' || CAST(n AS VARCHAR)"
    yield f"INSERT INTO attempt ({calls}) {numbers} {called} FROM n"
    for word in ("accepted", "delivered"):
        line = f"{old}, 'handbell', 'message.{word}', 'message:' || {_ID}, '-', 'm', ''"
        yield f"INSERT INTO audit (at, actor, action, subject, body, mac, hash) {numbers} {line} FROM n"
    yield "UPDATE audit SET link = id, hash = 'h' WHERE link IS NULL"  # no line is born sealed


async def _measure(name: str, shelves: Sequence[Shelf], turns: int, count: int) -> str:
    def side(one: Shelf) -> rounds.Side:
        return lambda: _sent(one, count)

    names = {f"{one.rows:,} rows": one for one in shelves}
    for one in shelves:
        await _sent(one, CONCURRENCY)  # caches
    measured = await rounds.alternate({title: side(one) for title, one in names.items()}, rounds=turns)
    jobs = {title: await _jobs(one) for title, one in names.items()}
    first, *others = names
    goals = [rounds.Goal(title, first, 1 - WITHIN) for title in others]
    heads = ["job, ms", *names]
    lines = [[job, *(f"{jobs[title][job]:.1f}" for title in names)] for job in jobs[first]]
    return f"""### {name}

{rounds.table(measured, goals)}
{rounds.rows(heads, lines)}
"""


async def _sent(one: Shelf, count: int) -> float:
    """Messages a second of a lane whose provider costs nothing."""
    run_id = await queue(one, count)
    gateway = one.gateway()
    lane = sender.Lane(
        one.sender_id,
        Yes(),
        database=one.database,
        log=gateway.log,
        rules=sender.Rules(CONCURRENCY, 8, timedelta(seconds=60), 1.0, retry.Policy(), gateway.timezone),
        metrics=Metrics(),
        outgoing=lambda row: outgoing.build(row, callback_url="", unsubscribe_url=str, now=datetime.now(UTC)),
        worker="bench",
        now=lambda: datetime.now(UTC),
    )
    return await rate_of(lane, one.database, count, run_id=run_id)


async def rate_of(lane: sender.Lane, database: Database, count: int, *, run_id: int) -> float:
    """Run a lane until nothing of a run is queued or on the wire; messages a second."""
    begun = time.perf_counter()
    working = asyncio.create_task(lane.run())
    await through(database, run_id, working)
    taken = time.perf_counter() - begun
    lane.stop()
    await working
    return count / taken


async def through(database: Database, run_id: int, working: asyncio.Task[None]) -> None:
    """Wait until nothing of a run is queued or on the wire. It is asked of the run alone, at one cost."""
    t = core(Message).c
    left = sa.select(t.id).where(t.run_id == run_id, t.state.in_([MessageState.QUEUED, MessageState.SENDING])).limit(1)
    while not working.done():
        async with database.read() as session:
            if (await session.execute(left)).first() is None:
                return
        await asyncio.sleep(0.05)  # to ask is a load of its own
    working.result()


async def queue(one: Shelf, count: int, *, planned: Callable[[], Awaitable[None]] | None = None) -> int:
    """New messages in a run of their own, each about a pupil, in portions. Gives the run's id.

    ``planned``  is told of each portion
    """
    async with one.database.write() as session:
        run = Run(notice_id="N1", fire_at=datetime.now(UTC))
        session.add(run)
        await session.flush()
    assert run.id is not None
    for start in range(0, count, FAMILIES):
        numbers = range(1, min(FAMILIES, count - start) + 1)
        slot = f"{start}:"
        await house.messages(one.database, numbers, sender_id=one.sender_id, run_id=run.id, slot=slot, about=True)
        if planned:
            await planned()
    return run.id


def jobs(gateway: context.Gateway) -> Mapping[str, Callable[[], Awaitable[None]]]:
    """What runs beside the lanes, as the daemon runs it."""
    works = daemon.Daemon(gateway, listen=None).jobs
    return {
        "plan, nothing due": works.plan,
        "leases": works.expire,
        "doubts": works.sweep,
        "seal": works.seal,
        "gauges": partial(gauges.refresh, gateway),
        "digest": works.digest,
    }


async def _jobs(one: Shelf) -> dict[str, float]:
    """The median of a few runs, in milliseconds."""
    found = {}
    for name, job in jobs(one.gateway()).items():
        times = []
        for _ in range(5):
            begun = time.perf_counter()
            await job()
            times.append((time.perf_counter() - begun) * 1000)
        found[name] = statistics.median(times)
    return found

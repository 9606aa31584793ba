"""Emails: outbox → letter → SMTP → sink, all bookkeeping durable, against a bare loop that sends ready-made bytes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import aiosmtplib
import sqlalchemy as sa

from bench import postgres, rounds, texts
from channels import email_mime
from channels.base import Medium, Outgoing
from channels.email_smtp import SmtpEmail, SmtpServer
from gateway import audit, ids, lanes, migrate, outgoing, retry, sender
from gateway.database import Database
from gateway.metrics import Metrics
from gateway.models import Contact, ContactPoint, Message, MessageState, PointKind, Purpose, Sender
from gateway.models.types import core
from templates import letter

POOL = 10  #: connections, for everybody
URGENT = 4  #: of them, kept free for urgent emails, as by default
AHEAD = lanes.ahead(rate=1e6)  #: emails that the lane has in hand beyond those that are on the wire
SCHOOL, OFFICE = "Oakfield School", "office@oakfield.example"
SUBJECT = "School closed on Tuesday: the boiler has failed"
BODY = """Dear family of {name},

Oakfield School is closed on Tuesday 1 December, because the boiler has failed. Please keep your children at home.
Work for every form is at https://oakfield.example/closure, and we write again on Wednesday morning.

Oakfield School"""
FOOTER = "Oakfield School, 1 Oak Lane. To stop these emails: https://handbell.example/u/1234/abcdefghijklmnop"


async def section(*, quick: bool) -> str:
    """The lane on both databases against the plain client, and against Postfix's own load generator."""
    count, turns = (1500, 3) if quick else (5000, 7)
    with sink() as port, postgres.short_lived() as server:
        await bare(port, 200)  # warm up

        async def on_sqlite() -> float:
            with tempfile.TemporaryDirectory() as folder:
                return await ours(port, count, f"sqlite+aiosqlite:///{Path(folder) / 'bench.sqlite'}")

        async def on_postgresql() -> float:
            async with postgres.empty(server) as database:
                return await ours(port, count, database)

        sides: dict[str, rounds.Side] = {
            "bare client": lambda: bare(port, count),
            "channel alone": lambda: channel_alone(port, count),
            "SQLite": on_sqlite,
            "PostgreSQL": on_postgresql,
        }
        if source := program("smtp-source"):
            sides["smtp-source"] = lambda: from_postfix(source, port, count)
        measured = await rounds.alternate(sides, rounds=turns)
    goals = [
        rounds.Goal("SQLite", "bare client", 0.75),
        rounds.Goal("PostgreSQL", "bare client", 0.65),
        rounds.Goal("channel alone", "bare client"),
    ]
    if source:
        goals += [rounds.Goal(side, "smtp-source") for side in ("SQLite", "PostgreSQL")]
    size = statistics.mean(len(content) for content in ready_made(100))
    limit = (
        "`smtp-source` is Postfix's load generator in C with as many sessions: the physical limit."
        if source
        else "Postfix's `smtp-source`, the physical limit, is not installed here and is left out."
    )
    return f"""## Emails

{count:,} emails of {size:,.0f} bytes, plain text and HTML, in each of {turns} rounds, over {POOL} kept connections to
{"Postfix's `smtp-sink`" if program("smtp-sink") else "a sink"} on this machine. Handbell claims (up to {AHEAD}
ahead), writes, sends, settles and audits, every commit durable. The bare client is a loop over aiosmtplib's `sendmail`
that sends ready-made bytes, without any database; "channel alone" is Handbell's channel, which writes each email,
without a database. {limit}

{rounds.table(measured, goals)}"""


def program(name: str) -> str | None:
    """Where one of Postfix's programs is; they lie where only root's PATH leads."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin")


@contextlib.contextmanager
def sink() -> Iterator[int]:
    """The port of a mail server that takes everything, in a process of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    if taker := program("smtp-sink"):
        as_nobody = ["-u", "nobody"] if os.geteuid() == 0 else []  # as root it wants to know who else to be
        command = [taker, *as_nobody, f"127.0.0.1:{port}", "100"]
    else:
        command = [sys.executable, "-m", "bench.mail_sink", str(port)]
    with subprocess.Popen(command) as process:
        try:
            _wait_for(port)
            yield port
        finally:
            process.terminate()


def _wait_for(port: int) -> None:
    for _ in range(100):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.05)
    raise RuntimeError("The mail sink does not listen.")


def address(n: int) -> str:
    return f"parent{n}@example.com"


def ready_made(count: int) -> Sequence[bytes]:
    """The same emails as bytes, as Handbell writes them."""
    now = datetime.now(UTC)
    return [email_mime.build(message, school_name=SCHOOL, at=now, eight_bit=True) for message in _messages(count)]


def _messages(count: int) -> list[Outgoing]:
    now = datetime.now(UTC)
    rows = [_row(n, sender_id=1, now=now) | {"sender": OFFICE, "attempt": 1} for n in range(1, count + 1)]
    return [outgoing.build(row, callback_url="", unsubscribe_url=_unsubscribe_url, now=now) for row in rows]


def _unsubscribe_url(message_id: str) -> str:
    return f"https://handbell.example/u/{message_id}/abcdefghijklmnop"


def plain_client(port: int) -> aiosmtplib.SMTP:
    return aiosmtplib.SMTP(hostname="127.0.0.1", port=port, start_tls=False, local_hostname="oakfield.example")


async def bare(port: int, count: int) -> float:
    """Emails a second of a pool of plain clients."""
    todo = iter(list(enumerate(ready_made(count), start=1)))
    pool = [plain_client(port) for _ in range(POOL)]
    await asyncio.gather(*(client.connect() for client in pool))

    async def work(client: aiosmtplib.SMTP) -> None:
        for n, content in todo:
            await client.sendmail(OFFICE, [address(n)], content)

    begun = time.perf_counter()
    await asyncio.gather(*(work(client) for client in pool))
    taken = time.perf_counter() - begun
    await asyncio.gather(*(client.quit() for client in pool))
    return count / taken


@contextlib.asynccontextmanager
async def channel(port: int) -> AsyncIterator[SmtpEmail]:
    server = SmtpServer("127.0.0.1", port, security="none", pool_size=POOL, school_name=SCHOOL)
    opened = SmtpEmail(server, now=lambda: datetime.now(UTC))
    await opened.open()
    yield opened
    await opened.close()


async def channel_alone(port: int, count: int) -> float:
    """Emails a second of our channel, which writes each of them, without a database."""
    todo = iter(_messages(count))
    async with channel(port) as wire:

        async def work() -> None:
            for message in todo:
                await wire.send(message)

        begun = time.perf_counter()
        await asyncio.gather(*(work() for _ in range(POOL)))
        return count / (time.perf_counter() - begun)


async def from_postfix(source: str, port: int, count: int) -> float:
    """Emails a second of Postfix's load generator; kept connections, texts of the same length."""
    size = round(statistics.mean(len(content) for content in ready_made(100)))
    options = ["-d", "-s", str(POOL), "-m", str(count), "-l", str(size), "-f", OFFICE, "-t", address(1)]
    begun = time.perf_counter()
    process = await asyncio.create_subprocess_exec(source, *options, f"127.0.0.1:{port}")
    if await process.wait():
        raise RuntimeError("smtp-source failed.")
    return count / (time.perf_counter() - begun)


async def ours(port: int, count: int, database_url: str) -> float:
    """Emails a second of a lane: claimed, written, sent, settled, audited."""
    await migrate.upgrade(database_url)
    database = Database(database_url)
    try:
        sender_id = await fill(database, count)
        async with channel(port) as wire:
            lane = sender.Lane(
                sender_id,
                wire,
                database=database,
                log=audit.Log(b"k" * 32),
                rules=sender.Rules(
                    POOL, URGENT, timedelta(seconds=120), 1.0, retry.Policy(), ZoneInfo("Europe/London"), AHEAD
                ),
                metrics=Metrics(),
                outgoing=lambda row: outgoing.build(
                    row, callback_url="", unsubscribe_url=_unsubscribe_url, now=datetime.now(UTC)
                ),
                worker="bench",
                now=lambda: datetime.now(UTC),
            )
            begun = time.perf_counter()
            working = asyncio.create_task(lane.run())
            taken = await texts.all_accepted(database, count, working) - begun
            lane.stop()
            await working
        return count / taken
    finally:
        await database.close()


async def fill(database: Database, count: int) -> int:
    """A sender, contacts with their mailboxes, and queued emails."""
    now = datetime.now(UTC)
    numbers = range(1, count + 1)
    async with database.write() as session:
        lane = Sender(channel="smtp", medium=Medium.EMAIL, address=OFFICE, rate=1e6, burst=1e6)
        session.add(lane)
        await session.flush()
        assert lane.id is not None
        people = [Contact(id=n, source_id=str(n)).model_dump() for n in numbers]
        await session.execute(sa.insert(core(Contact)), people)
        points = [
            ContactPoint(id=n, contact_id=n, kind=PointKind.EMAIL, address=address(n)).model_dump() for n in numbers
        ]
        await session.execute(sa.insert(core(ContactPoint)), points)
        rows = [_row(n, sender_id=lane.id, now=now) for n in numbers]
        await session.execute(sa.insert(core(Message)), rows)
    return lane.id


def _row(n: int, *, sender_id: int, now: datetime) -> dict[str, object]:
    return Message(
        id=ids.new_id(),
        contact_id=n,
        contact_point_id=n,
        sender_id=sender_id,
        medium=Medium.EMAIL,
        address=address(n),
        slot=str(n),
        purpose=Purpose.SERVICE,
        language="en",
        subject=SUBJECT,
        body=BODY.format(name=f"Ana {n}") + letter.FOOTER_MARK + FOOTER,
        state=MessageState.QUEUED,
        due_at=now,
        created_at=now,
        changed_at=now,
    ).model_dump()

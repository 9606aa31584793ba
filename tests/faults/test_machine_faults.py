"""Faults of our own machine: a full disk, a locked or vanished database, a journal that cannot be written, a clock that
jumps. The lanes keep what they know until it can be written down; then everything goes out by itself, once.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import sqlite3
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy.engine import make_url
from sqlmodel import col, select
from structlog.testing import capture_logs
from support import databases, engine, processes
from support.engine import Engine, S
from support.waiting import until

from bench.crash import school as families
from channels.base import Medium
from gateway.database import Database
from gateway.models import Message

SMS = Medium.SMS
MEGABYTE = 2**20


async def all_went_out(works: Engine, messages: list[Message]) -> None:
    await until(lambda: works.all_are(messages, S.ACCEPTED, S.DELIVERED), "everything is sent after the fault")
    assert [works.got(message) for message in messages] == [1] * len(messages)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of eight megabytes."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "handbell-test", str(place)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("Only root may mount a small file system.")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill(disk: Path) -> Path:
    """Take all that is free."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"x" * 4096)
    return filler


@contextlib.contextmanager
def turns_that_fail() -> Iterator[Callable[[], int]]:
    """Count the turns of lanes that failed, as the log has them."""
    with capture_logs() as lines:
        yield lambda: sum(line["event"] == "lane.turn_failed" for line in lines)


async def test_the_disk_is_full(sqlite_template: Path, small_disk: Path) -> None:
    """In the middle of sending: nothing can be claimed, nothing settled."""
    file = small_disk / "handbell.sqlite"
    shutil.copy(sqlite_template, file)
    database = Database(f"sqlite+aiosqlite:///{file}")
    try:
        async with engine.running(database) as works:
            before: list[Message] = []
            while True:
                # A relay cannot be asked afterwards what it has taken: what is known of mail must not be given up.
                new = [*await works.queue(SMS, 30), *await works.queue(Medium.EMAIL, 30)]
                before += new
                await until(lambda new=new: any(works.got(one) for one in new), "it sends")  # type: ignore[misc]
                with turns_that_fail() as failed:
                    filler = await asyncio.to_thread(fill, small_disk)
                    await until(lambda new=new: failed() or all(works.got(one) for one in new))  # type: ignore[misc]
                    filler.unlink()
                if failed():
                    break
            await all_went_out(works, before)
            await all_went_out(works, await works.queue(SMS, 5))
    finally:
        await database.close()


async def test_another_process_locks_the_database(sqlite_template: Path, tmp_path: Path) -> None:
    """Longer than a writer waits for it: a backup tool, a curious person with a shell."""
    with databases.sqlite_copy(sqlite_template, tmp_path) as url:
        database = Database(url, busy_seconds=0.5)
        try:
            async with engine.running(database) as works:
                before = await works.queue(SMS, 30)
                await until(lambda: any(works.got(one) for one in before), "it sends")
                lock = sqlite3.connect(
                    url.removeprefix("sqlite+aiosqlite:///"), isolation_level=None, timeout=30, check_same_thread=False
                )
                await asyncio.to_thread(lock.execute, "BEGIN EXCLUSIVE")
                with turns_that_fail() as failed:
                    await until(lambda: failed() > 2, "writers have waited in vain")
                lock.execute("ROLLBACK")
                lock.close()
                await all_went_out(works, before)
        finally:
            await database.close()


async def test_postgresql_lets_nobody_in_for_a_while(postgres: databases.Postgres, postgres_template: str) -> None:
    with databases.postgres_copy(postgres, postgres_template) as url:
        database = Database(url)
        try:
            async with engine.running(database) as works:
                before = await works.queue(SMS, 30)
                await until(lambda: any(works.got(one) for one in before), "it sends")
                with turns_that_fail() as failed:
                    await let_in(url, anybody=False)
                    await until(lambda: failed() > 3, "it was thrown out, and stays out")
                await let_in(url, anybody=True)
                await all_went_out(works, before)
        finally:
            await database.close()


async def let_in(url: str, *, anybody: bool) -> None:
    """Shut the door of a database, and throw everybody out; or open it."""
    target = make_url(url)
    admin = target.set(drivername="postgresql", database="postgres").render_as_string(hide_password=False)
    connection = await asyncpg.connect(admin)
    try:
        await connection.execute(f'ALTER DATABASE "{target.database}" ALLOW_CONNECTIONS {str(anybody).lower()}')
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", target.database
        )
    finally:
        await connection.close()


@pytest.mark.parametrize("hours", [1, -1])
@pytest.mark.parametrize("trouble", [False, True])
async def test_the_clock_jumps(database: Database, hours: int, trouble: bool) -> None:
    """While messages are on the wire, with and without a hold: none is lost or doubled.

    After a step back a lane that is held waits until the clock comes there again; what was due goes on at once.
    """
    async with engine.running(database) as works:
        before = await works.queue(SMS, 20)
        if trouble:
            await works.gates[SMS].shut()
            await until(lambda: works.held(SMS), "the lane is held")
        else:
            await until(lambda: any(works.got(one) for one in before), "it sends")
        works.clock.jump(hours=hours)
        await works.gates[SMS].heal()
        after = await works.queue(SMS, 5)
        if hours > 0 or not trouble:
            await all_went_out(works, after)
        if hours < 0 and trouble:
            await works.clock.passes(hours=-hours)
        await all_went_out(works, [*before, *after])


FAMILIES = 60
NOTICE = """
key = "full"
title = "Full"
purpose = "service"
media = ["sms"]
text.en = "School finishes at 1pm on Friday."
audience.whole_school = true
audience.tell = "first_contact"
"""


@contextlib.asynccontextmanager
async def errors_going(where: str) -> AsyncIterator[int]:
    """A standard error that cannot be written to: the disk of the journal is full, or its reader has died."""
    if where == "a full disk":
        number = os.open("/dev/full", os.O_WRONLY)
    else:
        reading, number = os.pipe()
        os.close(reading)
    try:
        yield number
    finally:
        os.close(number)


@pytest.mark.parametrize("where", ["a full disk", "a pipe that nobody reads"])
async def test_the_journal_cannot_be_written(sqlite_template: Path, tmp_path: Path, where: str) -> None:
    """The real daemon: it sends all the same, and ends as it is told to."""
    with databases.sqlite_copy(sqlite_template, tmp_path) as url:
        database = Database(url)
        async with processes.school(tmp_path, url) as school, processes.world(tmp_path, hooks=school.url) as world:
            school.write_settings(world)
            await families.fill(database, families=FAMILIES)
            async with errors_going(where) as stderr:
                await school.run(stderr=stderr)
                assert school.process
                await processes.hand_in(school, database, NOTICE)
                await until(lambda: _delivered(database), "every text is delivered", every=0.1)
                assert await school.process.stop() == 0
            phones = (await world.look("phones"))["phones"]
        await database.close()
    texts = [sum(one["direction"] != "inbound" for one in phone["texts"]) for phone in phones]
    assert texts == [1] * FAMILIES


async def _delivered(database: Database) -> bool:
    left = select(Message.id).where(col(Message.state) != S.DELIVERED).limit(1)
    async with database.read() as session:
        some = (await session.scalars(select(Message.id).limit(1))).first()
        return some is not None and (await session.scalars(left)).first() is None

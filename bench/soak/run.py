"""One soak: a gateway on a real database, a simulated provider, notices, answers, looks; and what it was like."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final

import aiohttp
import sqlalchemy as sa

from bench import house
from bench.crash import ledger, plan, postgres, programs, school
from bench.soak import samples
from gateway import can_send, migrate
from gateway.database import Database
from gateway.models import Message, MessageState, Reply
from gateway.models.types import core
from gateway.practice import setup

FAMILIES: Final = 700  #: as many as there are telephone numbers that belong to nobody
_LATE: Final = can_send.LATE[0].total_seconds()  #: nothing that is due may have waited for longer than an alarm may
_REST_SECONDS: Final = 120.0
_LOOKS: Final = 240  #: samples, however long it takes
_ANSWERS: Final = ("Thank you", "Is it at 1 or at 2?", "Hes got a temp, back monday", "STOP", "START", "👍", "Dziękuję")
_MORE: Final = '[sending]\ntrial = false\n[log]\nlevel = "warning"\n'


@dataclass(frozen=True, slots=True)
class Load:
    """A notice to all families ``every`` so many seconds, three texts to an email; a third of that time, an answer."""

    seconds: float
    families: int = FAMILIES
    every: float = 60.0
    sqlite: bool = False


@dataclass(slots=True)
class Result:
    """What it was like. ``trouble`` is what went wrong beside growing: a sentence each."""

    load: Load
    samples: list[samples.Sample] = field(default_factory=list)
    sent: int = 0
    answered: int = 0
    looked: int = 0
    trouble: list[str] = field(default_factory=list)

    def faults(self) -> list[str]:
        """Everything that is not as it should be."""
        late = max((one.late for one in self.samples), default=0.0)
        unready = sum(not one.ready for one in self.samples)
        found = [*self.trouble, *samples.growing(self.samples)]
        found += [f"a message was due for {late:.0f} s"] * (late > _LATE)
        return found + [f"not ready at {unready} of {len(self.samples)} looks"] * (unready > 0)


async def run(load: Load, folder: Path, *, say: Callable[[str], None] = lambda _: None) -> Result:
    """Soak in an empty folder."""
    server = None if load.sqlite else postgres.Postgres(folder)
    try:
        url = await server.make() if server else f"sqlite+aiosqlite:///{folder / 'handbell.sqlite3'}"
        await migrate.upgrade(url)
        database = Database(url)
        try:
            await school.fill(database, families=load.families)
            async with _running(folder, url) as (gateway, world, base):
                return await _soak(load, database, gateway, world, base, say)
        finally:
            await database.close()
    finally:
        if server:
            await server.stop()


@contextlib.asynccontextmanager
async def _running(folder: Path, database: str) -> AsyncIterator[tuple[programs.Gateway, programs.World, str]]:
    [port] = setup.free_ports(1)
    base = f"http://127.0.0.1:{port}"
    world = programs.World(folder, f"{base}/hooks/twilio-sms/inbound", seed=1)
    settings = folder / "handbell.toml"
    env = {"HANDBELL_AUDIT__KEY": "soak" * 8}
    gateway = programs.Gateway(settings, "web,sender,clock", folder / "gateway.log", env)
    try:
        await world.start()
        more = school.mail(world) + _MORE
        school.settings(settings, world, database=database, port=port, public_url=base, more=more)
        await gateway.start()
        await programs.ready(base)
        yield gateway, world, base
    finally:
        for program in (gateway.program, world.program):
            if program and program.alive:
                await program.stop()


async def _soak(
    load: Load, database: Database, gateway: programs.Gateway, world: programs.World, base: str,
    say: Callable[[str], None],
) -> Result:  # fmt: skip
    result, office = Result(load), school.Office(database, key=gateway.env["HANDBELL_AUDIT__KEY"])
    async with aiohttp.ClientSession() as client, asyncio.TaskGroup() as group:
        working = [group.create_task(work) for work in (
            _send(load, office), _answer(load, world, client, result), _look(load, base, client, result, say),
        )]  # fmt: skip
        await asyncio.wait([working[-1]])
        for one in working:
            one.cancel()
    await _rest(load, database, result)
    code, said = await programs.handbell(gateway.settings, "audit", "verify", env=gateway.env)
    if code:
        result.trouble.append(f"audit verify: {said.strip()}")
    return result


async def _send(load: Load, office: school.Office) -> None:
    for number in itertools.count():
        began = time.monotonic()
        await office.send(plan.Order("service", "email" if number % 4 == 3 else "sms", twin=False))
        await asyncio.sleep(max(0.0, load.every - (time.monotonic() - began)))


async def _answer(load: Load, world: programs.World, client: aiohttp.ClientSession, result: Result) -> None:
    random = Random(1)
    while True:
        await asyncio.sleep(load.every / 30)
        number = f"+447700900{200 + random.randrange(load.families)}"
        asked = {"number": number, "text": random.choice(_ANSWERS), "to": house.SENDER}
        async with client.post(f"{world.http_url}/_sim/reply", json=asked) as answer:
            answer.raise_for_status()
        result.answered += 1


async def _look(
    load: Load, base: str, client: aiohttp.ClientSession, result: Result, say: Callable[[str], None]
) -> None:
    """Ask as Prometheus does, and a load balancer, and a person who has the wrong address."""
    began = time.monotonic()
    while (at := time.monotonic() - began) < load.seconds:
        async with client.get(f"{base}/readyz") as answer:
            ready = answer.status == 200
            if not ready:
                say(f"{at:.0f} s: {await answer.text()}")
        async with client.get(f"{base}/metrics") as answer:
            sample = samples.read(await answer.text(), at=at, ready=ready)
        for path in ("/health", "/sign-in", "/nothing"):
            async with client.get(f"{base}{path}") as answer:
                await answer.read()
        result.samples.append(sample)
        result.looked += 5
        if len(result.samples) % 24 == 1:
            memory = f"{sample.rss_mb:6.1f} MB, {sample.blocks:,} pieces"
            say(f"{at:6.0f} s {memory}, {sample.files} files, {sample.tasks} tasks, {sample.queued} queued")
        await asyncio.sleep(load.seconds / _LOOKS)


async def _rest(load: Load, database: Database, result: Result) -> None:
    """Wait until everything has come to its end, and count."""
    t, until = core(Message).c, time.monotonic() + _REST_SECONDS
    ended = [t.state.in_((MessageState.DELIVERED, MessageState.ACCEPTED)), t.run_id.is_not(None)]
    failed = [t.state == MessageState.FAILED, t.reason != "opted_out"]
    counts = (
        sa.select(sa.func.count()).where(*ended),
        sa.select(sa.func.count()).where(*failed),
        sa.select(sa.func.count()).select_from(core(Reply)),
    )
    while True:
        left = await ledger.still_open(database, families=load.families)
        async with database.read() as session:
            result.sent, lost, taken = [await session.scalar(query) or 0 for query in counts]
        if (not left and taken >= result.answered) or time.monotonic() > until:
            break
        await asyncio.sleep(0.5)
    if left or lost:
        result.trouble.append(f"{left} messages did not come to their end, and {lost} failed")
    if taken < result.answered:
        result.trouble.append(f"{result.answered - taken} answers of {result.answered} were not taken in")

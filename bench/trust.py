"""A trust: many schools in one process, on one PostgreSQL. What one more costs, idle and at work."""

from __future__ import annotations

import asyncio
import contextlib
import os
import statistics
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import sqlalchemy as sa

from bench import house, postgres, rounds, sink
from config import settings as reading
from gateway import audit, enclosure, tokens, wiring
from gateway.database import Database, Pools
from gateway.models import Message, MessageState, Sender
from gateway.models.types import core
from gateway.practice import setup

STAGES = (1, 5, 20)
IDLE_SECONDS = 15.0
TEXTS = 3_000  #: altogether, spread over all schools
BULK = 6_000  #: of one school, while another one has an emergency
TRIALS = 20
FAMILIES = 250
START_SECONDS = 300
_TICK = os.sysconf("SC_CLK_TCK")

_MORE = """
[absence]
safeguarding_lead = "Mrs Okafor"
[sending]
trial = false
[log]
level = "warning"
"""


@dataclass(frozen=True, slots=True)
class Figures:
    """One stage. CPU in hundredths of one core; memory in MB; sizes in MB."""

    schools: int
    idle: float
    idle_server: float
    memory: float
    connections: int
    rate: float
    urgent: float
    add_seconds: float
    empty_mb: float
    mb_per_thousand: float


@dataclass
class Trust:
    """The installation. ``keys`` are the schools that are in the database by now."""

    folder: Path
    url: str
    port: int
    provider: str
    keys: list[str] = field(default_factory=list[str])
    bearers: dict[str, str] = field(default_factory=dict[str, str])
    pools: Pools = field(default_factory=lambda: Pools(size=4))
    pid: int = 0

    @property
    def settings(self) -> Path:
        return self.folder / "handbell.toml"

    def of(self, key: str) -> Database:
        return Database(enclosure.address(self.url, key), pools=self.pools)

    async def add(self) -> float:
        """One more school, with families. Gives how many seconds its place in the database took."""
        n = len(self.keys) + 1
        key = f"s{n}"
        text = house.of_a_trust(
            f"School {n}", public_url=f"https://{key}.example.com", key=f"{key}k" * 16, number=f"+4411349{n:05d}",
            rate=2000,
        )  # fmt: skip
        (self.folder / "schools" / f"{key}.toml").write_text(text)
        read = reading.load(self.settings, environ={}, credentials=None, school=key)
        begun = time.monotonic()
        await wiring.add_school(read, by="bench")
        took = time.monotonic() - begun
        self.keys.append(key)
        await house.people(self.of(key), FAMILIES)
        log = audit.Log(read.audit.key.get_secret_value().encode())
        async with self.of(key).write() as session:
            self.bearers[key] = await tokens.create(session, "bench", log=log, now=datetime.now(UTC))
        return took

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """The daemon, until the end of the block."""
        url = f"http://127.0.0.1:{self.port}"
        async with house.daemon(self.settings, url, patience=START_SECONDS) as self.pid:
            yield

    async def queue(self, key: str, count: int) -> None:
        """So many texts that are due."""
        database = self.of(key)
        async with database.read() as session:
            sender_id = await session.scalar(sa.select(core(Sender).c.id))
        assert sender_id is not None
        for _ in range(0, count, FAMILIES):
            await house.messages(database, range(1, FAMILIES + 1), sender_id=sender_id)

    async def forget(self, key: str) -> None:
        """Let nothing more of a queue go out."""
        t = core(Message)
        async with self.of(key).write() as session:
            await session.execute(
                sa.update(t).where(t.c.state == MessageState.QUEUED).values(state=MessageState.CANCELLED)
            )

    async def waiting(self, key: str) -> int:
        query = sa.select(sa.func.count()).where(core(Message).c.state == MessageState.QUEUED)
        async with self.of(key).read() as session:
            return await session.scalar(query) or 0

    async def asked(self, question: str) -> float:
        """A figure of the server's, for the trust's own login."""
        database = Database(self.url, pool_size=1)
        try:
            async with database.read() as session:
                return float(await session.scalar(sa.text(question)) or 0)
        finally:
            await database.close()

    async def megabytes(self, key: str) -> float:
        whole = "SELECT sum(pg_total_relation_size(c.oid)) FROM pg_class c WHERE relnamespace = '{}'::regnamespace"
        return await self.asked(whole.format(enclosure.name(key)) + " AND relkind = 'r'") / 2**20


async def section(*, quick: bool) -> str:
    """Stage by stage, more schools in the same database."""
    stages = STAGES[:2] if quick else STAGES
    found: list[Figures] = []
    with (
        tempfile.TemporaryDirectory(prefix="handbell-postgres-") as data,
        tempfile.TemporaryDirectory() as folder,
        postgres.server(Path(data)) as server,
        sink.running() as provider,
    ):
        async with postgres.empty(server) as url:
            trust = _installed(Path(folder), url, provider)
            for count in stages:
                found.append(await _measure(trust, count, Path(data)))
                rounds.say(str(found[-1]))
            await trust.pools.close()
    heads = ["", *(f"{one.schools} schools" if one.schools > 1 else "1 school" for one in found)]
    return f"""### Measured

One process (web, senders, clock), one PostgreSQL on the same machine, {FAMILIES} families for each
school, absence checks on. Idle is {IDLE_SECONDS:.0f} seconds of a school day without a message. The texts, {TEXTS:,}
altogether, go to a sink on this machine, and so does an emergency of one form at one school, {TRIALS} times, from our
request to its first text, while another school has up to {BULK:,} texts under way.

{rounds.rows(heads, _lines(found))}"""


def _installed(folder: Path, url: str, provider: str) -> Trust:
    [port] = setup.free_ports(1)
    trust = Trust(folder, url, port, provider)
    (folder / "schools").mkdir()
    trust.settings.write_text(house.trust(folder, url, port, provider=provider, token="t" * 32, more=_MORE))
    return trust


async def _measure(trust: Trust, count: int, data: Path) -> Figures:
    took = [await trust.add() for _ in range(count - len(trust.keys))]
    empty = await trust.megabytes(trust.keys[-1])
    postmaster = int((data / "postmaster.pid").read_text().split()[0])
    async with trust.running():
        await asyncio.sleep(5)
        before, server_before, begun = _cpu(trust.pid), _cpu_of_children(postmaster), time.monotonic()
        await asyncio.sleep(IDLE_SECONDS)
        passed = time.monotonic() - begun
        idle = 100 * (_cpu(trust.pid) - before) / passed
        idle_server = 100 * (_cpu_of_children(postmaster) - server_before) / passed
        memory = house.resident_mb(trust.pid)
        rate = await _rate(trust)
        connections = await trust.asked(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND backend_type = 'client backend'"
        )
        grown = await trust.megabytes(trust.keys[-1])
        urgent = await _urgent(trust)
    sent = max(TEXTS // count // FAMILIES, 1) * FAMILIES
    return Figures(
        schools=count, idle=idle, idle_server=idle_server, memory=memory, connections=int(connections), rate=rate,
        urgent=urgent, add_seconds=statistics.median(took), empty_mb=empty,
        mb_per_thousand=(grown - empty) / sent * 1000,
    )  # fmt: skip


async def _rate(trust: Trust) -> float:
    """Texts a second of all schools together."""
    each = max(TEXTS // len(trust.keys) // FAMILIES, 1) * FAMILIES
    for key in trust.keys:
        await trust.queue(key, each)
    async with aiohttp.ClientSession() as session:
        counts = [await _count(trust, session)]
        begun = time.monotonic()
        while any([await trust.waiting(key) for key in trust.keys]):  # noqa: ASYNC110 - another process does it
            await asyncio.sleep(0.2)
        counts.append(await _count(trust, session))
        return (counts[1] - counts[0]) / (time.monotonic() - begun)


async def _count(trust: Trust, session: aiohttp.ClientSession) -> int:
    async with session.get(f"{trust.provider}/count") as answer:
        return int(await answer.text())


async def _urgent(trust: Trust) -> float:
    """The 99th percentile of an emergency's seconds, at the last school; the first one has a queue meanwhile."""
    busy, calm = trust.keys[0], trust.keys[-1]
    await trust.queue(busy, BULK // 2)
    sent: dict[str, float] = {}
    async with aiohttp.ClientSession() as session:
        for number in range(TRIALS):
            if await trust.waiting(busy) < BULK // 5:
                await trust.queue(busy, BULK // 2)
            word = f"N{len(trust.keys)}x{number}"
            sent[word] = time.time()
            await _send(trust, session, calm, word)
            await asyncio.sleep(0.3)
        first: dict[str, float] = {}
        async with asyncio.timeout(60):
            while len(first) < TRIALS:
                async with session.get(f"{trust.provider}/arrivals") as answer:
                    told = await answer.json()
                for word, place in told["urgent"]:
                    if word in sent:
                        first.setdefault(word, told["arrivals"][place] - sent[word])
                await asyncio.sleep(0.5)
    await trust.forget(busy)
    rounds.say("emergencies: " + " ".join(f"{seconds:.2f}" for seconds in sorted(first.values())))
    return rounds.percentile(list(first.values()), 0.99)


async def _send(trust: Trust, session: aiohttp.ClientSession, key: str, word: str) -> None:
    definition = {
        "key": f"urgent-{word.lower()}",
        "title": "Emergency",
        "purpose": "emergency",
        "text": {"en": f"{sink.URGENT.decode()} {word} at school: please come to the gate."},
        "audience": {"forms": ["F1"]},
        "media": ["sms"],
    }
    headers = {"Authorization": f"Bearer {trust.bearers[key]}", "Host": f"{key}.example.com"}
    url = f"http://127.0.0.1:{trust.port}/api/v1/notices"
    async with session.post(url, json=definition, headers=headers) as answer:
        if answer.status != 201:
            raise RuntimeError(f"The emergency was not taken: {answer.status} {await answer.text()}")


def _cpu(pid: int) -> float:
    """Seconds of processor time that a process has used; Linux only."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICK


def _cpu_of_children(pid: int) -> float:
    """The same of a server: of its children that live, and of those that have ended."""
    total = _cpu(pid)
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            total += _cpu(int(child))
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return total + (int(fields[13]) + int(fields[14])) / _TICK


def _lines(found: list[Figures]) -> list[list[str]]:
    return [
        ["daemon, idle, % of one core", *(f"{one.idle:.1f}" for one in found)],
        ["PostgreSQL, idle, % of one core", *(f"{one.idle_server:.1f}" for one in found)],
        ["daemon, resident memory, MB", *(f"{one.memory:.0f}" for one in found)],
        ["connections to the database", *(str(one.connections) for one in found)],
        ["texts a second, all together", *(f"{one.rate:,.0f}" for one in found)],
        ["emergency, p99, s", *(f"{one.urgent:.2f}" for one in found)],
        ["`school add`, s", *(f"{one.add_seconds:.1f}" for one in found)],
        ["an empty school, MB", *(f"{one.empty_mb:.1f}" for one in found)],
        ["1,000 texts with all about them, MB", *(f"{one.mb_per_thousand:.2f}" for one in found)],
    ]

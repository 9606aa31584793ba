"""One run of the laboratory: start everything, send, kill, start again; let it come to rest; count."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from bench.crash import ledger, plan, postgres, programs, school
from gateway import migrate
from gateway.database import Database
from gateway.practice import setup

_BACKLOG = 3  #: so many notices' messages are kept waiting, so that a kill always comes in the middle of some
PATIENCE = 30.0  #: seconds for evidence about a doubt; emails in doubt are given up only then
_REST_SECONDS = 60.0  #: so long nothing may change at all before it is given up


@dataclass(frozen=True, slots=True)
class Mode:
    """What is run: the database, how many gateways on it, and whether the provider can call them back."""

    database: str
    workers: int
    called_back: bool

    @property
    def name(self) -> str:
        many = f"{self.workers} workers" if self.workers > 1 else "1 worker"
        where = "SQLite" if self.database == "sqlite" else f"PostgreSQL, {many}"
        return f"{where}, {'called back' if self.called_back else 'polled'}"


MODES = tuple(
    Mode(database, workers, called_back)
    for database, workers in (("sqlite", 1), ("postgresql", 1), ("postgresql", 4))
    for called_back in (True, False)
)


@dataclass(slots=True)
class Result:
    """What came of one run."""

    mode: Mode
    seed: int
    kills: Counter[str]
    count: ledger.Count
    ended: int  #: how often a gateway ended by itself, as its database was gone
    suffered: float  #: seconds of killing
    rested: float  #: seconds until everything had come to its end

    @property
    def good(self) -> bool:
        return not (self.count.faults or self.count.lost or self.count.doubled)


class Laboratory:
    """Everything that runs, and what is done to it."""

    def __init__(self, mode: Mode, seed: int, folder: Path, *, patience: float, families: int) -> None:
        self.mode, self.seed, self.folder, self._patience = mode, seed, folder, patience
        self.families = families
        [port] = setup.free_ports(1)
        self._port, self._url = port, f"http://127.0.0.1:{port}"
        self._env = {"HANDBELL_AUDIT__KEY": secrets.token_hex(32)}
        if mode.called_back:
            self._env["HANDBELL_WEB__PUBLIC_BASE_URL"] = self._url
        self.server = postgres.Postgres(folder) if mode.database == "postgresql" else None
        inbound = f"{self._url}/hooks/twilio-sms/inbound" if mode.called_back else ""
        self.world = programs.World(folder, inbound, seed)
        self.gateways: list[programs.Gateway] = []
        self.kills: Counter[str] = Counter()
        self.ended = 0
        self._orders = plan.orders(seed, mode.name)
        self._order: plan.Order | None = None
        self._handing_in = asyncio.Lock()
        self._killing = False
        self.restless = 0  #: messages that did not come to their end

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Start everything; stop what is still there at the end."""
        url = await self.server.make() if self.server else f"sqlite+aiosqlite:///{self.folder / 'handbell.sqlite3'}"
        await migrate.upgrade(url)
        self.database = Database(url)
        try:
            await school.fill(self.database, families=self.families)
            self.office = school.Office(self.database, key=self._env["HANDBELL_AUDIT__KEY"])
            await self.world.start()
            await self.world.misbehave(plan.faults())
            self.settings = self.folder / "handbell.toml"
            school.write_settings(self.settings, self.world, database=url, port=self._port, patience=self._patience)
            for number in range(self.mode.workers):
                roles = "web,sender,clock" if number == 0 else "sender"
                gateway = programs.Gateway(self.settings, roles, self.folder / f"gateway-{number}.log", self._env)
                self.gateways.append(gateway)
                await gateway.start()
            await programs.ready(self._url)
            yield
        finally:
            for gateway in self.gateways:
                if gateway.program and gateway.alive:
                    await gateway.program.stop()
            if self.world.program and self.world.program.alive:
                await self.world.program.stop()
            await self.database.close()
            if self.server:
                await self.server.stop()

    async def suffer(self, kills: Iterator[plan.Kill]) -> None:
        """Send without end and kill, until there are no kills left."""
        feeding, keeping = asyncio.create_task(self._feed()), asyncio.create_task(self._keep())
        try:
            for kill in kills:
                began = time.monotonic()
                await self._wait(kill)
                waited = time.monotonic() - began
                await self._kill(kill)
                took = time.monotonic() - began
                with (self.folder / "kills.log").open("a") as log:
                    log.write(f"{datetime.now(UTC):%H:%M:%S.%f} waited {waited:.2f} s, took {took:.2f} s: {kill}\n")
                for loop in (feeding, keeping):
                    if loop.done():
                        await loop
        finally:
            feeding.cancel()
            await asyncio.wait([feeding])
            self._stop_keeping = keeping
        await self.world.misbehave([])

    async def rest(self) -> None:
        """Let everything come to its end, without kills and faults."""
        left, since = -1, time.monotonic()
        try:
            while (
                still := await ledger.still_open(self.database, families=self.families)
            ) and time.monotonic() - since < _REST_SECONDS:
                if still != left:
                    left, since = still, time.monotonic()
                await asyncio.sleep(0.5)
            self.restless = still
        finally:
            self._stop_keeping.cancel()
            await asyncio.wait([self._stop_keeping])
        for gateway in self.gateways:
            assert gateway.program is not None
            await gateway.program.stop()

    async def verify(self) -> list[str]:
        """What the command line says of the audit chain, where it is not whole."""
        code, said = await programs.handbell(self.settings, "audit", "verify", env=self._env)
        return [] if code == 0 else [f"audit verify: {said.strip()}"]

    async def _feed(self) -> None:
        while True:
            with contextlib.suppress(SQLAlchemyError, OSError):  # the database is away: asked again
                now = datetime.now(UTC)
                waiting = await ledger.still_to_send(self.database, now=now, families=self.families)
                if waiting < _BACKLOG * self.families:
                    await self._hand_in()
            await asyncio.sleep(0.3)

    async def _hand_in(self) -> None:
        async with self._handing_in:
            self._order = self._order or next(self._orders)
            await self.office.send(self._order)
            self._order = None

    async def _keep(self) -> None:
        """As systemd does: start again what ended by itself."""
        while True:
            for gateway in self.gateways:
                if not gateway.alive and not self._killing:
                    self.ended += 1
                    await gateway.start()
            await asyncio.sleep(0.5)

    async def _wait(self, kill: plan.Kill) -> None:
        """Wait for the moment of a kill; some seconds at most, as a moment may never come."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(4.0):
                match kill.moment:
                    case "call":
                        await self._written(b'{"text"', b'{"call"', b'{"mail"', count=kill.calls)
                    case "sweep":
                        await self._written(b'{"asked"', count=1)
                    case "plan":
                        with contextlib.suppress(SQLAlchemyError, OSError):
                            await self._hand_in()
                        await asyncio.sleep(kill.delay)
                    case _:
                        await asyncio.sleep(kill.delay)

    async def _written(self, *kinds: bytes, count: int) -> None:
        """Wait until the world has written so many further lines of these kinds."""
        with self.world.journal.open("rb") as file:
            file.seek(0, 2)
            while count > 0:
                line = file.readline()
                count -= line.startswith(kinds)
                if not line:
                    await asyncio.sleep(0.002)

    async def _kill(self, kill: plan.Kill) -> None:
        self._killing = True
        try:
            match kill.victim:
                case "world":
                    assert self.world.program is not None
                    await self.world.program.kill()
                    self.kills["world"] += 1
                    await asyncio.sleep(kill.pause)
                    await self.world.start()
                case "database":
                    assert self.server is not None
                    await self.server.kill()
                    self.kills["database"] += 1
                    await asyncio.sleep(kill.pause)
                    await self.server.start()
                case _:
                    victims = self.gateways if kill.victim == "all" else [self.gateways[kill.which]]
                    for victim in victims:
                        assert victim.program is not None
                        await victim.program.kill()
                    self.kills["gateway"] += 1
                    await asyncio.sleep(kill.pause)
                    for victim in victims:
                        await victim.start()
        finally:
            self._killing = False


async def run(
    mode: Mode, *, seed: int, kills: int, folder: Path, patience: float = PATIENCE, families: int = school.FAMILIES
) -> Result:
    """Run one mode in an empty folder."""
    laboratory = Laboratory(mode, seed, folder, patience=patience, families=families)
    async with laboratory.running():
        planned = plan.kills(seed, mode.name, kills, workers=mode.workers, database=laboratory.server is not None)
        began = time.monotonic()
        await laboratory.suffer(planned)
        suffered = time.monotonic()
        await laboratory.rest()
        rested = time.monotonic()
        count = await ledger.count(
            laboratory.database, laboratory.world.journal, submitted=laboratory.office.submitted, families=families
        )
        if laboratory.restless:
            count.faults.append(f"{laboratory.restless} messages did not come to their end")
        count.faults += await laboratory.verify()
    return Result(mode, seed, laboratory.kills, count, laboratory.ended, suffered - began, rested - suffered)

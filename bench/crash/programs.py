"""Programs as a user runs them, each a process of its own that can be killed: the gateway and the outside world."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import signal
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from bench import house

START_SECONDS = 60.0


@dataclass
class Program:
    """A Python program. ``log`` takes its standard error."""

    arguments: tuple[str, ...]
    log: Path
    env: dict[str, str] = field(default_factory=dict)
    child: asyncio.subprocess.Process | None = None

    @property
    def alive(self) -> bool:
        return self.child is not None and self.child.returncode is None

    async def start(self) -> asyncio.subprocess.Process:
        with self.log.open("ab") as errors:
            self.child = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                *self.arguments,
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
                env={**os.environ, **self.env},
            )
        return self.child

    async def kill(self) -> None:
        """End it as a power cut would."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> int:
        """End it as systemd would. Gives its exit code."""
        return await self._end(signal.SIGTERM)

    async def _end(self, number: signal.Signals) -> int:
        if self.child is None:
            return 0
        with contextlib.suppress(ProcessLookupError):
            self.child.send_signal(number)
        return await asyncio.wait_for(self.child.wait(), START_SECONDS)


@dataclass
class World:
    """The simulator: it keeps a journal, and comes back on the same ports."""

    folder: Path
    inbound: str
    seed: int
    token: str = field(default_factory=lambda: secrets.token_hex(16))
    http_port: int = 0
    smtp_port: int = 0
    program: Program | None = None
    faults: list[dict[str, Any]] = field(default_factory=list)

    @property
    def journal(self) -> Path:
        return self.folder / "world.journal"

    @property
    def http_url(self) -> str:
        return f"http://127.0.0.1:{self.http_port}"

    async def start(self) -> None:
        """Start it, and let it misbehave as before."""
        flags = {
            "--account-sid": house.ACCOUNT,
            "--inbound-sms-url": self.inbound,
            "--http-port": str(self.http_port),
            "--smtp-port": str(self.smtp_port),
            "--journal": str(self.journal),
            "--seed": str(self.seed),
        }
        self.seed += 1  # else it would give the same ids once more
        self.program = Program(
            ("channels.simulator", *[part for pair in flags.items() for part in pair]),
            self.folder / "world.log",
            {"HANDBELL_SIMULATOR_TOKEN": self.token},
        )
        child = await self.program.start()
        assert child.stdout is not None
        ready = json.loads(await asyncio.wait_for(child.stdout.readline(), START_SECONDS))
        self.http_port = int(ready["http_url"].rpartition(":")[2])
        self.smtp_port = ready["smtp_port"]
        await self.misbehave(self.faults)

    async def misbehave(self, faults: list[dict[str, Any]]) -> None:
        """Put orders to misbehave in force, in place of those of before."""
        self.faults = faults
        async with aiohttp.ClientSession() as session:
            async with session.delete(f"{self.http_url}/_sim/faults") as answer:
                answer.raise_for_status()
            for fault in faults:
                async with session.post(f"{self.http_url}/_sim/faults", json=fault) as answer:
                    answer.raise_for_status()


@dataclass
class Gateway:
    """One process of ``handbell run``."""

    settings: Path
    roles: str
    log: Path
    env: dict[str, str]
    program: Program | None = None
    started: int = 0

    async def start(self, **more: str) -> None:
        env = {"HANDBELL_ROLES": self.roles, **self.env, **more}
        self.program = Program(("gateway.cli", "--config", str(self.settings), "run"), self.log, env)
        await self.program.start()
        self.started += 1

    @property
    def alive(self) -> bool:
        return self.program is not None and self.program.alive


async def ready(url: str) -> None:
    """Wait until a gateway says that it is."""
    async with asyncio.timeout(START_SECONDS), aiohttp.ClientSession() as session:
        while True:
            with contextlib.suppress(aiohttp.ClientError):
                async with session.get(f"{url}/readyz") as answer:
                    if answer.status == 200:
                        return
            await asyncio.sleep(0.05)


async def handbell(settings: Path, *arguments: str, env: dict[str, str]) -> tuple[int, str]:
    """Run a command to its end. Gives its exit code and what it said."""
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "gateway.cli",
        "--config",
        str(settings),
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, "NO_COLOR": "1", "COLUMNS": "200", **env},
    )
    said, _ = await asyncio.wait_for(child.communicate(), START_SECONDS)
    return child.returncode or 0, said.decode()

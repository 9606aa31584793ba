"""Real processes: the gateway and the simulator, started, asked over HTTP, stopped and killed."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import signal
import sys
import tomllib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
from typer.testing import CliRunner

from gateway import audit, cli, notices
from gateway.database import Database
from gateway.definitions import reading
from gateway.practice import setup
from support import desk, journal
from support.waiting import PATIENCE, until

TOKEN = secrets.token_hex(16)
ACCOUNT = "AC" + "0" * 32


@dataclass
class Process:
    """A child process and what it said. ``log`` holds its standard error."""

    child: asyncio.subprocess.Process
    log: Path

    async def stop(self) -> int:
        """End it as systemd would."""
        with contextlib.suppress(ProcessLookupError):
            self.child.send_signal(signal.SIGTERM)
        return await asyncio.wait_for(self.child.wait(), PATIENCE)

    async def kill(self) -> None:
        """End it as a power cut would."""
        self.child.kill()
        await self.child.wait()

    def said(self) -> str:
        return self.log.read_text("utf-8")


async def start(*command: str, log: Path, env: dict[str, str] | None = None, stderr: int | None = None) -> Process:
    with log.open("ab") as errors:
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            *command,
            stdout=asyncio.subprocess.PIPE,
            stderr=errors if stderr is None else stderr,
            env={**os.environ, **(env or {})},
        )
    return Process(child, log)


@dataclass
class World:
    """The simulator in a process of its own: what each phone and mailbox really got."""

    process: Process
    http_url: str
    smtp_port: int
    session: aiohttp.ClientSession

    async def look(self, what: str, **query: str) -> Any:
        async with self.session.get(f"{self.http_url}/_sim/{what}", params=query) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()

    async def do(self, what: str, **asked: Any) -> Any:
        async with self.session.post(f"{self.http_url}/_sim/{what}", json=asked) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()


@contextlib.asynccontextmanager
async def world(folder: Path, *, hooks: str, **options: str) -> AsyncIterator[World]:
    """Start the simulator; ``hooks`` is the gateway's public base URL."""
    flags = [part for name, value in options.items() for part in (f"--{name.replace('_', '-')}", value)]
    process = await start(
        "channels.simulator",
        "--account-sid",
        ACCOUNT,
        "--inbound-sms-url",
        f"{hooks}/hooks/twilio-sms/inbound",
        *flags,
        log=folder / "simulator.log",
        env={"HANDBELL_SIMULATOR_TOKEN": TOKEN},
    )
    assert process.child.stdout is not None
    ready = json.loads(await asyncio.wait_for(process.child.stdout.readline(), PATIENCE))
    async with aiohttp.ClientSession() as session:
        try:
            yield World(process, ready["http_url"], ready["smtp_port"], session)
        finally:
            await process.stop()


@dataclass
class School:
    """A school's installation: its settings file, and its gateway when it runs."""

    folder: Path
    database_url: str
    port: int
    process: Process | None = None
    # Here alone the tests' installations are said to be in no trial; take it out for one that is new.
    env: dict[str, str] = field(
        default_factory=lambda: {"HANDBELL_AUDIT__KEY": secrets.token_hex(32), "HANDBELL_SENDING__TRIAL": "false"}
    )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def settings(self) -> Path:
        return self.folder / "handbell.toml"

    def write_settings(self, world: World, *, extra: str = "", rate: int = 500, drafts: bool = True) -> None:
        self.settings.write_text(
            f"""
[school]
name = "Oakfield Primary School"
short_name = "Oakfield"
phone = "0113 496 0000"
[quiet]
enabled = false
[load]
texts_per_day = 0
texts_per_week = 0
[database]
state_dir = "{self.folder}"
url = "{self.database_url}"
[web]
port = {self.port}
public_base_url = "{self.url}"
[twilio]
account_sid = "{ACCOUNT}"
auth_token = "{TOKEN}"
api_base_url = "{world.http_url}"
[[twilio.sms_senders]]
address = "+441134960001"
parts_per_second = {rate}
burst = {rate}
[[twilio.voice_senders]]
address = "+441134960002"
calls_per_second = 100
burst = 100
[smtp]
host = "127.0.0.1"
port = {world.smtp_port}
security = "none"
from_address = "office@oakfield.example"
messages_per_second = {rate}
[costs]
pence_per_text_part = 3.4
[languages]
allow_drafts = {str(drafts).lower()}
{extra}
"""
        )

    async def handbell(self, *arguments: str, expect: int = 0) -> str:
        """Type a command and give what it printed. Typed in this process: a process for each takes two seconds."""
        env = {"NO_COLOR": "1", "COLUMNS": "200", **self.env}
        words = ["--config", str(self.settings), *arguments]
        with journal.kept():
            done = await asyncio.to_thread(CliRunner().invoke, cli.build(), words, env=env)
        assert done.exit_code == expect, f"{arguments}: {done.exit_code}\n{done.output}"
        return done.stdout if expect == 0 else done.stderr

    async def cannot_run(self) -> str:
        """Start the daemon, and give what it said when it ended with 1."""
        process = await self.start()
        assert await asyncio.wait_for(process.child.wait(), PATIENCE) == 1, process.said()
        return process.said()

    async def start(self, *, stderr: int | None = None) -> Process:
        """Start the daemon, and do not wait for it."""
        command = ("gateway.cli", "--config", str(self.settings), "run")
        self.process = await start(*command, log=self.folder / "gateway.log", env=self.env, stderr=stderr)
        return self.process

    async def run(self, *, stderr: int | None = None) -> Process:
        """Start the daemon and wait until it is ready. ``stderr`` is a file number instead of its log."""
        await self.start(stderr=stderr)
        async with aiohttp.ClientSession() as session:

            async def ready() -> bool:
                assert self.process is not None
                assert self.process.child.returncode is None, self.process.said()
                with contextlib.suppress(aiohttp.ClientError):
                    async with session.get(f"{self.url}/readyz") as answer:
                        return answer.status == 200
                return False

            await until(ready, "the gateway is ready", every=0.05)
        return self.process


async def hand_in(school: School, database: Database, definition: str) -> None:
    """Hand in a notice as ``handbell notice send`` would, without another process, of which there are enough."""
    log = audit.Log(school.env["HANDBELL_AUDIT__KEY"].encode())
    office = replace(desk.gateway(database, quiet=False), log=log, now=lambda: datetime.now(UTC))
    async with database.write() as session:
        await notices.submit(session, office, reading.read(tomllib.loads(definition)), author="office")


@contextlib.asynccontextmanager
async def school(folder: Path, database_url: str) -> AsyncIterator[School]:
    """A place for a school's gateway; whatever runs there is stopped at the end."""
    [port] = setup.free_ports(1)
    installed = School(folder, database_url, port)
    try:
        yield installed
    finally:
        if installed.process and installed.process.child.returncode is None:
            await installed.process.stop()

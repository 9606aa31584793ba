"""Processes of other programs: started, watched for what they use, and ended."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

import aiohttp

from bench.peers import contract

_TICKS = os.sysconf("SC_CLK_TCK")


@contextlib.asynccontextmanager
async def running(
    command: Sequence[str], *, folder: Path, env: Mapping[str, str] | None = None
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a program; it and whatever it started are ended afterwards. What it says goes to a file in the folder."""
    with (folder / f"{Path(command[0]).name}.log").open("ab") as log:
        child = await asyncio.create_subprocess_exec(
            *command, cwd=folder, env=dict(env or os.environ), stdout=log, stderr=log, start_new_session=True
        )
    try:
        yield child
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGTERM)
        try:
            await asyncio.wait_for(child.wait(), 15)
        except TimeoutError:
            os.killpg(child.pid, signal.SIGKILL)
            await child.wait()


@contextlib.asynccontextmanager
async def loop(
    command: Sequence[str], *, folder: Path, env: Mapping[str, str] | None = None
) -> AsyncIterator[contract.Peer]:
    """Run a program that deals with as many messages as each line of its input says, and then answers ``done``."""
    with (folder / "loop.log").open("ab") as log:
        child = await asyncio.create_subprocess_exec(
            *command,
            env=dict(env or os.environ),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
        )
    pipe_in, pipe_out = child.stdin, child.stdout
    assert pipe_in is not None
    assert pipe_out is not None

    async def send(count: int) -> None:
        pipe_in.write(f"{count}\n".encode())
        if await pipe_out.readline() != b"done\n":
            raise RuntimeError(f"it ended; {last_words(folder)}")

    try:
        yield contract.Peer(send, [child.pid])
    finally:
        pipe_in.close()
        await child.wait()


async def listening(port: int, *, folder: Path, seconds: float = 30) -> None:
    """Wait until something answers there. Raises RuntimeError with the last words of the logs in the folder."""
    try:
        async with asyncio.timeout(seconds):
            while True:
                with contextlib.suppress(OSError):
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                    writer.close()
                    return
                await asyncio.sleep(0.1)
    except TimeoutError as why:
        raise RuntimeError(f"it does not answer after {seconds:.0f} s; {last_words(folder)}") from why


def last_words(folder: Path) -> str:
    """The last line of the log that was written to last: mostly the reason why a program ended."""
    logs = sorted(folder.glob("*.log"), key=lambda log: log.stat().st_mtime)
    lines = [line.strip() for log in logs for line in log.read_text("utf-8", "replace").splitlines() if line.strip()]
    return f"the last it said: {lines[-1]}" if lines else "it said nothing"


async def arrived(session: aiohttp.ClientSession, sink: str, wanted: int, *, seconds: float = 300) -> None:
    """Wait until so many requests in all have come to the sink."""
    async with asyncio.timeout(seconds):
        while True:
            if await count(session, sink) >= wanted:
                return
            await asyncio.sleep(0.02)


async def count(session: aiohttp.ClientSession, sink: str) -> int:
    """How many requests have come to the sink."""
    async with session.get(f"{sink}/count") as answer:
        found: int = await answer.json()
        return found


def family(pid: int) -> list[int]:
    """A process and all that it started."""
    found = [pid]
    for one in found:
        with contextlib.suppress(OSError):
            for task in Path(f"/proc/{one}/task").iterdir():
                found += [int(child) for child in (task / "children").read_text().split()]
    return found


def cpu_seconds(pids: Sequence[int]) -> float:
    """Processor time that these and their families have used so far."""
    total = 0
    for pid in (one for start in pids for one in family(start)):
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total += int(fields[11]) + int(fields[12])
    return total / _TICKS


def resident_mb(pids: Sequence[int]) -> float:
    """Memory of these and their families in MB, what they share counted once (PSS)."""
    total = 0
    for pid in (one for start in pids for one in family(start)):
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1])
    return total / 1024

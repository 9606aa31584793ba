"""Starts workers (``support.worker``) in processes of their own, and ends them in order."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from support.sink import Sink
from support.waiting import PATIENCE


@asynccontextmanager
async def worker(url: str, sink: Sink, log: Path, *options: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A lane in a process of its own, that hands what it sends to the sink; it is ready, and is stopped at the end."""
    command = [sys.executable, "-m", "support.worker", url, str(sink.port), *options]
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[1])}
    with log.open("wb") as said:
        child = await asyncio.create_subprocess_exec(*command, stdout=said, stderr=said, env=env)
    try:
        async with asyncio.timeout(PATIENCE):
            while "ready" not in log.read_text():
                assert child.returncode is None, log.read_text()
                await asyncio.sleep(0.05)
        yield child
    finally:
        if child.returncode is None:
            child.send_signal(signal.SIGCONT)
            child.terminate()
            code = await asyncio.wait_for(child.wait(), PATIENCE)
            assert code == 0, log.read_text()


async def stands_still(child: asyncio.subprocess.Process) -> None:
    """Wait until it has stopped by SIGSTOP."""
    stat = Path(f"/proc/{child.pid}/stat")
    async with asyncio.timeout(PATIENCE):
        while stat.read_text().rpartition(")")[2].split()[0] != "T":
            await asyncio.sleep(0.02)

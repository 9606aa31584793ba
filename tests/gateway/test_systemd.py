"""sd_notify against a real datagram socket, and what the unit promises for the program."""

from __future__ import annotations

import asyncio
import configparser
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from config import settings
from gateway import systemd

UNIT = Path(__file__).resolve().parents[2] / "systemd" / "handbell.service"


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(5)
        yield listening


def test_states_reach_the_manager(manager: socket.socket) -> None:
    environ = {"NOTIFY_SOCKET": manager.getsockname()}
    assert systemd.notify("READY=1", environ=environ)
    assert systemd.notify("STATUS=3 waiting", environ=environ)
    assert [manager.recv(100), manager.recv(100)] == [b"READY=1", b"STATUS=3 waiting"]


def test_abstract_sockets_are_reached_too(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(f"\0{tmp_path}")
        assert systemd.notify("READY=1", environ={"NOTIFY_SOCKET": f"@{tmp_path}"})
        assert listening.recv(100) == b"READY=1"


def test_without_a_manager_nothing_happens() -> None:
    assert not systemd.notify("READY=1", environ={})


def test_a_manager_that_has_gone_is_no_secret(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        systemd.notify("READY=1", environ={"NOTIFY_SOCKET": str(tmp_path / "gone")})


@pytest.mark.parametrize(
    ("environ", "seconds"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "60000000"}, 30.0),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "7"}, 30.0),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "8"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_the_watchdogs_interval_is_half_of_its_patience(environ: dict[str, str], seconds: float | None) -> None:
    assert systemd.watchdog_interval(environ, pid=7) == seconds


async def test_signs_of_life_stop_while_we_are_not_well(manager: socket.socket) -> None:
    manager.setblocking(False)
    looks: list[bool] = []

    def alive() -> bool:
        looks.append(len(looks) != 1)
        return looks[-1]

    environ = {"NOTIFY_SOCKET": manager.getsockname(), "WATCHDOG_USEC": "2000"}
    task = asyncio.create_task(systemd.keep_alive(alive, environ=environ))
    while len(looks) < 4:
        await asyncio.sleep(0.001)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    received: list[bytes] = []
    while len(received) < sum(looks):
        received.append(manager.recv(100))
    assert set(received) == {b"WATCHDOG=1"}
    with pytest.raises(BlockingIOError):
        manager.recv(100)


async def test_without_a_watchdog_there_is_nothing_to_keep() -> None:
    await systemd.keep_alive(lambda: True, environ={"NOTIFY_SOCKET": "/nowhere"})


async def test_a_manager_that_goes_away_does_not_end_us(tmp_path: Path) -> None:
    looks: list[int] = []

    def alive() -> bool:
        looks.append(1)
        return True

    environ = {"NOTIFY_SOCKET": str(tmp_path / "gone"), "WATCHDOG_USEC": "2000"}
    with capture_logs() as lines:
        systemd.tell("STOPPING=1", environ=environ)
        task = asyncio.create_task(systemd.keep_alive(alive, environ=environ))
        while len(looks) < 3 and not task.done():
            await asyncio.sleep(0.001)
        assert not task.done()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert {line["event"] for line in lines} == {"systemd.not_told"}
    assert "No such file" in lines[0]["error"]


def read_unit() -> configparser.SectionProxy:
    parser = configparser.RawConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment, method-assign]  # keys of units keep their capitals
    parser.read_string(UNIT.read_text(encoding="utf-8"))
    return parser["Service"]


def test_the_unit_promises_what_the_program_keeps(tmp_path: Path) -> None:
    unit = read_unit()
    assert unit["Type"] == "notify"
    assert unit["WatchdogSec"]
    assert unit["StateDirectory"] == "handbell"
    assert int(unit["TimeoutStopSec"]) > settings.Settings().sending.lease_s, "calls under way are waited for"
    assert "PYTHONSAFEPATH=1" in UNIT.read_text(encoding="utf-8")
    prefix, _, folder = unit["LoadCredential"].partition(":")
    assert folder.startswith("/etc/handbell")
    # systemd names what it loads from a folder <prefix>_<file>: those are the names that our loader must know.
    (tmp_path / f"{prefix}_audit.key").write_text("k" * 32, encoding="utf-8")
    loaded = settings.load(None, environ={"HANDBELL_PRACTICE__ENABLED": "1"}, credentials=tmp_path)
    assert loaded.audit.key.get_secret_value() == "k" * 32

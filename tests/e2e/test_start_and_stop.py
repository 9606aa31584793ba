"""How the daemon begins and ends, as systemd and a person at the keyboard see it."""

from __future__ import annotations

import asyncio
import re
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import databases, processes
from support.waiting import PATIENCE


@pytest.fixture
def database_url(sqlite_template: Path, tmp_path: Path) -> Iterator[str]:
    """One database is enough: nothing here depends on which one it is."""
    with databases.sqlite_copy(sqlite_template, tmp_path) as url:
        yield url


async def test_a_port_in_use_is_one_sentence(school: processes.School, world: processes.World) -> None:
    with socket.create_server(("127.0.0.1", school.port)):
        said = await school.cannot_run()
    assert f"Port {school.port} is in use by another program" in said
    assert "Traceback" not in said
    assert "ExceptionGroup" not in said


async def test_a_ca_file_that_is_not_there_is_one_sentence(school: processes.School, world: processes.World) -> None:
    text = school.settings.read_text()
    school.settings.write_text(text.replace('security = "none"', 'security = "starttls"\nca_file = "/nowhere/ca.pem"'))
    said = await school.cannot_run()
    assert "/nowhere/ca.pem could not be read" in said
    assert "Traceback" not in said


async def test_systemd_hears_ready_when_it_answers_and_stopping_when_it_ends(
    school: processes.School, world: processes.World, tmp_path: Path
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(PATIENCE)
        school.env |= {"NOTIFY_SOCKET": manager.getsockname(), "WATCHDOG_USEC": "60000000"}
        process = await school.start()
        while await asyncio.to_thread(manager.recv, 100) != b"READY=1":
            pass
        assert await asyncio.to_thread(ask, f"{school.url}/healthz") == 200
        assert await process.stop() == 0
        while await asyncio.to_thread(manager.recv, 100) != b"STOPPING=1":
            pass
    assert "Traceback" not in process.said()


def ask(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            status: int = answer.status
            return status
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


async def test_the_practice_school_says_where_its_files_are(tmp_path: Path) -> None:
    folder = tmp_path / "practice"
    process = await processes.start("gateway.cli", "practice", "--folder", str(folder), log=tmp_path / "said.log")
    out = process.child.stdout
    assert out is not None
    said = ""
    try:
        async with asyncio.timeout(PATIENCE):
            while "Ctrl-C ends it." not in said:
                line = await out.readline()
                assert line, process.said()
                said += line.decode()
    finally:
        code = await process.stop()
    assert f"--config {folder}/handbell.toml notice preview {folder}/notices/closure.toml" in said.replace("\n", "")
    assert re.search(r"Come in here, once: http://127\.0\.0\.1:\d+/first-run/[\w-]{43}\n", said)
    assert "../" not in said
    assert code == 0

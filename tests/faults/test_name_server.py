"""A name server that never answers holds a look-up for many seconds, and a thread with it."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support import databases
from support.silent_names import MANY
from support.waiting import PATIENCE

from channels.base import Medium

TESTS = Path(__file__).resolve().parents[1]
#: Only this process and its children see it.
ENTER = 'mount --bind "$1" /etc/resolv.conf && shift && exec "$@"'


@pytest.fixture
def resolver(tmp_path: Path) -> tuple[Path, str]:
    """Settings of the system's resolver, and the address of the only name server in them."""
    may = shutil.which("unshare") and not subprocess.run(["unshare", "--mount", "true"], check=False).returncode
    if not may or os.geteuid():
        pytest.skip("Only root may give a process a name server of its own.")
    address = f"127.53.{os.getpid() // 250 % 250}.{os.getpid() % 250 + 1}"
    file = tmp_path / "resolv.conf"
    file.write_text(f"nameserver {address}\noptions timeout:5 attempts:2\n")
    return file, address


async def run(url: str, medium: Medium, resolver: tuple[Path, str], log: Path) -> dict[str, Any]:
    file, address = resolver
    program = (sys.executable, "-m", "support.silent_names", url, medium.value, address)
    with log.open("wb") as errors:
        child = await asyncio.create_subprocess_exec(
            "unshare", "--mount", "sh", "-c", ENTER, "sh", str(file), *program,
            stdout=asyncio.subprocess.PIPE, stderr=errors, env={**os.environ, "PYTHONPATH": str(TESTS)},
        )  # fmt: skip
    async with asyncio.timeout(PATIENCE):
        said, _ = await child.communicate()
    assert child.returncode == 0, log.read_text()
    found: dict[str, Any] = json.loads(said)
    return found


@pytest.mark.parametrize("medium", [Medium.SMS, Medium.EMAIL])
async def test_a_name_server_that_never_answers(
    sqlite_template: Path, tmp_path: Path, resolver: tuple[Path, str], medium: Medium
) -> None:
    with databases.sqlite_copy(sqlite_template, tmp_path) as url:
        seen = await run(url, medium, resolver, tmp_path / "log")
    assert seen["asked"] > 0, "it is met"
    assert set(seen["states"]) <= {"queued", "sending"}
    assert seen["retries"] == 0
    assert seen["others_tries"] == [1, 1]
    assert seen["others_held"] == [False, False]
    assert seen["looking"] == 1, "one thread looks, however often it is asked"
    assert seen["pool"] <= 2, "and none of those that everybody shares"
    assert seen.get("got", MANY) == MANY

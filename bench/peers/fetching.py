"""Fetching other programs: each from its usual registry, into a folder of its own that git ignores.

Debian's packages are unpacked there and not installed: nothing of the machine is changed, no service starts, and no
rights are needed.
"""

from __future__ import annotations

import asyncio
import gzip
import os
import re
import shutil
import sys
from pathlib import Path

FOLDER = Path(__file__).parent / ".fetched"
_SECONDS = 600


class NotHere(Exception):
    """A program cannot be had on this machine. ``str()`` says why."""


async def unpacked(*packages: str) -> Path:
    """The root of a tree with these packages of Debian and whatever they need that this machine has not."""
    root = FOLDER / "-".join(packages)
    if (root / "done").exists():
        return root
    if not shutil.which("apt-get") or not shutil.which("dpkg"):
        raise NotHere("it comes from Debian, and this machine has no apt")
    shutil.rmtree(root, ignore_errors=True)
    (root / "archives").mkdir(parents=True)
    told = await _output("apt-get", "--simulate", "--no-install-recommends", "install", *packages)
    wanted = {line.split()[1] for line in told.splitlines() if line.startswith("Inst ")} | set(packages)
    await _output("apt-get", "download", *sorted(wanted), cwd=root / "archives")
    for archive in sorted((root / "archives").glob("*.deb")):
        await _output("dpkg", "--extract", str(archive), str(root))
    shutil.rmtree(root / "archives")
    (root / "done").touch()
    return root


def debian_version(root: Path, package: str) -> str:
    """The version of an unpacked package, by its changelog."""
    changelog = root / "usr/share/doc" / package / "changelog.Debian.gz"
    found = re.match(rb"[\w.+-]+ \(([^)]+)\)", gzip.decompress(changelog.read_bytes())) if changelog.exists() else None
    return found[1].decode() if found else ""


def python_version(python: Path, package: str) -> str:
    """The version of a package in an environment."""
    folders = python.parent.parent.glob(f"lib/*/site-packages/{package}-*.dist-info")
    return next((folder.name.removesuffix(".dist-info").partition("-")[2] for folder in folders), "")


def libraries(root: Path) -> dict[str, str]:
    """The environment in which programs of an unpacked tree find what they need."""
    folders = [str(path) for top in (root / "usr" / "lib", root / "lib") for path in top.glob("*-linux-gnu")]
    return {**os.environ, "LD_LIBRARY_PATH": ":".join(folders)}


async def environment(name: str, *packages: str) -> Path:
    """The Python of an environment with these packages of PyPI."""
    folder = FOLDER / name
    python = folder / "bin" / "python"
    if not (folder / "done").exists():
        shutil.rmtree(folder, ignore_errors=True)
        await _output(sys.executable, "-m", "venv", str(folder))
        await _output(str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages)
        (folder / "done").touch()
    return python


async def _output(*command: str, cwd: Path | None = None) -> str:
    child = await asyncio.create_subprocess_exec(
        *command, cwd=cwd, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    name = command[2] if command[1] == "-m" else Path(command[0]).name
    try:
        out, errors = await asyncio.wait_for(child.communicate(), _SECONDS)
    except TimeoutError as why:
        child.kill()
        await child.wait()
        raise NotHere(f"`{name}` took longer than {_SECONDS} s") from why
    if child.returncode:
        raise NotHere(f"`{name}` failed: {_fault(errors.decode())[:200]}")
    return out.decode()


def _fault(errors: str) -> str:
    """The line that says what is wrong: apt's and pip's last one may be only a hint."""
    lines = errors.strip().splitlines() or ["without a word"]
    return next((line for line in lines if line.lower().startswith(("error: ", "e: "))), lines[-1])

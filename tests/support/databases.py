"""Real databases: a SQLite file and a real PostgreSQL server, both copied from a template for every test."""

from __future__ import annotations

import asyncio
import shutil
import uuid
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.postgres import Postgres
from bench.postgres import server as postgres_server

__all__ = ["Postgres", "postgres_copy", "postgres_server", "run", "sqlite_copy"]


def run(work: Coroutine[Any, Any, None]) -> None:
    """Run to the end in a loop of its own, whatever loop the test is about to use."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, work).result()


@contextmanager
def sqlite_copy(template: Path, folder: Path) -> Iterator[str]:
    """Give the URL of a fresh copy of the template."""
    target = folder / f"{uuid.uuid4().hex}.sqlite"
    shutil.copy(template, target)
    yield f"sqlite+aiosqlite:///{target}"


@contextmanager
def postgres_copy(server: Postgres, template: str) -> Iterator[str]:
    """Give the URL of a fresh copy of the template database; it is dropped afterwards."""
    name = f"t_{uuid.uuid4().hex}"
    run(server.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"'))
    try:
        yield server.of(name)
    finally:
        run(server.execute(f'DROP DATABASE "{name}" WITH (FORCE)'))

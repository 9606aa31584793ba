"""Files to import, and the import itself."""

from __future__ import annotations

import csv
import io
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gateway import audit
from gateway.database import Database
from gateway.importing import people
from gateway.importing.report import Report

Save = Callable[..., Path]
Load = Callable[..., Awaitable[Report]]

NOW = datetime(2026, 9, 21, 9, 0, tzinfo=UTC)


@pytest.fixture
def save(tmp_path: Path) -> Save:
    """Write a file from text or from rows of cells."""

    def write(name: str, content: str | bytes | Sequence[Sequence[str]], *, encoding: str = "utf-8") -> Path:
        path = tmp_path / name
        if isinstance(content, bytes):
            path.write_bytes(content)
            return path
        if not isinstance(content, str):
            text = io.StringIO(newline="")
            csv.writer(text).writerows(content)
            content = text.getvalue()
        path.write_bytes(content.encode(encoding))
        return path

    return write


@pytest.fixture
def load(database: Database) -> Load:
    """Import files in one transaction, as the command line does."""

    async def run(*files: Path, **options: Any) -> Report:
        async with database.write() as session:
            return await people.load(files, session, log=audit.Log(b"k" * 32), now=NOW, **options)

    return run

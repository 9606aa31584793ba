"""A school's installation beside a simulated world, in processes of their own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path

import pytest
from support import processes

from gateway.practice import school as practice


@pytest.fixture
async def school(tmp_path: Path, database_url: str) -> AsyncIterator[processes.School]:
    async with processes.school(tmp_path, database_url) as installed:
        yield installed


@pytest.fixture
async def world(tmp_path: Path, school: processes.School) -> AsyncIterator[processes.World]:
    async with processes.world(tmp_path, hooks=school.url, calls="answer") as simulated:
        school.write_settings(simulated)
        yield simulated


@pytest.fixture
def practice_school(tmp_path: Path) -> practice.Summary:
    """The practice school's export files."""
    return practice.write(tmp_path / "export", seed=1, today=date(2026, 11, 23))

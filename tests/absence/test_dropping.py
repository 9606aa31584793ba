"""The watched folder: files are taken in once they are whole, and put away with what was wrong in them."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa
from support import school
from support.absences import Morning

from gateway.absence import dropping
from gateway.database import Database
from gateway.models import Mark, Pupil


@pytest.fixture
async def morning(database: Database) -> Morning:
    made = await Morning(database).open()
    await school.add(database, Pupil(source_id="P1", forename="Ana", surname="Example", form="3A"))
    return made


async def codes(morning: Morning) -> list[str]:
    async with morning.database.read() as session:
        return [mark.code for mark in await session.scalars(sa.select(Mark))]


async def test_a_file_is_taken_in_once_it_has_stopped_growing(morning: Morning, tmp_path: Path) -> None:
    works = dropping.Dropping(morning.gateway, morning.rules, tmp_path)
    (tmp_path / "am.csv").write_text("Pupil ID,AM\n")
    await works.look()
    (tmp_path / "am.csv").write_text("Pupil ID,AM\nP1,N\nP9,N\n")
    await works.look()
    assert await codes(morning) == []
    await works.look()
    assert await codes(morning) == ["N"]
    await works.look()
    (done, remarks) = sorted((tmp_path / "done").iterdir())
    assert done.name.endswith("-am.csv")
    assert "“P9” is no pupil on roll" in remarks.read_text()
    assert not list(tmp_path.glob("*.csv"))
    assert [task.kind for task in await morning.tasks()] == ["marks.rows"]


async def test_a_file_that_is_none_is_refused_with_the_reason_beside_it(morning: Morning, tmp_path: Path) -> None:
    works = dropping.Dropping(morning.gateway, morning.rules, tmp_path)
    (tmp_path / "broken.csv").write_bytes(b"PK\x03\x04 an Excel workbook")
    (tmp_path / "notes.pdf").write_bytes(b"%PDF")
    await works.look()
    await works.look()
    assert len(list((tmp_path / "refused").iterdir())) == 2
    assert (tmp_path / "notes.pdf").exists()  # not ours
    (task,) = await morning.tasks()
    assert (task.kind, task.urgent) == ("marks.refused", True)


async def test_a_folder_that_is_not_there_is_a_task_and_no_crash(morning: Morning, tmp_path: Path) -> None:
    works = dropping.Dropping(morning.gateway, morning.rules, tmp_path / "nowhere")
    await works.look()
    await works.look()
    (task,) = await morning.tasks()
    assert (task.kind, task.times) == ("marks.folder", 2)

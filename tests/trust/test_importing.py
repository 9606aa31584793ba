"""A school of a trust imports as any other, though no school may make temporary tables."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa
from support import trust

from gateway import audit
from gateway.database import Database
from gateway.importing import trying

NOW = datetime(2026, 11, 30, 9, 0, tzinfo=UTC)


async def test_a_list_of_pupils_is_taken_over_and_leaves_nothing_else(three: trust.Trust, tmp_path: Path) -> None:
    file = tmp_path / "pupils.csv"
    file.write_text("Pupil ID,Forename,Surname,Reg Group\nP9,Ana,Nowak,3A\n")
    oak = Database(three.of(three.keys[0]))
    means = trying.Means(oak, audit.Log(b"k" * 32), NOW, NOW.date())
    try:
        for write in (False, True):  # shown first, then written
            await trying.take_over(trying.Wanted([file], "Mrs Okafor"), means, write=write)
            async with oak.read() as session:
                kept = await session.scalar(sa.text("SELECT count(*) FROM pupil WHERE source_id = 'P9'"))
                assert kept == write
                assert await session.scalar(sa.text("SELECT to_regclass('import_seen')")) is None
    finally:
        await oak.close()

"""An older state of the database comes back by other means: no daemon starts on it before a person has said so."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import uuid
from pathlib import Path

import aiohttp
import pytest
import sqlalchemy as sa
from support import databases, processes
from support.waiting import until

from bench.crash import school as families
from gateway.database import Database

FAMILIES = 6
NOTICE = """
key = "{key}"
title = "{key}"
purpose = "service"
media = ["sms"]
text.en = "School finishes at 1pm: {key}."
audience.whole_school = true
audience.tell = "first_contact"
"""


class Snapshot:
    """The database as it was at some moment, made and put back by whoever runs the machine."""

    def __init__(self, url: str, folder: Path, postgres: databases.Postgres | None):
        self._name, self._copy, self._postgres = sa.make_url(url).database or "", f"s_{uuid.uuid4().hex}", postgres
        self._folder = folder / "snapshot"

    async def take(self) -> None:
        if self._postgres:
            await self._postgres.execute(f'CREATE DATABASE "{self._copy}" TEMPLATE "{self._name}"')
            return
        self._folder.mkdir()
        for file in Path(self._name).parent.glob(f"{Path(self._name).name}*"):
            shutil.copy2(file, self._folder)

    async def put_back(self) -> None:
        if self._postgres:
            await self._postgres.execute(f'DROP DATABASE "{self._name}" WITH (FORCE)')
            await self._postgres.execute(f'ALTER DATABASE "{self._copy}" RENAME TO "{self._name}"')
            return
        for file in Path(self._name).parent.glob(f"{Path(self._name).name}*"):
            file.unlink()
        for file in self._folder.iterdir():
            shutil.copy2(file, Path(self._name).parent)


async def answers(school: processes.School) -> bool:
    async with aiohttp.ClientSession() as session:
        with contextlib.suppress(aiohttp.ClientError):
            async with session.get(f"{school.url}/readyz") as answer:
                return answer.status == 503 and "restored" in await answer.text()
    return False


async def test_no_daemon_starts_before_a_person_has_said_so(
    school: processes.School, world: processes.World, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    on_postgres = school.database_url.startswith("postgresql")
    postgres = request.getfixturevalue("postgres") if on_postgres else None
    await school.handbell("migrate")
    database = Database(school.database_url)
    await families.fill(database, families=FAMILIES)
    await database.close()
    assert json.loads(await school.handbell("audit", "head", "--json"))["unsealed_since"] is None

    async def sent(key: str) -> None:
        database = Database(school.database_url)
        before = len(await texts())
        await processes.hand_in(school, database, NOTICE.format(key=key))
        await until(lambda: more_than(before + FAMILIES), f"{key} leaves")
        await database.close()

    async def texts() -> list[str]:
        phones = (await world.look("phones"))["phones"]
        return sorted(f"{one['number']} {text['body']}" for one in phones for text in one["texts"])

    async def more_than(count: int) -> bool:
        return len(await texts()) >= count

    process = await school.run()
    await sent("first")
    assert await process.stop() == 0
    snapshot = Snapshot(school.database_url, tmp_path, postgres)
    await snapshot.take()
    process = await school.run()
    await sent("second")
    assert await process.stop() == 0
    left = await texts()
    await snapshot.put_back()

    said = await school.cannot_run()
    assert "an older state of the database was put back" in said
    assert "does not go on from line" in await school.handbell("audit", "verify", expect=1)
    found = re.search(r"handbell (backup hold --since \S+Z)\.", said)
    assert found, said
    await school.handbell(*found[1].split(), "--as", "Mr Reilly")
    process = await school.start()
    await until(lambda: answers(school), "it runs, closed")
    await school.handbell("audit", "verify")
    assert json.loads(await school.handbell("backup", "held", "--json")) == []
    assert await process.stop() == 0
    assert await texts() == left

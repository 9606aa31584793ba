"""An office: settings, a migrated database with a small school in it, and somebody who types commands."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from support import databases, journal, school
from typer.testing import CliRunner, Result

from channels.base import Medium
from gateway import audit, cli
from gateway.database import Database, Session
from gateway.models import PointKind, PupilGroup, Sender

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
AUDIT_KEY = "b1946ac92492d2347c6235b4d2611184"

SETTINGS = """
[school]
name = "Oakfield Primary School"
short_name = "Oakfield"
phone = "0113 496 0000"

[quiet]
enabled = false

[database]
url = "{url}"
state_dir = "{state_dir}"

[twilio]
account_sid = "AC00000000000000000000000000000000"
api_base_url = "http://127.0.0.1:9"

[[twilio.sms_senders]]
address = "+441134960001"

[smtp]
host = "127.0.0.1"
port = 9
security = "none"
from_address = "office@oakfield.example"

[costs]
pence_per_text_part = 4
"""

ENVIRONMENT = {"HANDBELL_TWILIO__AUTH_TOKEN": "0" * 32, "HANDBELL_AUDIT__KEY": AUDIT_KEY, "HANDBELL_CONFIG": ""}


@dataclass
class Office:
    """Types commands, and looks into the database behind their back."""

    url: str
    folder: Path
    runner: CliRunner = field(default_factory=CliRunner)

    @property
    def settings(self) -> Path:
        return self.folder / "handbell.toml"

    @property
    def log(self) -> audit.Log:
        return audit.Log(AUDIT_KEY.encode())

    def type(self, *words: str, input: str | bytes | None = None) -> Result:
        arguments = ["--config", str(self.settings), *words]
        return self.runner.invoke(cli.build(), arguments, input=input, env=ENVIRONMENT)

    def gives(self, *words: str) -> str:
        """What a command that must work prints."""
        result = self.type(*words)
        assert result.exit_code == 0, result.output
        return result.stdout

    def data(self, *words: str) -> Any:
        return json.loads(self.gives(*words, "--json"))

    def refuses(self, *words: str) -> str:
        """The sentence of a command that must fail."""
        result = self.type(*words)
        assert result.exit_code == 1, result.output
        assert "Traceback" not in result.output
        return result.stderr

    def write(self, name: str, text: str) -> str:
        file = self.folder / name
        file.write_text(text, "utf-8")
        return str(file)

    def do(self, job: Callable[[Database], Awaitable[Any]]) -> Any:
        async def opened() -> Any:
            database = Database(self.url)
            try:
                return await job(database)
            finally:
                await database.close()

        return asyncio.run(opened())

    def change(self, job: Callable[[Session], Awaitable[Any]]) -> Any:
        async def written(database: Database) -> Any:
            async with database.write() as session:
                return await job(session)

        return self.do(written)


@pytest.fixture(autouse=True)
def _journal() -> Iterator[None]:
    """Commands set up logging to their own standard error, which is gone after the test."""
    with journal.kept():
        yield


def furnished(url: str, folder: Path) -> Office:
    found = Office(url, folder)
    found.settings.write_text(SETTINGS.format(url=url, state_dir=folder), "utf-8")
    return found


@pytest.fixture
def office(database_url: str, tmp_path: Path) -> Office:
    return furnished(database_url, tmp_path)


@pytest.fixture
def small_office(sqlite_template: Path, tmp_path: Path) -> Iterator[Office]:
    """For what does not depend on which database it is."""
    with databases.sqlite_copy(sqlite_template, tmp_path) as url:
        yield furnished(url, tmp_path)


async def seed(database: Database) -> None:
    """Ana (3A), whose mother reads Polish and whose father is barred; Ben (4B), of whom nobody is on file."""
    await school.add(
        database,
        Sender(channel="twilio-sms", medium=Medium.SMS, address="+441134960001"),
        Sender(channel="smtp", medium=Medium.EMAIL, address="office@oakfield.example"),
        PupilGroup(name="Choir"),
    )
    ana = await school.pupil(database, "Ana", form="3A", year="3")
    await school.pupil(database, "Ben", form="4B", year="4")
    mother = await school.contact(database, "Maria", written_language="pl")
    father = await school.contact(database, "Ivan")
    await school.tie(database, ana, mother, priority=1, parental_responsibility=True, relation="Mother")
    await school.tie(database, ana, father, priority=2, no_contact=True)
    await school.point(database, mother, "+447700900111")
    await school.point(database, mother, "maria@families.example", kind=PointKind.EMAIL, rank=2)
    await school.point(database, father, "+447700900222")


@pytest.fixture
def school_office(office: Office) -> Office:
    office.do(seed)
    return office


@pytest.fixture
def small_school_office(small_office: Office) -> Office:
    small_office.do(seed)
    return small_office

"""What the doctor finds, each thing on its own."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from support import databases, tampering

from channels.base import Channel, FindResult, Found, Medium, Misconfigured, Outcome, Outgoing, SendResult
from config import sections
from config.settings import Settings
from gateway import audit, can_send, context, doctor, gauges
from gateway.backup import copies
from gateway.database import Database
from gateway.doctor import books, machine
from gateway.models import Audit

KEY = b"b1946ac92492d2347c6235b4d2611184"


class Line:
    """A provider that answers, or does not."""

    name = "line"
    medium = Medium.SMS

    def __init__(self, trouble: Exception | None = None):
        self.trouble = trouble
        self.closed = False

    async def open(self) -> None:
        return None

    async def close(self) -> None:
        self.closed = True

    async def send(self, message: Outgoing) -> SendResult:
        return SendResult(Outcome.REFUSED)

    async def find(self, message: Outgoing, since: object) -> FindResult:
        return FindResult(Found.CANNOT_TELL)

    async def check(self) -> str:
        if self.trouble:
            raise self.trouble
        return "It answers."

    def speaks(self, locale: str) -> bool:
        return True


def gateway_of(database: Database, folder: Path, *, channel: Channel | None = None, **parts: object) -> context.Gateway:
    url = database.url.render_as_string(hide_password=False)
    settings = Settings.model_validate(
        {
            "database": sections.Database(url=url, state_dir=folder),
            "audit": sections.Audit(key=KEY.decode()),  # type: ignore[arg-type]
            **parts,
        }
    )
    channels = {channel.name: channel} if channel else {}
    return context.Gateway(settings=settings, database=database, log=audit.Log(KEY), secret=KEY, channels=channels)


async def found(gateway: context.Gateway, name: str, **options: object) -> list[doctor.Finding]:
    findings = await doctor.examine(gateway, **options)  # type: ignore[arg-type]
    return [finding for finding in findings if finding.name == name]


async def state(gateway: context.Gateway, name: str) -> str:
    [finding] = await found(gateway, name)
    return finding.state


def test_names_that_others_use_too_are_bad() -> None:
    assert machine.packages({"gateway": ["handbell"], "yaml": ["PyYAML"]})[0].state == "ok"
    assert machine.packages({})[0].state == "ok"
    owners = {"config": ["handbell", "config"], "scheduler": ["scheduler"], "channels": ["handbell", "handbell"]}
    findings = machine.packages(owners)
    assert [finding.state for finding in findings] == ["bad", "bad"]
    assert "The package scheduler is also in scheduler" in findings[0].sentence
    assert "config" in findings[1].sentence


async def test_a_sound_database_is_ok(database: Database, tmp_path: Path) -> None:
    gateway = gateway_of(database, tmp_path)
    for name in ("database", "clock", "audit log", "disk", "time zone", "audit key", "packages"):
        assert await state(gateway, name) == "ok", name


async def test_a_database_without_tables_is_bad_and_the_rest_is_still_said(tmp_path: Path) -> None:
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'none.sqlite3'}")
    gateway = gateway_of(database, tmp_path)
    [finding] = await found(gateway, "database")
    assert finding.state == "bad"
    assert "run handbell migrate" in finding.sentence
    assert await found(gateway, "audit log") == []
    assert await found(gateway, "languages")
    await database.close()


async def test_a_database_that_only_reads_is_bad(
    postgres: databases.Postgres, postgres_template: str, tmp_path: Path
) -> None:
    with databases.postgres_copy(postgres, postgres_template) as url:
        database = Database(url)
        async with database.write() as session:
            name = database.url.database
            await session.execute(sa.text(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on'))
        await database.close()
        database = Database(url)
        [finding] = await found(gateway_of(database, tmp_path), "database")
        await database.close()
    assert finding.state == "bad"
    assert "cannot be written" in finding.sentence


async def test_a_clock_that_is_wrong_is_bad(database: Database, tmp_path: Path) -> None:
    gateway = gateway_of(database, tmp_path)
    late = replace(gateway, now=lambda: context.utc_now() + timedelta(minutes=5))
    [finding] = await found(late, "clock")
    assert finding.state == "bad"
    assert "300 seconds" in finding.sentence


@pytest.mark.parametrize("length", [0, 1, 5, books.QUICK_LINES + 5])
async def test_the_newest_lines_of_the_log_are_proved(database: Database, tmp_path: Path, length: int) -> None:
    gateway = gateway_of(database, tmp_path)
    async with database.write() as session:
        await gateway.log.record(session, [audit.Line("a", str(n)) for n in range(length)], now=context.utc_now())
        await gateway.log.seal(session)
    assert await state(gateway, "audit log") == "ok"
    if length:
        async with database.write() as session:
            await tampering.unguard(session)
            await session.execute(sa.update(Audit).where(Audit.link == length).values(actor="somebody else"))
        [finding] = await found(gateway, "audit log")
        assert finding.state == "bad"
        assert f"Line {length} " in finding.sentence


@pytest.mark.parametrize(
    ("trouble", "expected"),
    [
        (None, "ok"),
        (Misconfigured("The token is wrong."), "bad"),
        (ConnectionRefusedError("no"), "bad"),
        (TimeoutError(), "bad"),
    ],
)
async def test_each_channel_is_asked_and_closed(
    sqlite_database: Database, tmp_path: Path, trouble: Exception | None, expected: str
) -> None:
    line = Line(trouble)
    [finding] = await found(gateway_of(sqlite_database, tmp_path, channel=line), "line")
    assert finding.state == expected
    assert finding.sentence
    assert line.closed


async def test_no_channel_at_all_is_bad(sqlite_database: Database, tmp_path: Path) -> None:
    assert await state(gateway_of(sqlite_database, tmp_path), "channels") == "bad"


@pytest.mark.parametrize(
    ("key", "expected"),
    [("", "bad"), ("practice-practice-practice-practice", "bad"), ("a" * 40, "bad"), (KEY.decode(), "ok")],
)
async def test_a_key_that_can_be_guessed_is_bad(
    sqlite_database: Database, tmp_path: Path, key: str, expected: str
) -> None:
    gateway = gateway_of(sqlite_database, tmp_path)
    settings = gateway.settings.model_copy(update={"audit": sections.Audit(key=key)})  # type: ignore[arg-type]
    assert await state(replace(gateway, settings=settings), "audit key") == expected


async def test_secrets_that_everybody_may_read_are_bad(sqlite_database: Database, tmp_path: Path) -> None:
    Path(sqlite_database.url.database or "").chmod(0o600)
    secrets = tmp_path / "credentials"
    secrets.mkdir()
    (secrets / "audit.key").write_text("x")
    (secrets / "audit.key").chmod(0o640)
    gateway = gateway_of(sqlite_database, tmp_path)
    assert [one.state for one in await found(gateway, "files", secret_files=[secrets])] == ["ok"]
    (secrets / "audit.key").chmod(0o644)
    [finding] = await found(gateway, "files", secret_files=[secrets])
    assert finding.state == "bad"
    assert finding.cure == f"chmod o= {secrets / 'audit.key'}"


async def test_drafts_are_named(sqlite_database: Database, tmp_path: Path) -> None:
    kept_back = await found(gateway_of(sqlite_database, tmp_path), "languages")
    assert "English goes instead" in kept_back[-1].sentence
    sent = await found(gateway_of(sqlite_database, tmp_path, languages={"allow_drafts": True}), "languages")
    assert "are sent" in sent[-1].sentence


async def test_nights_that_make_no_copies_are_told_everywhere(database: Database, tmp_path: Path) -> None:
    gateway = gateway_of(database, tmp_path)

    async def made(days: float) -> None:
        async with database.write() as session:
            at = gateway.now() - timedelta(days=days)
            await gateway.log.record(session, audit.Line(copies.MADE), now=at)

    async def told() -> tuple[str, str, float]:
        """What the doctor and ``handbell status`` say, and the gauge in days."""
        await gauges.refresh(gateway)
        answer = await can_send.look(gateway)
        assert answer.copy
        assert not any("copy" in reason for reason in answer.reasons), "it stands in no message's way"
        days = gateway.metrics.collected.get_sample_value("handbell_backup_age_seconds")
        assert days is not None
        return await state(gateway, "backup"), answer.copy.sentence[:11], days / 86400

    assert await told() == ("warn", "No copy of ", math.inf)
    await made(3)
    assert await told() == ("warn", "The last co", pytest.approx(3, abs=0.1))
    await made(1)
    assert await told() == ("ok", "The last co", pytest.approx(1, abs=0.1))

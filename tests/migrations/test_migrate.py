"""The steps make exactly the tables of the models, on both databases, from any folder."""

from __future__ import annotations

import asyncio
import stat
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy.engine import Connection
from sqlmodel import SQLModel
from support import databases

from gateway import audit, errors, migrate
from gateway.database import Database
from gateway.migrations import tables
from gateway.models import Contact, ContactPoint, Guardianship, PointKind, PointState, Pupil


async def differences(url: str, metadata: sa.MetaData) -> list[object]:
    def compare(connection: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection), metadata))

    async with migrate.connected(url) as connection:
        return await connection.run_sync(compare)


async def test_the_steps_make_the_tables_of_the_models(empty_url: str) -> None:
    await migrate.upgrade(empty_url)
    assert await differences(empty_url, SQLModel.metadata) == []
    assert await differences(empty_url, tables.named()) == []
    await migrate.check(empty_url)
    assert await migrate.current(empty_url) == migrate.head()


async def test_migrating_again_changes_nothing(empty_url: str) -> None:
    await migrate.upgrade(empty_url)
    database = Database(empty_url)
    async with database.write() as session:
        await audit.Log(b"k" * 32).record(session, audit.Line("test"), now=datetime(2026, 11, 22, tzinfo=UTC))
    await migrate.upgrade(empty_url)
    async with database.read() as session:
        assert len(await audit.lines_about(session)) == 1
    await database.close()


async def test_two_who_migrate_at_once_take_turns(empty_url: str) -> None:
    await asyncio.gather(migrate.upgrade(empty_url), migrate.upgrade(empty_url))
    await migrate.check(empty_url)


async def test_the_way_back_leaves_nothing_behind(empty_url: str) -> None:
    await migrate.upgrade(empty_url)
    async with migrate.connected(empty_url) as connection, connection.begin():
        await migrate.run(connection, lambda config: command.downgrade(config, "base"))
    async with migrate.connected(empty_url) as connection:
        left = await connection.run_sync(lambda plain: sa.inspect(plain).get_table_names())
    assert left == ["alembic_version"]
    await migrate.upgrade(empty_url)
    assert await differences(empty_url, SQLModel.metadata) == []


async def test_a_step_that_fails_leaves_the_database_as_it_was(empty_url: str) -> None:
    def half_way(_config: object) -> None:
        raise RuntimeError("the power went")

    async def break_off() -> None:
        async with migrate.connected(empty_url) as connection, connection.begin():
            await migrate.run(connection, lambda config: command.downgrade(config, "base"))
            await migrate.run(connection, half_way)

    await migrate.upgrade(empty_url)
    with pytest.raises(RuntimeError):
        await break_off()
    await migrate.check(empty_url)
    assert await differences(empty_url, SQLModel.metadata) == []


async def test_copying_a_table_over_spares_its_children(tmp_path: Path) -> None:
    """SQLite would delete a contact's phones when the old contact table goes, were foreign keys on."""
    url = f"sqlite+aiosqlite:///{tmp_path / 'handbell.sqlite3'}"
    await migrate.upgrade(url)
    database = Database(url)
    async with database.write() as session:
        contact = Contact(source_id="C1", surname="Nowak")
        session.add(contact)
        await session.flush()
        session.add(ContactPoint(contact_id=contact.id or 0, kind=PointKind.PHONE, address="+447700900001"))
    await database.close()

    def rebuild(connection: Connection) -> None:
        from alembic.operations import Operations

        operations = Operations(MigrationContext.configure(connection))
        with operations.batch_alter_table("contact", recreate="always") as batch:
            batch.add_column(sa.Column("note", sa.String(), server_default="", nullable=False))

    async with migrate.connected(url) as connection, connection.begin():
        await connection.run_sync(rebuild)
    async with migrate.connected(url) as connection:
        assert (await connection.execute(sa.text("SELECT count(*) FROM contact_point"))).scalar_one() == 1
        assert (await connection.execute(sa.text("PRAGMA foreign_key_check"))).all() == []


#: As the first Handbell wrote them.
OLD_ROWS: dict[str, dict[str, object]] = {
    "pupil": {
        "id": 1,
        "source_id": "P1",
        "upn": "",
        "forename": "Ana",
        "surname": "Nowak",
        "known_as": "",
        "year": "3",
        "form": "3A",
        "home_language": "",
    },
    "contact": {
        "id": 1,
        "source_id": "C1",
        "title": "",
        "forename": "Ewa",
        "surname": "Nowak",
        "written_language": "pl",
        "spoken_language": "pl",
        "marketing_consent": False,
    },
    "guardianship": {
        "id": 1,
        "pupil_id": 1,
        "contact_id": 1,
        "relation": "Mother",
        "priority": 1,
        "parental_responsibility": True,
        "lives_with": True,
        "no_contact": True,
    },
    "contact_point": {
        "id": 1,
        "contact_id": 1,
        "kind": "phone",
        "address": "+447700900001",
        "line_type": "mobile",
        "label": "",
        "rank": 1,
        "state": "doubtful",
        "strikes": 3,
        "last_bad_reason": "unreachable",
    },
}


async def test_every_step_takes_the_rows_of_the_one_before_along(empty_url: str) -> None:
    """A school that has run for a year upgrades: its people are still there, and can be read as models."""
    await migrate.upgrade(empty_url)
    async with migrate.connected(empty_url) as connection, connection.begin():
        await migrate.run(connection, lambda config: command.downgrade(config, "0001"))
        for table, row in OLD_ROWS.items():
            names = ", ".join(row)
            values = ", ".join(f":{name}" for name in row)
            await connection.execute(sa.text(f"INSERT INTO {table} ({names}) VALUES ({values})"), row)
    await migrate.upgrade(empty_url)
    database = Database(empty_url)
    async with database.read() as session:
        pupil, contact = await session.get_one(Pupil, 1), await session.get_one(Contact, 1)
        tie, point = await session.get_one(Guardianship, 1), await session.get_one(ContactPoint, 1)
    await database.close()
    assert (pupil.forename, pupil.deceased, contact.deceased, contact.written_language) == ("Ana", False, False, "pl")
    assert (tie.no_contact, tie.bar_confirmed_at) == (True, None)
    assert (point.state, point.strikes) == (PointState.DOUBTFUL, 3)


async def test_a_database_that_is_not_ready_says_what_to_do(empty_url: str) -> None:
    with pytest.raises(errors.NotReady, match="run handbell migrate"):
        await migrate.check(empty_url)
    await migrate.upgrade(empty_url)
    await _pretend(empty_url, "0000")
    with pytest.raises(errors.NotReady, match="newer Handbell"):
        await migrate.check(empty_url)


async def _pretend(url: str, revision: str) -> None:
    async with migrate.connected(url) as connection, connection.begin():
        await connection.execute(sa.text("UPDATE alembic_version SET version_num = :r"), {"r": revision})


async def test_checking_makes_no_file(tmp_path: Path) -> None:
    file = tmp_path / "handbell.sqlite3"
    with pytest.raises(errors.NotReady, match="There is no database"):
        await migrate.check(f"sqlite+aiosqlite:///{file}")
    assert not file.exists()


async def test_a_new_file_is_ours_alone(tmp_path: Path) -> None:
    file = tmp_path / "new" / "handbell.sqlite3"
    await migrate.upgrade(f"sqlite+aiosqlite:///{file}")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


async def test_a_server_that_is_away_is_a_sentence_without_the_password(unused_tcp_port: int) -> None:
    url = f"postgresql+asyncpg://handbell:hush@127.0.0.1:{unused_tcp_port}/handbell"
    with pytest.raises(errors.NotReady, match=r"cannot be reached.*database\.url") as caught:
        await migrate.check(url)
    assert "hush" not in str(caught.value)


async def test_a_database_that_the_server_does_not_have_is_a_sentence(postgres: databases.Postgres) -> None:
    url = postgres.of("nowhere")
    with pytest.raises(errors.NotReady, match="nowhere"):
        await migrate.check(url)


async def test_a_folder_that_may_not_be_written_is_a_sentence(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("not a folder")
    with pytest.raises(errors.NotReady, match="cannot be made"):
        await migrate.upgrade(f"sqlite+aiosqlite:///{file / 'handbell.sqlite3'}")


@pytest.mark.parametrize(
    ("url", "type_of_time"), [("postgresql+asyncpg://", "TIMESTAMP WITH TIME ZONE"), ("sqlite://", "DATETIME")]
)
def test_the_sql_can_be_had_instead(url: str, type_of_time: str) -> None:
    text = migrate.sql(url)
    assert "CREATE TABLE message (" in text
    assert type_of_time in text
    assert "INSERT INTO alembic_version" in text


def test_it_works_from_any_folder(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path / 'a.sqlite3'}"
    script = f"import asyncio; from gateway import migrate; asyncio.run(migrate.upgrade({url!r}))"
    subprocess.run([sys.executable, "-W", "error", "-c", script], cwd=tmp_path, check=True, timeout=60)
    asyncio.run(migrate.check(url))

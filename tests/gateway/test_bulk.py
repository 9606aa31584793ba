"""Many rows in one statement are the rows that one statement each would have made."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from support.desk import NOW

from channels.base import Medium
from gateway import bulk, ids
from gateway.database import Database
from gateway.models import Message, MessageState, Purpose
from gateway.models.types import core

COMMON = {
    "purpose": Purpose.SERVICE, "priority": 2, "created_at": NOW, "changed_at": NOW, "due_at": NOW, "not_after": None,
    "contact_id": None, "contact_point_id": None, "sender_id": None, "run_id": None, "step": 0, "only_if": "",
    "attempt": 0, "retries": 0, "lease_until": None, "ref": "", "language": "en", "reason": "", "reason_text": "",
    "keys": "", "address": "+447700900001", "subject": "", "parts": 1, "in_reply_to": "", "words_state": "",
    "remark": "",
}  # fmt: skip
OWN = ["id", "slot", "medium", "state", "body", "pence", "script"]


def rows(*, tail: str) -> list[tuple[Any, ...]]:
    """What columns may hold: text of every kind, enums, numbers, JSON and nothing."""
    return [
        ("a", "1", Medium.SMS, MessageState.QUEUED, "It's “Łódź” \\ 😀\n", 4.0, None),
        ("b", "2", Medium.VOICE, MessageState.SKIPPED, "", 0.1, {"opening": 'He said "ş"', "menu": None}),
        ("c", "3", Medium.EMAIL, MessageState.HELD, f"null {tail}", 0.30000000000000004, None),
    ]


async def taken_out(database: Database) -> list[sa.Row[Any]]:
    async with database.write() as session:
        found = list(await session.execute(sa.select(core(Message)).order_by(core(Message).c.id)))
        await session.execute(sa.delete(core(Message)))
    return found


async def pour(database: Database, given: list[tuple[Any, ...]]) -> None:
    async with database.write() as session:
        await session.run_sync(lambda s: bulk.pour(s.connection(), core(Message), OWN, given, common=COMMON))


async def insert(database: Database, given: list[tuple[Any, ...]]) -> None:
    whole = [(*row, *COMMON.values()) for row in given]
    async with database.write() as session:
        await session.run_sync(lambda s: bulk.insert(s.connection(), core(Message), [*OWN, *COMMON], whole))


@pytest.mark.parametrize("many", [3, 1])
async def test_poured_rows_are_those_that_are_inserted(database: Database, many: int) -> None:
    found = []
    for way in (pour, insert):
        await way(database, rows(tail="\\u0000")[:many])
        found.append(await taken_out(database))
    assert found[0] == found[1]
    assert len(found[0]) == many
    assert found[0][0].created_at == NOW


async def test_sqlite_keeps_a_text_that_its_json_would_cut(sqlite_database: Database) -> None:
    await pour(sqlite_database, rows(tail="\0 and more"))
    assert (await taken_out(sqlite_database))[2].body == "null \0 and more"


async def test_nothing_is_poured(database: Database) -> None:
    await pour(database, [])
    assert await taken_out(database) == []


async def told(database: Database, statement: sa.Executable, **values: Any) -> Any:
    return await database.at_once(lambda connection: bulk.run(connection, statement, values)[0][0])


ONE = sa.select(sa.literal_column("1"))


async def test_a_value_that_was_forgotten_is_not_taken_for_nothing(database: Database) -> None:
    asked = sa.select(sa.func.coalesce(sa.bindparam("wanted", type_=sa.Text), sa.bindparam("usual", "as always")))
    assert await told(database, asked, wanted="this") == "this"
    assert await told(database, asked, wanted=None) == "as always"
    with pytest.raises(KeyError, match="wanted"):
        await told(database, asked)
    with pytest.raises(KeyError, match="wanted"):
        await told(database, asked, usual="never")


async def test_a_connection_that_was_cut_is_not_used_again(postgres_database: Database) -> None:
    with pytest.raises(DBAPIError) as caught:
        await told(postgres_database, sa.select(sa.func.pg_terminate_backend(sa.func.pg_backend_pid())))
    assert caught.value.connection_invalidated
    assert [await told(postgres_database, ONE) for _ in range(3)] == [1, 1, 1]


async def test_a_table_that_was_changed_meanwhile_is_learnt_anew(postgres_database: Database) -> None:
    """A statement that a connection has prepared for the table as it was fails once, and not for ever."""

    async def do(statement: str) -> None:
        await postgres_database.at_once(lambda connection: connection.exec_driver_sql(statement))

    await do("CREATE TABLE changing (a text)")
    await do("INSERT INTO changing VALUES ('x')")
    asked = sa.select(sa.table("changing", sa.column("a")).c.a)
    assert await told(postgres_database, asked) == "x"
    await do("ALTER TABLE changing ALTER a TYPE varchar(30)")
    with pytest.raises(DBAPIError, match="cached statement plan is invalid"):
        await told(postgres_database, asked)
    assert [await told(postgres_database, asked) for _ in range(3)] == ["x", "x", "x"]


def test_ids_go_up_and_bear_their_moment() -> None:
    source = ids.Source()
    made = [source() for _ in range(2000)]
    assert made == sorted(set(made))
    assert {len(one) for one in made} == {26}
    first, last = (ids.ULID.from_str(one.upper()).datetime for one in (made[0], ids.new_id()))
    assert timedelta(0) <= last - first < timedelta(minutes=1)

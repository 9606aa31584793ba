"""Each school sees only its own: what PostgreSQL says to SQL that goes around whatever the program does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlmodel import col
from support import trust, website
from support.databases import Postgres

from config import sections
from gateway import enclosure, errors, secrecy
from gateway.database import Database, Pools
from gateway.doctor import books
from gateway.models import SignInTry
from gateway.trust import register, visiting, walls
from gateway.trust.register import opened
from gateway.wiring import running

DENIED = "42501"
NOW = datetime(2026, 11, 30, 9, 0, tzinfo=UTC)


@pytest.fixture
async def two(three: trust.Trust) -> AsyncIterator[list[Database]]:
    """Two schools behind one connection, so that each transaction comes right after one of the other's."""
    pools = Pools(size=1)
    yield [Database(three.of(key), pools=pools) for key in three.keys[:2]]
    await pools.close()


async def _state(database: Database, statement: str) -> str:
    """What PostgreSQL says to a statement: its SQLSTATE, or ``""`` where it did it."""
    try:
        async with database.write() as session:
            await session.execute(sa.text(statement))
    except DBAPIError as error:
        return str(getattr(error.orig, "sqlstate", ""))
    return ""


async def test_no_table_of_another_school_can_be_read_or_changed_by_its_full_name(two: list[Database]) -> None:
    oak, beech = two
    async with beech.read() as session:
        columns = dict(
            (
                await session.execute(
                    sa.text(
                        "SELECT table_name, min(column_name) FROM information_schema.columns"
                        " WHERE table_schema = current_schema() GROUP BY 1"
                    )
                )
            ).all()
        )
    assert len(columns) > 60, "every table of the gateway is there"
    got_through = {
        statement
        for table, column in columns.items()
        for statement in _deeds(f'"{enclosure.name(beech.school)}"."{table}"', column)
        if await _state(oak, statement) != DENIED
    }
    assert got_through == set()


def _deeds(table: str, column: str) -> list[str]:
    return [
        f"SELECT * FROM {table}",
        f'INSERT INTO {table} ("{column}") SELECT NULL',
        f'UPDATE {table} SET "{column}" = "{column}"',
        f"DELETE FROM {table}",
        f"TRUNCATE {table}",
        f"DROP TABLE {table}",
    ]


async def test_no_school_can_build_over_or_beside_another(two: list[Database]) -> None:
    oak, beech = two
    other = enclosure.name(beech.school)
    for statement in (
        f'CREATE TABLE "{other}".more (id int)',
        f'ALTER SCHEMA "{other}" OWNER TO CURRENT_USER',
        f'GRANT "{other}" TO CURRENT_USER',
        "CREATE TEMPORARY TABLE sender (id int)",  # it would stand before every school's of this connection
        "CREATE TABLE public.sender (id int)",
        "CREATE SCHEMA another",
        f'ALTER TABLE "{enclosure.TRUST}".visitor DISABLE ROW LEVEL SECURITY',
    ):
        assert await _state(oak, statement) == DENIED, statement


async def test_no_statement_becomes_another_schools_in_its_middle(two: list[Database]) -> None:
    """Whoever gets words of their own into one of ours could change the role in it, and ask by a function beside that
    plans its query only then.
    """
    oak, beech = two
    other = enclosure.name(beech.school)
    async with beech.write() as session:
        session.add(SignInTry(key="beechs_own", last_at=NOW))
    become = f"(SELECT set_config('role', '{other}', true) OFFSET 0) AS became"
    theirs = f'SELECT key FROM "{other}".sign_in_try'
    for crossing in (
        f"SELECT word FROM {become}, LATERAL ts_stat($$SELECT to_tsvector(key) FROM ({theirs}) AS own$$)",
        f"SELECT query_to_xml($${theirs}$$, true, true, '') FROM {become}",
        f"SELECT ts_rewrite('a', $$SELECT to_tsquery('a'), to_tsquery(key) FROM ({theirs}) AS own$$) FROM {become}",
        f"UPDATE pg_settings SET setting = '{other}' WHERE name = 'role'",  # by a rule of that view
        f"SELECT current_user FROM {become}",
    ):
        assert await _state(oak, crossing) == DENIED, crossing


async def test_no_daemon_starts_on_what_an_older_version_shared(two: list[Database], three: trust.Trust) -> None:
    """Its own tables may be up to date: nobody could sign out, or be kept out, at any of the schools."""
    oak = two[0]
    tables = sections.Database(url=three.url)
    tables.keep_to(oak.school)
    gateway = website.here(website.make_gateway(oak, website.Clock()))
    gateway = replace(gateway, settings=gateway.settings.model_copy(update={"database": tables}))
    await running.prepare(gateway)
    async with opened(three.url) as connection:
        await connection.execute(sa.text(f'ALTER TABLE "{enclosure.TRUST}".visitor DROP COLUMN ended_at'))
    try:
        with pytest.raises(errors.NotReady, match="handbell migrate --all"):
            await running.prepare(gateway)
    finally:
        async with opened(three.url) as connection:
            await walls.build(connection, oak.school)
    await running.prepare(gateway)


async def test_no_column_has_a_type_that_the_driver_would_ask_about(two: list[Database]) -> None:
    """asyncpg asks for types that are no builtin ones, and switches jit off for that by ``set_config``."""
    query = sa.text(
        "SELECT a.attrelid::regclass::text, t.typname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid"
        " JOIN pg_type t ON t.oid = a.atttypid WHERE c.relnamespace = CAST(current_schema() AS regnamespace)"
        " AND c.relkind = 'r' AND t.typnamespace <> CAST('pg_catalog' AS regnamespace)"
    )
    async with two[0].read() as session:
        assert (await session.execute(query)).all() == []


async def test_each_transaction_is_its_own_schools_whatever_the_one_before_did(two: list[Database]) -> None:
    oak, beech = two
    for round_ in range(4):  # prepared statements are kept, and must not remember a school
        for database in (oak, beech):
            async with database.write() as session:
                session.add(SignInTry(key=f"{database.school} {round_}", last_at=NOW))
    # Whoever could run any SQL might leave this behind for the next one.
    assert await _state(oak, f'SET search_path TO "{enclosure.name(oak.school)}"') == ""
    for database in (oak, beech):
        async with database.read() as session:
            kept = set(await session.scalars(sa.select(SignInTry.key).where(col(SignInTry.key).contains(" "))))
            assert await session.scalar(sa.text("SELECT CURRENT_USER")) == enclosure.name(database.school)
        assert kept == {f"{database.school} {round_}" for round_ in range(4)}


async def test_whatever_is_not_told_whose_it_is_fails(two: list[Database]) -> None:
    oak = two[0]
    nobodys = Database(oak.url.render_as_string(hide_password=False))
    try:
        assert await _state(nobodys, "SELECT * FROM sender") == "42P01"  # there is no such table
        assert await _state(nobodys, f'SELECT * FROM "{enclosure.name(oak.school)}".sender') == DENIED
    finally:
        await nobodys.close()


async def test_of_what_lies_together_a_school_sees_and_changes_its_own_rows_alone(three: trust.Trust) -> None:
    keys = three.keys
    oak, beech, cedar = (Database(three.of(key), pool_size=1) for key in keys)
    async with opened(three.url) as connection:
        await connection.execute(sa.text(f'DELETE FROM "{enclosure.TRUST}".visitor'))  # those of other tests
        for home, school in ((oak, beech), (beech, cedar)):
            row = {"home": enclosure.name(home.school), "school": enclosure.name(school.school)}
            await connection.execute(
                sa.text(
                    f'INSERT INTO "{enclosure.TRUST}".visitor (home, school, email, name, role)'
                    " VALUES (:home, :school, 'it@trust.example', 'Mr IT', 'it')"
                ),
                row,
            )
    try:
        async with oak.write() as session:
            _to, value = await visiting.give_pass(session, "it@trust.example", beech.school, codes=True, now=NOW)
        counts = {}
        for database in (oak, beech, cedar):
            async with database.write() as session:
                counts[database.school] = [
                    await session.scalar(sa.text(f'SELECT count(*) FROM "{enclosure.TRUST}".{table}'))
                    for table in ("school", "visitor", "pass")
                ]
        assert [counts[key] for key in keys] == [[2, 1, 1], [3, 2, 1], [2, 1, 0]]
        # Cedar: no pass of its own making for Beech, none of another's, no right, no row of another's gone.
        table = f'"{enclosure.TRUST}".pass'
        forged = (
            f"INSERT INTO {table} VALUES ('{secrecy.digest('x')}', '{enclosure.name(oak.school)}',"
            f" '{enclosure.name(beech.school)}', 'it@trust.example', now() + interval '1 hour')"
        )
        assert await _state(cedar, forged) == DENIED
        assert await _state(beech, forged) == DENIED
        assert await _state(cedar, f"INSERT INTO \"{enclosure.TRUST}\".visitor SELECT '', '', '', '', ''") == DENIED
        assert await _state(cedar, f"UPDATE \"{enclosure.TRUST}\".school SET name = 'Ours'") == DENIED
        visitor = f'"{enclosure.TRUST}".visitor'
        for database in (oak, beech, cedar):
            for column in ("role = 'head'", "name = 'Ms Head'", "school = home", "home = school"):
                assert await _state(database, f"UPDATE {visitor} SET {column}") == DENIED
        for database, changes in ((oak, 1), (beech, 1), (cedar, 0)):  # what is ended is ended by home
            async with database.write() as session:
                ended = await session.execute(sa.text(f"UPDATE {visitor} SET ended_at = now() RETURNING home"))
                assert list(ended.scalars()) == [enclosure.name(database.school)] * changes
                await session.rollback()
        assert await _state(cedar, f"DELETE FROM {table}") == ""
        async with cedar.write() as session:
            with pytest.raises(errors.NotFound):
                await visiting.take_pass(session, value, now=NOW)
        async with beech.write() as session:
            guest = await visiting.take_pass(session, value, now=NOW)
            assert (guest.email, guest.name) == ("it@trust.example", "Mr IT")
        async with beech.write() as session:
            with pytest.raises(errors.NotFound):  # once
                await visiting.take_pass(session, value, now=NOW)
    finally:
        for database in (oak, beech, cedar):
            await database.close()


async def test_a_school_is_made_twice_without_harm_and_keeps_all_when_it_retires(two: list[Database]) -> None:
    oak, _beech = two
    url = oak.url.render_as_string(hide_password=False)
    async with oak.write() as session:
        session.add(SignInTry(key="kept", last_at=NOW))
    async with opened(url) as connection:
        await register.retire(connection, oak.school)
        assert [one.key for one in await register.listed(connection) if one.retired_at] == [oak.school]
    for _ in range(2):
        async with opened(url) as connection:
            await register.add(connection, oak.school, name="Oak", office_url="")
    async with opened(url) as connection:
        assert not any(one.retired_at for one in await register.listed(connection))
    async with oak.read() as session:
        assert await session.get(SignInTry, "kept") is not None


async def test_the_doctor_says_whether_the_walls_stand(three: trust.Trust, postgres: Postgres) -> None:
    key = three.keys[2]
    own = enclosure.name(key)

    async def found(url: str) -> tuple[str, str]:
        database = Database(enclosure.address(url, key))
        try:
            [one] = await books.walls(website.make_gateway(database, website.Clock()))
        finally:
            await database.close()
        return one.state, one.sentence

    assert (await found(three.url))[0] == "ok"
    state, said = await found(postgres.of(three.name))
    assert (state, "may do everything" in said) == ("warn", True), "a superuser"

    async def on_the_side(statement: str) -> None:
        database = Database(postgres.of(three.name))
        async with database.write() as session:
            await session.execute(sa.text(statement))
        await database.close()

    for to in (f'"{own}"', "PUBLIC"):
        await on_the_side(f"GRANT EXECUTE ON FUNCTION {trust.SET_CONFIG} TO {to}")
        state, said = await found(three.url)
        assert (state, "set_config" in said) == ("warn", True)
        await on_the_side(f"REVOKE EXECUTE ON FUNCTION {trust.SET_CONFIG} FROM {to}")
    await on_the_side(f'GRANT "{own}" TO "{three.login}" WITH INHERIT TRUE')
    state, said = await found(three.url)
    assert (state, "all the time" in said) == ("warn", True)
    await on_the_side(f'GRANT "{own}" TO "{three.login}" WITH INHERIT FALSE')
    assert (await found(three.url))[0] == "ok"
    await on_the_side(f'ALTER SCHEMA "{own}" OWNER TO "{three.login}"')
    state, said = await found(three.url)
    assert (state, "belongs to somebody else" in said) == ("bad", True)
    await on_the_side(f'ALTER SCHEMA "{own}" OWNER TO "{own}"')

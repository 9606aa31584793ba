"""Whatever is done to a single row of the audit log, sealed or not, verification finds it and names it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from support import tampering

from gateway import audit, chain
from gateway.database import Database, Session
from gateway.models import Audit, AuditEnd
from gateway.models.types import core

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
SEALED, UNSEALED = 6, 4
ROWS = range(1, SEALED + UNSEALED + 1)
COLUMNS = [column.name for column in core(Audit).columns if column.name != "id"]
AT, END = core(Audit), core(AuditEnd)


@dataclass
class Altered:
    """A log of ten lines, the last four of them not sealed, and what is said of it once somebody has been at it."""

    database: Database
    log: audit.Log

    @asynccontextmanager
    async def by(self) -> AsyncIterator[Session]:
        """A transaction in which everything may be done, and which is rolled back."""
        async with self.database.write() as session:
            await tampering.unguard(session)
            yield session
            await session.rollback()

    async def fault(self, session: Session) -> str:
        session.expunge_all()
        return (await self.log.verify(session)).fault


@pytest.fixture
async def altered(database: Database) -> Altered:
    log = audit.Log(b"k" * 32)
    async with database.write() as session:
        await log.record(session, [line(n) for n in range(SEALED)], now=NOW)
    async with database.write() as session:
        await log.seal(session)
        await log.record(session, [line(n) for n in range(SEALED, SEALED + UNSEALED)], now=NOW)
    async with database.read() as session:
        assert await log.verify(session) == chain.Verdict(SEALED, UNSEALED, (await chain.head(session))[1], "")
    return Altered(database, log)


def line(number: int) -> audit.Line:
    return audit.Line("notice.sent", f"notice:{number}", {"messages": 3})


def names(fault: str, row: int) -> bool:
    return re.search(rf"\b(row|Row|line|Line) {row}\b", fault) is not None


async def test_any_column_of_any_row_changed(altered: Altered) -> None:
    for row in ROWS:
        for column in COLUMNS:
            value = {"at": NOW + timedelta(seconds=1), "link": 99, "nonce": "", "mac": "0" * 64}.get(column, "x")
            async with altered.by() as session:
                await session.execute(sa.update(AT).where(AT.c.id == row).values({column: value}))
                assert names(await altered.fault(session), row), (row, column)


async def test_any_row_removed(altered: Altered) -> None:
    for row in ROWS:
        async with altered.by() as session:
            await session.execute(sa.delete(AT).where(AT.c.id == row))
            verdict = await altered.log.verify(session)
            if row <= SEALED or altered.database.is_sqlite:
                assert names(verdict.fault, row), row
            else:  # PostgreSQL leaves such a gap after every transaction that is rolled back, too
                assert (verdict.fault, verdict.unused) == ("", 1)


async def test_the_whole_tail_removed_and_the_sealer_goes_on(altered: Altered) -> None:
    for first in range(1, SEALED + 1):
        async with altered.by() as session:
            await session.execute(sa.delete(AT).where(AT.c.id >= first))
            assert names(await altered.fault(session), first)
            await altered.log.record(session, line(99), now=NOW)
            await altered.log.seal(session)
            assert names(await altered.fault(session), first)


async def test_a_copy_of_any_row_put_in(altered: Altered) -> None:
    """Without the key nobody can make a line; with the database alone, only copy one."""
    for row in ROWS:
        async with altered.by() as session:
            values = (await session.execute(sa.select(AT).where(AT.c.id == row))).one()._asdict()
            await session.execute(sa.insert(AT).values(values | {"id": 11, "link": None, "hash": ""}))
            assert names(await altered.fault(session), 11)
            await altered.log.seal(session)
            assert names(await altered.fault(session), 11)
        async with altered.by() as session:
            await session.execute(sa.insert(AT).values(values | {"id": 11, "link": None, "hash": "", "mac": "0" * 64}))
            assert names(await altered.fault(session), 11)


async def test_any_two_rows_swapped(altered: Altered) -> None:
    for one in ROWS:
        for other in range(one + 1, ROWS[-1] + 1):
            if one > SEALED and not altered.database.is_sqlite:
                continue  # two that are not sealed have no order there yet
            async with altered.by() as session:
                for before, after in ((one, 99), (other, one), (99, other)):
                    await session.execute(sa.update(AT).where(AT.c.id == before).values(id=after))
                links = {row.id: row for row in await session.execute(sa.select(AT.c.id, AT.c.link, AT.c.hash))}
                await session.execute(sa.update(AT).where(AT.c.id.in_([one, other])).values(link=None))
                for row, place in ((one, links[other]), (other, links[one])):
                    await session.execute(sa.update(AT).where(AT.c.id == row).values(link=place.link, hash=place.hash))
                fault = await altered.fault(session)
                assert names(fault, one) or names(fault, other), (one, other, fault)


async def test_the_chain_made_anew_without_the_key(altered: Altered) -> None:
    """Whoever removes a line and chains the rest again, as anybody can, cannot sign the end."""
    for row in range(1, SEALED + 1):
        async with altered.by() as session:
            await session.execute(sa.delete(AT).where(AT.c.id == row))
            await session.execute(sa.update(AT).values(link=None, hash=""))
            head = chain.GENESIS
            rows = (await session.execute(sa.select(AT.c.id, AT.c.mac).order_by(AT.c.id).limit(SEALED - 1))).all()
            for link, (row_id, mac) in enumerate(rows, start=1):
                head = chain.chained(head, mac)
                await session.execute(sa.update(AT).where(AT.c.id == row_id).values(link=link, hash=head))
            await session.execute(sa.update(END).values(link=SEALED - 1, hash=head))
            assert await altered.fault(session)
            await session.execute(sa.update(END).values(mac=""))
            await altered.log.seal(session)  # does not make it good
            assert await altered.fault(session)


async def test_the_seal_taken_off_everything(altered: Altered) -> None:
    """A log of which nothing seems sealed yet would be sealed anew, and signed: not by one who has seen its end."""
    for row in ROWS:
        seen = chain.Seen()
        async with altered.by() as session:
            await altered.log.seal(session, seen=seen)  # here it learns where the chain ends
            await session.execute(sa.delete(AT).where(AT.c.id == row))
            await session.execute(sa.update(AT).values(link=None, hash=""))
            await session.execute(sa.delete(END))
            for behind in range(row + 1, ROWS.stop):
                await session.execute(sa.update(AT).where(AT.c.id == behind).values(id=behind - 1))
            await tampering.forget_last_number(session, ROWS.stop - 2)
            await altered.log.seal(session, seen=seen)
            assert "signature of the chain's end" in await altered.fault(session), row
            await altered.log.record(session, line(99), now=NOW)
            await altered.log.seal(session, seen=chain.Seen())  # nor by whoever comes later
            assert "signature of the chain's end" in await altered.fault(session), row


async def test_an_older_end_put_back(altered: Altered) -> None:
    seen = chain.Seen()
    async with altered.by() as session:
        old = (await session.execute(sa.select(END))).mappings().one()
        await altered.log.seal(session, seen=seen)
        await altered.log.seal(session, seen=seen)
        await session.execute(sa.delete(AT).where(AT.c.id > SEALED))
        await session.execute(sa.update(END).values(dict(old)))
        await tampering.forget_last_number(session, SEALED)
        await altered.log.record(session, line(99), now=NOW)
        await altered.log.seal(session, seen=seen)
        assert "signature of the chain's end" in await altered.fault(session)


async def test_what_another_process_has_sealed_since_is_no_fault(altered: Altered) -> None:
    seen, others = chain.Seen(), chain.Seen()
    async with altered.by() as session:
        for number in range(20, 26):
            await altered.log.seal(session, seen=seen if number % 3 else others)
            await altered.log.record(session, line(number), now=NOW)
        await altered.log.seal(session, seen=seen)
        assert not await altered.fault(session)


@pytest.mark.parametrize("values", [{"link": 5}, {"link": 7}, {"hash": "f" * 64}, {"mac": ""}, {"mac": "f" * 64}])
async def test_the_end_altered(altered: Altered, values: dict[str, object]) -> None:
    async with altered.by() as session:
        await session.execute(sa.update(END).values(values))
        assert await altered.fault(session)
    async with altered.by() as session:
        await session.execute(sa.delete(END))
        assert await altered.fault(session)
        await altered.log.seal(session)
        assert await altered.fault(session)


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM audit WHERE id = 10",
        "DELETE FROM audit",
        "DELETE FROM audit_end",
        "UPDATE audit SET body = '{}' WHERE id = 10",
        "UPDATE audit SET hash = 'x' WHERE id = 10",
        "UPDATE audit SET link = 7, hash = 'x', actor = 'x' WHERE id = 10",
        "UPDATE audit SET link = NULL WHERE id = 3",
        "UPDATE audit SET hash = 'x' WHERE id = 3",
        (
            "INSERT INTO audit (at, actor, action, subject, body, mac, link, hash) "
            "SELECT at, actor, action, subject, body, mac, 7, hash FROM audit WHERE id = 3"
        ),
    ],
)
async def test_the_databases_refuse_it(altered: Altered, statement: str) -> None:
    extra = [
        "INSERT OR REPLACE INTO audit SELECT id, at, actor, action, subject, body, nonce, mac, NULL, '' FROM audit",
        "UPDATE OR REPLACE audit SET link = 3 WHERE id = 10",
    ]
    postgresql = ["TRUNCATE audit", "TRUNCATE audit_end"]
    for one in [statement, *(extra if altered.database.is_sqlite else postgresql)]:
        with pytest.raises(sa.exc.DBAPIError, match="can only be added to"):
            async with altered.database.write() as session:
                await session.execute(sa.text(one))
    async with altered.database.read() as session:
        assert (await altered.log.verify(session)).fault == ""

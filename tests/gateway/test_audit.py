"""No deed without a line, and no line that can be changed without being noticed."""

from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from support import tampering

from gateway import audit, chain
from gateway.database import Database

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
LOG = audit.Log(b"k" * 32)


async def write_lines(database: Database, count: int) -> None:
    async with database.write() as session:
        await LOG.record(
            session, [audit.Line("notice.sent", f"notice:{n}", {"messages": n}) for n in range(count)], now=NOW
        )


async def seal(database: Database) -> int:
    async with database.write() as session:
        return await LOG.seal(session)


async def verify(database: Database, **options: str) -> chain.Verdict:
    async with database.read() as session:
        return await LOG.verify(session, **options)


async def test_lines_are_sealed_in_order_and_verify(database: Database) -> None:
    await write_lines(database, 5)
    assert (await verify(database)).unsealed == 5
    assert await seal(database) == 5
    await write_lines(database, 3)
    assert await seal(database) == 3
    verdict = await verify(database)
    assert (verdict.sealed, verdict.unsealed, verdict.fault) == (8, 0, "")
    assert (await verify(database, expect_head=verdict.head)).fault == ""
    assert "published" in (await verify(database, expect_head="f" * 64)).fault


async def test_a_line_is_rolled_back_with_its_deed(database: Database) -> None:
    async def fail() -> None:
        async with database.write() as session:
            await LOG.record(session, audit.Line("notice.sent"), now=NOW)
            raise RuntimeError("the deed failed")

    with pytest.raises(RuntimeError):
        await fail()
    assert (await verify(database)).unsealed == 0


async def test_the_published_head_cannot_be_parked_outside_the_chain(database: Database) -> None:
    """Whoever has the key as well can forge a whole chain; but not so that the head that we have on paper is in it."""
    await write_lines(database, 4)
    await seal(database)
    published = (await verify(database)).head
    async with database.write() as session:
        await tampering.unguard(session)
        await session.execute(sa.text("DELETE FROM audit WHERE link >= 3"))
        await session.execute(sa.text("UPDATE audit SET link = NULL, hash = ''"))
        await session.execute(sa.text("DELETE FROM audit_end"))
        if database.is_sqlite:
            await session.execute(sa.text("UPDATE sqlite_sequence SET seq = 2 WHERE name = 'audit'"))
    await write_lines(database, 1)
    await seal(database)
    assert (await verify(database)).fault == ""
    assert "nowhere in this chain" in (await verify(database, expect_head=published)).fault
    async with database.write() as session:
        await session.execute(sa.text("UPDATE audit SET hash = :head WHERE link = 3"), {"head": published})
    assert "line 3" in (await verify(database, expect_head=published)).fault


async def test_the_log_can_be_read_by_subject(database: Database) -> None:
    await write_lines(database, 4)
    async with database.read() as session:
        assert [line.subject for line in await audit.lines_about(session, "notice:2")] == ["notice:2"]
        assert len(await audit.lines_about(session, action="notice.sent", limit=3)) == 3

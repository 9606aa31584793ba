"""No deed without a line, and no line that can be changed without being noticed."""

from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from gateway import audit
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


async def verify(database: Database, **options: str) -> audit.Verdict:
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


@pytest.mark.parametrize(
    ("tampering", "fault"),
    [
        ("UPDATE audit SET body = '{}' WHERE link = 3", "was changed"),
        ("UPDATE audit SET actor = 'somebody' WHERE link = 3", "was changed"),
        ("DELETE FROM audit WHERE link = 3", "missing"),
        ("UPDATE audit SET hash = 'x' WHERE link = 3", "broken at line 3"),
        ("UPDATE audit SET link = 99 WHERE link = 3", "missing"),
        ("UPDATE audit SET body = '{}' WHERE link IS NULL", "was changed"),
        ("UPDATE audit SET hash = 'x' WHERE link IS NULL", "was changed"),
    ],
)
async def test_tampering_is_named(database: Database, tampering: str, fault: str) -> None:
    await write_lines(database, 6)
    await seal(database)
    await write_lines(database, 1)
    async with database.write() as session:
        await session.execute(sa.text(tampering))
    assert fault in (await verify(database)).fault


async def test_the_published_head_cannot_be_parked_outside_the_chain(database: Database) -> None:
    """Whoever can write the database can forge hashes, as they need no key; but not the head that we have on paper."""
    await write_lines(database, 4)
    await seal(database)
    published = (await verify(database)).head
    async with database.write() as session:
        await session.execute(sa.text("DELETE FROM audit WHERE link = 3"))
        await session.execute(sa.text("UPDATE audit SET link = NULL, hash = '' WHERE link = 4"))
    await seal(database)  # the sealer itself closes the gap
    await write_lines(database, 1)
    assert (await verify(database)).fault == ""
    async with database.write() as session:
        await session.execute(sa.text("UPDATE audit SET hash = :head WHERE link IS NULL"), {"head": published})
    assert (await verify(database, expect_head=published)).fault != ""


async def test_swapped_lines_are_named(database: Database) -> None:
    await write_lines(database, 4)
    await seal(database)
    async with database.write() as session:
        for before, after in ((2, 99), (3, 2), (99, 3)):
            await session.execute(sa.text(f"UPDATE audit SET link = {after} WHERE link = {before}"))
    assert "broken at line 2" in (await verify(database)).fault


async def test_the_log_can_be_read_by_subject(database: Database) -> None:
    await write_lines(database, 4)
    async with database.read() as session:
        assert [line.subject for line in await audit.lines_about(session, "notice:2")] == ["notice:2"]
        assert len(await audit.lines_about(session, action="notice.sent", limit=3)) == 3

"""Where this machine saw the audit log end: nobody who has the database alone rewrites it while no daemon runs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from support import tampering

from gateway import audit, chain, end_seen
from gateway.database import Database, Session
from gateway.models import Audit, AuditEnd
from gateway.models.types import core

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
AT, END = core(Audit), core(AuditEnd)
LINES = 5


@dataclass
class Machine:
    """A log of five sealed lines, and the folder in which a process keeps where it ended."""

    database: Database
    log: audit.Log
    file: Path
    now: datetime = NOW

    def mark(self) -> end_seen.Mark:
        """As the next process knows it."""
        return end_seen.Mark(self.file, self.log, now=lambda: self.now)

    async def seal(self, *lines: audit.Line, mark: end_seen.Mark | None = None) -> None:
        mark = mark or self.mark()
        async with self.database.write() as session:
            await self.log.record(session, lines, now=NOW)
            await mark.seal(session)
        mark.committed()

    @asynccontextmanager
    async def by(self) -> AsyncIterator[Session]:
        """Somebody who owns the database, and whose deeds stay."""
        async with self.database.write() as session:
            await tampering.unguard(session)
            yield session

    async def faults(self) -> tuple[str, str]:
        """What verification says without the mark, and with it."""
        seen = self.mark().kept()
        async with self.database.read() as session:
            plain = await self.log.verify(session)
            return plain.fault, (await self.log.verify(session, seen=seen)).fault

    async def actions(self) -> list[str]:
        async with self.database.read() as session:
            return list(await session.scalars(sa.select(AT.c.action).order_by(AT.c.id)))


@pytest.fixture
async def machine(database: Database, tmp_path: Path) -> Machine:
    found = Machine(database, audit.Log(b"k" * 32), tmp_path / "state" / "audit.end")
    await found.seal(*(audit.Line("notice.sent", f"notice:{n}") for n in range(LINES)))
    assert await found.faults() == ("", "")
    assert found.mark().kept() == await head(found)
    return found


async def head(machine: Machine) -> chain.End:
    async with machine.database.read() as session:
        return chain.End(*await chain.head(session))


async def test_the_seal_taken_off_everything_while_nobody_runs(machine: Machine) -> None:
    async with machine.by() as session:
        await session.execute(sa.delete(AT).where(AT.c.id == 2))
        await session.execute(sa.update(AT).values(link=None, hash=""))
        await session.execute(sa.delete(END))
        for behind in range(3, LINES + 1):
            await session.execute(sa.update(AT).where(AT.c.id == behind).values(id=behind - 1))
        await tampering.forget_last_number(session, LINES - 1)
    plain, seen = await machine.faults()
    assert plain == ""  # the database alone does not show it
    assert "does not go on from line 5" in seen
    async with machine.database.read() as session:
        assert "2026-11-23T09:00:00Z" in await machine.mark().fault(session)
    await machine.seal(audit.Line("notice.sent"))  # a daemon would not have started
    plain, seen = await machine.faults()
    assert "signature of the chain's end" in plain
    assert machine.mark().kept() == chain.End(5, (machine.mark().kept() or chain.End()).hash)


async def test_an_older_state_put_back(machine: Machine) -> None:
    async with machine.database.read() as session:
        old = dict((await session.execute(sa.select(END))).mappings().one())
    await machine.seal(audit.Line("notice.sent", "notice:9"))
    async with machine.by() as session:
        await session.execute(sa.delete(AT).where(AT.c.id > LINES))
        await session.execute(sa.update(END).values(**old))
        await tampering.forget_last_number(session, LINES)
    plain, seen = await machine.faults()
    assert (plain, "does not go on from line 6" in seen) == ("", True)
    machine.mark().keep(await head(machine))  # a person says that it was they
    await machine.seal(audit.Line("notice.sent"))
    assert await machine.faults() == ("", "")
    assert (await head(machine)).link == LINES + 1


async def test_what_a_person_has_put_back_on_another_machine_keeps_nobody_from_starting(machine: Machine) -> None:
    """Only a later line of ours says so: an older restore excuses nothing, nor does one that somebody made up."""
    said = audit.Line("backup.restored", "", {"copied_at": "…"}, "Mr Reilly")
    await machine.seal(said)  # long ago, as far as the file of this machine goes
    machine.now += timedelta(minutes=5)
    await machine.seal(audit.Line("notice.sent", "notice:9"))
    async with machine.by() as session:
        await session.execute(sa.delete(AT).where(AT.c.id == LINES + 2))
        await session.execute(sa.update(AT).values(link=None, hash=""))
        await session.execute(sa.delete(END))
        await tampering.forget_last_number(session, LINES + 1)
    async with machine.database.read() as session:
        assert "does not go on" in await machine.mark().fault(session)
    async with machine.database.write() as session:
        await machine.log.record(session, said, now=machine.now + timedelta(seconds=1))
        await machine.log.seal(session)
        assert not await machine.mark().fault(session)
        newest = sa.select(sa.func.max(AT.c.id)).scalar_subquery()
        await session.execute(sa.update(AT).where(AT.c.id == newest).values(actor="somebody"))
        session.expire_all()
        assert "does not go on" in await machine.mark().fault(session)
        await session.rollback()
    async with machine.database.write() as session:
        await machine.log.record(session, said, now=machine.now + timedelta(seconds=1))
    assert await machine.faults() == ("", "")
    mark = machine.mark()
    async with machine.database.read() as session:
        assert not await mark.fault(session)
    await machine.seal(mark=mark)
    assert machine.mark().kept() == await head(machine)
    assert await machine.faults() == ("", "")


async def test_it_moves_with_the_log_and_never_before_what_is_committed(machine: Machine) -> None:
    mark = machine.mark()
    for number in range(3):
        await machine.seal(audit.Line("notice.sent", f"notice:{number}"), mark=mark)
        assert machine.mark().kept() == await head(machine)
    before = mark.kept()
    async with machine.database.write() as session:
        await machine.log.record(session, audit.Line("notice.sent"), now=NOW)
        await mark.seal(session)
        await session.rollback()
    await machine.seal(mark=mark)
    assert mark.kept() == before == await head(machine)
    assert "audit.mark_made" not in await machine.actions()


@pytest.mark.parametrize("written", [None, "", "[]", "{}", '{"link": 1, "hash": "f", "mac": "ü"}'])
async def test_one_that_is_gone_or_not_ours_is_made_anew_and_leaves_a_line(
    machine: Machine, written: str | None
) -> None:
    machine.file.unlink()
    if written is not None:
        machine.file.write_text(written, "utf-8")
    assert machine.mark().kept() is None
    mark = machine.mark()
    await machine.seal(mark=mark)
    await machine.seal(mark=mark)
    await machine.seal()
    assert (await machine.actions())[LINES:] == ["audit.mark_made"]
    assert machine.mark().kept() == await head(machine)


async def test_another_keys_is_not_believed(machine: Machine) -> None:
    end_seen.Mark(machine.file, audit.Log(b"x" * 32), now=lambda: NOW).keep(chain.End(3, "f" * 64))
    assert machine.mark().kept() is None


async def test_a_folder_that_cannot_be_written_stops_no_seal(database: Database, tmp_path: Path) -> None:
    (tmp_path / "state").write_text("no folder")
    machine = Machine(database, audit.Log(b"k" * 32), tmp_path / "state" / "audit.end")
    mark = machine.mark()
    for number in range(3):
        await machine.seal(audit.Line("notice.sent", f"notice:{number}"), mark=mark)
    assert (await head(machine)).link == 3
    assert machine.mark().kept() is None

"""The gateway is killed while it plans, again and again: in the end each family has its row once."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

import sqlalchemy as sa
from sqlmodel import col, select
from support import processes
from support.desk import gateway
from support.waiting import until

from gateway import notices, runs
from gateway.database import Database
from gateway.definitions import reading
from gateway.models import About, Contact, ContactPoint, Guardianship, LineType, Message, PointKind, Pupil, Run
from gateway.models.types import core

PUPILS = runs.PORTION * 5
KILLS = 2
NOTICE = """
key = "killed"
title = "Killed"
purpose = "service"
media = ["sms"]
text.en = "School finishes at 1pm on Friday: {children}."
audience.whole_school = true
"""


async def fill(database: Database) -> None:
    """Pupils with a mother each; the mother of every second one is also that of a pupil far away on the roll."""
    numbers = range(1, PUPILS + 1)
    ties = [(n, n) for n in numbers] + [(n, PUPILS + 1 - n) for n in numbers if n % 2]
    rows: dict[sa.Table, list[dict[str, object]]] = {
        core(Pupil): [Pupil(id=n, source_id=f"p{n}", forename=f"P{n}", surname="E").model_dump() for n in numbers],
        core(Contact): [Contact(id=n, source_id=f"c{n}", forename=f"C{n}").model_dump() for n in numbers],
        core(Guardianship): [
            Guardianship(id=n, pupil_id=p, contact_id=c, parental_responsibility=True).model_dump()
            for n, (p, c) in enumerate(ties, 1)
        ],
        core(ContactPoint): [
            ContactPoint(
                id=n, contact_id=n, kind=PointKind.PHONE, line_type=LineType.MOBILE, address=f"+447700900{n:06d}"
            ).model_dump()
            for n in numbers
        ],
    }
    async with database.write() as session:
        for table, values in rows.items():
            await session.execute(sa.insert(table), values)


async def test_each_family_has_its_row_once(school: processes.School, world: processes.World, tmp_path: Path) -> None:
    school.write_settings(world, extra="[sending]\npoll_s = 0.2")
    await school.handbell("migrate")  # it writes down the senders
    database = Database(school.database_url)
    try:
        await fill(database)
        (tmp_path / "notice.toml").write_text(NOTICE)
        school.env["HANDBELL_ROLES"] = "clock"  # test_killed shows what goes out meanwhile
        await school.handbell("notice", "send", str(tmp_path / "notice.toml"))
        found, killed_at = 0, []
        for _ in range(KILLS):
            process = await school.start()  # not waited for: it plans from its first second on
            # On a busy machine it stands back for us, or it would be done before we have looked.
            os.setpriority(os.PRIO_PROCESS, process.child.pid, 15)

            async def more(before: int = found, process: processes.Process = process) -> bool:
                assert process.child.returncode is None, process.said()
                return await planned(database) > before

            await until(more, "another portion is planned")
            await process.kill()
            found = await planned(database)
            killed_at.append(found)
        await school.start()
        await until(lambda: done(database), "the whole run is planned", every=0.1)
        async with database.read() as session:
            rows = list(await session.execute(sa.select(Message.slot, Message.body).order_by(Message.slot)))
            about = list(await session.execute(sa.select(About.message_id, About.pupil_id)))
            [run] = await session.scalars(select(Run))
            definition = reading.read(tomllib.loads(NOTICE))
            seen = await notices.preview(session, gateway(database), definition)
    finally:
        await database.close()
    assert killed_at[0] < PUPILS, "killed before it was done"
    assert rows == sorted((row.message.slot, row.message.body) for row in seen.rows)
    assert len(rows) == run.messages == PUPILS
    assert len(about) == sum(len(row.pupil_ids) for row in seen.rows)
    await school.handbell("audit", "verify")


async def planned(database: Database) -> int:
    async with database.read() as session:
        return await session.scalar(sa.select(sa.func.count()).select_from(Message)) or 0


async def done(database: Database) -> bool:
    async with database.read() as session:
        return await session.scalar(sa.select(col(Run.planned_at)).limit(1)) is not None

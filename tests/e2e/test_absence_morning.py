"""A morning in accelerated time: the practice school's register, the real daemon, pretend phones, a kill half-way.

Every child ends in the right state of the child, and the right people were told.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from support import processes
from support.mornings import CALENDAR, PATIENCE, Family, families, register, texts

from gateway.database import Database
from gateway.models import (
    AbsenceCase,
    CaseState,
    Pupil,
    Task,
)
from gateway.models.types import core
from gateway.practice import school as practice

LONDON = ZoneInfo("Europe/London")

# Minutes are seconds.
LADDER = """
read_within = "4s"
arrive_within = "10s"
act_within = "4s"
worth_asking = "2h"
[[rungs]]
ask = "main"
media = ["sms"]
[[rungs]]
ask = "others"
media = ["sms", "email"]
after = "20s"
[[rungs]]
ask = "main"
media = ["voice"]
after = "4s"
[[rungs]]
task = "phone"
after = "4s"
[[rungs]]
task = "safeguarding"
after = "6s"
"""
SETTINGS = """
[absence]
enabled = true
safeguarding_lead = "Mrs Okafor"
calendar = "{folder}/calendar.toml"
ladder = "{folder}/ladder.toml"
marks_folder = "{folder}/marks"
record = ["illness"]
[sending]
lease_s = 3
in_doubt_grace_s = 1
poll_s = 0.2
"""


async def cases(database: Database) -> dict[int, AbsenceCase]:
    async with database.read() as session:
        return {case.pupil_id: case for case in await session.scalars(sa.select(AbsenceCase))}


@pytest.mark.timeout(300)
async def test_a_whole_morning(
    school: processes.School, world: processes.World, practice_school: practice.Summary, tmp_path: Path
) -> None:
    (tmp_path / "calendar.toml").write_text(CALENDAR)
    (tmp_path / "ladder.toml").write_text(LADDER)
    (tmp_path / "marks").mkdir()
    school.write_settings(world, extra=SETTINGS.format(folder=tmp_path))
    school.env |= PATIENCE
    await school.handbell("import", *[str(file) for file in practice_school.files])
    database = Database(school.database_url)
    try:
        await play(school, world, practice_school, database, tmp_path)
    finally:
        await database.close()
    assert "Nothing was changed" in await school.handbell("audit", "verify")


async def play(
    school: processes.School, world: processes.World, made: practice.Summary, database: Database, folder: Path
) -> None:
    chosen = await families(database)
    polish = next(one for one in chosen if one.language == "pl")
    english = [one for one in chosen if one.language in ("", "en")]
    ill, silent, late, gone, wrong, stopped, lost, words = english[:8]
    nobody = made.cases["nobody"][0][0]
    twins = made.cases["twins"][0]
    everybody = [line.split(",")[0] for line in made.files[0].read_text("utf-8-sig").splitlines()[1:]]
    absent = [one.pupil for one in (ill, silent, late, gone, wrong, stopped, lost, words, polish)] + [nobody, *twins]
    (folder / "marks" / "register.csv").write_text(register(everybody, absent))
    await school.run()

    async def all_asked() -> bool:
        return all([await texts(world, one.mother) for one in chosen if one.pupil in absent])

    await processes.until(all_asked, what="every mother has her text", every=0.2)
    for family, answer in ((ill, "1"), (late, "3"), (gone, "4"), (wrong, "1"), (stopped, "STOP"), (lost, "3")):
        await world.do("reply", number=family.mother, text=answer)
    await world.do("reply", number=words.mother, text="shes with her nan i think??")
    await world.do("reply", number=polish.mother, text="2")

    async def answered() -> bool:
        found = await cases(database)
        return found[late.pupil_id].state is CaseState.EXPECTED and found[wrong.pupil_id].state is CaseState.EXPLAINED

    await processes.until(answered, what="the answers are heard", every=0.2)
    # The power fails in mid-ladder.
    assert school.process is not None
    await school.process.kill()
    await school.handbell("marks", "set", late.pupil, "L", "--at", "00:05", "--session", "AM", "--as", "Mrs Office")
    await school.handbell("marks", "set", wrong.pupil, "/", "--session", "AM", "--as", "Mrs Office")
    await school.run()

    async def all_ended() -> bool:
        ends = {CaseState.SEEN, CaseState.EXPLAINED, CaseState.HANDED_OVER, CaseState.TO_CONFIRM}
        return all(case.state in ends for case in (await cases(database)).values())

    await processes.until(all_ended, what="every case has ended", every=0.2)
    found = await cases(database)
    async with database.read() as session:
        ids = {one.source_id: one.id or 0 for one in await session.scalars(sa.select(Pupil))}
        tasks = {task.subject: task for task in await session.scalars(sa.select(Task)) if task.kind == "absence.alarm"}
    ended = {ids[one]: found[ids[one]].state for one in absent}
    assert len(found) == len(absent)
    assert ended == {
        ill.pupil_id: CaseState.EXPLAINED,
        silent.pupil_id: CaseState.HANDED_OVER,
        late.pupil_id: CaseState.SEEN,
        gone.pupil_id: CaseState.HANDED_OVER,
        wrong.pupil_id: CaseState.HANDED_OVER,
        stopped.pupil_id: CaseState.HANDED_OVER,
        lost.pupil_id: CaseState.HANDED_OVER,
        words.pupil_id: CaseState.HANDED_OVER,
        polish.pupil_id: CaseState.TO_CONFIRM,
        ids[nobody]: CaseState.HANDED_OVER,
        **{ids[twin]: CaseState.HANDED_OVER for twin in twins},
    }
    assert all(found[one].by == "Mrs Okafor" for one, state in ended.items() if state is CaseState.HANDED_OVER)
    assert {f"case:{found[one.pupil_id].id}" for one in (gone, wrong, lost)} == set(tasks)
    assert all(task.urgent for task in tasks.values())
    await check_phones(world, ill=ill, silent=silent, late=late, gone=gone, stopped=stopped, polish=polish)
    await check_twins(database, world, [ids[twin] for twin in twins])
    await check_export(school, found, ill, late)


async def check_phones(
    world: processes.World,
    *,
    ill: Family,
    silent: Family,
    late: Family,
    gone: Family,
    stopped: Family,
    polish: Family,
) -> None:
    # Answered at once: the father was never alarmed, and the mother needs no further text.
    assert len(await texts(world, ill.mother)) == 1
    assert await texts(world, ill.father) == []
    # Silence: each once, however often the daemon died.
    assert len(await texts(world, silent.mother)) == 1
    assert len(await texts(world, silent.father)) == 1
    first, last = await texts(world, late.mother)
    assert "is not in school today" in first
    assert f"{late.name} arrived safely at school at 12:05" in last
    assert await texts(world, gone.father) == []
    assert "unsubscribed" in (await texts(world, stopped.mother))[1]  # the network's own words
    assert len(await texts(world, stopped.mother)) == 2
    assert len(await texts(world, stopped.father)) == 1
    assert "nie jest dziś" in (await texts(world, polish.mother))[0]


async def check_twins(database: Database, world: processes.World, twins: Sequence[int]) -> None:
    """Whoever heard of one heard of the other, in the same text."""
    async with database.read() as session:
        rows = await session.scalars(sa.select(Pupil).where(core(Pupil).c.id.in_(twins)))
        names = [one.called for one in rows]
    about_them = [
        body
        for phone in (await world.look("phones"))["phones"]
        for body in [text["body"] for text in phone["texts"]]
        if any(f"{name} and" in body or f"and {name}" in body or f"{name} i " in body for name in names)
    ]
    assert about_them
    assert all(name in body for body in about_them for name in names)


async def check_export(school: processes.School, found: dict[int, AbsenceCase], ill: Family, late: Family) -> None:
    lines = (await school.handbell("absence", "export")).splitlines()
    mine = {line.split(",")[0]: line for line in lines}
    assert ",N,I," in mine[ill.pupil]
    assert '"handbell, as the school allows"' in mine[ill.pupil]
    assert ",L,L," in mine[late.pupil]
    page = await school.handbell("absence", "chronology", str(found[late.pupil_id].id))
    assert "Arrived" not in page.split("<title>")[0]
    assert late.name in page
    assert f"{datetime.now(LONDON):%Y}" in page

"""A morning in accelerated time: the practice school's register, the real daemon, pretend phones, a kill half-way.

Every child ends in the right state of the child, and the right people were told: families, a teacher, staff.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from support import processes
from support.mornings import CALENDAR, PATIENCE, Family, families, register, texts

from channels.base import Medium
from gateway import audit
from gateway.absence import cases as following
from gateway.database import Database
from gateway.models import About, AbsenceCase, CaseState, ContactPoint, DaySession, Message, Pupil, Task
from gateway.models.types import core
from gateway.practice import school as practice

LONDON = ZoneInfo("Europe/London")
SCHOOL = "+441134960001"

# Minutes are seconds.
LADDER = """
read_within = "4s"
arrive_within = "10s"
act_within = "4s"
worth_asking = "2h"
[reminders]
days = [2]
at = 00:00:00
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
teachers = "{folder}/teachers.toml"
marks_folder = "{folder}/marks"
record = ["illness"]
[sending]
lease_s = 3
in_doubt_grace_s = 1
poll_s = 0.2
"""


async def cases(database: Database) -> dict[int, AbsenceCase]:
    """The cases of today by pupil."""
    async with database.read() as session:
        query = sa.select(AbsenceCase).where(core(AbsenceCase).c.date == datetime.now(LONDON).date())
        return {case.pupil_id: case for case in await session.scalars(query)}


async def pupils(database: Database) -> dict[str, Pupil]:
    async with database.read() as session:
        return {one.source_id: one for one in await session.scalars(sa.select(Pupil))}


async def nobodys(database: Database, count: int) -> list[str]:
    """Mobiles that no family has."""
    async with database.read() as session:
        taken = set(await session.scalars(sa.select(core(ContactPoint).c.address)))
    return [one for one in (f"+447700900{tail}" for tail in range(100, 899)) if one not in taken][:count]


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
    everybody = await pupils(database)
    two_homes = {one for pair in made.cases["separated"] for one in pair}
    polish = next(one for one in chosen if one.language == "pl")
    english = [one for one in chosen if one.language in ("", "en")]
    came = next(one for one in english if one.pupil in two_homes and one.father_language in ("", "en"))
    others = [one for one in english if one is not came]
    ill, silent, late, gone, wrong, stopped, lost, words, strange, forgot = others[:10]
    nobody = made.cases["nobody"][0][0]
    twins = made.cases["twins"][0]
    asked = [ill, silent, late, gone, wrong, stopped, lost, words, strange, polish, came]
    absent = [one.pupil for one in asked] + [nobody, *twins]
    teacher, stranger = await nobodys(database, 2)
    form = sorted({everybody[one.pupil].form for one in others[10:]} - {everybody[one].form for one in absent})[0]
    untaken = [one.source_id for one in everybody.values() if one.form == form]
    quiet = [one for one in others[10:] if one.pupil in untaken]
    (folder / "teachers.toml").write_text(f'[forms]\n"{form}" = ["{teacher}"]\n')
    await yesterday(school, database, forgot)
    taken = [one for one in everybody if one not in untaken]
    (folder / "marks" / "register.csv").write_text(register(taken, absent))
    await school.run()

    async def all_asked() -> bool:
        return all([await texts(world, one.mother) for one in asked])

    await processes.until(all_asked, what="every mother has her text", every=0.2)
    for family, answer in ((ill, "1"), (late, "3"), (gone, "4"), (wrong, "1"), (stopped, "STOP"), (lost, "3")):
        await world.do("reply", number=family.mother, text=answer)
    await world.do("reply", number=words.mother, text="shes with her nan i think??")
    await world.do("reply", number=strange.mother, text="Sorry you have the wrong number")
    await world.do("reply", number=polish.mother, text="2")
    child = everybody[silent.pupil]
    await world.do("reply", number=stranger, to=SCHOOL, text=f"{child.called} {child.surname} is ill today, his aunty")

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

    async def both_alarmed() -> bool:
        return bool(await texts(world, came.mother) and await texts(world, came.father))

    await processes.until(both_alarmed, what="both homes of a child are asked", every=0.2)
    # The MIS exports again: the child has come meanwhile, and the register that was missing has been taken.
    later = ["Pupil ID,Session,Code,Arrived", f"{came.pupil},AM,L,00:07", *(f"{one},AM,/," for one in untaken)]
    (folder / "marks" / "later.csv").write_text("\n".join(later) + "\n")

    async def all_ended() -> bool:
        ends = {CaseState.SEEN, CaseState.EXPLAINED, CaseState.HANDED_OVER, CaseState.TO_CONFIRM}
        found = await cases(database)
        told = [text for phone in (came.mother, came.father) for text in await texts(world, phone) if "safely" in text]
        return all(case.state in ends for case in found.values()) and len(told) == 2

    await processes.until(all_ended, what="every case has ended", every=0.2)
    found = await cases(database)
    ids = {source_id: one.id or 0 for source_id, one in everybody.items()}
    ended = {ids[one]: found[ids[one]].state for one in absent}
    assert len(found) == len(absent)
    assert ended == {
        ill.pupil_id: CaseState.EXPLAINED,
        silent.pupil_id: CaseState.HANDED_OVER,
        late.pupil_id: CaseState.SEEN,
        came.pupil_id: CaseState.SEEN,
        gone.pupil_id: CaseState.HANDED_OVER,
        wrong.pupil_id: CaseState.HANDED_OVER,
        stopped.pupil_id: CaseState.HANDED_OVER,
        lost.pupil_id: CaseState.HANDED_OVER,
        words.pupil_id: CaseState.HANDED_OVER,
        strange.pupil_id: CaseState.HANDED_OVER,
        polish.pupil_id: CaseState.TO_CONFIRM,
        ids[nobody]: CaseState.HANDED_OVER,
        **{ids[twin]: CaseState.HANDED_OVER for twin in twins},
    }
    assert all(found[one].by == "Mrs Okafor" for one, state in ended.items() if state is CaseState.HANDED_OVER)
    await check_phones(world, ill=ill, silent=silent, late=late, gone=gone, stopped=stopped, polish=polish)
    await check_arrived(world, came)
    await check_wrong_number(world, strange)
    await check_twins(database, world, [ids[twin] for twin in twins])
    await check_register(world, form, teacher, quiet)
    await check_tasks(database, {f"case:{found[one.pupil_id].id}" for one in (gone, wrong, lost)}, form)
    await check_stranger(school, world, stranger, silent)
    await check_reminder(world, forgot)
    await check_export(school, found, ill, late)


async def yesterday(school: processes.School, database: Database, family: Family) -> None:
    """A child was away, nobody said why, and a person has taken it over."""
    day = datetime.now(LONDON).date() - timedelta(days=1)
    await school.handbell(
        "marks", "set", family.pupil, "N", "--date", f"{day}", "--session", "AM", "--as", "Mrs Office"
    )
    log = audit.Log(school.env["HANDBELL_AUDIT__KEY"].encode())
    means = following.Means(log, datetime.now(UTC) - timedelta(days=1))
    async with database.write() as session:
        case = await following.open_one(session, family.pupil_id, day, DaySession.AM, means=means)
        await following.change(session, case, CaseState.HANDED_OVER, by="Mrs Okafor", means=means)


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


async def check_arrived(world: processes.World, came: Family) -> None:
    """Both homes were alarmed, and both hear that the child has come."""
    for phone in (came.mother, came.father):
        first, last = await texts(world, phone)
        assert "is not in school today" in first
        assert f"{came.name} arrived safely at school at 12:07" in last


async def check_wrong_number(world: processes.World, strange: Family) -> None:
    """Whoever has that number now is left alone, and the next is asked."""
    assert len(await texts(world, strange.mother)) == 1
    [phone] = (await world.look("phones", number=strange.mother))["phones"]
    assert phone["calls"] == []
    assert len(await texts(world, strange.father)) == 1


async def check_register(world: processes.World, form: str, teacher: str, quiet: Sequence[Family]) -> None:
    """The teacher was asked once, and no family of the form was."""
    [chased] = await texts(world, teacher)
    assert f"the register of {form} is not complete" in chased
    assert "No family is asked before that" in chased
    assert quiet
    assert [text for one in quiet for text in await texts(world, one.mother)] == []


async def check_tasks(database: Database, alarms: set[str], form: str) -> None:
    async with database.read() as session:
        tasks = list(await session.scalars(sa.select(Task)))
    found = [task for task in tasks if task.kind == "absence.alarm"]
    assert {task.subject for task in found} == alarms
    assert all(task.urgent for task in found)
    [missing] = [task for task in tasks if task.kind == "register" and form in task.subject]
    assert missing.done_by == "handbell: the register was taken"
    assert len([task for task in tasks if task.kind == "absence.stranger"]) == 1
    assert len([task for task in tasks if task.kind == "number"]) == 1


async def check_stranger(school: processes.School, world: processes.World, stranger: str, silent: Family) -> None:
    """A person has the words and a guess; nothing of a child has gone back, and the ladder went on."""
    [told] = await texts(world, stranger)
    assert told.startswith("Oakfield: thank you, we have your message.")
    assert silent.name not in told
    [row] = json.loads(await school.handbell("absence", "strangers", "--json"))
    assert (row["from"], [one["pupil"] for one in row["perhaps"]]) == (stranger, [silent.pupil])


async def check_reminder(world: processes.World, forgot: Family) -> None:
    """Once, though the daemon began twice."""
    [text] = await texts(world, forgot.mother)
    day = datetime.now(LONDON) - timedelta(days=1)
    assert f"we still do not know why {forgot.name} was away on {day:%A} {day.day} {day:%B}" in text


async def check_twins(database: Database, world: processes.World, twins: Sequence[int]) -> None:
    """Whoever heard of one heard of the other, in the same text."""
    async with database.read() as session:
        rows = await session.scalars(sa.select(Pupil).where(core(Pupil).c.id.in_(twins)))
        names = [one.called for one in rows]
        about = sa.select(core(About).c.message_id).where(core(About).c.pupil_id.in_(twins))
        sent = sa.select(core(Message).c.body).where(
            core(Message).c.id.in_(about), core(Message).c.medium == Medium.SMS
        )
        words = set(await session.scalars(sent))
    about_them = [
        body
        for phone in (await world.look("phones"))["phones"]
        for body in [text["body"] for text in phone["texts"]]
        if body in words
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

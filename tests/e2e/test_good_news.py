"""Good news with the real daemon: a teacher's text, the office's command, the week's mail, the kind hour, a letter."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import sqlalchemy as sa
from support import processes
from support import school as people
from support.mornings import CALENDAR, PATIENCE, texts

from gateway.database import Database
from gateway.models import Contact, LineType, PointKind, PointState, Praise
from gateway.models.types import core

SCHOOL, TEACHER, MAILBOX = "+441134960001", "+447700900123", "a.green@oakfield.example"
MARIA, EWA, GRAN, DAD = "+447700900201", "+447700900202", "+441134960203", "dad@families.example"
SETTINGS = """
[absence]
calendar = "{folder}/calendar.toml"
teachers = "{folder}/teachers.toml"
[good_news]
hour = "00:00"
latest = "23:59"
nudge_on = "monday"
nudge_hour = "00:00"
[sending]
poll_s = 0.2
"""


async def families(database: Database) -> None:
    """Ana's mother reads Polish and her father likes mail; Ben's mother has a telephone at the wall, Cem's nothing."""
    ana = await people.pupil(database, "Ana", form="3A", source_id="S1")
    ben = await people.pupil(database, "Ben", form="3A", source_id="S2")
    cem = await people.pupil(database, "Cem", form="3A", source_id="S3")
    for child, name, address, more in (
        (ana, "Ewa", EWA, {"written_language": "pl"}), (ana, "Dad", DAD, {}), (ben, "Maria", MARIA, {}),
        (ben, "Gran", GRAN, {}), (cem, "Elif", "+447700900204", {"postal_address": "12 Mill Lane\nLeeds\nLS1 1AA"}),
    ):  # fmt: skip
        contact = await people.contact(database, name, **more)
        await people.tie(database, child, contact, parental_responsibility=True)
        kind = PointKind.EMAIL if "@" in address else PointKind.PHONE
        line = LineType.LANDLINE if address == GRAN else LineType.MOBILE
        state = PointState.DEAD if name == "Elif" else PointState.UNPROVEN
        await people.point(database, contact, address, kind=kind, line_type=line, state=state)


async def mails(world: processes.World, address: str) -> list[str]:
    boxes = {box["address"]: box for box in (await world.look("mailboxes"))["mailboxes"]}
    return [json.dumps(mail, ensure_ascii=False) for mail in boxes.get(address, {"mails": []})["mails"]]


@pytest.mark.timeout(300)
async def test_from_a_teachers_text_to_every_home(
    school: processes.School, world: processes.World, tmp_path: Path
) -> None:
    (tmp_path / "calendar.toml").write_text(CALENDAR)
    (tmp_path / "teachers.toml").write_text(
        f'[forms]\n"3A" = ["{MAILBOX}", "{TEACHER}"]\n[names]\n"{TEACHER}" = "Ms Green"\n'
    )
    school.write_settings(world, extra=SETTINGS.format(folder=tmp_path))
    school.env |= PATIENCE
    await school.handbell("migrate")
    database = Database(school.database_url)
    try:
        await families(database)
        await school.run()
        await play(school, world, database)
    finally:
        await database.close()
    assert "Nothing was changed" in await school.handbell("audit", "verify")


async def play(school: processes.School, world: processes.World, database: Database) -> None:
    async def nudged() -> bool:
        return bool(await mails(world, MAILBOX))

    await processes.until(nudged, what="the teacher has the week's mail", every=0.2)
    (mail,) = await mails(world, MAILBOX)
    assert all(f"{number}. {name}: none yet" in mail for number, name in ((1, "Ana"), (2, "Ben"), (3, "Cem")))
    assert "Example" not in mail  # no surname

    await world.do("reply", number=TEACHER, to=SCHOOL, text="praise Ben kindness He waited for a friend.")

    async def answered() -> bool:
        return bool(await texts(world, TEACHER))

    await processes.until(answered, what="the teacher is told that it goes", every=0.2)
    (answer,) = await texts(world, TEACHER)
    assert "Ben, kindness: goes home on" in answer
    for child in ("S1", "S3"):
        await school.handbell("praise", "add", child, "effort", "Never gave up.", "--from", "Mr Hill", "--as", "anna")
    assert await texts(world, EWA) == []  # it is not the hour
    async with database.write() as session:
        await session.execute(
            sa.update(core(Praise)).values(due_at=sa.select(sa.func.min(core(Praise).c.said_at)).scalar_subquery())
        )

    async def all_told() -> bool:
        (phone,) = (await world.look("phones", number=GRAN))["phones"] or [{"calls": []}]
        return bool(
            await texts(world, EWA) and await texts(world, MARIA) and phone["calls"] and await mails(world, DAD)
        )

    await processes.until(all_told, what="every home has heard", every=0.2)
    (polish,), (english,) = await texts(world, EWA), await texts(world, MARIA)
    assert "Ana bardzo się stara" in polish
    assert "Never gave up.\nTa wiadomość jest po angielsku" in polish
    assert english.startswith(
        "Oakfield: good news. Ben was very kind to somebody at school.\nHe waited for a friend.\nMs Green"
    )
    (dads,) = await mails(world, DAD)
    assert "worked very hard and did not give up" in dads
    assert len(await texts(world, TEACHER)) == 1  # the desk has promised a teacher nothing

    listed = json.loads(await school.handbell("praise", "list", "--json"))
    assert {one["pupil"]: one["state"] for one in listed} == {"S1": "told", "S2": "told", "S3": "told nobody"}
    balance = {one["pupil"]: one["good"] for one in json.loads(await school.handbell("balance", "--json"))}
    assert balance == {"S1": 1, "S2": 1, "S3": 0}
    (need,) = json.loads(await school.handbell("letter", "list", "--json"))["needed"]
    assert (need["name"], need["address"]) == ("Elif Example", ["12 Mill Lane", "Leeds", "LS1 1AA"])
    async with database.read() as session:
        assert await session.scalar(sa.select(sa.func.count()).select_from(core(Contact))) == 5

"""Who is expected on a day: of two schools under one roof only the open one is asked about, and of no closed day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from sqlmodel import select
from support.absences import TODAY, Morning

from gateway.calendars import document, schooldays
from gateway.database import Database
from gateway.models import AbsenceCase
from gateway.registers import reading

LATER = {
    "am": {"begins": "09:30", "closes": "10:00", "until": "12:00"},
    "pm": {"begins": "13:30", "closes": "13:40", "until": "15:00"},
}


def year(
    *closed: date, infants: tuple[date, ...] = (), times: Mapping[str, Any] | None = None
) -> schooldays.SchoolYear:
    """A calendar whose school is closed on these days; its infants are on theirs besides, and have their own times."""
    usual = schooldays.read(None).plain()
    school = {"years": ["R", "1"], "closed": [{"day": day} for day in infants], "sessions": times}
    shape = usual | {"closed": [{"day": day} for day in closed], "schools": {"infants": school}}
    written = document.Calendar.model_validate(shape)
    main = schooldays.of(written)
    return replace(main, others=dict.fromkeys(["r", "1"], schooldays.of(written, "infants")))


@pytest.mark.parametrize(
    ("days", "asked"),
    [
        (year(), {"Ana", "Ben"}),
        (year(infants=(TODAY,)), {"Ben"}),
        (year(TODAY), set()),  # what is closed for all is closed for the infants
    ],
)
async def test_nobody_is_asked_about_a_child_whose_school_is_closed(
    sqlite_database: Database, days: schooldays.SchoolYear, asked: set[str]
) -> None:
    morning = await Morning(sqlite_database).open()
    morning.rules = replace(morning.rules, year=days)
    children = {
        name: await morning.child(name, await morning.parent(), year=group, form=f"{group}A")
        for name, group in (("Ana", "R"), ("Ben", "3"))
    }
    await morning.child("Cara", await morning.parent(), year="1", form="1A")  # of whom there is no mark
    for child in children.values():
        await morning.mark(child, "N")
    await morning.at("09:40")
    async with sqlite_database.read() as session:
        opened = set(await session.scalars(select(AbsenceCase.pupil_id)))
    assert {name for name, child in children.items() if child in opened} == asked
    told = " ".join(task.what for task in await morning.tasks() if task.kind == "register")
    assert ("1A" in told) == ("Ana" in asked)  # nobody asks for the register of a school that is closed


async def test_each_school_is_asked_about_when_its_own_register_has_closed(sqlite_database: Database) -> None:
    morning = await Morning(sqlite_database).open()
    morning.rules = replace(morning.rules, year=year(times=LATER))
    ana = await morning.child("Ana", await morning.parent(), year="R", form="RA")
    ben = await morning.child("Ben", await morning.parent(), year="3", form="3A")
    await morning.child("Cara", await morning.parent(), year="1", form="1A")  # of whom there is no mark
    for child in (ana, ben):
        await morning.mark(child, "N")

    async def asked() -> set[int]:
        async with sqlite_database.read() as session:
            return set(await session.scalars(select(AbsenceCase.pupil_id)))

    async def registers_missing() -> str:
        return " ".join(task.what for task in await morning.tasks() if task.kind == "register")

    await morning.at("10:05")
    assert await asked() == {ben}
    assert not await registers_missing()
    await morning.at("10:11")
    assert await asked() == {ana, ben}
    assert "1A" in await registers_missing()


async def test_minutes_late_count_from_when_the_childs_own_school_begins(sqlite_database: Database) -> None:
    morning = await Morning(sqlite_database).open()
    hours = replace(morning.rules, year=year(times=LATER)).for_reading
    for name, group in (("Ana", "R"), ("Ben", "3")):
        await morning.child(name, await morning.parent(), year=group, source_id=name)
    written = [reading.Written(name, f"{TODAY}", "AM", "L", minutes_late="20") for name in ("Ana", "Ben")]
    async with sqlite_database.read() as session:
        found = await reading.sort(session, written, hours, file="marks.csv", today=TODAY)
    assert not found.problems
    assert [f"{one.arrived_at:%H:%M}" for one in found.given if one.arrived_at] == ["09:50", "09:05"]

"""Who is expected on a day: of two schools under one roof only the open one is asked about, and of no closed day."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from sqlmodel import select
from support.absences import TODAY, Morning

from gateway.calendars import document, schooldays
from gateway.database import Database
from gateway.models import AbsenceCase


def year(*closed: date, infants: tuple[date, ...] = ()) -> schooldays.SchoolYear:
    """A calendar whose school is closed on these days, and whose infants have theirs besides."""
    usual = schooldays.read(None).plain()
    school = {"years": ["R", "1"], "closed": [{"day": day} for day in infants]}
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

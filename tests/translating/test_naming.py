"""Whose names stand in a text: those on file, and no English word that somebody happens to be called."""

from __future__ import annotations

import dataclasses

import pytest
from support import desk, school

from config import sections
from gateway.database import Database
from gateway.models import Pupil
from gateway.translating import naming


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Ana sings. Well done, Ana Nowak!", {"Ana", "Nowak", "Ana Nowak"}),
        ("Nowak's coat, and Ana’s, too", {"Nowak", "Ana"}),
        ("We meet on 4 May. Will you come? May I?", set()),
        ("Will Nowak and May Nowak-Smith, and May Nowak", {"Nowak", "Will Nowak", "May Nowak"}),
        ("ANA NOWAK is here", {"ANA", "NOWAK", "ANA NOWAK"}),
        ("Mary Ann and Anabel", {"Mary Ann"}),
        ("O'Neill and Zoë-Marie", {"O'Neill", "Zoë-Marie"}),
        ("Nobody Else", set()),
        ("", set()),
    ],
)
async def test_names(sqlite_database: Database, text: str, names: set[str]) -> None:
    pupils = (
        ("Ana", "Nowak"),
        ("Will", "Nowak"),
        ("May", "Nowak"),
        ("Mary Ann", "Else-Where"),
        ("Zoë-Marie", "O'Neill"),
    )
    rows = [Pupil(source_id=one, forename=one, surname=other, year="3", form="3A") for one, other in pupils]
    await school.add(sqlite_database, *rows)
    async with sqlite_database.read() as session:
        assert await naming.found(session, desk.gateway(sqlite_database), text) == names


def test_the_schools_own_names(sqlite_database: Database) -> None:
    assert naming.school(desk.gateway(sqlite_database)) == {"Oakfield Primary School", "Oakfield"}


async def test_whom_the_settings_name(sqlite_database: Database) -> None:
    made = desk.gateway(sqlite_database)
    lead = made.settings.model_copy(update={"absence": sections.Absence(safeguarding_lead="Pat Moss")})
    async with sqlite_database.read() as session:
        assert await naming.found(session, dataclasses.replace(made, settings=lead), "") == {"Pat Moss"}

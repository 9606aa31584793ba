"""Who should hear, on real databases."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from support import school
from support.desk import NOW

from gateway import audience
from gateway.database import Database
from gateway.definitions import model
from gateway.models import Membership, PupilGroup

TODAY = NOW.date()


async def resolve(database: Database, **wanted: Any) -> audience.Audience:
    chosen = model.Audience.model_validate(wanted or {"whole_school": True})
    async with database.read() as session:
        return await audience.resolve(session, chosen, today=TODAY, default_language="en")


def told(found: audience.Audience) -> dict[str, set[str]]:
    """Who hears about whom, by name."""
    return {
        found.people.contacts[row.contact_id].forename: {found.people.pupils[p].forename for p in row.pupil_ids}
        for row in found.listeners
        if not row.reason and row.contact_id is not None
    }


def silent(found: audience.Audience) -> set[tuple[str, str, str]]:
    """(contact or ``""``, reason, pupil) of everybody who hears nothing."""
    return {
        (
            found.people.contacts[row.contact_id].forename if row.contact_id else "",
            row.reason,
            found.people.pupils[pupil_id].forename,
        )
        for row in found.listeners
        if row.reason
        for pupil_id in row.pupil_ids
    }


async def child(database: Database, name: str, parent: str, **fields: Any) -> int:
    """A pupil with one parent of its own, who has a phone."""
    pupil_id = await school.pupil(database, name, **fields)
    parent_id = await school.contact(database, parent)
    await school.tie(database, pupil_id, parent_id, priority=1, parental_responsibility=True)
    await school.point(database, parent_id, school.number())
    return pupil_id


async def small_school(database: Database) -> dict[str, int]:
    ids = {
        "Ana": await child(database, "Ana", "Amy", year="3", form="3A", upn="A123456789012"),
        "Ben": await child(database, "Ben", "Bea", year="3", form="3B"),
        "Cem": await child(database, "Cem", "Can", year="R", form="RA"),
        "Dot": await child(database, "Dot", "Deb", year="3", form="3A", left_on=TODAY - timedelta(days=1)),
        "Eve": await child(database, "Eve", "Edi", year="4", form="4A", left_on=TODAY),
    }
    choir = PupilGroup(name="Choir")
    await school.add(database, choir, PupilGroup(name="Chess"))
    assert choir.id is not None
    await school.add(database, *[Membership(pupil_id=ids[name], group_id=choir.id) for name in ("Ana", "Cem", "Dot")])
    return ids


@pytest.mark.parametrize(
    ("wanted", "parents"),
    [
        ({"whole_school": True}, {"Amy", "Bea", "Can", "Edi"}),
        ({"years": [3]}, {"Amy", "Bea"}),
        ({"years": ["3", "r"]}, {"Amy", "Bea", "Can"}),
        ({"forms": ["3a"]}, {"Amy"}),
        ({"groups": ["choir"]}, {"Amy", "Can"}),
        ({"pupils": ["A123456789012"]}, {"Amy"}),
        ({"forms": ["3A"], "groups": ["Choir"]}, {"Amy", "Can"}),
        ({"whole_school": True, "but_not": {"years": [3]}}, {"Can", "Edi"}),
        ({"years": [3], "but_not": {"forms": ["3B"]}}, {"Amy"}),
        ({"whole_school": True, "but_not": {"groups": ["Choir"], "years": ["4"]}}, {"Bea"}),
    ],
)
async def test_pupils_are_chosen_and_leavers_left_out(
    database: Database, wanted: dict[str, Any], parents: set[str]
) -> None:
    await small_school(database)
    found = await resolve(database, **wanted)
    assert set(told(found)) == parents
    assert not found.problems
    assert not silent(found)


async def test_a_pupil_is_named_by_the_id_of_the_school_records(sqlite_database: Database) -> None:
    await small_school(sqlite_database)
    everybody = await resolve(sqlite_database)
    ben = next(pupil for pupil in everybody.people.pupils.values() if pupil.forename == "Ben")
    assert set(told(await resolve(sqlite_database, pupils=[ben.source_id]))) == {"Bea"}


@pytest.mark.parametrize(
    ("wanted", "field", "name"),
    [
        ({"years": [9]}, "audience.years", "9"),
        ({"forms": ["3Z"]}, "audience.forms", "3Z"),
        ({"groups": ["Chess"]}, "audience.groups", "Chess"),
        ({"groups": ["Quire"]}, "audience.groups", "Quire"),
        ({"pupils": ["nobody"]}, "audience.pupils", "nobody"),
        ({"whole_school": True, "but_not": {"forms": ["3Z"]}}, "audience.but_not.forms", "3Z"),
    ],
)
async def test_what_nobody_is_in_is_a_problem(
    sqlite_database: Database, wanted: dict[str, Any], field: str, name: str
) -> None:
    await small_school(sqlite_database)
    [problem] = (await resolve(sqlite_database, **wanted)).problems
    assert (problem.field, f"“{name}”" in problem.what, bool(problem.cure)) == (field, True, True)


async def family(database: Database) -> int:
    """One child: mother and father with responsibility, gran it lives with, aunt."""
    pupil_id = await school.pupil(database, "Ana")
    rows = [
        ("Maria", {"priority": 2, "parental_responsibility": True, "lives_with": True}),
        ("Ivan", {"priority": 3, "parental_responsibility": True}),
        ("Gran", {"priority": 4, "lives_with": True}),
        ("Aunt", {"priority": 1}),
    ]
    for name, fields in rows:
        contact_id = await school.contact(database, name)
        await school.point(database, contact_id, school.number())
        await school.tie(database, pupil_id, contact_id, **fields)
    return pupil_id


@pytest.mark.parametrize(
    ("tell", "who"),
    [
        ("everyone", {"Maria", "Ivan", "Gran", "Aunt"}),
        ("parental_responsibility", {"Maria", "Ivan"}),
        ("lives_with", {"Maria", "Gran"}),
        ("first_contact", {"Aunt"}),
    ],
)
async def test_who_of_each_family(sqlite_database: Database, tell: str, who: set[str]) -> None:
    await family(sqlite_database)
    assert set(told(await resolve(sqlite_database, whole_school=True, tell=tell))) == who


@pytest.mark.parametrize("tell", ["parental_responsibility", "lives_with", "first_contact"])
async def test_where_a_rule_names_nobody_the_first_who_can_be_reached_hears(
    sqlite_database: Database, tell: str
) -> None:
    pupil_id = await school.pupil(sqlite_database)
    for number, name in enumerate(("Silent", "Reachable", "Third"), 1):
        contact_id = await school.contact(sqlite_database, name)
        await school.tie(sqlite_database, pupil_id, contact_id, priority=number)
        if number > 1:
            await school.point(sqlite_database, contact_id, school.number())
    assert set(told(await resolve(sqlite_database, whole_school=True, tell=tell))) == {"Reachable"}


async def test_a_listener_hears_about_each_of_its_children_once(sqlite_database: Database) -> None:
    mother = await school.contact(sqlite_database, "Maria")
    for name in ("Ana", "Ben"):
        await school.tie(sqlite_database, await school.pupil(sqlite_database, name), mother, priority=1)
    found = await resolve(sqlite_database)
    assert told(found) == {"Maria": {"Ana", "Ben"}}
    assert len(found.listeners) == 1


@pytest.mark.parametrize(
    ("begins", "ends", "barred"),
    [
        (None, None, True),
        (TODAY, TODAY, True),
        (TODAY + timedelta(days=1), None, False),
        (None, TODAY - timedelta(days=1), False),
    ],
)
async def test_a_barred_contact_never_listens_within_its_dates(
    database: Database, begins: date | None, ends: date | None, *, barred: bool
) -> None:
    await school.family(database, bar=(begins, ends))
    found = await resolve(database, whole_school=True, tell="everyone")
    assert ("Ivan" in told(found)) is not barred
    assert silent(found) == ({("Ivan", "barred", "Ana")} if barred else set())


async def test_a_contact_barred_from_one_child_still_hears_about_the_other(sqlite_database: Database) -> None:
    father = await school.contact(sqlite_database, "Ivan")
    for name, bar in (("Ana", True), ("Ben", False)):
        await school.tie(sqlite_database, await school.pupil(sqlite_database, name), father, no_contact=bar)
    found = await resolve(sqlite_database)
    assert told(found) == {"Ivan": {"Ben"}}
    assert silent(found) == {("Ivan", "barred", "Ana"), ("", "nobody", "Ana")}


async def test_a_child_whom_nobody_answers_for_has_a_row(sqlite_database: Database) -> None:
    await school.pupil(sqlite_database, "Orla")
    assert silent(await resolve(sqlite_database)) == {("", "nobody", "Orla")}


async def test_languages_leave_out_with_a_row(sqlite_database: Database) -> None:
    pupil_id = await school.pupil(sqlite_database)
    for name, language in (("Maria", "pl"), ("Ivan", "ur"), ("Unasked", "")):
        contact_id = await school.contact(sqlite_database, name, written_language=language)
        await school.tie(sqlite_database, pupil_id, contact_id, parental_responsibility=True)
    found = await resolve(sqlite_database, whole_school=True, languages=["pl"])
    assert set(told(found)) == {"Maria"}
    assert silent(found) == {("Ivan", "other_language", "Ana"), ("Unasked", "other_language", "Ana")}
    assert set(told(await resolve(sqlite_database, whole_school=True, languages=["en"]))) == {"Unasked"}


async def test_a_part_of_a_big_school_is_chosen(database: Database) -> None:
    """More pupils are named than a database takes values in one question."""
    rows = [school.Pupil(source_id=f"p{n}", forename=f"P{n}", surname="E", year="3") for n in range(1500)]
    async with database.write() as session:
        session.add_all(rows)
    found = await resolve(database, years=[3], but_not={"pupils": ["p7"]})
    assert len(found.listeners) == 1499


async def test_an_empty_school(sqlite_database: Database) -> None:
    found = await resolve(sqlite_database)
    assert (found.listeners, found.problems) == ([], [])

"""OneRoster bundles, as standards and systems write them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlmodel import SQLModel, select
from support import onerosters

from gateway.database import Database
from gateway.errors import BadInput
from gateway.importing import formats
from gateway.importing.report import Report
from gateway.models import Contact, ContactPoint, Guardianship, Membership, Pupil, PupilGroup

Load = Callable[..., Awaitable[Report]]


async def everything(database: Database, model: type[SQLModel]) -> list[Any]:
    async with database.read() as session:
        return list((await session.scalars(select(model))).all())


async def test_a_bundle_goes_in_whole_and_changes_nothing_again(database: Database, load: Load, tmp_path: Path) -> None:
    path = onerosters.save_11(
        tmp_path / "bundle",
        demographics="sourcedId,status,dateLastModified,birthDate,sex\ns1,,,2015-09-07,\n",
        classes=onerosters.table(
            onerosters.CLASSES,
            [
                {"sourcedId": "c1", "title": "Choir; juniors", "classType": "scheduled"},
                {"sourcedId": "c2", "title": "5A", "classType": "homeroom"},
            ],
        ),
        enrollments=onerosters.table(
            onerosters.ENROLLMENTS,
            [
                {"sourcedId": "e1", "classSourcedId": "c1", "userSourcedId": "s1", "role": "student"},
                {"sourcedId": "e2", "classSourcedId": "c2", "userSourcedId": "s1", "role": "student"},
                {"sourcedId": "e3", "classSourcedId": "c1", "userSourcedId": "t1", "role": "teacher"},
            ],
        ),
    )
    report = await load(path)
    assert report.problems == []
    assert report.warnings == []
    assert [(file.file, file.kind, file.rows) for file in report.files] == [
        ("bundle/users.csv", "pupils", 3),
        ("bundle/users.csv", "contacts", 4),
    ]
    pupils = {row.source_id: row for row in await everything(database, Pupil)}
    zofia = pupils["s1"]
    assert (zofia.forename, zofia.born, zofia.year, zofia.form, zofia.upn) == (
        "Zofia",
        date(2015, 9, 7),
        "5",
        "5A",
        onerosters.UPN,
    )
    assert pupils["s2"].year == "R"
    contacts = {row.source_id: row for row in await everything(database, Contact)}
    assert {key: row.full_name for key, row in contacts.items()} == {"g1": "Anna Kowalska", "g2": "Saima Khan"}
    ties = {(row.pupil_id, row.contact_id) for row in await everything(database, Guardianship)}
    wanted = [("s1", "g1"), ("s2", "g1"), ("s3", "g1"), ("s3", "g2")]
    assert ties == {(pupils[pupil].id, contacts[contact].id) for pupil, contact in wanted}
    points = {row.address for row in await everything(database, ContactPoint)}
    assert points == {"+447700900101", "+441134960101", "anna@example.com", "+447700900103"}
    assert [row.name for row in await everything(database, PupilGroup)] == ["Choir, juniors"]
    assert len(await everything(database, Membership)) == 1

    again = (await load(path)).tally
    assert all(count.new == count.changed == count.gone == 0 for count in again.each().values())


async def test_what_the_format_cannot_say_stays(database: Database, load: Load, tmp_path: Path) -> None:
    path = onerosters.save_11(tmp_path / "bundle")
    await load(path)
    said = {
        Guardianship: {"relation": "Mother", "priority": 1, "no_contact": True, "parental_responsibility": True},
        Contact: {"written_language": "pl"},
        Pupil: {"home_language": "pl", "known_as": "Zosia", "form": "5A", "left_on": date(2027, 7, 20)},
    }
    async with database.write() as session:
        for model, values in said.items():
            await session.execute(sa.update(model).values(values))
    await load(path)
    for model, values in said.items():
        for row in await everything(database, model):
            assert {name: getattr(row, name) for name in values} == values


async def test_whoever_a_bulk_export_no_longer_ties_is_gone(database: Database, load: Load, tmp_path: Path) -> None:
    await load(onerosters.save_11(tmp_path / "one"))
    fewer = [
        row | {"agentSourcedIds": row.get("agentSourcedIds", "").replace("g2,g1", "g2")} for row in onerosters.SCHOOL
    ]
    report = await load(onerosters.save_11(tmp_path / "two", fewer))
    assert report.tally.links.gone == 1


@pytest.mark.parametrize("direction", ["pupil", "contact", "both"])
def test_guardians_are_linked_in_either_direction(tmp_path: Path, direction: str) -> None:
    def agents(row: Mapping[str, str]) -> str:
        named = {"s1": "g1", "s2": "g1", "s3": "g1,g2", "g1": "s1, s2,s3", "g2": "s3"}
        whose = "pupil" if row["role"] == "student" else "contact"
        return named.get(row["sourcedId"], "") if direction in (whose, "both") else ""

    found = formats.look_all(
        [onerosters.save_11(tmp_path / "b", [row | {"agentSourcedIds": agents(row)} for row in onerosters.SCHOOL])]
    )
    assert onerosters.links(found) == {("s1", "g1"), ("s2", "g1"), ("s3", "g1"), ("s3", "g2")}
    assert sum(1 for _ in found[1].rows()) == 4
    assert onerosters.problems(found) == []


@pytest.mark.parametrize("heading", ["sourcedId,birthDate", "userSourcedId,birthdate", "sourcedId,birthdate"])
def test_draft_and_final_names_of_demographics(tmp_path: Path, heading: str) -> None:
    found = formats.look_all([onerosters.save_11(tmp_path / "b", demographics=f"{heading}\ns2,2018-01-12\n")])
    assert [row["pupil.born"] for row in onerosters.words(found[0])] == ["", "2018-01-12", ""]


def test_roles_of_1_2(tmp_path: Path) -> None:
    people = [
        {"sourcedId": "s1", "givenName": "Zofia", "familyName": "Kowalska", "preferredGivenName": "Zosia"},
        {"sourcedId": "s2", "givenName": "Jan", "familyName": "Kowalski", "agentSourcedIds": "g1,t1"},
        {"sourcedId": "s3", "givenName": "Noor", "familyName": "Khan"},
        {"sourcedId": "g1", "givenName": "Anna", "familyName": "Kowalska", "agentSourcedIds": "s1"},
        {"sourcedId": "t1", "givenName": "Tina", "familyName": "Kowalska"},
        {"sourcedId": "x1", "givenName": "Ian", "familyName": "Nobody"},
    ]
    roles = [
        {
            "userSourcedId": "s1",
            "roleType": "primary",
            "role": "student",
            "orgSourcedId": "o1",
            "endDate": "2026-05-04",
        },
        {"userSourcedId": "s1", "roleType": "secondary", "role": "student", "orgSourcedId": "o2", "endDate": ""},
        {
            "userSourcedId": "s2",
            "roleType": "primary",
            "role": "student",
            "orgSourcedId": "o1",
            "endDate": "2026-05-04",
        },
        {
            "userSourcedId": "s3",
            "roleType": "primary",
            "role": "student",
            "orgSourcedId": "o1",
            "endDate": "2026-07-20",
        },
        {"userSourcedId": "g1", "roleType": "primary", "role": "guardian"},
        {"userSourcedId": "t1", "roleType": "primary", "role": "teacher"},
        {"userSourcedId": "t1", "roleType": "secondary", "role": "parent"},
    ]
    found = formats.look_all(
        [
            onerosters.save_12(
                tmp_path / "b",
                people,
                roles,
                orgs="sourcedId,name,type\no1,Ash Primary,school\no2,Elm Primary,school\n",
                academicSessions="sourcedId,endDate\ny,2026-07-20\n",
            )
        ]
    )
    pupils = onerosters.words(found[0])
    assert [(row["pupil.id"], row["pupil.known_as"]) for row in pupils] == [("s1", "Zosia"), ("s2", ""), ("s3", "")]
    # One role without an end; one that has ended; one that ends with the school's year, as everybody's does.
    assert [row["pupil.left_on"] for row in pupils] == ["", "2026-05-04", ""]
    assert onerosters.links(found) == {("s1", "g1"), ("s2", "g1"), ("s2", "t1")}
    (problem,) = onerosters.problems(found)
    assert problem.startswith("b/users.csv, line 7: It is not said what user x1 is")
    assert "Ash Primary (3), Elm Primary (1)" in "".join(onerosters.warnings(found))


def test_a_role_that_says_a_relationship_is_taken_and_one_that_does_not_has_no_column(tmp_path: Path) -> None:
    aunt = {"sourcedId": "g3", "role": "ext:aunt", "givenName": "Ola", "familyName": "Nowak", "agentSourcedIds": "s1"}
    found = formats.look_all([onerosters.save_11(tmp_path / "b", [*onerosters.SCHOOL, aunt])])
    assert [source.layout.has("contact.relation") for source in found] == [False, False, True]
    assert [row["contact.relation"] for row in onerosters.words(found[2])] == ["Aunt"]


async def test_a_delta_takes_nobody_off_and_dates_leavers(database: Database, load: Load, tmp_path: Path) -> None:
    await load(onerosters.save_11(tmp_path / "bulk"))
    changes = [
        {"sourcedId": "s2", "status": "tobedeleted", "dateLastModified": "2026-09-18T10:00:00.000Z", "role": "student",
         "givenName": "Jan", "familyName": "Kowalski"},
        {"sourcedId": "s3", "status": "active", "role": "student", "givenName": "Nour", "familyName": "Khan",
         "agentSourcedIds": "g2"},
        {"sourcedId": "g1", "status": "active", "role": "guardian", "givenName": "Anna", "familyName": "Kowalska",
         "agentSourcedIds": "s1", "sms": "07700 900199"},
        {"sourcedId": "g2", "status": "tobedeleted", "role": "parent", "givenName": "Saima", "familyName": "Khan"},
        {"sourcedId": "g9", "status": "active", "role": "parent", "givenName": "New", "familyName": "Person"},
    ]  # fmt: skip
    report = await load(onerosters.save_11(tmp_path / "delta", changes, mode="delta"))
    pupils = {row.source_id: row for row in await everything(database, Pupil)}
    assert {key: row.left_on for key, row in pupils.items()} == {"s1": None, "s2": date(2026, 9, 18), "s3": None}
    assert pupils["s3"].forename == "Nour"
    assert len(await everything(database, Guardianship)) == 4
    points = {row.address for row in await everything(database, ContactPoint)}
    assert {"+447700900199", "+447700900103"} <= points
    assert [(problem.file, problem.line) for problem in report.problems] == [("delta/users.csv", 6)]
    assert "Contact g9 has changed" in report.problems[0].what
    assert any(problem.line == 5 and "Contact g2 was deleted" in problem.what for problem in report.warnings)


def test_who_is_to_be_deleted_is_left_out_of_a_bulk_export(tmp_path: Path) -> None:
    rows = [row | ({"status": "tobedeleted"} if row["sourcedId"] in ("s3", "g2") else {}) for row in onerosters.SCHOOL]
    found = formats.look_all([onerosters.save_11(tmp_path / "b", rows)])
    assert [row["pupil.id"] for row in onerosters.words(found[0])] == ["s1", "s2"]
    assert onerosters.links(found) == {("s1", "g1"), ("s2", "g1")}
    assert onerosters.problems(found) == []


def test_a_leaver_without_a_day_is_reported_and_stays(tmp_path: Path) -> None:
    rows = [{"sourcedId": "s1", "status": "tobedeleted", "role": "student", "givenName": "A", "familyName": "B"}]
    found = formats.look_all([onerosters.save_11(tmp_path / "b", rows, mode="delta")])
    assert onerosters.words(found[0]) == []
    assert "not said when" in onerosters.problems(found)[0]


async def test_a_contact_who_is_missing_is_named_and_nobody_is_taken_off(
    database: Database, load: Load, tmp_path: Path
) -> None:
    await load(onerosters.save_11(tmp_path / "one"))
    report = await load(
        onerosters.save_11(tmp_path / "two", [row for row in onerosters.SCHOOL if row["sourcedId"] != "g2"])
    )
    assert len(await everything(database, Guardianship)) == 4
    assert any("User s3 is tied to g2, who is not in users.csv" in problem.what for problem in report.problems)


async def test_a_row_that_cannot_be_read_makes_nobody_gone(database: Database, load: Load, tmp_path: Path) -> None:
    await load(onerosters.save_11(tmp_path / "one"))
    path = onerosters.save_11(
        tmp_path / "two", [row | {"agentSourcedIds": ""} for row in onerosters.SCHOOL if row["role"] == "student"]
    )
    with (path / "users.csv").open("a") as file:
        file.write("g1,broken\n")
    report = await load(path)
    assert [(problem.file, problem.line) for problem in report.problems] == [("two/users.csv", 5)]
    assert len(await everything(database, Guardianship)) == 4


def test_what_is_wrong_is_named_with_file_and_line_and_the_rest_goes_on(tmp_path: Path) -> None:
    rows = [*onerosters.SCHOOL, onerosters.SCHOOL[0], {"role": "student", "givenName": "No", "familyName": "Id"}]
    path = onerosters.save_11(
        tmp_path / "b",
        rows,
        demographics="birthDate,sex\n2015-01-01,\n",
        classes="sourcedId,title\nc1,Choir\n",
        enrollments=onerosters.table(
            onerosters.ENROLLMENTS, [{"classSourcedId": "c1", "userSourcedId": "who", "role": "student"}]
        ),
    )
    (path / "manifest.csv").write_text(onerosters.manifest("2.0", users="bulk", courses="bulk", orgs="perhaps"))
    found = formats.look_all([path])
    assert len(onerosters.words(found[0])) == 3
    told = onerosters.problems(found) + onerosters.warnings(found)
    for start in (
        "b/manifest.csv, line 3: OneRoster “2.0” is not known",
        "b/manifest.csv, line 5: The manifest lists courses.csv",
        "b/manifest.csv, line 6: A file is bulk, delta or absent",
        "b/demographics.csv, line 1: No column is headed “sourcedId”. Nothing was taken",
        "b/enrollments.csv, line 2: There is no user who in users.csv",
        "b/users.csv, line 8: User s1 is listed on an earlier line too",
        "b/users.csv, line 9: This user has no sourcedId",
    ):
        assert any(text.startswith(start) for text in told), start
    assert not found[0].layout.has("pupil.born")


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        (
            {
                "manifest": onerosters.manifest(users="absent"),
                "users": onerosters.table(onerosters.USERS_11, onerosters.SCHOOL),
            },
            "no list of users",
        ),
        ({"users": onerosters.table(onerosters.USERS_12, onerosters.SCHOOL)}, "Nothing says who is a pupil"),
        (
            {"manifest": onerosters.manifest(), "users": "sourcedId,role,GivenName\n"},
            "No columns are headed “givenName”, “familyName”",
        ),
    ],
)
def test_what_cannot_be_used_is_refused(tmp_path: Path, files: dict[str, str], sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence):
        formats.look_all([onerosters.save(tmp_path / "b", **files)])


@pytest.mark.parametrize(("status", "whole"), [("", True), ("active", False)])
def test_without_a_manifest_nothing_is_gone_unless_it_looks_complete(tmp_path: Path, status: str, whole: bool) -> None:
    rows = [row | {"status": status} for row in onerosters.SCHOOL]
    found = formats.look_all([onerosters.save(tmp_path / "b", users=onerosters.table(onerosters.USERS_11, rows))])
    assert [source.whole for source in found] == [whole, whole]
    assert "no manifest.csv" in onerosters.warnings(found)[0]


def test_a_column_that_is_not_there_is_told_and_has_no_field(tmp_path: Path) -> None:
    columns = [name for name in onerosters.USERS_11 if name not in ("sms", "email")]
    found = formats.look_all(
        [
            onerosters.save(
                tmp_path / "b",
                manifest=onerosters.manifest(users="bulk"),
                users=onerosters.table(columns, onerosters.SCHOOL),
            )
        ]
    )
    assert not found[1].layout.has("contact.mobile", "contact.email")
    assert found[1].layout.has("contact.phone")
    assert "Columns are missing: email, sms." in onerosters.warnings(found)[0]


def test_classes_of_one_title_are_two_groups_and_of_one_code_the_same(tmp_path: Path) -> None:
    classes = [
        {"sourcedId": "c1", "title": "Maths", "classCode": "7A"},
        {"sourcedId": "c2", "title": "Maths", "classCode": "7B"},
        {"sourcedId": "c3", "title": "Maths", "classCode": "7B"},
        {"sourcedId": "c4", "title": "Art", "status": "tobedeleted"},
    ]
    places = [
        {"classSourcedId": f"c{c}", "userSourcedId": f"s{s}", "role": "student"}
        for c, s in ((1, 1), (2, 2), (3, 2), (4, 3))
    ]
    path = onerosters.save_11(
        tmp_path / "b",
        classes=onerosters.table(onerosters.CLASSES, classes),
        enrollments=onerosters.table(onerosters.ENROLLMENTS, places),
    )
    groups = [row["pupil.groups"] for row in onerosters.words(formats.look_all([path])[0])]
    assert groups == ["Maths (7A)", "Maths (7B)", ""]


PLACES = "\n".join(
    ["Pupil ID,Forename,Surname,Reg,Groups", "s1,Zofia,Kowalska,5A,Chess;Judo", "s2,Jan,Kowalski,RB,Chess", ""]
)
ROOMS = [
    {"sourcedId": "c1", "title": "Choir", "classType": "scheduled"},
    {"sourcedId": "c2", "title": "6B", "classType": "homeroom"},
]


def classes(folder: Path, *places: tuple[str, str]) -> Path:
    rows = [
        {"sourcedId": f"e{n}", "classSourcedId": room, "userSourcedId": pupil, "role": "student"}
        for n, (room, pupil) in enumerate(places)
    ]
    return onerosters.save_11(
        folder,
        classes=onerosters.table(onerosters.CLASSES, ROOMS),
        enrollments=onerosters.table(onerosters.ENROLLMENTS, rows),
    )


async def members(database: Database) -> set[str]:
    query = sa.select(Pupil.source_id, PupilGroup.name).join(Membership, Membership.pupil_id == Pupil.id)
    async with database.read() as session:
        found = await session.execute(query.join(PupilGroup, PupilGroup.id == Membership.group_id))
        return {f"{pupil} {group}" for pupil, group in found}


async def test_classes_empty_neither_the_clubs_of_another_list_nor_a_form(
    database: Database, load: Load, tmp_path: Path
) -> None:
    clubs = tmp_path / "clubs.csv"
    clubs.write_text(PLACES, encoding="utf-8")
    await load(clubs)
    chess = {"s1 Chess", "s1 Judo", "s2 Chess"}
    await load(classes(tmp_path / "a", ("c1", "s1"), ("c1", "s3"), ("c2", "s1")))
    assert await members(database) == chess | {"s1 Choir", "s3 Choir"}
    forms = {row.source_id: row.form for row in await everything(database, Pupil)}
    assert forms == {"s1": "6B", "s2": "RB", "s3": ""}
    report = await load(classes(tmp_path / "b", ("c1", "s1")))
    assert (report.tally.memberships.gone, await members(database)) == (1, chess | {"s1 Choir"})
    clubs.write_text(PLACES.replace("Chess;Judo", "Chess"), encoding="utf-8")
    await load(clubs)
    assert await members(database) == {"s1 Chess", "s2 Chess", "s1 Choir"}


async def test_groups_go_along_to_the_name_that_their_source_gets(
    database: Database, load: Load, tmp_path: Path
) -> None:
    clubs = tmp_path / "clubs.csv"
    clubs.write_text(PLACES, encoding="utf-8")
    await load(clubs)
    async with database.write() as session:
        await session.execute(sa.update(PupilGroup).where(PupilGroup.name == "Judo").values(listed_by=""))
    await load(clubs, source="sims")
    assert {row.listed_by for row in await everything(database, PupilGroup)} == {"sims"}
    clubs.write_text(PLACES.replace("Chess;Judo", ""), encoding="utf-8")
    await load(clubs, source="other")
    assert len(await members(database)) == 3
    await load(clubs, source="sims")
    assert await members(database) == {"s2 Chess"}

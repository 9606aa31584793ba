"""OneRoster bundles, as standards and systems write them."""

from __future__ import annotations

import csv
import io
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlmodel import SQLModel, select

from gateway.database import Database
from gateway.errors import BadInput
from gateway.importing import formats
from gateway.importing.headings import Kind
from gateway.importing.report import Report
from gateway.importing.tables import Source
from gateway.models import Contact, ContactPoint, Guardianship, Membership, Pupil, PupilGroup

Load = Callable[..., Awaitable[Report]]
Rows = Sequence[Mapping[str, str]]

USERS_11 = [
    "sourcedId", "status", "dateLastModified", "enabledUser", "orgSourcedIds", "role", "username", "userIds",
    "givenName", "familyName", "middleName", "identifier", "email", "sms", "phone", "agentSourcedIds", "grades",
    "password", "metadata.favouriteColour",
]  # fmt: skip
USERS_12 = [
    "sourcedId", "status", "dateLastModified", "enabledUser", "username", "userIds", "givenName", "familyName",
    "middleName", "identifier", "email", "sms", "phone", "agentSourcedIds", "grades", "password",
    "userMasterIdentifier", "preferredGivenName", "preferredMiddleName", "preferredFamilyName",
    "primaryOrgSourcedId", "pronouns",
]  # fmt: skip
ROLES = [
    "sourcedId",
    "status",
    "dateLastModified",
    "userSourcedId",
    "roleType",
    "role",
    "beginDate",
    "endDate",
    "orgSourcedId",
]
CLASSES = ["sourcedId", "status", "title", "classCode", "classType", "schoolSourcedId", "termSourcedIds"]
ENROLLMENTS = ["sourcedId", "status", "classSourcedId", "userSourcedId", "role", "primary"]
UPN = "H801200001001"

SCHOOL: Rows = [
    {
        "sourcedId": "s1", "role": "student", "givenName": "Zofia", "familyName": "Kowalska", "grades": "05",
        "agentSourcedIds": "g1", "userIds": "{LDAP:zk},{UPN:zk@example.org}", "identifier": UPN, "enabledUser": "false",
        "orgSourcedIds": "o1",
    },
    {"sourcedId": "s2", "role": "student", "givenName": "Jan", "familyName": "Kowalski", "grades": "KG"},
    {"sourcedId": "s3", "role": "student", "givenName": "Noor", "familyName": "Khan", "agentSourcedIds": "g2,g1"},
    {
        "sourcedId": "g1", "role": "guardian", "givenName": "Anna", "familyName": "Kowalska", "enabledUser": "false",
        "agentSourcedIds": "s1,s2", "sms": "07700 900101", "phone": "0113 496 0101", "email": "anna@example.com",
    },
    {"sourcedId": "g2", "role": "parent", "givenName": "Saima", "familyName": "Khan", "sms": "07700 900103"},
    {"sourcedId": "t1", "role": "teacher", "givenName": "Tina", "familyName": "Teach", "email": "t@example.com"},
]  # fmt: skip


def table(columns: Sequence[str], rows: Rows) -> str:
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, columns, restval="")
    writer.writeheader()
    writer.writerows({key: value for key, value in row.items() if key in columns} for row in rows)
    return out.getvalue()


def manifest(version: str = "1.1", **modes: str) -> str:
    rows = [("manifest.version", "1.0"), ("oneroster.version", version)]
    rows += [(f"file.{name}", mode) for name, mode in modes.items()]
    return table(["propertyName", "value"], [{"propertyName": name, "value": value} for name, value in rows])


def save(folder: Path, **files: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.csv").write_bytes(text.encode())
    return folder


def save_11(folder: Path, rows: Rows = SCHOOL, *, mode: str = "bulk", **files: str) -> Path:
    return save(folder, manifest=manifest(users=mode), users=table(USERS_11, rows), **files)


def save_12(folder: Path, rows: Rows, roles: Rows, **files: str) -> Path:
    modes = {"users": "bulk", "roles": "bulk"}
    return save(
        folder, manifest=manifest("1.2", **modes), users=table(USERS_12, rows), roles=table(ROLES, roles), **files
    )


def words(source: Source) -> list[dict[str, str]]:
    """The cells of each row by their field."""
    columns = source.layout.columns
    return [{field: cells[at] for field, (at,) in columns.items()} for _, cells, _ in source.rows()]


def problems(sources: Sequence[Source]) -> list[str]:
    return [text for source in sources for text in source.remarks.problems.texts()]


def warnings(sources: Sequence[Source]) -> list[str]:
    return [text for source in sources for text in source.remarks.warnings.texts()]


def links(sources: Sequence[Source]) -> set[tuple[str, str]]:
    lists = [source for source in sources if source.layout.kind is Kind.CONTACTS]
    return {(row["pupil.id"], row["contact.id"]) for source in lists for row in words(source)}


async def everything(database: Database, model: type[SQLModel]) -> list[Any]:
    async with database.read() as session:
        return list((await session.scalars(select(model))).all())


async def test_a_bundle_goes_in_whole_and_changes_nothing_again(database: Database, load: Load, tmp_path: Path) -> None:
    path = save_11(
        tmp_path / "bundle",
        demographics="sourcedId,status,dateLastModified,birthDate,sex\ns1,,,2015-09-07,\n",
        classes=table(
            CLASSES,
            [
                {"sourcedId": "c1", "title": "Choir; juniors", "classType": "scheduled"},
                {"sourcedId": "c2", "title": "5A", "classType": "homeroom"},
            ],
        ),
        enrollments=table(
            ENROLLMENTS,
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
        UPN,
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
    path = save_11(tmp_path / "bundle")
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
    await load(save_11(tmp_path / "one"))
    fewer = [row | {"agentSourcedIds": row.get("agentSourcedIds", "").replace("g2,g1", "g2")} for row in SCHOOL]
    report = await load(save_11(tmp_path / "two", fewer))
    assert report.tally.links.gone == 1


@pytest.mark.parametrize("direction", ["pupil", "contact", "both"])
def test_guardians_are_linked_in_either_direction(tmp_path: Path, direction: str) -> None:
    def agents(row: Mapping[str, str]) -> str:
        named = {"s1": "g1", "s2": "g1", "s3": "g1,g2", "g1": "s1, s2,s3", "g2": "s3"}
        whose = "pupil" if row["role"] == "student" else "contact"
        return named.get(row["sourcedId"], "") if direction in (whose, "both") else ""

    found = formats.look_all([save_11(tmp_path / "b", [row | {"agentSourcedIds": agents(row)} for row in SCHOOL])])
    assert links(found) == {("s1", "g1"), ("s2", "g1"), ("s3", "g1"), ("s3", "g2")}
    assert sum(1 for _ in found[1].rows()) == 4
    assert problems(found) == []


@pytest.mark.parametrize("heading", ["sourcedId,birthDate", "userSourcedId,birthdate", "sourcedId,birthdate"])
def test_draft_and_final_names_of_demographics(tmp_path: Path, heading: str) -> None:
    found = formats.look_all([save_11(tmp_path / "b", demographics=f"{heading}\ns2,2018-01-12\n")])
    assert [row["pupil.born"] for row in words(found[0])] == ["", "2018-01-12", ""]


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
            save_12(
                tmp_path / "b",
                people,
                roles,
                orgs="sourcedId,name,type\no1,Ash Primary,school\no2,Elm Primary,school\n",
                academicSessions="sourcedId,endDate\ny,2026-07-20\n",
            )
        ]
    )
    pupils = words(found[0])
    assert [(row["pupil.id"], row["pupil.known_as"]) for row in pupils] == [("s1", "Zosia"), ("s2", ""), ("s3", "")]
    # One role without an end; one that has ended; one that ends with the school's year, as everybody's does.
    assert [row["pupil.left_on"] for row in pupils] == ["", "2026-05-04", ""]
    assert links(found) == {("s1", "g1"), ("s2", "g1"), ("s2", "t1")}
    (problem,) = problems(found)
    assert problem.startswith("b/users.csv, line 7: It is not said what user x1 is")
    assert "Ash Primary (3), Elm Primary (1)" in "".join(warnings(found))


def test_a_role_that_says_a_relationship_is_taken_and_one_that_does_not_has_no_column(tmp_path: Path) -> None:
    aunt = {"sourcedId": "g3", "role": "ext:aunt", "givenName": "Ola", "familyName": "Nowak", "agentSourcedIds": "s1"}
    found = formats.look_all([save_11(tmp_path / "b", [*SCHOOL, aunt])])
    assert [source.layout.has("contact.relation") for source in found] == [False, False, True]
    assert [row["contact.relation"] for row in words(found[2])] == ["Aunt"]


async def test_a_delta_takes_nobody_off_and_dates_leavers(database: Database, load: Load, tmp_path: Path) -> None:
    await load(save_11(tmp_path / "bulk"))
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
    report = await load(save_11(tmp_path / "delta", changes, mode="delta"))
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
    rows = [row | ({"status": "tobedeleted"} if row["sourcedId"] in ("s3", "g2") else {}) for row in SCHOOL]
    found = formats.look_all([save_11(tmp_path / "b", rows)])
    assert [row["pupil.id"] for row in words(found[0])] == ["s1", "s2"]
    assert links(found) == {("s1", "g1"), ("s2", "g1")}
    assert problems(found) == []


def test_a_leaver_without_a_day_is_reported_and_stays(tmp_path: Path) -> None:
    rows = [{"sourcedId": "s1", "status": "tobedeleted", "role": "student", "givenName": "A", "familyName": "B"}]
    found = formats.look_all([save_11(tmp_path / "b", rows, mode="delta")])
    assert words(found[0]) == []
    assert "not said when" in problems(found)[0]


async def test_a_contact_who_is_missing_is_named_and_nobody_is_taken_off(
    database: Database, load: Load, tmp_path: Path
) -> None:
    await load(save_11(tmp_path / "one"))
    report = await load(save_11(tmp_path / "two", [row for row in SCHOOL if row["sourcedId"] != "g2"]))
    assert len(await everything(database, Guardianship)) == 4
    assert any("User s3 is tied to g2, who is not in users.csv" in problem.what for problem in report.problems)


async def test_a_row_that_cannot_be_read_makes_nobody_gone(database: Database, load: Load, tmp_path: Path) -> None:
    await load(save_11(tmp_path / "one"))
    path = save_11(tmp_path / "two", [row | {"agentSourcedIds": ""} for row in SCHOOL if row["role"] == "student"])
    with (path / "users.csv").open("a") as file:
        file.write("g1,broken\n")
    report = await load(path)
    assert [(problem.file, problem.line) for problem in report.problems] == [("two/users.csv", 5)]
    assert len(await everything(database, Guardianship)) == 4


def test_what_is_wrong_is_named_with_file_and_line_and_the_rest_goes_on(tmp_path: Path) -> None:
    rows = [*SCHOOL, SCHOOL[0], {"role": "student", "givenName": "No", "familyName": "Id"}]
    path = save_11(
        tmp_path / "b",
        rows,
        demographics="birthDate,sex\n2015-01-01,\n",
        classes="sourcedId,title\nc1,Choir\n",
        enrollments=table(ENROLLMENTS, [{"classSourcedId": "c1", "userSourcedId": "who", "role": "student"}]),
    )
    (path / "manifest.csv").write_text(manifest("2.0", users="bulk", courses="bulk", orgs="perhaps"))
    found = formats.look_all([path])
    assert len(words(found[0])) == 3
    told = problems(found) + warnings(found)
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
        ({"manifest": manifest(users="absent"), "users": table(USERS_11, SCHOOL)}, "no list of users"),
        ({"users": table(USERS_12, SCHOOL)}, "Nothing says who is a pupil"),
        (
            {"manifest": manifest(), "users": "sourcedId,role,GivenName\n"},
            "No columns are headed “givenName”, “familyName”",
        ),
    ],
)
def test_what_cannot_be_used_is_refused(tmp_path: Path, files: dict[str, str], sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence):
        formats.look_all([save(tmp_path / "b", **files)])


@pytest.mark.parametrize(("status", "whole"), [("", True), ("active", False)])
def test_without_a_manifest_nothing_is_gone_unless_it_looks_complete(tmp_path: Path, status: str, whole: bool) -> None:
    rows = [row | {"status": status} for row in SCHOOL]
    found = formats.look_all([save(tmp_path / "b", users=table(USERS_11, rows))])
    assert [source.whole for source in found] == [whole, whole]
    assert "no manifest.csv" in warnings(found)[0]


def test_a_column_that_is_not_there_is_told_and_has_no_field(tmp_path: Path) -> None:
    columns = [name for name in USERS_11 if name not in ("sms", "email")]
    found = formats.look_all([save(tmp_path / "b", manifest=manifest(users="bulk"), users=table(columns, SCHOOL))])
    assert not found[1].layout.has("contact.mobile", "contact.email")
    assert found[1].layout.has("contact.phone")
    assert "Columns are missing: email, sms." in warnings(found)[0]


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
    path = save_11(tmp_path / "b", classes=table(CLASSES, classes), enrollments=table(ENROLLMENTS, places))
    groups = [row["pupil.groups"] for row in words(formats.look_all([path])[0])]
    assert groups == ["Maths (7A)", "Maths (7B)", ""]


names = st.text(st.characters(categories=["L"], include_characters="'- "), min_size=1, max_size=10).map(str.strip)
names = names.filter(bool)


@settings(max_examples=25, deadline=None)
@given(
    pupils=st.lists(st.tuples(names, names), min_size=1, max_size=6),
    family=st.lists(st.tuples(names, names, st.sets(st.integers(0, 5), max_size=4)), max_size=6),
    version=st.sampled_from(["1.1", "1.2"]),
    direction=st.sampled_from(["pupil", "contact", "both"]),
    packed=st.booleans(),
)
def test_a_random_school_comes_back(
    pupils: list[tuple[str, str]],
    family: list[tuple[str, str, set[int]]],
    version: str,
    direction: str,
    packed: bool,
) -> None:
    wanted = {(f"s{p}", f"g{g}") for g, (_, _, named) in enumerate(family) for p in named if p < len(pupils)}
    people = [("student", f"s{n}", *one) for n, one in enumerate(pupils)]
    people += [("parent", f"g{n}", forename, surname) for n, (forename, surname, _) in enumerate(family)]
    rows = [
        {
            "sourcedId": id_, "role": role, "givenName": forename, "familyName": surname,
            "agentSourcedIds": ",".join(
                sorted(other for pair in wanted if id_ in pair for other in pair if other != id_)
            ) if direction in (("pupil" if role == "student" else "contact"), "both") else "",
        }
        for role, id_, forename, surname in reversed(people)
    ]  # fmt: skip
    with tempfile.TemporaryDirectory() as parent:
        if version == "1.1":
            path = save_11(Path(parent, "b"), rows)
        else:
            roles = [{"userSourcedId": row["sourcedId"], "role": row["role"]} for row in rows]
            path = save_12(Path(parent, "b"), rows, roles)
        if packed:
            with zipfile.ZipFile(Path(parent, "b.zip"), "w") as archive:
                for file in path.iterdir():
                    archive.write(file, f"b/{file.name}")
            path = Path(parent, "b.zip")
        found = formats.look_all([path])
        assert {(row["pupil.id"], row["pupil.forename"], row["pupil.surname"]) for row in words(found[0])} == {
            (id_, forename, surname) for role, id_, forename, surname in people if role == "student"
        }
        assert links(found) == wanted
        known = {id_: (forename, surname) for _, id_, forename, surname in people}
        for row in words(found[1]):
            assert (row["contact.forename"], row["contact.surname"]) == known[row["contact.id"]]


MEASURE = """
import resource, sys
from pathlib import Path
from gateway.importing import oneroster

for source in oneroster.look(Path(sys.argv[1])):
    rows = sum(1 for _ in source.rows())
print(rows, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def test_memory_does_not_grow_with_the_school(tmp_path: Path) -> None:
    def measured(pupils: int) -> tuple[int, int]:
        path = save(tmp_path / str(pupils), manifest=manifest(users="bulk"))
        with (path / "users.csv").open("w") as file:
            file.write("sourcedId,role,givenName,familyName,agentSourcedIds,sms,email\n")
            for n in range(pupils):
                number = f"07700 900{n % 1000:03}"
                file.write(f'p{n},student,Forename{n},Surname{n},"g{n}",,\n')
                file.write(f'g{n},parent,Parent{n},Surname{n},"p{n}",{number},g{n}@example.com\n')
        command = [sys.executable, "-c", MEASURE, str(path)]
        ran = subprocess.run(command, check=True, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": "."})
        rows, kilobytes = map(int, ran.stdout.split())
        return rows, kilobytes

    (few, small), (many, large) = measured(4_000), measured(40_000)
    assert (few, many) == (4_000, 40_000)
    assert large < small * 1.25

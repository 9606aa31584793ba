"""Microsoft School Data Sync: our own small schools, and Microsoft's samples where they are."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlmodel import SQLModel, select

from gateway.database import Database
from gateway.errors import BadInput
from gateway.importing import formats
from gateway.importing.report import Report
from gateway.importing.tables import Source
from gateway.models import Contact, ContactPoint, Guardianship, ImportRun, Pupil

Load = Callable[..., Awaitable[Report]]

USERS = """\
sourcedId,username,givenName,familyName,password,activeDirectoryMatchId,email,phone,sms
s1,zk,Zofia,Kowalska,,,zk@example.org,,
s2,jk,Jan,Kowalski,,,jk@example.org,,
g1,ak,Anna,Kowalska,,,anna@example.com,0113 496 0101,07700 900101
g2,mk,Marta,Nowak,,,,,07700 900102
d1,dd,Dora,Doctor,,,dora@example.com,,07700 900103
t1,tt,Tina,Teach,,,tina@example.org,,
"""
ROLES = """\
userSourcedId,orgSourcedId,role,sessionSourcedId,grade,isPrimary,roleStartDate,roleEndDate
s1,o1,student,y1,5,TRUE,2026-09-01,2027-07-20
s2,o1,student,y1,KG,TRUE,2026-09-01,2026-10-02
t1,o1,teacher,y1,,TRUE,2026-09-01,
"""
RELATIONSHIPS = """\
userSourcedId,relationshipUserSourcedId,relationshipRole
s1,g1,guardian
s2,g1,Parent
s2,g2,relative
s1,d1,doctor
s2,t1,other
"""
REST = {
    "orgs": "sourcedId,name,type,parentSourcedId\no1,Ash Primary,school,\n",
    "academicSessions": "sourcedId,title,type,schoolYear,startDate,endDate\ny1,2026,schoolYear,2026,,2027-07-20\n",
    "demographics": "userSourcedId,sex,birthDate\ns1,female,2016-09-07\n",
    "classes": "sourcedId,orgSourcedId,title\nc1,o1,Choir\n",
    "enrollments": "classSourcedId,userSourcedId,role\nc1,s1,student\nc1,t1,teacher\n",
    "userFlags": "userSourcedId,flag\ns1,iep\n",
}


def save(folder: Path, **files: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    return folder


def school(folder: Path, **changed: str) -> Path:
    return save(folder, **{"users": USERS, "roles": ROLES, "relationships": RELATIONSHIPS, **REST, **changed})


def words(source: Source) -> list[dict[str, str]]:
    columns = source.layout.columns
    return [{field: cells[at] for field, (at,) in columns.items()} for _, cells, _ in source.rows()]


def told(sources: Sequence[Source]) -> str:
    remarks = [source.remarks for source in sources]
    return "\n".join(text for one in remarks for text in [*one.problems.texts(), *one.warnings.texts()])


async def everything(database: Database, model: type[SQLModel]) -> list[Any]:
    async with database.read() as session:
        return list((await session.scalars(select(model))).all())


async def test_2_1_goes_in_whole(database: Database, load: Load, tmp_path: Path) -> None:
    path = school(tmp_path / "sds")
    report = await load(path)
    assert report.problems == []
    pupils = {row.source_id: row for row in await everything(database, Pupil)}
    zofia, jan = pupils["s1"], pupils["s2"]
    # Her role ends with the school's year, as everybody's does; his on a day of his own.
    assert (zofia.born, zofia.year, zofia.left_on) == (date(2016, 9, 7), "5", None)
    assert (jan.born, jan.year, jan.left_on) == (None, "R", date(2026, 10, 2))
    contacts = {row.source_id: row for row in await everything(database, Contact)}
    assert contacts.keys() == {"g1", "g2"}
    ties = {(row.pupil_id, row.contact_id): row.relation for row in await everything(database, Guardianship)}
    assert ties == {
        (zofia.id, contacts["g1"].id): "Guardian",
        (jan.id, contacts["g1"].id): "Parent",
        (jan.id, contacts["g2"].id): "Relative",
    }
    points = {row.address for row in await everything(database, ContactPoint)}
    assert points == {"anna@example.com", "+441134960101", "+447700900101", "+447700900102"}
    assert any("doctor (1), other (1)" in problem.what for problem in report.warnings)
    again = (await load(path)).tally
    assert all(count.new == count.changed == count.gone == 0 for count in again.each().values())


def test_a_parent_who_teaches_is_a_contact(tmp_path: Path) -> None:
    found = formats.look_all([school(tmp_path / "b", relationships=f"{RELATIONSHIPS}s1,t1,mother\n")])
    rows = [row for row in words(found[2]) if row["contact.id"] == "t1"]
    assert [(row["pupil.id"], row["contact.relation"]) for row in rows] == [("s1", "Mother")]


async def test_a_role_fills_an_empty_relation_and_replaces_none(database: Database, load: Load, tmp_path: Path) -> None:
    path = school(tmp_path / "b")
    await load(path)
    for known, stays in (("Mother", {"Mother"}), ("", {"Guardian", "Parent", "Relative"})):
        async with database.write() as session:
            await session.execute(sa.update(Guardianship).values(relation=known))
        await load(path)
        assert {row.relation for row in await everything(database, Guardianship)} == stays
    await load(school(tmp_path / "c", relationships=RELATIONSHIPS.replace("guardian", "aunt")))
    assert {row.relation for row in await everything(database, Guardianship)} == {"Aunt", "Parent", "Relative"}


def test_without_relationships_nothing_is_said_of_contacts(tmp_path: Path) -> None:
    path = save(tmp_path / "b", users=USERS, roles=ROLES)
    found = formats.look_all([path])
    assert [source.layout.kind.value for source in found] == ["pupils"]
    assert not found[0].layout.has("pupil.born", "pupil.groups")


def test_what_is_wrong_is_named_with_file_and_line(tmp_path: Path) -> None:
    path = school(
        tmp_path / "b",
        relationships=f"{RELATIONSHIPS}s1,who,parent\nwho,g1,parent\ns1,g2,wizard\ns1\n",
        demographics="userSourcedId,sex\ns1,female\n",
    )
    found = formats.look_all([path])
    assert not found[1].whole
    for start in (
        "b/relationships.csv, line 7: User s1 is tied to who, who is not in users.csv",
        "b/relationships.csv, line 8: There is no user who in users.csv",
        "b/relationships.csv, line 9: “wizard” is no relationship of a family",
        "b/relationships.csv, line 10: This row has 1 cells, but there are 3 headings",
        "b/demographics.csv, line 1: No column is headed “birthDate”",
    ):
        assert start in told(found), start


def test_version_2_has_roles_and_grades_with_the_users(tmp_path: Path) -> None:
    users = "sourcedId,orgSourcedIds,givenName,familyName,username,password,role,grade\n1,o1,Kai,Shaw,k,,Student,6\n"
    users += "2,o1,Tina,Teach,t,,Teacher,\n"
    found = formats.look_all([save(tmp_path / "b", users=users)])
    assert [(row["pupil.id"], row["pupil.year"]) for row in words(found[0])] == [("1", "6")]
    with pytest.raises(BadInput, match="Nothing says who is a pupil"):
        formats.look_all([save(tmp_path / "c", users="sourcedId,username,givenName,familyName\n1,a,Kai,Shaw\n")])


@pytest.mark.parametrize(
    ("days", "read"),
    [
        (("4/2/2016", "12/19/2015"), ["2016-04-02", "2015-12-19"]),
        (("4/2/2016", "19/12/2015"), ["2016-02-04", "2015-12-19"]),
        (("2016-02-04", "2015-12-19"), ["2016-02-04", "2015-12-19"]),
        (("4/2/2016", "5/6/2015"), ["", ""]),
    ],
)
def test_old_formats_show_by_themselves_how_their_dates_are_written(
    tmp_path: Path, days: tuple[str, str], read: list[str]
) -> None:
    path = save(
        tmp_path / "b",
        Student=f"SIS ID,First Name,Last Name,Birthdate\n1,Kai,Shaw,{days[0]}\n2,Isla,Hirst,{days[1]}\n",
        School="SIS ID,Name\no,Ash Primary\n",
        guardianrelationship="SIS ID,Email,Role\n",
    )
    found = formats.look_all([path])
    assert [row["pupil.born"] for row in words(found[0])] == read
    assert ("left out" in told(found)) == (read == ["", ""])
    assert "Contacts are not taken from this old format" in told(found)


def corpus() -> Path:
    beside = Path(__file__).resolve().parents[2] / "../shared/corpora"
    folder = Path(os.environ.get("HANDBELL_CORPORA", beside)) / "microsoft_sds"
    if not folder.is_dir():
        pytest.skip("Microsoft's samples are not on this machine.")
    return folder


@pytest.mark.parametrize(
    ("sample", "pupils", "contacts"),
    [
        ("SDS v2.1", 4, 3),
        ("SDS v2", 22, 0),
        ("SDS Format/25 Users", 22, 0),
        ("SDS Format/100 Users", 86, 0),
        ("UK Format/25 Users", 22, 0),
        ("UK Format/100 Users", 86, 0),
    ],
)
def test_samples(sample: str, pupils: int, contacts: int) -> None:
    found = formats.look_all([corpus() / sample])
    assert [sum(1 for _ in source.rows()) for source in found] == ([pupils, contacts] if contacts else [pupils])
    assert not any(source.remarks.problems for source in found)
    if not sample.startswith("SDS v2.1"):
        assert all(row["pupil.groups"] for row in words(found[0]))


@pytest.mark.parametrize("kind", ["SDS Format", "UK Format"])
def test_samples_without_names_are_refused(kind: str) -> None:
    with pytest.raises(BadInput, match="No columns are headed “First Name”, “Last Name”"):
        formats.look_all([corpus() / kind / "Min Required Attributes"])


async def test_a_fault_is_told_once_with_the_file_and_line_that_it_stands_on(load: Load, tmp_path: Path) -> None:
    born = "userSourcedId,sex,birthDate\ns2,male,2016-09-07\ns1,female,2016-33-07\n"
    report = await load(school(tmp_path / "b", demographics=born, relationships=f"{RELATIONSHIPS}s1,g9,parent\n"))
    assert [f"{problem.file}, line {problem.line}: {problem.what}" for problem in report.problems] == [
        "b/demographics.csv, line 3: “2016-33-07” is not a date. It was left out.",
        "b/relationships.csv, line 7: User s1 is tied to g9, who is not in users.csv. Nobody was guessed.",
    ]


async def test_a_bundle_is_listed_with_each_file_once(database: Database, load: Load, tmp_path: Path) -> None:
    await load(school(tmp_path / "b"))
    (run,) = await everything(database, ImportRun)
    assert [file["file"] for file in run.files] == ["b/users.csv"]

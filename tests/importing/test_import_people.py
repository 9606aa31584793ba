"""The import as a school runs it: two exports, or one combined file, again and again."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import SQLModel, col, select

from channels.base import Medium
from gateway.database import Database
from gateway.errors import BadInput
from gateway.importing import people
from gateway.importing.report import Count, Report
from gateway.models import (
    Audit,
    Contact,
    ContactPoint,
    Guardianship,
    LineType,
    Membership,
    OptOut,
    PointKind,
    PointState,
    Pupil,
    PupilGroup,
)

Save = Callable[..., Path]
Load = Callable[..., Awaitable[Report]]

PUPILS = """\
Pupil ID,UPN,Forename,Surname,Known As,DOB,Year,Reg,Groups,Home Language,Leaving Date
1,,Zofia,Kowalska,Zosia,07/09/2015,Year 5,5A,Choir; Football,Polish,
2,,Jan,Kowalski,,12/01/2018,2,2B,,Polish,
3,,Noor,Khan,,2019-05-03,R,RA,Choir,Urdu,
"""
CONTACTS = """\
Pupil ID,Contact ID,Title,Forename,Surname,Relationship,Priority,PR,Lives with Pupil,Court Order,Court Order From,Court Order Until,Mobile,Home Telephone,Email,Written Language,Spoken Language
1,C1,Mrs,Anna,Kowalska,Mother,1,T,T,F,,,07700 900101,0113 496 0101,anna@example.com,Polish,Polish
2,C1,Mrs,Anna,Kowalska,Mother,1,T,T,F,,,07700 900101,0113 496 0101,anna@example.com,Polish,Polish
1,C2,Mr,Marek,Kowalski,Father,2,T,F,T,01/02/2026,01/02/2027,07700 900102,,,,
3,C3,Ms,Saima,Khan,Mother,1,T,T,F,,,07700 900103 (works nights),,saima@example.org; s.khan@example.net,Urdu,Panjabi (Mirpuri)
"""  # noqa: E501 - a line of a file is a line


async def everything(database: Database, model: type[SQLModel]) -> list[Any]:
    async with database.read() as session:
        return list((await session.scalars(select(model))).all())


async def by_source(database: Database, model: type[Pupil] | type[Contact]) -> dict[str, Any]:
    return {row.source_id: row for row in await everything(database, model)}


@pytest.fixture
def files(save: Save) -> tuple[Path, Path]:
    return save("pupils.csv", PUPILS), save("contacts.csv", CONTACTS)


async def test_two_exports_go_in_whole(database: Database, load: Load, files: tuple[Path, Path]) -> None:
    pupils_csv, contacts_csv = files
    report = await load(contacts_csv, pupils_csv)  # in either order

    assert report.problems == []
    assert report.warnings == []
    assert (report.tally.pupils, report.tally.contacts) == (Count(new=3), Count(new=3))
    assert (report.tally.links, report.tally.points) == (Count(new=4), Count(new=7))
    pupils, contacts = await by_source(database, Pupil), await by_source(database, Contact)
    zofia, anna, saima = pupils["1"], contacts["C1"], contacts["C3"]
    assert (zofia.called, zofia.born, zofia.year, zofia.form) == ("Zosia", date(2015, 9, 7), "5", "5A")
    assert (zofia.home_language, zofia.left_on, pupils["3"].year) == ("pl", None, "R")
    assert anna.full_name == "Mrs Anna Kowalska"
    assert (saima.written_language, saima.spoken_language) == ("ur", "pa-Arab")
    links = {(row.pupil_id, row.contact_id): row for row in await everything(database, Guardianship)}
    bar = links[zofia.id, contacts["C2"].id]
    assert bar.no_contact
    assert (bar.no_contact_from, bar.no_contact_until) == (date(2026, 2, 1), date(2027, 2, 1))
    assert not bar.lives_with
    assert links[pupils["2"].id, anna.id].priority == 1
    points = {(row.contact_id, row.address): row for row in await everything(database, ContactPoint)}
    mobile, line = points[anna.id, "+447700900101"], points[anna.id, "+441134960101"]
    assert (mobile.line_type, mobile.rank, mobile.label) == (LineType.MOBILE, 1, "")
    assert (line.line_type, line.rank, line.label) == (LineType.LANDLINE, 2, "home")
    assert points[saima.id, "+447700900103"].label == "works nights"
    assert points[saima.id, "s.khan@example.net"].kind is PointKind.EMAIL
    assert points[saima.id, "s.khan@example.net"].state is PointState.UNPROVEN
    groups = {row.id: row.name for row in await everything(database, PupilGroup)}
    members = {(row.pupil_id, groups[row.group_id]) for row in await everything(database, Membership)}
    assert members == {(zofia.id, "Choir"), (zofia.id, "Football"), (pupils["3"].id, "Choir")}


async def test_sen_eal_and_fsm_are_groups_by_themselves(database: Database, load: Load, save: Save) -> None:
    """A plain export has them as columns; each is a list of its own, and empties no other."""

    async def members() -> set[str]:
        pupils = {row.id: row.forename for row in await everything(database, Pupil)}
        groups = {row.id: row.name for row in await everything(database, PupilGroup)}
        return {f"{pupils[row.pupil_id]} {groups[row.group_id]}" for row in await everything(database, Membership)}

    rows = "Ava,Lee,Choir,K,Yes,T,\n2,Ben,Lee,,N,No,F,Y\n3,Cem,Lee,Choir,E - EHC Plan,,unknown,no\n"
    await load(save("a.csv", f"Pupil ID,Forename,Surname,Groups,SEN Status,EAL,FSM,Pupil Premium\n1,{rows}"))
    first = {"Ava Choir", "Ava SEN", "Ava EAL", "Ava FSM", "Ben Pupil premium", "Cem Choir", "Cem SEN"}
    assert await members() == first
    report = await load(save("b.csv", "Pupil ID,Forename,Surname,SEN\n1,Ava,Lee,\n2,Ben,Lee,k\n3,Cem,Lee,SLCN\n"))
    assert await members() == first - {"Ava SEN"} | {"Ben SEN"}  # of Cem nobody knows: what was known stays
    assert ["“SLCN” is neither yes nor no" in one.what for one in report.warnings] == [True]


async def test_the_same_files_again_change_nothing(database: Database, load: Load, files: tuple[Path, Path]) -> None:
    await load(*files)
    before = [await everything(database, model) for model in (Pupil, Contact, Guardianship, ContactPoint, Membership)]
    report = await load(*files)
    after = [await everything(database, model) for model in (Pupil, Contact, Guardianship, ContactPoint, Membership)]

    assert [[row.model_dump() for row in rows] for rows in before] == [
        [row.model_dump() for row in rows] for rows in after
    ]
    assert (report.tally.pupils, report.tally.contacts) == (Count(same=3), Count(same=3))
    assert (report.tally.links, report.tally.points) == (Count(same=4), Count(same=7))
    assert report.tally.memberships == Count(same=3)


async def test_one_combined_file_in_schoolbookings_layout(database: Database, load: Load, save: Save) -> None:
    heading = (
        "Student ID,Student Forename,Student Surname,Parent ID,(Contact) Priority,Parental responsibility (T/F),"
        "Lives with Pupil (T/F),Title,Forename,Surname,(Contact) Home Email,Main Telephone,Primary Email,Mobile number,"
        "Class ID,(Class) Class Name\n"
    )
    rows = (
        "7,Theo,Clarke,P1,1,T,T,Mrs,Emma,Clarke,emma@example.com,0113 496 0107,e.c@example.org,07700900107,11,Maths\n"
        "7,Theo,Clarke,P1,1,T,T,Mrs,Emma,Clarke,emma@example.com,0113 496 0107,e.c@example.org,07700900107,12,Art\n"
        "7,Theo,Clarke,P2,2,T,F,Mr,Lee,Clarke,,,,07700900108,11,Maths\n"
        "8,Isla,Hirst,,,,,,,,,,,,11,Maths\n"
    )
    report = await load(save("all.csv", heading + rows))

    assert report.problems == []
    assert (report.tally.pupils, report.tally.contacts) == (Count(new=2), Count(new=2))
    assert (report.tally.links, report.tally.points, report.tally.memberships) == (
        Count(new=2), Count(new=5), Count(new=3),
    )  # fmt: skip
    assert report.files[0].unused == ("Class ID",)
    emma = (await by_source(database, Contact))["P1"]
    ranks = {row.address: row.rank for row in await everything(database, ContactPoint) if row.contact_id == emma.id}
    assert ranks == {"+447700900107": 1, "+441134960107": 2, "emma@example.com": 1, "e.c@example.org": 2}
    assert (await load(save("all.csv", heading + rows))).tally.memberships == Count(same=3)


async def test_what_changed_is_changed_and_only_that(
    database: Database, load: Load, save: Save, files: tuple[Path, Path]
) -> None:
    await load(*files)
    report = await load(
        save("p2.csv", PUPILS.replace("Year 5,5A", "Year 6,6A").replace("Choir; Football", "Choir")), files[1]
    )

    assert report.tally.pupils == Count(changed=1, same=2)
    assert report.tally.memberships == Count(same=2, gone=1)
    assert (await by_source(database, Pupil))["1"].form == "6A"


async def test_no_file_undoes_what_families_and_evidence_said(
    database: Database, load: Load, save: Save, files: tuple[Path, Path]
) -> None:
    await load(*files)
    async with database.write() as session:
        session.add(OptOut(medium=Medium.SMS, address="+447700900101", since=datetime(2026, 9, 1, tzinfo=UTC)))
        anna = (await session.scalars(select(Contact).where(Contact.source_id == "C1"))).one()
        anna.spoken_language = "uk"
        point = (await session.scalars(select(ContactPoint).where(ContactPoint.address == "+447700900101"))).one()
        point.state, point.strikes, point.label = PointState.DEAD, 3, "old handset"
    heading = "Pupil ID,Contact ID,Forename,Surname,Mobile\n"
    slim = heading + "1,C1,Anna,Kowalska,07700 900101\n1,C2,Marek,Kowalski,07700 900102\n"
    report = await load(save("slim.csv", slim))

    assert report.tally.contacts == Count(same=2)
    assert (await by_source(database, Contact))["C1"].spoken_language == "uk"
    assert len(await everything(database, OptOut)) == 1
    points = {row.address: row for row in await everything(database, ContactPoint)}
    kept = points["+447700900101"]
    assert (kept.state, kept.strikes, kept.label) == (PointState.DEAD, 3, "old handset")
    assert "anna@example.com" in points  # the slim export has no column for mailboxes
    bars = [row for row in await everything(database, Guardianship) if row.no_contact]
    assert [(row.no_contact_until, row.priority) for row in bars] == [(date(2027, 2, 1), 2)]


async def test_an_empty_court_order_cell_keeps_the_bar_and_a_plain_no_lifts_it(
    database: Database, load: Load, save: Save, files: tuple[Path, Path]
) -> None:
    await load(*files)
    barred = "F,T,01/02/2026,01/02/2027"
    await load(save("blank.csv", CONTACTS.replace(barred, "F,,,")))
    assert [row.no_contact_until for row in await everything(database, Guardianship) if row.no_contact] == [
        date(2027, 2, 1)
    ]
    await load(save("no.csv", CONTACTS.replace(barred, "F,No,,")))
    assert not [row for row in await everything(database, Guardianship) if row.no_contact]


@pytest.mark.parametrize(
    ("cells", "until", "words"),
    [
        ("See order in file,,", None, "taken to mean that the contact is barred"),
        (",01/02/2026,", None, ""),
        ("No,01/02/2026,01/02/2030", date(2030, 2, 1), "the dates were taken"),
        ("Y,soon,never", None, "The bar stands without it"),
        ("unknown,,", None, "taken to mean that the contact is barred"),
    ],
)
async def test_every_doubt_about_a_court_order_bars(
    database: Database, load: Load, save: Save, cells: str, until: date | None, words: str
) -> None:
    contacts = save("contacts.csv", CONTACTS.replace("F,T,01/02/2026,01/02/2027", f"F,{cells}"))
    report = await load(save("pupils.csv", PUPILS), contacts)
    (bar,) = [row for row in await everything(database, Guardianship) if row.no_contact]
    assert bar.no_contact_until == until
    assert words.casefold() in str(report).casefold()


async def test_a_bar_outlives_a_new_contact_id(
    database: Database, load: Load, save: Save, files: tuple[Path, Path]
) -> None:
    await load(*files)
    heading = "Pupil ID,Contact ID,Forename,Surname,Mobile\n"
    renewed = heading + "1,NEW-1,Anna,Kowalska,07700 900101\n1,NEW-2,marek,KOWALSKI,07700 900122\n"
    report = await load(save("new.csv", renewed))
    contacts = await by_source(database, Contact)
    bars = {row.contact_id: row.no_contact_until for row in await everything(database, Guardianship) if row.no_contact}
    assert bars == {contacts["C2"].id: date(2027, 2, 1), contacts["NEW-2"].id: date(2027, 2, 1)}
    assert "Contact NEW-2 has the name of a contact who is barred" in str(report)
    assert (await load(save("new.csv", renewed))).tally.links == Count(same=2)


async def test_a_barred_contact_who_shares_a_line_is_named(load: Load, save: Save) -> None:
    shared = CONTACTS.replace("07700 900102,,", "07700 900102,0113 496 0101,")
    report = await load(save("pupils.csv", PUPILS), save("contacts.csv", shared))
    (warning,) = report.warnings
    assert "Zofia Kowalska (pupil 1): contact C2 is barred" in warning.what
    assert "C1" in warning.cure
    ended = shared.replace("01/02/2027", "01/03/2026")
    assert (await load(save("contacts.csv", ended))).warnings == []


async def test_a_parent_taken_off_the_list_is_written_to_no_more(
    database: Database, load: Load, save: Save, files: tuple[Path, Path]
) -> None:
    await load(*files)
    without = "".join(line for line in CONTACTS.splitlines(keepends=True) if not line.startswith(("2,C1", "1,C2")))
    report = await load(files[0], save("later.csv", without + "2,C4,Mrs,Ewa,Mazur,Aunt,1,F,T,F,,,07700 900104,,,,\n"))
    contacts = await by_source(database, Contact)
    tied = {(row.pupil_id, row.contact_id) for row in await everything(database, Guardianship)}
    jan = (await by_source(database, Pupil))["2"].id
    assert report.tally.links.gone == 1
    assert (jan, contacts["C1"].id) not in tied
    assert (jan, contacts["C4"].id) in tied
    # A barred contact stays known as barred.
    assert [row.contact_id for row in await everything(database, Guardianship) if row.no_contact] == [contacts["C2"].id]


async def test_a_number_that_changed_is_replaced_unless_the_family_confirmed_it(
    database: Database, load: Load, save: Save, files: tuple[Path, Path]
) -> None:
    await load(*files)
    async with database.write() as session:
        point = (await session.scalars(select(ContactPoint).where(ContactPoint.address == "+447700900103"))).one()
        point.confirmed_at = datetime(2026, 9, 2, tzinfo=UTC)
    changed = CONTACTS.replace("07700 900101", "07700 900111").replace("07700 900103", "07700 900113")
    report = await load(save("contacts.csv", changed))
    numbers = {row.address for row in await everything(database, ContactPoint)}
    assert "+447700900101" not in numbers
    assert {"+447700900111", "+447700900113", "+447700900103"} <= numbers
    assert report.tally.points.gone == 1
    assert "Contact C3 confirmed a telephone …103" in str(report)


async def test_a_cell_that_cannot_be_read_keeps_what_is_known(
    database: Database, load: Load, save: Save, files: tuple[Path, Path]
) -> None:
    await load(*files)
    report = await load(save("contacts.csv", CONTACTS.replace("07700 900103 (works nights)", "7.70E+09")))
    assert [(problem.line, problem.field) for problem in report.problems] == [(5, "Mobile")]
    assert "+447700900103" in {row.address for row in await everything(database, ContactPoint)}


async def test_an_export_that_lost_most_of_its_rows_removes_nothing(database: Database, load: Load, save: Save) -> None:
    pupils = "Pupil ID,Forename,Surname\n" + "".join(f"{n},Kai,Shaw\n" for n in range(40))
    head = "Pupil ID,Contact ID,Surname,Mobile\n"
    mothers = "".join(f"{n},M{n},Shaw,07700 900{n + 100}\n" for n in range(40))
    fathers = "".join(f"{n},F{n},Shaw,07700 900{n + 200}\n" for n in range(40))
    await load(save("pupils.csv", pupils), save("contacts.csv", head + mothers + fathers))
    with pytest.raises(
        people.Suspicious, match=r"40 of 80 contacts of pupils are not in these files any more.*--go-on"
    ):
        await load(save("contacts.csv", head + mothers))
    assert len(await everything(database, Guardianship)) == 80
    report = await load(save("contacts.csv", head + mothers), go_on=True)
    assert report.tally.links == Count(same=40, gone=40)
    assert len(await everything(database, Guardianship)) == 40


async def test_contacts_without_ids_are_known_by_name_and_number(
    database: Database, load: Load, save: Save, files: tuple[Path, Path]
) -> None:
    text = (
        "UPN,Contact Forename,Contact Surname,Relationship,Mobile\n"
        "H801200001001,Ewa,Mazur,Mother,07700 900105\nA123456789012,Ewa,Mazur,Mother,+447700900105\n"
    )
    pupils = "UPN,Forename,Surname\nH801200001001,Igor,Mazur\nA123456789012,Lena,Mazur\n"
    report = await load(save("pupils.csv", pupils), save("contacts.csv", text))
    assert report.problems == []
    assert (report.tally.contacts, report.tally.links) == (Count(new=1), Count(new=2))
    assert (await load(save("contacts.csv", text))).tally.contacts == Count(same=1)


async def test_a_pupil_keeps_its_history_when_a_new_system_gives_a_new_id(
    database: Database, load: Load, save: Save
) -> None:
    await load(save("pupils.csv", "Pupil ID,UPN,Forename,Surname\n1,H801200001001,Igor,Mazur\n"))
    (before,) = await everything(database, Pupil)
    await load(save("pupils.csv", "Pupil ID,UPN,Forename,Surname\nS-77,H801200001001,Igor,Mazur\n"))
    (after,) = await everything(database, Pupil)
    assert (after.id, after.source_id) == (before.id, "S-77")
    # A twin who is in the same file with the same UPN by mistake is a person all the same, and a warning says so.
    twins = "Pupil ID,UPN,Forename,Surname\nS-78,H801200001001,Lena,Mazur\nS-77,H801200001001,Igor,Mazur\n"
    report = await load(save("pupils.csv", twins))
    assert len(await everything(database, Pupil)) == 2
    assert "Pupils S-77 and S-78 have the same UPN" in str(report)
    twins = twins.replace("S-7", "T-7").replace("H8", "h8")
    await load(save("pupils.csv", twins))
    assert {row.source_id: row.forename for row in await everything(database, Pupil)}["T-77"] == "Igor"


async def test_pupils_who_are_in_no_file_are_named(load: Load, save: Save, files: tuple[Path, Path]) -> None:
    await load(*files)
    report = await load(save("pupils.csv", PUPILS.partition("3,,Noor")[0]))
    assert "in none of these files: 1 (3)" in str(report)
    assert (await load(files[1])).warnings == []


async def test_a_file_that_cannot_be_read_undoes_the_others(
    database: Database, load: Load, save: Save, files: tuple[Path, Path]
) -> None:
    broken = save("contacts.csv", CONTACTS + '3,C9,Mr,"Never closed,Khan\n')
    with pytest.raises(BadInput, match=r"contacts\.csv, line 6: .*never closed"):
        await load(files[0], broken)
    for model in (Pupil, Contact, Audit):
        assert await everything(database, model) == []
    with pytest.raises(BadInput, match="no such file"):
        await load(files[0], files[0].with_name("missing.csv"))
    assert (await load(*[files[0], save("contacts.csv", CONTACTS)])).tally.pupils == Count(new=3)


async def test_each_file_leaves_one_line_with_counts_and_no_names(
    database: Database, load: Load, files: tuple[Path, Path]
) -> None:
    await load(*files)
    lines = await everything(database, Audit)
    assert [(line.action, line.subject) for line in lines] == [
        ("people.imported", "file:pupils.csv"),
        ("people.imported", "file:contacts.csv"),
    ]
    facts = json.loads(lines[1].body)
    assert facts["contacts"] == {"new": 3, "changed": 0, "same": 0, "gone": 0}
    assert (facts["rows"], facts["left_out"]) == (4, 0)
    assert not any(word in line.body for line in lines for word in ("Kowalska", "900101", "example.com"))


async def test_progress_is_told_in_bytes(load: Load, files: tuple[Path, Path]) -> None:
    told: list[tuple[int, int]] = []
    await load(*files, progress=lambda done, total: told.append((done, total)))
    size = sum(file.stat().st_size for file in files)
    assert told[-1] == (size, size)
    assert told == sorted(told)


async def test_more_rows_than_a_batch(database: Database, load: Load, save: Save) -> None:
    """The rows of one contact far apart are one contact; what contradicts an earlier row is told and not taken."""
    pupils = [["Pupil ID", "Forename", "Surname"], *[[str(n), "Kai", "Shaw"] for n in range(2300)]]
    contacts = [["Pupil ID", "Contact ID", "Surname", "Relationship", "Mobile"]]
    contacts += [[str(n), f"C{n % 1150}", "Shaw", "Mother", f"07700 900{n % 1000:03}"] for n in range(2300)]
    contacts[2000][2] = "Jones"
    files = save("pupils.csv", pupils), save("contacts.csv", contacts)
    for expected in (Count(new=1150), Count(same=1150)):
        report = await load(*files)
        assert report.tally.contacts == expected
        (warning,) = report.warnings
        assert (warning.line, "differs from an earlier row" in warning.what) == (2001, True)
    assert (report.tally.links, report.tally.pupils) == (Count(same=2300), Count(same=2300))
    async with database.read() as session:
        named = (await session.scalars(select(Contact.surname).where(col(Contact.surname) != "Shaw"))).all()
    assert named == []

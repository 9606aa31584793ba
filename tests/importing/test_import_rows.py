"""Rows and cells that cannot be taken: each is reported with its place and its cure, and the rest goes in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlmodel import col

from gateway.database import Database
from gateway.importing import report as reports
from gateway.importing.report import Count, Report
from gateway.models import Contact, ContactPoint, Guardianship, Pupil

Save = Callable[..., Path]
Load = Callable[..., Awaitable[Report]]

PUPIL_HEAD = "Pupil ID,UPN,Forename,Surname,DOB,Year,Home Language,Leaving Date"
GOOD_PUPIL = "1,,Kai,Shaw,07/09/2015,5,English,"
CONTACT_HEAD = "Pupil ID,Contact ID,Forename,Surname,Relation,Priority,PR,Lives With,Mobile,Email,Written Language"
GOOD_CONTACT = "1,C1,Emma,Shaw,Mother,1,T,T,07700 900101,emma@example.com,English"


@pytest.mark.parametrize(
    ("row", "field", "words", "taken"),
    [
        (",,Isla,Hirst,,,,", "Pupil ID", "which pupil", False),
        ("2,,,Hirst,,,,", "Forename", "name is missing", False),
        ("2,,Isla,,,,,", "Surname", "name is missing", False),
        ("2,,Isla,Hirst,,,,,,surplus", "", "more cells", False),
        ("2,X80120000100,Isla,Hirst,,,,", "UPN", "not a letter followed by twelve figures", True),
        ("2,B801200001001,Isla,Hirst,,,,", "UPN", "does not fit", True),
        ("2,,Isla,Hirst,31/02/2015,,,", "DOB", "is not a date", True),
        ("2,,Isla,Hirst,01/01/2050,,,", "DOB", "still to come", True),
        ("2,,Isla,Hirst,,Year 99,,", "Year", "not a year group", True),
        ("2,,Isla,Hirst,,,,someday", "Leaving Date", "is not a date", True),
    ],
)
async def test_bad_pupils(
    database: Database, load: Load, save: Save, row: str, field: str, words: str, taken: bool
) -> None:
    report = await load(save("pupils.csv", f"{PUPIL_HEAD}\n{row}\n{GOOD_PUPIL}\n"))
    (problem,) = report.problems
    assert (problem.file, problem.line, problem.field) == ("pupils.csv", 2, field)
    assert words in problem.what
    assert "left out" in problem.what
    assert problem.cure
    assert report.tally.pupils == Count(new=2 if taken else 1)
    assert (report.files[0].rows, report.files[0].left_out) == (2, 0 if taken else 1)
    assert await count(database, Pupil) == (2 if taken else 1)


async def test_a_row_that_is_cut_off_takes_nothing_away(database: Database, load: Load, save: Save) -> None:
    await load(
        save("pupils.csv", f"{PUPIL_HEAD}\n{GOOD_PUPIL}\n"), save("contacts.csv", f"{CONTACT_HEAD}\n{GOOD_CONTACT}\n")
    )
    cut = "1,C1,Emma,Shaw,Mother"
    report = await load(
        save("pupils.csv", f"{PUPIL_HEAD}\n1,,Kai,Shaw\n"), save("contacts.csv", f"{CONTACT_HEAD}\n{cut}\n")
    )
    assert [(one.file, one.line) for one in report.warnings] == [("pupils.csv", 2), ("contacts.csv", 2)]
    assert "ends before its last columns" in report.warnings[0].what
    assert (report.tally.pupils, report.tally.contacts, report.tally.points) == (Count(same=1), Count(same=1), Count())
    async with database.read() as session:
        assert list(await session.scalars(sa.select(col(Pupil.year)))) == ["5"]
    assert await count(database, ContactPoint) == 2


@pytest.mark.parametrize(
    ("row", "field", "words", "contacts"),
    [
        (",C2,Lee,Shaw,,,,,,,", "Pupil ID", "which pupil", 1),
        ("99,C2,Lee,Shaw,,,,,,,", "", "No pupil 99", 1),
        ("1,C2,,,,,,,07700 900102,,", "Surname", "name is missing", 1),
        ("1,C2,Lee,Shaw,,first,,,,,", "Priority", "not a priority", 2),
        ("1,C2,Lee,Shaw,,,maybe,,,,", "PR", "neither yes nor no", 2),
        ("1,C2,Lee,Shaw,,,,perhaps,,,", "Lives With", "neither yes nor no", 2),
        ("1,C2,Lee,Shaw,,,,,7.7009E+09,,", "Mobile", "spreadsheet", 2),
        ("1,C2,Lee,Shaw,,,,,07700 9001,,", "Mobile", "", 2),
        ('1,C2,Lee,Shaw,,,,,"07700 900102, 07700 90010",,', "Mobile", "The other number", 2),
        ("1,C2,Lee,Shaw,,,,,,lee at example.com,", "Email", "no @", 2),
        ("1,C2,Lee,Shaw,,,,,,lee@example,", "Email", "domain", 2),
    ],
)
async def test_bad_contacts(
    database: Database, load: Load, save: Save, row: str, field: str, words: str, contacts: int
) -> None:
    pupils = save("pupils.csv", f"{PUPIL_HEAD}\n{GOOD_PUPIL}\n")
    report = await load(pupils, save("contacts.csv", f"{CONTACT_HEAD}\n{row}\n{GOOD_CONTACT}\n"))
    (problem,) = report.problems
    assert (problem.file, problem.line, problem.field) == ("contacts.csv", 2, field)
    assert words in problem.what
    assert problem.cure
    assert "9001" not in str(problem)
    assert await count(database, Contact) == contacts
    assert await count(database, Guardianship) == contacts


@pytest.mark.parametrize("empty", ["", "-", "n/a", "None", "ex-directory", " "])
async def test_cells_that_say_there_is_nothing_are_empty(
    database: Database, load: Load, save: Save, empty: str
) -> None:
    pupils = save("pupils.csv", f"{PUPIL_HEAD}\n1,{empty},Kai,Shaw,{empty},{empty},{empty},{empty}\n")
    row = f"1,C2,Lee,Null,,{empty},{empty},{empty},{empty},{empty},{empty}"
    report = await load(pupils, save("contacts.csv", f"{CONTACT_HEAD}\n{row}\n"))
    assert (report.problems, report.warnings) == ([], [])
    assert await count(database, ContactPoint) == 0
    async with database.read() as session:
        (lee,) = (await session.scalars(sa.select(Contact))).all()
    assert lee.surname == "Null"  # which is a name


async def test_an_unknown_language_is_named_once_and_kept_empty(database: Database, load: Load, save: Save) -> None:
    rows = "".join(f"{n},,Kai,Shaw,,,Klingon,\n" for n in range(1, 31)) + "31,,Isla,Hirst,,,Refused,\n"
    report = await load(save("pupils.csv", f"{PUPIL_HEAD}\n{rows}"))
    assert report.problems == []
    assert [(warning.line, warning.field) for warning in report.warnings] == [
        (2, "Home Language"),
        (32, "Home Language"),
    ]
    assert "“Klingon” is no language" in report.warnings[0].what
    async with database.read() as session:
        assert set(await session.scalars(sa.select(col(Pupil.home_language)))) == {""}


async def test_a_short_row_ends_with_empty_cells(load: Load, save: Save) -> None:
    assert (await load(save("pupils.csv", f"{PUPIL_HEAD}\n1,,Kai,Shaw\n"))).tally.pupils == Count(new=1)


async def test_a_file_that_is_wrong_throughout_gives_a_short_report(load: Load, save: Save) -> None:
    rows = "".join(f"{n},,,\n" for n in range(reports.MOST + 500))
    report = await load(save("pupils.csv", f"{PUPIL_HEAD}\n{rows}"))
    assert len(report.problems) == reports.MOST
    assert "… and 500 more of this sort." in str(report)
    assert f"{reports.MOST + 500} to correct:" in str(report)


async def test_columns_that_nothing_was_taken_from_are_named(load: Load, save: Save) -> None:
    report = await load(save("pupils.csv", "Pupil ID,Forename,Surname,Yaer,Email\n1,Kai,Shaw,5,kai@example.com\n"))
    assert report.files[0].unused == ("Yaer", "Email")
    assert "Columns that nothing was taken from: Yaer, Email." in str(report)


async def count(database: Database, model: type[object]) -> int:
    async with database.read() as session:
        return int(await session.scalar(sa.select(sa.func.count()).select_from(model)) or 0)

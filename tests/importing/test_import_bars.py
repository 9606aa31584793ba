"""A bar is not lost on re-import, whatever the files call the pupil and the contact: every doubt bars, and is told."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import date
from pathlib import Path

import pytest
from sqlmodel import col, select

from gateway.database import Database
from gateway.errors import BadInput
from gateway.importing import identity
from gateway.importing.report import Report
from gateway.models import Contact, Guardianship, Pupil

Save = Callable[..., Path]
Load = Callable[..., Awaitable[Report]]
Bars = dict[tuple[str, str], bool]

HEAD = (
    "Pupil ID,UPN,Student Forename,Student Surname,DOB,Reg,Contact ID,Contact Forename,Contact Surname,"
    "Court Order,Court Order From,Court Order Until,Mobile,Home Telephone\n"
)
ALFIE = "1,D999999918001,Alfie,Shaw,07/09/2015,5A"
FATHER = "C2,José,García"
BARRED = f"{ALFIE},{FATHER},Yes,,,07700 900102,\n"


async def bars(database: Database) -> Bars:
    """Whether each tie is barred, by the source ids of pupil and contact."""
    query = (
        select(Pupil.source_id, Contact.source_id, Guardianship.no_contact)
        .join(Guardianship, col(Guardianship.pupil_id) == Pupil.id)
        .join(Contact, col(Guardianship.contact_id) == Contact.id)
    )
    async with database.read() as session:
        return {(pupil, contact): barred for pupil, contact, barred in await session.execute(query)}


async def test_one_upn_is_one_pupil_whatever_the_forename(database: Database, load: Load, save: Save) -> None:
    await load(save("a.csv", HEAD + BARRED))
    again = "A1,D999999918001,Alfred,Shaw,,5A," + FATHER + ",,,,07700 900102,\n"
    report = await load(save("a.csv", HEAD + again))
    assert await bars(database) == {("A1", "C2"): True}
    assert "Pupil A1, Alfred, has the UPN of pupil 1, Alfie, and was taken for the same child" in str(report)
    assert (await load(save("a.csv", HEAD + again))).warnings == []


@pytest.mark.parametrize(
    ("pupil", "contact", "number", "words"),
    [
        ("A1,,Alfie,Shaw,,5A", FATHER, "07700 900102", "Contact C2 is barred from Alfie Shaw (pupil 1), who may be"),
        ("A1,,ALFIE,Sháw,,5A", FATHER, "07700 900199", "The contact was barred from ALFIE Sháw (pupil A1)"),
        ("A1,,Alfred,Shaw,07/09/2015,", FATHER, "", "barred from Alfred Shaw (pupil A1)"),
        ("A1,,Alfie,Shaw,,5A", "N2,Jose,Garcia", "07700 900199", "Contact N2 has the name of a contact who is barred"),
        ("A1,,Alfie,Shaw,,5A", "N2,Dad,X", "07700 900102", "Contact N2 has a telephone or mailbox of a contact who is"),
        (ALFIE, "N2,Jose,Garcia", "07700 900199", "barred from this pupil"),
        (ALFIE, "N2,Mr JOSÉ,Garcia", "", "barred from this pupil"),
        (ALFIE, "N2,Pepe,G", "07700 900102", "barred from this pupil"),
    ],
)
async def test_a_bar_outlives_new_ids_and_spellings(
    database: Database, load: Load, save: Save, pupil: str, contact: str, number: str, words: str
) -> None:
    await load(save("a.csv", HEAD + BARRED))
    row = f"{pupil},{contact},%s,,,{number},\n"
    report = await load(save("a.csv", HEAD + row % ""))
    key = (pupil.partition(",")[0], contact.partition(",")[0])
    assert (await bars(database))[key]
    assert words in str(report)
    assert "answer No in the court-order column" in str(report)
    await load(save("a.csv", HEAD + row % ""))
    assert (await bars(database))[key]
    await load(save("a.csv", HEAD + row % "No"))
    assert not (await bars(database))[key]


async def test_a_bar_outlives_ids_that_a_new_system_gives_to_other_children(
    database: Database, load: Load, save: Save
) -> None:
    await load(save("a.csv", HEAD + BARRED))
    others = f"1,,Ben,Hirst,,5A,C9,Eve,Hirst,,,,07700 900109,\nA1,D999999918001,Alfie,Shaw,,5A,{FATHER},,,,,\n"
    await load(save("a.csv", HEAD + others))
    assert (await bars(database))["A1", "C2"]


async def test_others_are_not_barred(database: Database, load: Load, save: Save) -> None:
    """A mother on the same line, while the father is in the files too; another child; a plain No."""
    mother = f"{ALFIE},C1,Ana,Shaw,,,,07700 900101,0113 496 0101\n"
    father = f"{ALFIE},{FATHER},Yes,,,07700 900102,0113 496 0101\n"
    await load(save("a.csv", HEAD + mother + father))
    other = f"2,,Isla,Hirst,07/09/2015,5A,{FATHER},,,,07700 900102,\n3,,Alfie,Shaw,,1B,{FATHER},No,,,,\n"
    new_mother = mother.replace("C1", "M1")
    await load(save("a.csv", HEAD + new_mother + father.replace("C2", "M2").replace("Yes", "") + other))
    found = await bars(database)
    assert {key for key, barred in found.items() if barred} == {("1", "C2"), ("1", "M2")}
    assert {("1", "M1"), ("2", "C2"), ("3", "C2")} <= found.keys()


@pytest.mark.parametrize("answers", [("No", "Yes"), ("Yes", "No"), ("", "Yes"), ("No", "", "Yes"), ("Yes", "")])
@pytest.mark.parametrize("between", [0, 1100])
async def test_a_bar_wins_whatever_the_order_of_the_rows(
    database: Database, load: Load, save: Save, answers: tuple[str, ...], between: int
) -> None:
    rows = [f"{ALFIE},{FATHER},{answer},,,07700 900102,\n" for answer in answers]
    rows[1:1] = [f"X{n},,Kai,No{n},,5A,,,,,,,,\n" for n in range(between)]
    report = await load(save("a.csv", HEAD + "".join(rows)))
    assert await bars(database) == {("1", "C2"): True}
    assert ("The contact was barred" in str(report)) == ("No" in answers)
    await load(save("a.csv", HEAD + "".join(rows)))
    assert await bars(database) == {("1", "C2"): True}


async def test_an_order_that_ends_before_it_begins_bars_without_an_end(
    database: Database, load: Load, save: Save
) -> None:
    row = f"{ALFIE},{FATHER},Yes,01/02/2062,01/02/2027,07700 900102,\n"
    report = await load(save("a.csv", HEAD + row))
    (warning,) = report.warnings
    assert (warning.line, "ends before it begins" in warning.what) == (2, True)
    async with database.read() as session:
        (tie,) = (await session.scalars(select(Guardianship))).all()
    assert (tie.no_contact, tie.no_contact_from, tie.no_contact_until) == (True, None, None)


async def test_a_yes_without_dates_is_not_undone_by_an_end_that_is_over(
    database: Database, load: Load, save: Save
) -> None:
    await load(save("a.csv", HEAD + f"{ALFIE},{FATHER},Yes,01/02/2024,01/02/2025,,\n"))
    slim = "Pupil ID,Contact ID,Contact Forename,Contact Surname,Court Order\n1,C2,José,García,Yes\n"
    report = await load(save("b.csv", slim))
    assert "It has no end now" in str(report)
    async with database.read() as session:
        (tie,) = (await session.scalars(select(Guardianship))).all()
    assert tie.barred_on(date(2026, 9, 21))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("José García", "Jose Garcia"),
        ("Łukasz Grześ", "lukasz grzes"),
        ("Søren Weiß", "Soren Weiss"),
        ("Jürgen Müller", "Juergen Mueller"),
        ("Anne-Marie O’Neill", "Anne Marie ONeill"),
        ("Mr. Lee Shaw", "Lee Shaw"),
        ("Prof. Dr Lee Shaw", "lee  SHAW"),
        ("İbrahim Işık", "Ibrahim Isik"),
    ],
)
def test_spellings_of_one_name(one: str, other: str) -> None:
    assert identity.folded(one) == identity.folded(other) != ""


def test_names_that_differ() -> None:
    assert len({identity.folded(name) for name in ("Lee Shaw", "Leo Shaw", "Drew Shaw", "Missy Shaw", "ਸਿਮਰਨ")}) == 5


async def test_the_schools_date_is_the_callers(load: Load, save: Save) -> None:
    born = "Pupil ID,Forename,Surname,DOB\n1,Kai,Shaw,22/09/2026\n"
    assert len((await load(save("a.csv", born))).problems) == 1
    assert (await load(save("a.csv", born), today=date(2026, 9, 22))).problems == []


@pytest.mark.parametrize(
    "text", ["Pupil ID,Forename,Surname\n1,Kai,{}\n", "Pupil ID,Forename,Surname,{}\n1,Kai,Shaw\n"]
)
async def test_a_cell_that_is_too_long_is_called_so(load: Load, save: Save, text: str) -> None:
    with pytest.raises(BadInput, match="too long"):
        await load(save("a.csv", text.format("x" * 300_000)))

"""Files as they come: encodings, delimiters, line ends, and what only calls itself a CSV."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlmodel import col

from gateway.database import Database
from gateway.errors import BadInput
from gateway.importing import formats
from gateway.importing.report import Report
from gateway.models import Pupil

Save = Callable[..., Path]
Load = Callable[..., Awaitable[Report]]

PLAIN = "Pupil ID,Forename,Surname,Form\n1,Zoë,O’Neill,5A\n2,André,Müller,5A\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_encodings_line_ends_and_delimiters(save: Save, encoding: str, newline: str, delimiter: str) -> None:
    text = PLAIN.replace(",", delimiter).replace("\n", newline)
    (sheet,) = formats.look_all([save("pupils.csv", text, encoding=encoding)])
    assert [(line, cells) for line, cells, _ in sheet.rows()] == [
        (2, ["1", "Zoë", "O’Neill", "5A"]),
        (3, ["2", "André", "Müller", "5A"]),
    ]


async def test_every_letter_arrives_in_the_database(database: Database, load: Load, save: Save) -> None:
    text = "Pupil ID,Forename,Surname\n1,Łucja,Dąbrowska\n2,Ștefan,Țurcanu\n3,ਸਿਮਰਨ,Kaur\n"
    await load(save("pupils.csv", text, encoding="utf-8-sig"))
    async with database.read() as session:
        names = (await session.scalars(sa.select(col(Pupil.forename)).order_by(col(Pupil.source_id)))).all()
    assert names == ["Łucja", "Ștefan", "ਸਿਮਰਨ"]


def test_an_encoding_may_be_said(save: Save) -> None:
    path = save("pupils.csv", "Pupil ID,Forename,Surname\n1,Łucja,Król\n", encoding="iso-8859-2")
    (sheet,) = formats.look_all([path], encoding="iso-8859-2")
    assert next(sheet.rows())[1] == ["1", "Łucja", "Król"]
    with pytest.raises(BadInput, match="not an encoding"):
        formats.look_all([path], encoding="klingon")
    with pytest.raises(BadInput, match="cannot be read"):
        formats.look_all([path], encoding="ascii")


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("sep=;\nPupil ID;Forename;Surname\n1;Kai;Shaw\n", [(3, "1")]),
        ("\n,,\n\nPupil ID,Forename,Surname\n\n1,Kai,Shaw\n,,\n2,Isla,Hirst", [(6, "1"), (8, "2")]),
        ('"Pupil\nID",Forename,Surname\n1,"Kai\nJames",Shaw\n2,Isla,Hirst\n', [(3, "1"), (5, "2")]),
    ],
)
def test_rows_carry_the_line_on_which_they_begin(save: Save, text: str, rows: list[tuple[int, str]]) -> None:
    (sheet,) = formats.look_all([save("pupils.csv", text)])
    assert [(line, cells[0]) for line, cells, _ in sheet.rows()] == rows


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"  \r\n\r\n", "is empty"),
        (b"\xef\xbb\xbf\n", "is empty"),
        (b",,,\n,,,\n", "is empty"),
        (b"PK\x03\x04\x14\x00rest of a workbook", "an Excel workbook"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel workbook"),
        (b"%PDF-1.7 and more", "a PDF"),
        (b"Pupil ID\x00\x01\x02,Forename", "not a text file"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00", "not a text file"),
        (b"\xff\xfeP\x00u", "cannot be read"),
        (b"Pupil ID,Forename,Surname\n1,\x81\x8d,Shaw\n", "cannot be read"),
        (b"hello, this is a letter to parents\n", "no column is"),
        (b"Pupil ID,Forename,Surname,Forename\n", "more than one column"),
    ],
)
async def test_what_is_no_export_is_refused_with_file_and_cure(
    load: Load, save: Save, content: bytes, words: str
) -> None:
    good = save("good.csv", PLAIN)
    with pytest.raises(BadInput) as error:
        await load(good, save("bad.csv", content))
    assert words in str(error.value)
    assert all(problem.file == "bad.csv" and problem.cure for problem in error.value.problems)


async def test_every_bad_file_is_named_at_once(load: Load, save: Save, tmp_path: Path) -> None:
    with pytest.raises(BadInput) as error:
        await load(save("a.csv", ""), tmp_path / "b.csv", tmp_path)
    assert [problem.file for problem in error.value.problems] == ["a.csv", "b.csv", tmp_path.name]
    with pytest.raises(BadInput, match="No file was given"):
        await load()


@pytest.mark.parametrize("tail", ['2,"Kai,Shaw,5A\n', '2,"Kai"s,Shaw,5A\n'])
async def test_a_quotation_mark_gone_astray_is_named_by_its_line(load: Load, save: Save, tail: str) -> None:
    with pytest.raises(BadInput) as error:
        await load(save("pupils.csv", PLAIN + tail))
    (problem,) = error.value.problems
    assert (problem.file, problem.line) == ("pupils.csv", 4)

"""The DfE's Common Transfer File: what is taken from it, and what a hostile or broken one cannot do."""

from __future__ import annotations

import asyncio
import codecs
import tempfile
import tracemalloc
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st
from support.databases import Fresh

from gateway import audit, upn
from gateway.database import Database
from gateway.errors import BadInput
from gateway.importing import cells, ctf, formats, people
from gateway.importing.report import Report
from gateway.models import Contact, ContactPoint, Guardianship, Pupil
from gateway.models.types import core

Save = Callable[..., Path]
Load = Callable[..., Awaitable[Report]]

NOW = datetime(2026, 9, 21, 9, 0, tzinfo=UTC)
PUPIL, CONTACT, LINK, POINT = core(Pupil), core(Contact), core(Guardianship), core(ContactPoint)


def number(n: int) -> str:
    """A UPN with the right letter before it."""
    figures = f"820123415{n:03}"
    return upn.check_letter(figures) + figures


def phone(kind: str, digits: str) -> str:
    return f"<Phone><TelephoneType>{kind}</TelephoneType><PhoneNo>{digits}</PhoneNo></Phone>"


def contact(forename: str = "Maria", surname: str = "Nowak", *, order: int = 1, more: str = "") -> str:
    return (
        f"<Contact><Order>{order}</Order><Title>Mrs</Title><Surname>{escape(surname)}</Surname>"
        f"<Forename>{escape(forename)}</Forename>{more}</Contact>\n"
    )


def pupil(
    own: str, forename: str = "Ola", surname: str = "Nowak", *, basic: str = "", contacts: str = "", more: str = ""
) -> str:
    return (
        f"<Pupil><UPN>{own}</UPN><Surname>{escape(surname)}</Surname><Forename>{escape(forename)}</Forename>\n"
        f"<DOB>2015-04-01</DOB><BasicDetails>{basic}</BasicDetails><Contacts>{contacts}</Contacts>{more}</Pupil>\n"
    )


def school(
    *pupils: str, space: str = "", goal: str = "LLLL", name: str = "Common Transfer File", more: str = ""
) -> str:
    return (
        f"<CTfile{space}>\n<Header><DocumentName>{name}</DocumentName><CTFversion>19.0</CTFversion>{more}"
        "<SourceSchool><LEA>820</LEA><Estab>1234</Estab><SchoolName>Example Primary</SchoolName></SourceSchool>"
        f"<DestSchool><LEA>820</LEA><Estab>{goal}</Estab></DestSchool></Header>\n"
        f"<CTFpupilData>\n{''.join(pupils)}</CTFpupilData></CTfile>\n"
    )


def file(text: str, encoding: str = "UTF-8") -> bytes:
    return f'<?xml version="1.0" encoding="{encoding}"?>\n{text}'.encode(encoding)


def problem(path: Path) -> str:
    with pytest.raises(BadInput) as raised:
        formats.look_all([path])
    (only,) = raised.value.problems
    assert only.file == path.name
    return str(only)


async def rows(database: Database, query: sa.Select[Any]) -> list[dict[str, Any]]:
    async with database.read() as session:
        return [dict(row) for row in (await session.execute(query)).mappings()]


FULL = school(
    pupil(
        number(1),
        "Zoë",
        basic="<PreferredForename>Zo</PreferredForename><NCyearActual>5</NCyearActual><Languages><Type><LanguageType>H"
        "</LanguageType><Language>ENG</Language></Type><Type><LanguageType>F</LanguageType><Language>POL</Language></Type>"
        "</Languages>",
        contacts=contact(
            more="<Relationship>PAX</Relationship><Responsibility>true</Responsibility>"
            "<Address><AddressAsPupil>true</AddressAsPupil></Address><Phones>"
            + phone("W", "020 7946 0123")
            + phone("M", "07700 900123")
            + phone("Z", "0113 496 0123")
            + phone("H", "0113 496 0124")
            + "</Phones><Email>Maria@example.com</Email>"
        )
        + contact("Jan", order=2, more="<Responsibility>false</Responsibility>"),
    ),
    pupil(number(2), "Adam", "Smith"),
)


async def test_what_is_taken(database: Database, load: Load, save: Save) -> None:
    report = await load(save("820LLLL_CTF.xml", file(FULL)))
    assert report.problems == []
    assert "Example Primary (820/1234)" in str(report.warnings[0])
    zoe, adam = await rows(database, sa.select(PUPIL).order_by(PUPIL.c.upn))
    assert (zoe["source_id"], zoe["upn"], zoe["forename"], zoe["known_as"]) == (number(1), number(1), "Zoë", "Zo")
    assert (zoe["born"], zoe["year"], zoe["home_language"]) == (date(2015, 4, 1), "5", "pl")
    assert (adam["forename"], adam["year"], adam["left_on"]) == ("Adam", "", None)
    links = await rows(
        database,
        sa.select(LINK, CONTACT.c.forename).join(CONTACT, CONTACT.c.id == LINK.c.contact_id).order_by("priority"),
    )
    assert [(link["forename"], link["relation"], link["priority"]) for link in links] == [
        ("Maria", "PAX", 1), ("Jan", "", 2),
    ]  # fmt: skip
    assert [(link["parental_responsibility"], link["lives_with"]) for link in links] == [(True, True), (False, False)]
    points = await rows(database, sa.select(POINT).order_by(POINT.c.kind.desc(), POINT.c.rank))
    assert [(point["address"], point["label"]) for point in points] == [
        ("+447700900123", ""),
        ("+441134960123", ""),
        ("+441134960124", "home"),
        ("+442079460123", "work"),
        ("maria@example.com", ""),
    ]


async def test_again_changes_nothing(load: Load, save: Save) -> None:
    path = save("ctf.xml", file(FULL))
    await load(path)
    tally = (await load(path)).tally.each()
    assert all((count.new, count.changed, count.gone) == (0, 0, 0) for count in tally.values())


@pytest.mark.parametrize("space", ["", ' xmlns="http://www.example.com/cbds"', ' xmlns:x="http://www.example.com/x"'])
@pytest.mark.parametrize("encoding", ["UTF-8", "UTF-16", "ISO-8859-1", "windows-1252"])
def test_encodings_and_namespaces(save: Save, encoding: str, space: str) -> None:
    text = school(pupil(number(1), "Zoë"), space=space)
    source = formats.look_all([save("ctf.xml", file(text, encoding))])[0]
    ((_, values, _),) = source.rows()
    assert "Zoë" in values


def test_a_byte_order_mark_beats_the_declaration(save: Save) -> None:
    raw = codecs.BOM_UTF8 + file(school(pupil(number(1), "Zoë")), "UTF-8").replace(b"UTF-8", b"ISO-8859-1")
    ((_, values, _),) = formats.look_all([save("ctf.xml", raw)])[0].rows()
    assert "Zoë" in values


@pytest.mark.parametrize("declared", ["UTF-8", "UTF-16", "nonsense", "utf-7", "US-ASCII"])
def test_a_wrong_declaration_is_told_with_its_line(save: Save, declared: str) -> None:
    text = school(pupil(number(1), "Adam"), pupil(number(2), "Zoë"))
    raw = f'<?xml version="1.0" encoding="{declared}"?>\n{text}'.encode("latin-1")
    found = problem(save("ctf.xml", raw))
    assert "not in the encoding" in found
    assert ("line 7" if declared in ("UTF-8", "US-ASCII") else "line 1") in found


async def test_utf_8_declared_as_latin_1_is_turned_back(database: Database, load: Load, save: Save) -> None:
    raw = file(school(pupil(number(1), "Zoë"))).replace(b"UTF-8", b"ISO-8859-1")
    report = await load(save("ctf.xml", raw))
    assert any("turned back" in warning.what and warning.line == 5 for warning in report.warnings)
    assert (await rows(database, sa.select(PUPIL)))[0]["forename"] == "Zoë"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (school(name="Admissions Data"), "This is a “Admissions Data”, not"),
        ("<CTfile><CTFpupilData/></CTfile>", "no header"),
        (f"<CTfile><CTFpupilData>{pupil(number(1))}</CTFpupilData></CTfile>", "no header"),
        (school(), "no pupil"),
        ("<Workbook><Worksheet/></Workbook>", "it is a Workbook"),
        ("<CTfile><Header></CTfile>", "not well-formed"),
        (FULL[:-30], "breaks off"),
        (FULL[:700], "breaks off"),
        ("", "breaks off"),
    ],
)
def test_what_is_no_ctf(save: Save, text: str, words: str) -> None:
    assert words in problem(save("ctf.xml", file(text)))


BOMB = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))


@pytest.mark.parametrize(
    "dtd",
    [
        f'<!DOCTYPE CTfile [<!ENTITY a0 "ha">{BOMB}]>',
        '<!DOCTYPE CTfile [<!ENTITY a9 SYSTEM "file:///etc/hostname">]>',
        '<!DOCTYPE CTfile SYSTEM "http://127.0.0.1:9/evil.dtd">',
        '<!DOCTYPE CTfile [<!ENTITY % a SYSTEM "http://127.0.0.1:9/evil.dtd"> %a;]>',
    ],
)
def test_no_document_type_whatever_is_in_it(save: Save, dtd: str) -> None:
    assert "DOCTYPE" in problem(save("ctf.xml", file(dtd + school(pupil("&a9;")))))


def test_an_entity_that_nobody_declared(save: Save) -> None:
    text = school(pupil(number(1)).replace("Ola", "&name;"))
    assert "not well-formed" in problem(save("ctf.xml", file(text)))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("<a>" * 100_000, "too many elements"),
        (pupil(number(1), "x" * 20_000), "too much text"),
        (pupil(number(1), more="<a/>" * 60_000), "too much in one record"),
        (f'<Pupil a="{"x" * 3_000_000}"/>', "far too long"),
    ],
)
def test_what_would_fill_the_memory_is_refused(save: Save, text: str, words: str) -> None:
    assert words in problem(save("ctf.xml", file(school(text))))


def peak(path: Path) -> int:
    """The most memory that reading a file takes, in bytes."""
    tracemalloc.start()
    for source in ctf.look(path):
        for _ in source.rows():
            pass
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most


def test_memory_is_flat(save: Save) -> None:
    one = pupil(number(1), contacts=contact() * 3, more="<Attendance><Marks>/\\/\\</Marks></Attendance>" * 20)
    small, large = (peak(save(f"{n}.xml", file(school(one * n)))) for n in (200, 2000))
    assert large < small * 1.5


async def test_a_child_keeps_the_id_that_the_mis_gave(database: Database, load: Load, save: Save) -> None:
    await load(save("pupils.csv", f"Pupil ID,UPN,Forename,Surname\n17,{number(1)},Ola,Nowak\n"))
    report = await load(save("ctf.xml", file(school(pupil(number(1), contacts=contact())))))
    assert report.problems == []
    (row,) = await rows(database, sa.select(PUPIL))
    assert (row["source_id"], row["born"]) == ("17", date(2015, 4, 1))
    assert len(await rows(database, sa.select(LINK))) == 1


async def test_a_changed_upn_is_no_second_child(database: Database, load: Load, save: Save) -> None:
    await load(save("pupils.csv", f"Pupil ID,UPN,Forename,Surname\n17,{number(1)},Ola,Nowak\n"))
    former = f"<FormerUPN>{number(1)}</FormerUPN>"
    await load(save("ctf.xml", file(school(pupil(number(2), basic=former, contacts=contact())))))
    (row,) = await rows(database, sa.select(PUPIL))
    assert (row["source_id"], row["upn"]) == ("17", number(2))
    assert len(await rows(database, sa.select(LINK))) == 1


async def test_a_former_upn_of_somebody_else_is_not_followed(database: Database, load: Load, save: Save) -> None:
    await load(save("pupils.csv", f"Pupil ID,UPN,Forename,Surname,DOB\n17,{number(1)},Ben,Smith,02/03/2014\n"))
    report = await load(save("ctf.xml", file(school(pupil(number(2), basic=f"<FormerUPN>{number(1)}</FormerUPN>")))))
    assert len(await rows(database, sa.select(PUPIL))) == 2
    assert any("two children" in warning.what for warning in report.warnings)


async def test_another_forename_under_one_upn_is_told(load: Load, save: Save) -> None:
    await load(save("pupils.csv", f"Pupil ID,UPN,Forename,Surname\n17,{number(1)},Ben,Smith\n"))
    report = await load(save("ctf.xml", file(school(pupil(number(1), "Ola")))))
    assert any("another forename" in warning.what and warning.file == "ctf.xml" for warning in report.warnings)


async def test_a_upn_that_cannot_be_right_is_told_and_the_child_is_taken(
    database: Database, load: Load, save: Save
) -> None:
    report = await load(save("ctf.xml", file(school(pupil("A820123415001", contacts=contact())))))
    assert ["UPN" in problem.what for problem in report.problems] == [True]
    assert [(row["source_id"], row["upn"]) for row in await rows(database, sa.select(PUPIL))] == [("A820123415001", "")]
    assert len(await rows(database, sa.select(LINK))) == 1


async def test_what_ctf_does_not_carry_stays(database: Database, load: Load, save: Save) -> None:
    """The auto-made key is the same for both files: same name, same number."""
    await load(
        save("pupils.csv", f"Pupil ID,UPN,Forename,Surname,Form\n17,{number(1)},Ola,Nowak,5A\n"),
        save(
            "contacts.csv",
            "Pupil ID,Contact Forename,Contact Surname,Mobile,Court Order,Language,Consents to Marketing\n"
            "17,Maria,Nowak,07700 900123,Yes,Polish,Yes\n",
        ),
    )
    text = school(pupil(number(1), contacts=contact(more=f"<Phones>{phone('M', '07700900123')}</Phones>")))
    report = await load(save("ctf.xml", file(text)))
    assert report.tally.contacts.new == 0
    (link,) = await rows(database, sa.select(LINK))
    (person,) = await rows(database, sa.select(CONTACT))
    assert link["no_contact"]
    assert (person["written_language"], person["marketing_consent"]) == ("pl", True)
    assert (await rows(database, sa.select(PUPIL)))[0]["form"] == "5A"


def stay(estab: str, day: str) -> str:
    place = f"<LEA>820</LEA><Estab>{estab}</Estab>"
    return f"<SchoolHistory><School>{place}<LeavingDate>{day}</LeavingDate></School></SchoolHistory>"


@pytest.mark.parametrize(
    ("estab", "goal", "left"),
    [
        ("1234", "LLLL", date(2026, 7, 17)),
        ("1234", "1234", date(2026, 7, 17)),
        ("1234", "5678", None),  # handed over to a school, which may be ours: that it left the other is no news
        ("9999", "LLLL", None),  # that it left an earlier school neither
    ],
)
async def test_leavers(database: Database, load: Load, save: Save, estab: str, goal: str, left: date | None) -> None:
    text = school(pupil(number(1), more=stay(estab, "2026-07-17")), goal=goal)
    report = await load(save("ctf.xml", file(text)))
    assert (await rows(database, sa.select(PUPIL)))[0]["left_on"] == left
    assert any("hands pupils over" in warning.what for warning in report.warnings) == (goal == "5678")


async def test_codes_that_nobody_knows(load: Load, save: Save) -> None:
    basic = (
        "<NCyearActual>X</NCyearActual><Languages><Type><LanguageType>F</LanguageType><Language>QQQ</Language></Type>"
        "</Languages>"
    )
    pupils = [pupil(number(n), basic=basic) for n in range(5)]
    report = await load(save("ctf.xml", file(school(*pupils))))
    assert report.problems == []
    assert sum("QQQ" in warning.what for warning in report.warnings) == 1


@pytest.mark.parametrize(("word", "whole"), [("full", True), ("partial", False)])
def test_a_ctf_is_never_the_whole_roll(save: Save, word: str, whole: bool) -> None:
    text = school(pupil(number(1), contacts=contact()), more=f"<DocumentQualifier>{word}</DocumentQualifier>")
    pupils, contacts = formats.look_all([save("ctf.xml", file(text))])
    assert (pupils.whole, contacts.whole) == (False, whole)


async def test_a_few_new_pupils_do_not_look_like_a_mass_change(database: Database, load: Load, save: Save) -> None:
    roll = "".join(f"{n},Adam,Smith{n}\n" for n in range(100))
    await load(save("pupils.csv", f"Pupil ID,Forename,Surname\n{roll}"))
    report = await load(save("ctf.xml", file(school(pupil(number(1), contacts=contact()), goal="5678"))))
    assert report.problems == []
    assert len(await rows(database, sa.select(PUPIL))) == 101


def test_a_web_page_is_no_ctf(save: Save) -> None:
    assert not ctf.recognises(save("pupils.xls", "\n<!DOCTYPE html><html><body><table></table></body></html>"))
    assert not ctf.recognises(save("pupils.xls", "<table><tr><td>Forename</td></tr></table>"))


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    assert "no such file" in problem(tmp_path / "gone.xml")


letters_of_names = st.text(
    st.characters(categories=["L"], max_codepoint=0x1FFF, include_characters="'- "), min_size=1, max_size=10
)
names = letters_of_names.map(cells.text).filter(lambda name: any(map(str.isalpha, name)))
family = st.lists(st.tuples(names, names), max_size=3)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(names, names, family), min_size=1, max_size=6), st.sampled_from(["UTF-8", "UTF-16"]))
def test_round_trip(fresh: Fresh, children: Sequence[tuple[str, str, list[tuple[str, str]]]], encoding: str) -> None:
    text = school(
        *(
            pupil(
                number(n), forename, surname,
                contacts="".join(
                    contact(a, b, order=m, more=f"<Phones>{phone('M', f'07700 900{n}{m:02}')}</Phones>")
                    for m, (a, b) in enumerate(grown, start=1)
                ),
            )
            for n, (forename, surname, grown) in enumerate(children)
        )
    )  # fmt: skip
    wanted = sorted(
        (number(n), forename, surname, a, b, m, f"+447700900{n}{m:02}")
        for n, (forename, surname, grown) in enumerate(children)
        for m, (a, b) in enumerate(grown, start=1)
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "ctf.xml")
        path.write_bytes(file(text, encoding))
        assert asyncio.run(imported(fresh, path)) == wanted


async def imported(fresh: Fresh, path: Path) -> list[tuple[Any, ...]]:
    """What stands in a fresh database after the import."""
    async with fresh() as database:
        async with database.write() as session:
            report = await people.load([path], session, log=audit.Log(b"k" * 32), now=NOW)
        assert report.problems == []
        query = (
            sa.select(
                PUPIL.c.upn, PUPIL.c.forename, PUPIL.c.surname, CONTACT.c.forename, CONTACT.c.surname, LINK.c.priority,
                POINT.c.address,
            )
            .select_from(LINK)
            .join(PUPIL, PUPIL.c.id == LINK.c.pupil_id)
            .join(CONTACT, CONTACT.c.id == LINK.c.contact_id)
            .join(POINT, POINT.c.contact_id == CONTACT.c.id)
        )  # fmt: skip
        async with database.read() as session:
            return sorted(tuple(row) for row in await session.execute(query))

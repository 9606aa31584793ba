"""A letter that got lost on the way into a file is noticed, and never replaces the right one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import assume, example, given
from hypothesis import strategies as st

from gateway.database import Database
from gateway.importing import letters
from gateway.importing.letters import Damage, Name
from gateway.importing.report import Report
from gateway.models import Contact, Pupil
from gateway.models.types import core

Save = Callable[..., Path]
Load = Callable[..., Awaitable[Report]]

PUPIL, CONTACT = core(Pupil), core(Contact)

SOUND = [
    "Zoë", "Łukasz", "MARÍA", "TOMÁŠ", "KRÍŽ", "MATÚŠ", "Ürün", "Mª Carmen", "O’Neill", "O'Neill", "D´Arcy", "Gal·la",
    "ʻOkina", "Smith-Jones", "علي", "ਸਿਮਰਨ", "Νίκος", "Đặng Thị", "Ștefan", "Ğ", "ÿ", "李小龍", "Þór", "Jürgen Groß",
]  # fmt: skip

#: Letters that families in English schools have in their names, beside ASCII's.
FOREIGN = (
    "ąćęłńóśźżĄĆĘŁŃÓŚŹŻáàâäãåæçéèêëíìîïñøöôõðþúùûüýÿßÁÀÂÄÃÅÆÇÉÈÊËÍÌÎÏÑØÖÔÕÚÙÛÜÝčďěňřšťůžČĎĚŇŘŠŤŮŽşğıİŞĞșțăȘȚĂőűŐŰ"
    "āēģīķļņūėįųабвгдежзийклмнопрстуфхцчшщъыьэюяАБВГДЕЖЗαβγδεζηθικλμνξοπρστυφχψωΑΒΓΔάέήίόύώاأبتثجحخدذرزسشصضطظعغفقكلمنهوي"
    "ਅਕਖਗਸਮਰਨকখগঘমরলகஙசමതമനअकखमरઅકખạảấầẩẫậắằẳẵặẹẻẽếềểễệ李王張劉陳"
)
foreign = st.sampled_from(FOREIGN)
plain = st.text(st.sampled_from("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLM -'"), max_size=6)
names = st.builds(lambda a, b, c: f"{a}{b}{c}".strip(), plain, st.text(foreign, min_size=1, max_size=6), plain)


def windows(name: str) -> str:
    """How a program shows UTF-8 that it takes for cp1252: its five empty places are control characters."""
    return "".join(bytes([byte]).decode("cp1252", errors="ignore") or chr(byte) for byte in name.encode())


@pytest.mark.parametrize("name", SOUND)
def test_a_sound_name_is_left_alone(name: str) -> None:
    assert letters.read(name) == Name(name)
    assert not letters.is_damaged(name)


@pytest.mark.parametrize("name", SOUND)
def test_utf_8_read_as_something_else_is_turned_back(name: str) -> None:
    assume_foreign = not name.isascii()
    for mangled in (windows(name), name.encode().decode("latin-1"), windows(windows(name))):
        assert letters.read(mangled) == Name(name, Damage.MANGLED if assume_foreign else None)


@given(names)
def test_a_mangled_name_is_always_noticed(name: str) -> None:
    mangled = windows(name)
    found = letters.read(mangled)
    assert found.damage is Damage.MANGLED
    assert found.text == name


@given(names, st.sampled_from(["ascii", "cp1252", "iso-8859-1"]))
@example("İ", "ascii")
def test_a_letter_replaced_by_a_mark_is_always_noticed(name: str, encoding: str) -> None:
    written = name.encode(encoding, errors="replace").decode(encoding)
    assume(written != name)
    assert letters.read(written) == Name(written, Damage.LOST)
    assert letters.may_be(written, name)


@given(st.text(st.sampled_from("ąćęłńóśźżĄĆĘŁŃÓŚŹŻ"), min_size=1, max_size=4))
def test_bytes_that_were_no_utf_8_are_noticed(name: str) -> None:
    written = f"A{name}a".encode("cp1250").decode("utf-8", errors="replace")
    assume("\ufffd" in written)  # a few pairs of them happen to be UTF-8 for a third letter
    assert letters.read(written).damage is Damage.LOST


@given(st.text(max_size=20))
def test_whatever_stands_in_a_cell(raw: str) -> None:
    found = letters.read(raw)
    assert isinstance(found.text, str)
    assert letters.may_be(raw, found.text) in (True, False)


@pytest.mark.parametrize(
    ("damaged", "known", "same"),
    [
        ("Zo?", "Zoë", True),
        ("Zo??", "Zoë", True),  # a mark for each byte
        ("Zoe?", "Zoë", True),  # the accent stood by itself
        ("?UKASZ", "Łukasz", True),
        ("Pawe³", "Paweł", True),
        ("Zo\ufffd", "Zoë", True),
        ("Mari? Nowak", "Marią Nowak", True),
        ("Zo?", "Zo Ann", False),
        ("Zo?", "Zoltan", False),
        ("Zo?", "Zo?", False),
        ("Zoë", "Zoë", False),
        ("?" * 1000, "Zoë", False),
    ],
)
def test_what_a_damaged_name_may_be(damaged: str, known: str, same: bool) -> None:
    assert letters.may_be(damaged, known) is same


@pytest.mark.parametrize("name", ["Pawe³", "£ukasz", "Micha³ D¹browski", "Zo\x89", "Å‚ukasz ÿ©"])
def test_signs_that_no_name_has_are_doubted(name: str) -> None:
    assert letters.read(name) == Name(name, Damage.DOUBTFUL)


async def forenames(database: Database) -> list[str]:
    async with database.read() as session:
        return list(await session.scalars(sa.select(PUPIL.c.forename).order_by(PUPIL.c.source_id)))


async def test_a_damaged_name_is_told_with_file_line_and_cure(database: Database, load: Load, save: Save) -> None:
    report = await load(save("pupils.csv", "Pupil ID,Forename,Surname\n1,?ukasz,Nowak\n2,ZoÃ«,Okafor\n3,Adam,Smith\n"))
    assert [(problem.file, problem.line, problem.field) for problem in report.warnings] == [
        ("pupils.csv", 2, "Forename"), ("pupils.csv", 3, "Forename"),
    ]  # fmt: skip
    assert all("UTF-8" in problem.cure for problem in report.warnings)
    assert report.problems == []
    assert await forenames(database) == ["?ukasz", "Zoë", "Adam"]


async def test_the_right_name_is_not_overwritten(database: Database, load: Load, save: Save) -> None:
    await load(save("pupils.csv", "Pupil ID,Forename,Surname\n1,Łukasz,Dąbrowski\n2,Zoë,Okafor\n", encoding="utf-8"))
    report = await load(save("pupils.csv", "Pupil ID,Forename,Surname\n1,?ukasz,D?browski\n2,Zo\ufffd,Okafor\n"))
    assert report.tally.pupils.changed == 0
    assert len(report.warnings) == 3
    assert await forenames(database) == ["Łukasz", "Zoë"]


async def test_the_right_name_replaces_a_damaged_one(database: Database, load: Load, save: Save) -> None:
    await load(save("pupils.csv", "Pupil ID,Forename,Surname\n1,?ukasz,Nowak\n"))
    report = await load(save("pupils.csv", "Pupil ID,Forename,Surname\n1,Łukasz,Nowak\n"))
    assert report.warnings == []
    assert await forenames(database) == ["Łukasz"]


async def test_another_name_is_taken_although_it_is_damaged(database: Database, load: Load, save: Save) -> None:
    await load(save("pupils.csv", "Pupil ID,Forename,Surname\n1,Łukasz,Nowak\n"))
    await load(save("pupils.csv", "Pupil ID,Forename,Surname\n1,Micha?,Nowak\n"))
    assert await forenames(database) == ["Micha?"]


async def test_a_contact_without_an_id_stays_the_same_person(database: Database, load: Load, save: Save) -> None:
    text = "Pupil ID,Contact Forename,Contact Surname,Mobile\n1,{},Nowak,07700 900123\n"
    pupils = save("pupils.csv", "Pupil ID,Forename,Surname\n1,Adam,Nowak\n")
    await load(pupils, save("contacts.csv", text.format("Zoë")))
    report = await load(pupils, save("contacts.csv", text.format("Zo?")))
    assert (report.tally.contacts.new, report.tally.links.gone) == (0, 0)
    async with database.read() as session:
        assert list(await session.scalars(sa.select(CONTACT.c.forename))) == ["Zoë"]


async def test_many_damaged_names_are_one_fault_of_the_file(load: Load, save: Save) -> None:
    rows = "".join(f"{n},Zo?,Okafor\n" for n in range(200))
    report = await load(save("pupils.csv", f"Pupil ID,Forename,Surname\n{rows}"))
    assert "encoding" in report.problems[0].what
    assert "UTF-8" in report.problems[0].cure
    assert report.problems[0].file == "pupils.csv"
    assert sum("A letter of this name" in problem.what for problem in report.warnings) == 5


async def test_only_names_are_looked_at(load: Load, save: Save) -> None:
    text = "Pupil ID,Forename,Surname,Form,Notes\n1,Adam,Nowak,7?,Allergic to nuts? Ask Å‚\n"
    assert (await load(save("pupils.csv", text))).warnings == []

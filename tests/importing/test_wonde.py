"""JSON in the shape of Wonde's API: what is taken from it, and what a hostile or broken file cannot do."""

from __future__ import annotations

import asyncio
import codecs
import json
import tempfile
import tracemalloc
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st
from support.databases import Fresh

from gateway import audit, upn
from gateway.database import Database
from gateway.errors import BadInput
from gateway.importing import cells, formats, people, wonde
from gateway.importing.report import Report
from gateway.models import Contact, ContactPoint, Guardianship, Membership, Pupil, PupilGroup
from gateway.models.types import core

Save = Callable[..., Path]
Load = Callable[..., Awaitable[Report]]
Json = dict[str, Any]

NOW = datetime(2026, 9, 21, 9, 0, tzinfo=UTC)
PUPIL, CONTACT, LINK, POINT = core(Pupil), core(Contact), core(Guardianship), core(ContactPoint)

FIGURES = "820123415001"
UPN = upn.check_letter(FIGURES) + FIGURES


def day(iso: str) -> Json:
    return {"date": f"{iso} 00:00:00.000000", "timezone_type": 3, "timezone": "Europe/London"}


def contact(key: str = "B1", forename: str = "Maria", tie: Json | None = None, phones: Json | None = None) -> Json:
    emails = {"email": None, "primary": f"{key.lower()}@example.com", "home": None, "work": None}
    return {
        "id": key,
        "title": "Mrs",
        "forename": forename,
        "surname": "Nowak",
        "relationship": {"relationship": "Mother", "priority": 1, "parental_responsibility": True} | (tie or {}),
        "contact_details": {"data": {"phones": phones or {"mobile": "07700 900123"}, "emails": emails}},
    }


def pupil(key: str = "A1", forename: str = "Zoë", *contacts: Json, **more: Any) -> Json:
    found = {"id": key, "mis_id": 17, "upi": "f0", "surname": "Nowak", "forename": forename, "middle_names": None}
    return found | {"contacts": {"data": list(contacts)}} | more


def page(*pupils: Json, more: bool = False) -> Json:
    return {"data": list(pupils), "meta": {"pagination": {"next": None, "more": more, "per_page": 50}}}


def text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def problem(path: Path) -> str:
    with pytest.raises(BadInput) as raised:
        formats.look_all([path])
    (only,) = raised.value.problems
    assert only.file == path.name
    assert only.cure
    return str(only)


async def rows(database: Database, query: sa.Select[Any]) -> list[dict[str, Any]]:
    async with database.read() as session:
        return [dict(row) for row in (await session.execute(query)).mappings()]


FULL = pupil(
    "A1",
    "Zoë",
    contact(
        tie={"lives_with_pupil": True, "court_order": False},
        phones={"phone": "0113 496 0124", "primary": "0113 496 0123", "home": "0113 496 0124", "mobile": "07700 900123",
                "work": None},
    ),
    contact("B2", "Jan", {"relationship": "Father", "priority": 2, "court_order": True}, {"mobile": "07700 900456"}),
    legal_forename="Zofia",
    date_of_birth=day("2015-04-01"),
    education_details={"data": {"upn": UPN, "current_nc_year": "5", "leaving_date": None}},
    extended_details={"data": {"first_language": "Polish", "sen_status": "K", "free_school_meals": True,
                               "english_as_additional_language": False, "premium_pupil_indicator": None}},
    form_group={"data": {"id": "F1", "name": "5A"}},
    classes={"data": [{"id": "C1", "name": "Maths 5"}, {"id": "C2", "name": "Art; clay"}]},
)  # fmt: skip


async def test_what_is_taken(database: Database, load: Load, save: Save) -> None:
    report = await load(save("students.json", text(page(FULL, pupil("A2", "Adam")))))
    assert (report.problems, report.warnings) == ([], [])
    zoe, adam = await rows(database, sa.select(PUPIL).order_by(PUPIL.c.source_id))
    assert (zoe["source_id"], zoe["upn"], zoe["forename"], zoe["known_as"]) == ("A1", UPN, "Zofia", "Zoë")
    assert (zoe["born"], zoe["year"], zoe["form"]) == (date(2015, 4, 1), "5", "5A")
    assert (zoe["home_language"], zoe["left_on"]) == ("pl", None)
    assert (adam["forename"], adam["known_as"], adam["surname"]) == ("Adam", "", "Nowak")
    query = sa.select(LINK, CONTACT.c.forename).join(CONTACT, CONTACT.c.id == LINK.c.contact_id)
    mother, father = await rows(database, query.order_by(LINK.c.priority))
    assert (mother["forename"], mother["relation"], mother["no_contact"]) == ("Maria", "Mother", False)
    assert (mother["parental_responsibility"], mother["lives_with"]) == (True, True)
    assert (father["forename"], father["relation"], father["no_contact"]) == ("Jan", "Father", True)
    query = sa.select(POINT).join(CONTACT, CONTACT.c.id == POINT.c.contact_id).where(CONTACT.c.source_id == "B1")
    points = await rows(database, query.order_by(POINT.c.kind.desc(), POINT.c.rank))
    assert [(point["address"], point["label"]) for point in points] == [
        ("+447700900123", ""),
        ("+441134960123", ""),
        ("+441134960124", "home"),
        ("b1@example.com", ""),
    ]
    names = sa.select(core(PupilGroup).c.name).join(core(Membership)).order_by(core(PupilGroup).c.name)
    assert [row["name"] for row in await rows(database, names)] == ["Art, clay", "FSM", "Maths 5", "SEN"]


async def test_again_changes_nothing(load: Load, save: Save) -> None:
    path = save("students.json", text(page(FULL)))
    await load(path)
    tally = (await load(path)).tally.each()
    assert all((count.new, count.changed, count.gone) == (0, 0, 0) for count in tally.values())


ONE, TWO = pupil("A1", "Zoë", contact()), pupil("A2", "Adam")


@pytest.mark.parametrize(
    "content",
    [
        text(page(ONE, TWO)),
        text({"meta": {}, "data": [ONE, TWO]}),
        text([ONE, TWO]),
        text([page(ONE, more=True), page(TWO)]),
        f"{text(ONE)}\n\n{text(TWO)}\n",
        f"{text(page(ONE, more=True))}\n{text(page(TWO))}",
        json.dumps(page(ONE, TWO), indent=2),
        "\ufeff" + text(page(ONE, TWO)),
        text(page(ONE | {"contacts": [contact()]}, TWO)),
    ],
)
async def test_every_way_to_write_it_down(database: Database, load: Load, save: Save, content: str) -> None:
    report = await load(save("students.json", content))
    assert (report.problems, report.warnings) == ([], [])
    assert [row["forename"] for row in await rows(database, sa.select(PUPIL).order_by(PUPIL.c.source_id))] == [
        "Zoë",
        "Adam",
    ]
    assert len(await rows(database, sa.select(LINK))) == 1


async def test_one_pupil_by_itself(database: Database, load: Load, save: Save) -> None:
    await load(save("student.json", text({"data": ONE})))
    assert [row["forename"] for row in await rows(database, sa.select(PUPIL))] == ["Zoë"]


def test_a_page_that_is_not_the_last_is_not_whole(save: Save) -> None:
    source = formats.look_all([save("students.json", text(page(ONE, more=True)))])[0]
    assert not source.whole
    assert "another page" in str(source.remarks.warnings.kept[0])


async def test_what_is_nowhere_in_the_file_stays(database: Database, load: Load, save: Save) -> None:
    await load(save("students.json", text(page(FULL))))
    bare = [contact() | {"contact_details": None, "relationship": None}, contact("B2", "Jan") | {"contact_details": {}}]
    await load(save("students.json", text(page(pupil("A1", "Zoë", *bare)))))
    (row,) = await rows(database, sa.select(PUPIL))
    assert (row["upn"], row["year"], row["form"], row["home_language"]) == (UPN, "5", "5A", "pl")
    assert len(await rows(database, sa.select(core(Membership)))) == 4
    assert len(await rows(database, sa.select(POINT).where(POINT.c.address.like("+447700%")))) == 2


async def test_false_does_not_lift_a_bar(database: Database, load: Load, save: Save) -> None:
    for order in (True, False, None, "no"):
        await load(save("students.json", text(page(pupil("A1", "Zoë", contact(tie={"court_order": order}))))))
        assert [row["no_contact"] for row in await rows(database, sa.select(LINK))] == [True]


async def test_false_does_not_raise_the_dead(database: Database, load: Load, save: Save) -> None:
    for deceased in (True, False, None):
        person = contact() | {"deceased": deceased}
        await load(save("students.json", text(page(pupil("A1", "Zoë", person, deceased=deceased)))))
        assert [row["deceased"] for row in await rows(database, sa.select(PUPIL))] == [True]
        assert [row["deceased"] for row in await rows(database, sa.select(CONTACT))] == [True]


@pytest.mark.parametrize("written", [day("2026-07-17"), "2026-07-17", "2026-07-17 00:00:00"])
async def test_leavers(database: Database, load: Load, save: Save, written: Any) -> None:
    await load(save("students.json", text(page(pupil(education_details={"data": {"leaving_date": written}})))))
    assert (await rows(database, sa.select(PUPIL)))[0]["left_on"] == date(2026, 7, 17)


async def test_a_leaver_without_a_day_is_told(load: Load, save: Save) -> None:
    report = await load(save("students.json", f"{text(pupil('A1'))}\n{text(pupil('A2', is_leaver=True))}"))
    assert [(found.line, found.field, "A2" in found.what) for found in report.problems] == [(2, "is_leaver", True)]


async def test_a_new_upn_is_no_second_child(database: Database, load: Load, save: Save) -> None:
    await load(save("pupils.csv", f"Pupil ID,UPN,Forename,Surname\n17,{UPN},Zoë,Nowak\n"))
    figures = "820123415002"
    fresh = upn.check_letter(figures) + figures
    known = pupil("A1", "Zoë", education_details={"data": {"upn": fresh, "former_upn": UPN}})
    await load(save("students.json", text(page(known))))
    assert [(row["source_id"], row["upn"]) for row in await rows(database, sa.select(PUPIL))] == [("A1", fresh)]


async def test_lines_are_those_of_the_file(load: Load, save: Save) -> None:
    bad = pupil("A3", "Ben", contact("B3", phones={"mobile": "ring the neighbours"}))
    lines = [text(ONE), text(TWO), text(bad)]
    report = await load(save("students.jsonl", "\n".join(lines)))
    assert [found.line for found in report.problems] == [3]
    report = await load(save("students.json", json.dumps(page(ONE, bad), indent=1)))
    content = json.dumps(page(ONE, bad), indent=1).splitlines()
    assert content[report.problems[0].line].strip() == '"id": "A3",'


@pytest.mark.parametrize(
    "phones", [{"mobile": "07700 900123\n07700 900124 and more"}, {"mobile": 7.7009e9}, {"mobile": ["07700 900123"]}]
)
async def test_no_number_is_guessed(database: Database, load: Load, save: Save, phones: Json) -> None:
    other = {"home": "0113 496 0123"}
    await load(save("students.json", text(page(pupil("A1", "Zoë", contact(phones=phones | other))))))
    found = {row["address"] for row in await rows(database, sa.select(POINT).where(POINT.c.kind == "phone"))}
    assert found <= {"+441134960123", "+447700900123", "+447700900124"}
    assert "+441134960123" in found


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "breaks off"),
        (text(page(ONE, TWO))[:-40].encode(), "breaks off"),
        (b'{"data": [{"id": "A1", "surname": "Now', "breaks off"),
        (b'{"data": [{"id": "A1",, "surname": "Nowak"}]}', "not JSON"),
        (b'{"data": [{"id": "A1", "surname": "Nowak"}]} and so on', "not JSON"),
        (text(page(ONE)).encode("latin-1"), "not UTF-8"),
        (text(page(ONE)).encode("utf-16"), "UTF-8"),
        (b'{"error": "Unauthorized"}', "no pupils"),
        (b'{"data": []}', "no pupils"),
        (b"[]", "no pupils"),
        (b"[" * 100_000, "too many brackets"),
        (b'{"data": [{"id": "A1", "surname": "Nowak", "a": ' + b'{"a": ' * 100_000, "too many brackets"),
        (b'{"data": [{"surname": "Nowak", "a": [' + b"1," * 200_000 + b"1]}]}", "too much in one object"),
    ],
)
def test_what_cannot_be_read(save: Save, content: bytes, words: str) -> None:
    found = problem(save("students.json", content))
    assert words in found
    assert "Nowak" not in found


def test_a_broken_line_is_named(save: Save) -> None:
    assert "line 3" in problem(save("students.jsonl", f"{text(ONE)}\n{text(TWO)}\n{{oops}}\n"))


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    assert "no such file" in problem(tmp_path / "students.json")


@pytest.mark.parametrize(
    ("name", "start", "is_json"),
    [
        ("a.json", b"", True),
        ("a.txt", b' {"data"', True),
        ("a.txt", codecs.BOM_UTF8 + b'[{"id"', True),
        ("a.csv", b"Pupil ID,Forename\n", False),
        ("a.csv", b"[Pupil ID],[Forename]\n", False),
    ],
)
def test_what_is_taken_for_json(save: Save, name: str, start: bytes, is_json: bool) -> None:
    assert wonde.recognises(save(name, start)) is is_json


def peak(path: Path) -> int:
    """The most memory that reading a file takes, in bytes."""
    tracemalloc.start()
    for source in wonde.look(path):
        for _ in source.rows():
            pass
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most


@pytest.mark.parametrize("indent", [None, 1])
def test_memory_is_flat(save: Save, indent: int | None) -> None:
    paths = [save(f"{n}.json", json.dumps(page(*[FULL] * n), indent=indent)) for n in (100, 1000)]
    small, large = map(peak, paths)
    assert large < small * 1.5


words = st.text(st.characters(categories=["L"], include_characters="'- "), min_size=1, max_size=10)
names = words.map(cells.text).filter(lambda name: any(map(str.isalpha, name)))
family = st.lists(st.tuples(names, st.booleans(), st.integers(0, 999)), max_size=3)


@settings(max_examples=20, deadline=None)
@given(
    st.lists(st.tuples(names, st.dates(date(2005, 1, 1), date(2023, 1, 1)), family), min_size=1, max_size=6),
    st.sampled_from([lambda all_: page(*all_), list, lambda all_: [page(one) for one in all_]]),
    st.booleans(),
)
def test_round_trip(
    fresh: Fresh,
    children: list[tuple[str, date, list[tuple[str, bool, int]]]],
    shape: Callable[[list[Json]], Any],
    escaped: bool,
) -> None:
    pupils = [
        pupil(
            f"A{n}",
            forename,
            *(
                contact(
                    f"B{n}.{m}",
                    name,
                    tie={"parental_responsibility": duty, "priority": m},
                    phones={"mobile": f"07700 900{digits:03}"},
                )
                for m, (name, duty, digits) in enumerate(grown, start=1)
            ),
            date_of_birth=day(born.isoformat()),
        )
        for n, (forename, born, grown) in enumerate(children)
    ]  # fmt: skip
    wanted = sorted(
        (f"A{n}", forename, born, name, m, duty, f"+447700900{digits:03}")
        for n, (forename, born, grown) in enumerate(children)
        for m, (name, duty, digits) in enumerate(grown, start=1)
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "students.json")
        path.write_text(json.dumps(shape(pupils), ensure_ascii=escaped), encoding="utf-8")
        assert asyncio.run(imported(fresh, path)) == wanted


async def imported(fresh: Fresh, path: Path) -> list[tuple[Any, ...]]:
    """What stands in a fresh database after the import."""
    async with fresh() as database:
        async with database.write() as session:
            report = await people.load([path], session, log=audit.Log(b"k" * 32), now=NOW)
        assert report.problems == []
        query = (
            sa.select(
                PUPIL.c.source_id, PUPIL.c.forename, PUPIL.c.born, CONTACT.c.forename, LINK.c.priority,
                LINK.c.parental_responsibility, POINT.c.address,
            )
            .select_from(LINK)
            .join(PUPIL, PUPIL.c.id == LINK.c.pupil_id)
            .join(CONTACT, CONTACT.c.id == LINK.c.contact_id)
            .join(POINT, POINT.c.contact_id == CONTACT.c.id)
            .where(POINT.c.kind == "phone")
        )  # fmt: skip
        async with database.read() as session:
            return sorted(tuple(row) for row in await session.execute(query))


async def test_another_case_of_a_relation_is_no_change(database: Database, load: Load, tmp_path: Path) -> None:
    path = tmp_path / "wonde.json"
    for relation, changed in (("Mother", 0), ("MOTHER", 0), ("mother", 0), ("Aunt", 1)):
        path.write_text(text(page(pupil("A1", "Zoë", contact(tie={"relationship": relation})))), encoding="utf-8")
        assert (await load(path)).tally.links.changed == changed

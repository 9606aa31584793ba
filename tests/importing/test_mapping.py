"""What people say that columns mean: kept by source, asked first, and missed when a column vanishes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import col

from gateway import audit
from gateway.database import Database
from gateway.errors import BadInput, NotFound
from gateway.importing import headings, mapping
from gateway.importing.report import Report
from gateway.models import Audit, ContactPoint

Save = Callable[..., Path]
Load = Callable[..., Awaitable[Report]]

CSV = (
    "Pupil ID,Forename,Surname,Contact Forename,Contact Surname,Mum Cell,Mobile,Secret\n1,Kai,Shaw,Emma,Shaw,{},{},x\n"
)
NOW = datetime(2026, 9, 21, 9, 0, tzinfo=UTC)
FIRST, SECOND = "07700 900101", "07700 900102"


def known(**said: str) -> headings.Aliases:
    return replace(headings.aliases(), mapped=said, source="sims")


async def keep(database: Database, source: str, *words: str, forget: tuple[str, ...] = ()) -> dict[str, str]:
    async with database.write() as session:
        return await mapping.save(
            session, source, mapping.read(words), forget=forget, log=audit.Log(b"k" * 32), by="Mrs Okafor", now=NOW
        )


async def phones(database: Database) -> set[str]:
    async with database.read() as session:
        return set(await session.scalars(sa.select(col(ContactPoint.address))))


async def test_a_saved_mapping_is_used_before_the_known_headings(database: Database, load: Load, save: Save) -> None:
    await keep(database, "sims", "Mum Cell=contact.mobile")
    report = await load(save("all.csv", CSV.format(FIRST, SECOND)), source="sims")
    assert await phones(database) == {"+447700900101"}
    assert report.files[0].unused == ("Mobile", "Secret")


async def test_other_sources_do_not_know_of_it(database: Database, load: Load, save: Save) -> None:
    await keep(database, "sims", "Mum Cell=contact.mobile")
    await load(save("all.csv", CSV.format(FIRST, SECOND)), source="bromcom")
    assert await phones(database) == {"+447700900102"}


async def test_a_column_can_be_ignored(database: Database, load: Load, save: Save) -> None:
    await keep(database, "sims", "mobile=")
    report = await load(save("all.csv", CSV.format(FIRST, SECOND)), source="sims")
    assert await phones(database) == set()
    assert "Mobile" in report.files[0].unused


async def test_a_column_that_vanished_stops_the_import(database: Database, load: Load, save: Save) -> None:
    await keep(database, "sims", "Mum Cell=contact.mobile", "Gone=", "Mother Tel=contact.phone")
    with pytest.raises(BadInput) as error:
        await load(save("all.csv", CSV.format(FIRST, SECOND)), source="sims")
    (problem,) = error.value.problems
    assert "“Mother Tel”" in problem.what
    assert "contact.phone" in problem.what
    assert "--forget 'Mother Tel'" in problem.cure
    await keep(database, "sims", forget=("mother tel",))
    await load(save("all.csv", CSV.format(FIRST, SECOND)), source="sims")


async def test_a_vanished_column_is_told_together_with_what_it_costs(
    database: Database, load: Load, save: Save
) -> None:
    await keep(database, "sims", "Kind=pupil.forename")
    with pytest.raises(BadInput) as error:
        await load(save("pupils.csv", "Pupil ID,Surname\n1,Shaw\n"), source="sims")
    assert len(error.value.problems) == 2


async def test_what_was_said_is_kept_changed_forgotten_and_audited(database: Database) -> None:
    await keep(database, "sims", "Mum Cell=contact.mobile", "A=B=contact.email")
    assert await keep(database, "sims", "MUM CELL=contact.phone") == {
        "A=B": "contact.email",
        "MUM CELL": "contact.phone",
    }
    assert await keep(database, "sims", forget=("a=b",)) == {"MUM CELL": "contact.phone"}
    with pytest.raises(NotFound, match="“Dad”"):
        await keep(database, "sims", forget=("Dad",))
    async with database.read() as session:
        assert await mapping.saved(session, "sims") == {"MUM CELL": "contact.phone"}
        assert await mapping.saved(session, "nobody") == {}
        lines = (await session.scalars(sa.select(Audit).where(col(Audit.action) == "import.mapped"))).all()
    assert [line.actor for line in lines] == ["Mrs Okafor"] * 3


@pytest.mark.parametrize("word", ["pupils.csv", "=contact.mobile", "Mum Cell=contact.mobil", "Mum Cell=either.id"])
def test_what_says_nothing_is_refused_with_the_fields_there_are(word: str) -> None:
    with pytest.raises(BadInput) as error:
        mapping.read(["Mobile=contact.mobile", word])
    (problem,) = error.value.problems
    assert problem.cure
    assert ("contact.home_phone" in problem.cure) == word.startswith("Mum")


def test_the_columns_of_a_file_are_shown_even_when_it_cannot_be_imported(save: Save) -> None:
    shown = mapping.look(save("all.csv", CSV.format("", "")), known(**{"mum cell": "contact.mobile", "SECRET": ""}))
    assert shown.kind == "combined"
    assert [(c.heading, c.field, c.said) for c in shown.columns][-3:] == [
        ("Mum Cell", "contact.mobile", True),
        ("Mobile", "", False),
        ("Secret", "", True),
    ]
    broken = mapping.look(save("odd.csv", "Kennung,Surname\n1,Shaw\n"), known(Kennung="pupil.id"))
    assert [(c.heading, c.field) for c in broken.columns] == [("Kennung", "pupil.id"), ("Surname", "either.surname")]
    assert "“Forename”" in broken.problems[0].what


def test_formats_with_fixed_fields_need_no_mapping(save: Save) -> None:
    path = save("school.xml", "<CTfile><Header/><CTFpupilData/></CTfile>")
    with pytest.raises(BadInput, match="needs no mapping"):
        mapping.look(path, known())


@given(st.text(max_size=20), st.sampled_from(headings.aliases().choices()))
def test_every_heading_that_can_be_said_is_found_again(heading: str, name: str) -> None:
    if heading.strip():
        said = mapping.read([f"{heading}={name}"])
        assert replace(headings.aliases(), mapped=said).field(heading) == name

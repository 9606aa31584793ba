"""Whatever the csv module can write comes back as the same people."""

from __future__ import annotations

import asyncio
import csv
import tempfile
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Literal

import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st
from support.databases import Fresh

from gateway import audit
from gateway.importing import cells, people
from gateway.models import Contact, ContactPoint, Guardianship, Pupil
from gateway.models.types import core

NOW = datetime(2026, 9, 21, 9, 0, tzinfo=UTC)

# Any letters of any script, and the signs that names and CSV files have in common.
words = st.text(st.characters(categories=["L", "M", "Zs"], include_characters="'-,;\"’."), min_size=1, max_size=12)
names = words.map(cells.text).filter(lambda name: any(c.isalpha() for c in name))


@dataclass(frozen=True)
class Person:
    """What a row says of a contact."""

    forename: str
    surname: str
    relation: str
    mobile: int
    barred: bool


persons = st.builds(Person, names, names, st.sampled_from(["Mother", "Father"]), st.integers(0, 999), st.booleans())
pupils = st.tuples(names, names, st.dates(date(2005, 1, 1), date(2023, 1, 1)), st.lists(persons, max_size=3))


@settings(max_examples=30, deadline=None)
@given(
    st.lists(pupils, min_size=1, max_size=8),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    st.sampled_from([",", ";", "\t"]),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
def test_round_trip(
    fresh: Fresh,
    school: list[tuple[str, str, date, list[Person]]],
    encoding: str,
    delimiter: str,
    quoting: Literal[0, 1],
) -> None:
    wanted = {
        (f"P{n}", forename, surname, born, person.forename, person.surname, person.relation, person.barred,
         f"+447700900{person.mobile:03}")
        for n, (forename, surname, born, family) in enumerate(school)
        for person in family
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        files = Path(folder, "pupils.csv"), Path(folder, "contacts.csv")
        with files[0].open("w", encoding=encoding, newline="") as file:
            writer = csv.writer(file, delimiter=delimiter, quoting=quoting)
            writer.writerow(["Pupil ID", "Forename", "Surname", "DOB"])
            writer.writerows([f"P{n}", a, b, born.strftime("%d/%m/%Y")] for n, (a, b, born, _) in enumerate(school))
        with files[1].open("w", encoding=encoding, newline="") as file:
            writer = csv.writer(file, delimiter=delimiter, quoting=quoting)
            writer.writerow(["Pupil ID", "Contact ID", "Forename", "Surname", "Relation", "Mobile", "Court Order"])
            for n, (_, _, _, family) in enumerate(school):
                for m, one in enumerate(family):
                    barred = "Yes" if one.barred else "No"
                    mobile = f"07700 900{one.mobile:03}"
                    writer.writerow([f"P{n}", f"C{n}.{m}", one.forename, one.surname, one.relation, mobile, barred])
        pupil_rows, found = asyncio.run(imported(fresh, files))
    assert pupil_rows == {(f"P{n}", a, b, born) for n, (a, b, born, _) in enumerate(school)}
    assert found == wanted


async def imported(fresh: Fresh, files: tuple[Path, Path]) -> tuple[set[tuple[Any, ...]], set[tuple[Any, ...]]]:
    """What stands in a fresh database after the import."""
    async with fresh() as database:
        async with database.write() as session:
            report = await people.load(files, session, log=audit.Log(b"k" * 32), now=NOW)
        assert report.problems == []
        pupil, contact, link, point = core(Pupil), core(Contact), core(Guardianship), core(ContactPoint)
        query = (
            sa.select(
                pupil.c.source_id, pupil.c.forename, pupil.c.surname, pupil.c.born, contact.c.forename,
                contact.c.surname, link.c.relation, link.c.no_contact, point.c.address,
            )
            .select_from(link)
            .join(pupil, pupil.c.id == link.c.pupil_id)
            .join(contact, contact.c.id == link.c.contact_id)
            .join(point, point.c.contact_id == contact.c.id)
        )  # fmt: skip
        async with database.read() as session:
            children = {tuple(row) for row in await session.execute(
                sa.select(pupil.c.source_id, pupil.c.forename, pupil.c.surname, pupil.c.born)
            )}  # fmt: skip
            rows = {tuple(row) for row in await session.execute(query)}
        return children, rows

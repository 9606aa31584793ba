"""The practice school: the same every time, whole, and reachable by nobody."""

from __future__ import annotations

import csv
import re
from collections import Counter
from datetime import UTC, date, datetime
from itertools import pairwise
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlmodel import col

from gateway import audit, phone_cells
from gateway.database import Database
from gateway.importing import people
from gateway.importing.report import Report
from gateway.models import Contact, ContactPoint, Guardianship, LineType, PointKind, Pupil
from gateway.practice import phonebook, school

TODAY = date(2026, 9, 21)
NOW = datetime(2026, 9, 21, 9, 0, tzinfo=UTC)

DRAMA = re.compile(
    r"\+44(7700900|2079460|1134960|1144960|1154960|1164960|1174960|1184960|1214960|1314960|1414960|1514960|1614960|1914980)\d{3}"
)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(params=[1, 2026])
def summary(request: pytest.FixtureRequest, tmp_path: Path) -> school.Summary:
    return school.write(tmp_path, seed=request.param, today=TODAY)


async def load(database: Database, files: tuple[Path, Path]) -> Report:
    async with database.write() as session:
        return await people.load(files, session, log=audit.Log(b"k" * 32), now=NOW)


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    first, second, other = (
        school.write(tmp_path / name, seed=seed, today=TODAY) for name, seed in (("a", 7), ("b", 7), ("c", 8))
    )
    for mine, again in zip(first.files, second.files, strict=True):
        assert mine.read_bytes() == again.read_bytes()
    assert first.cases == second.cases
    assert first.files[0].read_bytes() != other.files[0].read_bytes()


def test_its_size_and_shape(summary: school.Summary) -> None:
    pupils, contacts = map(rows, summary.files)
    assert (summary.pupils, summary.families) == (len(pupils), 312) == (420, 312)
    assert set(Counter(row["Reg Group"] for row in pupils).values()) == {30}
    assert len({row["Reg Group"] for row in pupils}) == 14
    assert len({row["UPN"] for row in pupils}) == len({row["Pupil ID"] for row in pupils}) == 420
    assert len({row["Home Language"] for row in pupils}) == 12
    assert len({row["Contact ID"] for row in contacts}) == summary.contacts
    assert any(row["Written Language"] != row["Spoken Language"] for row in contacts)


def test_ages_fit_the_years(summary: school.Summary) -> None:
    for row in rows(summary.files[0]):
        born = datetime.strptime(row["Date of Birth"], "%d/%m/%Y").date()  # noqa: DTZ007 - a birthday
        year = 0 if row["Year Group"] == "Reception" else int(row["Year Group"].removeprefix("Year "))
        assert date(2021 - year, 9, 1) <= born <= date(2022 - year, 8, 31)


def test_brothers_and_sisters_are_not_born_within_ten_months_unless_twins(summary: school.Summary) -> None:
    born = {
        row["Pupil ID"]: datetime.strptime(row["Date of Birth"], "%d/%m/%Y").date()  # noqa: DTZ007 - a birthday
        for row in rows(summary.files[0])
    }
    for first, second in summary.cases["twins"]:
        assert born[first] == born[second]
    for family in summary.cases["siblings"]:
        days = sorted(born[child] for child in family)
        assert all((later - earlier).days > 300 for earlier, later in pairwise(days))


def test_only_numbers_and_addresses_that_belong_to_nobody(summary: school.Summary) -> None:
    contacts = rows(summary.files[1])
    mobiles = set[str]()
    for row in contacts:
        for column in ("Mobile Number", "Home Telephone", "Work Telephone"):
            if row[column]:
                (found,) = phone_cells.read(row[column]).numbers
                assert DRAMA.fullmatch(found.e164)
                assert int(found.e164[-3:]) >= phonebook.KEPT
                assert (found.line_type is LineType.MOBILE) == (column == "Mobile Number")
                mobiles.update({found.e164} if column == "Mobile Number" else ())
        assert (
            re.fullmatch(r"[a-z0-9.]+@([a-z0-9]+\.family\.example|example\.(com|org|net))", row["Email"])
            or not row["Email"]
        )
    assert 550 < len(mobiles) < 700


async def test_it_imports_without_a_problem_and_the_hard_cases_are_there(
    database: Database, summary: school.Summary
) -> None:
    report = await load(database, summary.files)
    assert report.problems == []
    assert report.tally.pupils.new == 420
    ((nasty,),) = summary.cases["barred_on_home_line"]
    (warning,) = report.warnings
    assert f"(pupil {nasty})" in warning.what
    async with database.read() as session:
        ids = {pupil.source_id: pupil.id for pupil in await session.scalars(sa.select(Pupil))}
        tongues = set(await session.scalars(sa.select(col(Pupil.home_language))))
        ties = (await session.scalars(sa.select(Guardianship))).all()
        points = (await session.scalars(sa.select(ContactPoint))).all()
        barred = {tie.pupil_id for tie in ties if tie.barred_on(TODAY)}
    assert tongues == {"en", "pl", "ur", "ro", "bn", "ar", "pt-PT", "so", "pa-Guru", "ta", "uk", "fr"}

    def children(case: str) -> set[int | None]:
        return {ids[child] for family in summary.cases[case] for child in family}

    def reach(pupil: int | None) -> list[ContactPoint]:
        contacts = {tie.contact_id for tie in ties if tie.pupil_id == pupil}
        return [point for point in points if point.contact_id in contacts]

    assert barred == children("barred") | children("barred_on_home_line")
    assert {tie.pupil_id for tie in ties if tie.no_contact} == barred | children("bar_ended")
    assert all(not reach(pupil) and pupil not in {tie.pupil_id for tie in ties} for pupil in children("nobody"))
    assert all(
        {point.line_type for point in reach(pupil)} == {LineType.LANDLINE} for pupil in children("landline_only")
    )
    assert all({point.kind for point in reach(pupil)} <= {PointKind.EMAIL} for pupil in children("no_phone"))
    for pupil in children("one_mobile"):
        mobiles = [point.address for point in reach(pupil) if point.line_type is LineType.MOBILE]
        assert (len(mobiles), len(set(mobiles))) == (2, 1)
    for pupil in children("separated"):
        assert {tie.lives_with for tie in ties if tie.pupil_id == pupil and tie.parental_responsibility} == {
            True,
            False,
        }
    cousins = children("cousins")
    shared = Counter(tie.contact_id for tie in ties if tie.pupil_id in cousins and tie.relation == "Grandmother")
    assert set(shared.values()) == {len(cousins)}


async def test_again_it_changes_nothing(database: Database, tmp_path: Path) -> None:
    files = school.write(tmp_path, seed=3, today=TODAY).files
    await load(database, files)
    again = (await load(database, files)).tally.each()
    assert all(count.new == count.changed == count.gone == 0 for count in again.values())
    async with database.read() as session:
        assert await session.scalar(sa.select(sa.func.count()).select_from(Contact)) == again["contacts"].same

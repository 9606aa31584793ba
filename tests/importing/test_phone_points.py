"""From a telephone cell to contact points: every number of it, in rank, with its label."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import sqlalchemy as sa
from sqlmodel import col

from gateway.database import Database
from gateway.importing.report import Report
from gateway.models import ContactPoint

Save = Callable[..., Path]
Load = Callable[..., Awaitable[Report]]

HEAD = ["Pupil ID", "Forename", "Surname", "Contact Forename", "Contact Surname", "Mobile", "Telephone", "Home Phone"]


async def points(database: Database) -> list[tuple[str, str, str]]:
    async with database.read() as session:
        rows = await session.scalars(sa.select(ContactPoint).order_by(col(ContactPoint.rank)))
        return [(row.address, row.line_type.value, row.label) for row in rows]


async def test_every_number_of_every_cell_is_a_point(database: Database, load: Load, save: Save) -> None:
    cells = ["07700 900101 (W) / 07700 900102", "H 0113 496 0101 M 07700 900103", "0113 496 0102"]
    report = await load(save("all.csv", [HEAD, ["1", "Kai", "Shaw", "Emma", "Shaw", *cells]]))
    assert report.problems == []
    assert await points(database) == [
        ("+447700900102", "mobile", ""),
        ("+447700900103", "mobile", "mobile"),
        ("+441134960101", "landline", "home"),
        ("+441134960102", "landline", "home"),
        ("+447700900101", "mobile", "work"),
    ]


async def test_of_a_bad_number_beside_a_good_one_only_the_bad_one_is_reported(
    database: Database, load: Load, save: Save
) -> None:
    cells = ["07700 900101 / 07700 90010", "", ""]
    report = await load(save("all.csv", [HEAD, ["1", "Kai", "Shaw", "Emma", "Shaw", *cells]]))
    (problem,) = report.problems
    assert (problem.line, problem.field) == (2, "Mobile")
    assert "The other number in the cell was taken." in problem.what
    assert await points(database) == [("+447700900101", "mobile", "")]

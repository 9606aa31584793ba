"""Marks in: from files as systems write them, with every mistake named, and never twice."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from support import desk, school

from gateway import errors
from gateway.calendars import schooldays
from gateway.database import Database
from gateway.models import Audit, DaySession, Mark, Pupil
from gateway.models.types import core
from gateway.registers import codes, marks, reading

TODAY = date(2026, 11, 23)
RULES = reading.Rules(codes.load("england"), schooldays.load(None), ZoneInfo("Europe/London"))
FILE, HAND = marks.Source("file", "handbell"), marks.Source("by hand", "Mrs Office", filed=False)


async def pupils(database: Database, *ids: str) -> list[int]:
    rows = [Pupil(source_id=one, upn=f"U{one}", forename="Ana", surname="Example", form="3A") for one in ids]
    await school.add(database, *rows)
    return [row.id or 0 for row in rows]


async def sort(database: Database, folder: Path, text: str) -> reading.Found:
    file = folder / "marks.csv"
    file.write_bytes(text.encode("cp1252"))
    async with database.read() as session:
        return await reading.sort(session, reading.read(file), RULES, file="marks.csv", today=TODAY)


async def put(database: Database, given: list[marks.Given], source: marks.Source = FILE) -> list[marks.Change]:
    async with database.write() as session:
        return await marks.put(session, given, source, log=desk.LOG, now=desk.NOW)


async def stored(database: Database) -> list[Mark]:
    async with database.read() as session:
        return list(await session.scalars(sa.select(Mark).order_by(core(Mark).c.id)))


async def test_a_row_for_each_mark(database: Database, tmp_path: Path) -> None:
    one, two = await pupils(database, "P1", "P2")
    found = await sort(
        database,
        tmp_path,
        "PupilID;Session;Attendance Code;Date;Minutes Late;Comment\n"
        "P1;AM;L;23/11/2026;27;überfüllter Bus\nUP2;pm;N;2026-11-23;;\n",
    )
    assert found.problems == []
    assert found.given == [
        marks.Given(one, TODAY, DaySession.AM, "L", datetime(2026, 11, 23, 9, 12, tzinfo=UTC), "überfüllter Bus"),
        marks.Given(two, TODAY, DaySession.PM, "N"),
    ]


async def test_a_row_for_each_pupil_with_both_sessions(database: Database, tmp_path: Path) -> None:
    one, two = await pupils(database, "P1", "P2")
    found = await sort(database, tmp_path, "Adno,AM,PM\nP1,/,\\\nP2,N,-\n")
    assert [(one.pupil_id, one.session, one.code) for one in found.given] == [
        (one, DaySession.AM, "/"),
        (one, DaySession.PM, "\\"),
        (two, DaySession.AM, "N"),
    ]
    assert found.blank == 1  # that register was not taken


async def test_every_row_with_a_mistake_is_named_with_its_line_and_cure(database: Database, tmp_path: Path) -> None:
    await pupils(database, "P1")
    found = await sort(
        database,
        tmp_path,
        "Pupil ID,Date,Session,Code,Arrived\n"
        "P9,,AM,N,\n"
        "P1,23.13.2026,AM,N,\n"
        "P1,,evening,N,\n"
        "P1,,AM,H,\n"
        "P1,,AM,XX,\n"
        "P1,,AM,L,25:00\n"
        "P1,,AM,N,\n"
        "P1,,AM,I,\n"
        "P1,23/11/2020,AM,N,\n",
    )
    assert [problem.line for problem in found.problems] == [2, 3, 4, 5, 6, 7, 9, 10]
    assert all(problem.cure for problem in found.problems)
    assert [one.code for one in found.given] == ["N"]


@pytest.mark.parametrize("heading", ["Pupil ID,Session", "Session,Code", "Pupil ID,Code"])
async def test_a_file_without_a_needed_column_is_refused(tmp_path: Path, heading: str) -> None:
    (tmp_path / "marks.csv").write_text(heading + "\nA,B\n")
    with pytest.raises(errors.BadInput, match="No column holds"):
        reading.read(tmp_path / "marks.csv")


async def test_the_same_again_changes_nothing(database: Database) -> None:
    (one,) = await pupils(database, "P1")
    given = [marks.Given(one, TODAY, DaySession.AM, "N")]
    assert [change.before for change in await put(database, given)] == [""]
    assert await put(database, given) == []
    (row,) = await stored(database)
    assert (row.code, row.filed) == ("N", "N")
    async with database.read() as session:
        actions = list(await session.scalars(sa.select(core(Audit).c.action)))
    assert actions == ["marks.taken_in"]


async def test_a_later_file_changes_a_mark_and_says_what_it_was(database: Database) -> None:
    (one,) = await pupils(database, "P1")
    await put(database, [marks.Given(one, TODAY, DaySession.AM, "N")])
    (change,) = await put(database, [marks.Given(one, TODAY, DaySession.AM, "L", desk.NOW)])
    assert (change.before, change.given.code) == ("N", "L")
    (row,) = await stored(database)
    assert (row.code, row.arrived_at) == ("L", desk.NOW)


async def test_a_file_that_repeats_itself_undoes_no_correction_by_hand(database: Database) -> None:
    (one,) = await pupils(database, "P1")
    absent = [marks.Given(one, TODAY, DaySession.AM, "N")]
    await put(database, absent)
    await put(database, [marks.Given(one, TODAY, DaySession.AM, "L")], HAND)
    assert await put(database, absent) == []
    assert (await stored(database))[0].code == "L"
    # But what the file says anew is news.
    assert len(await put(database, [marks.Given(one, TODAY, DaySession.AM, "I")])) == 1
    assert (await stored(database))[0].code == "I"


async def test_a_correction_by_hand_that_the_file_follows_is_no_change(database: Database) -> None:
    (one,) = await pupils(database, "P1")
    await put(database, [marks.Given(one, TODAY, DaySession.AM, "N")])
    await put(database, [marks.Given(one, TODAY, DaySession.AM, "L")], HAND)
    assert await put(database, [marks.Given(one, TODAY, DaySession.AM, "L")]) == []
    (row,) = await stored(database)
    assert (row.code, row.filed) == ("L", "L")
    # So that a file which then says N again is believed.
    assert len(await put(database, [marks.Given(one, TODAY, DaySession.AM, "N")])) == 1

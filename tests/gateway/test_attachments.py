"""Files that go along: read beside the definition, kept with the notice, and given to emails alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import icalendar
import pytest
from sqlmodel import col, select
from support import school
from support.desk import NOW, definition, gateway

from channels.base import Attachment, Medium
from gateway import attachments, errors, notices
from gateway.database import Database
from gateway.models import LineType, Message, NoticeFile, PointKind

LETTER = Attachment("Trip – letter.pdf", "application/pdf", b"%PDF-1.7 a letter")
EVENT = {"starts": "2026-12-01T18:00:00", "ends": "2026-12-01T20:00:00", "place": "Hall; main"}


async def family(database: Database) -> None:
    child = await school.pupil(database)
    mother = await school.contact(database, "Maria")
    await school.tie(database, child, mother, priority=1, parental_responsibility=True)
    await school.point(database, mother, "+447700900001")
    await school.point(database, mother, "maria@example.com", kind=PointKind.EMAIL, line_type=LineType.NONE)
    await school.sender(database)
    await school.sender(database, medium=Medium.EMAIL, channel="smtp")


async def sent(database: Database, *files: Attachment, **changes: Any) -> list[dict[str, Any]]:
    """The rows of a notice that was submitted with these files and planned."""
    desk = gateway(database)
    async with database.write() as session:
        await notices.submit(session, desk, definition(**changes), author="office", files=files)
    async with database.write() as session:
        await notices.plan_due(session, desk)
    async with database.read() as session:
        return [one.model_dump() for one in await session.scalars(select(Message).order_by(col(Message.medium)))]


def files_of(database: Database) -> attachments.Files:
    return attachments.Files(database, school="Oakfield", now=lambda: NOW)


async def test_a_file_goes_along_with_the_email_and_not_with_the_text(database: Database) -> None:
    await family(database)
    rows = await sent(database, LETTER, media=["sms", "email"], attachments=[LETTER.name])
    files = files_of(database)
    assert {row["medium"]: await files.of(row) for row in rows} == {Medium.EMAIL: (LETTER,), Medium.SMS: ()}
    assert await files.of(rows[0]) is await files.of(rows[0]), "read once for all emails of a run"


async def test_an_event_brings_a_file_for_the_calendar(database: Database) -> None:
    await family(database)
    rows = await sent(database, LETTER, kind="event", event=EVENT, media=["email"], attachments=[LETTER.name])
    letter, calendar = await files_of(database).of(rows[0])
    assert letter == LETTER
    assert calendar.content_type.startswith("text/calendar")
    (event,) = icalendar.Calendar.from_ical(calendar.content).walk("VEVENT")
    assert str(event["summary"]) == "Oakfield: Book fair"
    assert str(event["location"]) == "Hall; main"
    assert event["dtstart"].dt.isoformat() == "2026-12-01T18:00:00+00:00"


async def test_unless_the_event_wants_none(sqlite_database: Database) -> None:
    await family(sqlite_database)
    rows = await sent(sqlite_database, kind="event", event=EVENT | {"calendar_file": False}, media=["email"])
    assert await files_of(sqlite_database).of(rows[0]) == ()


async def test_a_notice_without_its_files_is_refused_and_nothing_stays(sqlite_database: Database) -> None:
    await family(sqlite_database)
    with pytest.raises(errors.BadDefinition, match="did not come along"):
        await sent(sqlite_database, media=["email"], attachments=[LETTER.name])
    async with sqlite_database.read() as session:
        assert (await session.scalars(select(NoticeFile))).all() == []


def test_files_are_for_emails() -> None:
    with pytest.raises(errors.BadDefinition, match="emails only"):
        definition(media=["sms"], attachments=["letter.pdf"])


def test_they_are_read_beside_the_definition(tmp_path: Path) -> None:
    (tmp_path / "letter.pdf").write_bytes(b"%PDF")
    (tmp_path / "Zgoda – formularz.DOCX").write_bytes(b"PK")
    found = attachments.read(tmp_path / "trip.toml", ["letter.pdf", "Zgoda – formularz.DOCX"])
    assert [(file.name, file.content) for file in found] == [("letter.pdf", b"%PDF"), ("Zgoda – formularz.DOCX", b"PK")]
    assert found[1].content_type.endswith("wordprocessingml.document")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("missing.pdf", "no file"),
        ("empty.pdf", "is empty"),
        ("big.pdf", "7 MB"),
        ("program.exe", "unsafe"),
        ("page.html", "unsafe"),
        ("noending", "unsafe"),
        ("../letter.pdf", "not the name"),
        ("/etc/letter.pdf", "not the name"),
        ("folder.pdf", "no file"),
        ("a\nb.pdf", "not the name"),
        ("", "not the name"),
    ],
)
def test_a_file_that_cannot_go(tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / "empty.pdf").touch()
    (tmp_path / "folder.pdf").mkdir()
    with (tmp_path / "big.pdf").open("wb") as big:
        big.truncate(attachments.MOST_BYTES + 1)
    for other in ("program.exe", "page.html", "noending"):
        (tmp_path / other).write_bytes(b"x")
    with pytest.raises(errors.BadDefinition, match=words):
        attachments.read(tmp_path / "trip.toml", [name])


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    for name in ("one.pdf", "two.pdf"):
        with (tmp_path / name).open("wb") as big:
            big.truncate(attachments.MOST_BYTES - 10)
    with pytest.raises(errors.BadDefinition) as refusal:
        attachments.read(tmp_path / "trip.toml", ["one.pdf", "two.pdf", "two.pdf", "missing.pdf"])
    assert len(refusal.value.problems) == 3

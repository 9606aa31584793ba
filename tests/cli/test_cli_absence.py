"""``handbell marks``, ``absence`` and ``rehearse`` on a real database."""

from __future__ import annotations

import csv
import io
import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from gateway.absence import cases
from gateway.database import Session
from gateway.models import DaySession, Pupil
from gateway.models.types import core

if TYPE_CHECKING:
    from conftest import Office

LONDON = ZoneInfo("Europe/London")


def source_id(office: Office, name: str) -> str:
    async def job(session: Session) -> str | None:
        return await session.scalar(sa.select(core(Pupil).c.source_id).where(core(Pupil).c.forename == name))

    return str(office.change(job))


def opened(office: Office, name: str) -> int:
    """A case of this morning, as the sweep opens one."""
    now = datetime.now(UTC)

    async def job(session: Session) -> int:
        pupil_id = await session.scalar(sa.select(core(Pupil).c.id).where(core(Pupil).c.forename == name))
        means = cases.Means(office.log, now)
        day = now.astimezone(LONDON).date()
        return (await cases.open_one(session, pupil_id or 0, day, DaySession.AM, means=means)).id or 0

    return int(office.change(job))


def test_marks_come_from_a_file_and_are_set_by_hand(school_office: Office) -> None:
    ana, ben = source_id(school_office, "Ana"), source_id(school_office, "Ben")
    file = school_office.write("marks.csv", f"Pupil ID,Session,Code\n{ana},AM,N\n{ben},AM,/\nX9,AM,N\n{ben},PM,-\n")
    dry = school_office.gives("marks", "import", file, "--dry-run")
    assert "4 marks: 2 new, 0 changed, 0 the same, 1 not taken, 1 left out" in dry
    assert "2 new" in school_office.gives("marks", "import", file)  # nothing of the dry run was kept
    printed = school_office.gives("marks", "import", file)
    assert "0 new, 0 changed, 2 the same" in printed
    assert "“X9” is no pupil on roll" in printed
    set_ = school_office.gives("marks", "set", ana, "l", "--at", "09:42", "--session", "AM", "--as", "Mrs Office")
    assert "L (was N)" in set_
    assert school_office.data("marks", "import", file)["changed"] == 0  # the file undoes no correction
    assert "not in force" in school_office.refuses("marks", "set", ana, "H")
    assert "no pupil on roll" in school_office.refuses("marks", "set", "X9", "N")
    assert "No column holds the mark" in school_office.refuses(
        "marks", "import", school_office.write("none.csv", "Pupil ID,Session\n1,AM\n")
    )


def test_the_codes_are_shown(small_office: Office) -> None:
    codes = {code["code"]: code for code in small_office.data("marks", "codes")}
    assert codes["N"]["asks"]
    assert codes["N"]["class"] == "unauthorised"
    old = {code["code"] for code in small_office.data("marks", "codes", "--date", "01/07/2024")}
    assert {"H", "J"} <= old
    assert not {"H", "J"} & codes.keys()


def test_a_case_is_listed_shown_settled_and_exported(school_office: Office, tmp_path: Path) -> None:
    ana = source_id(school_office, "Ana")
    school_office.gives("marks", "set", ana, "N", "--session", "AM")
    case = opened(school_office, "Ana")
    assert "asking" in school_office.gives("absence", "list")
    shown = school_office.gives("absence", "show", str(case))
    assert "1. Maria Example (Mother): +447700900111" in shown
    assert "Ivan" not in shown  # barred
    settle = ("absence", "settle", str(case))
    assert school_office.type(*settle, "--as", "Mrs Office").exit_code == 2  # nothing said
    assert "not a code" in school_office.refuses(*settle, "--code", "QQ")
    done = school_office.gives(*settle, "--code", "I", "--who", "Maria (mother)", "--as", "Mrs Office")
    assert f"Case {case} is explained, by Maria (mother), code I." in done
    assert "There are none." in school_office.gives("absence", "list")
    assert [one["state"] for one in school_office.data("absence", "list", "--all")] == ["explained"]
    (row,) = csv.DictReader(io.StringIO(school_office.gives("absence", "export")))
    assert (row["Pupil ID"], row["Mark"], row["Code"], row["Decided by"]) == (ana, "N", "I", "Mrs Office")
    page = tmp_path / "case.html"
    school_office.gives("absence", "chronology", str(case), "--out", str(page))
    assert "Explained by Maria (mother)." in page.read_text("utf-8")
    assert stat.S_IMODE(page.stat().st_mode) == 0o600
    assert "There is no absence case 99" in school_office.refuses("absence", "show", "99")


def test_confirm_and_resume_say_when_there_is_nothing_to_do(school_office: Office) -> None:
    case = str(opened(school_office, "Ana"))
    assert "has no answer to confirm: it is asking" in school_office.refuses("absence", "confirm", case)
    assert "cannot become asking" in school_office.refuses("absence", "resume", case)
    assert "Nothing is held back" in school_office.refuses("absence", "release", "--session", "AM")


def test_what_a_parent_tells_the_office_and_what_ages(school_office: Office) -> None:
    ana = source_id(school_office, "Ana")
    case = opened(school_office, "Ana")
    said = school_office.gives("absence", "report", ana, "i", "--who", "Maria (mother)", "--as", "Mrs Office")
    assert "The open case is explained by it." in said
    assert f"Case {case}" in school_office.gives("absence", "show", str(case))
    assert "two months apart" in school_office.refuses("absence", "report", ana, "I", "--until", "01/01/2020")
    ben = source_id(school_office, "Ben")
    school_office.gives("marks", "set", ben, "N", "--session", "PM", "--date", "2026-11-13")
    (old,) = school_office.data("absence", "ageing")
    assert (old["name"], old["session"], old["left"] < 1) == ("Ben Example", "pm", True)
    assert "over: O" in school_office.gives("absence", "ageing")


def test_a_rehearsal_sends_nothing_and_names_whom_nobody_could_ask(school_office: Office) -> None:
    printed = school_office.gives("rehearse", "absence", "--date", "2026-11-24")
    assert "asked from 09:25" in printed
    assert "Of 1 child nobody could be asked:" in printed
    assert "Ben" in printed
    data = school_office.data("rehearse", "absence", "--date", "2026-11-22")
    assert data["no_school"] == "no school on this weekday"
    assert data["rungs"][0]["messages"] == {"sms": 1}
    assert school_office.data("notice", "list") == []
    assert "no session" in school_office.refuses("rehearse", "absence", "--session", "evening")


def test_a_broken_file_of_the_school_is_told_by_the_doctor_and_by_every_command(
    small_office: Office, tmp_path: Path
) -> None:
    (tmp_path / "ladder.toml").write_text('read_within = "soon"\n')
    absence = f'[absence]\nenabled = true\nsafeguarding_lead = "Mrs Okafor"\nladder = "{tmp_path}/ladder.toml"\n'
    small_office.settings.write_text(small_office.settings.read_text() + absence)
    assert "ladder.toml, line 1" in small_office.refuses("absence", "export")
    result = small_office.type("doctor")
    assert "ladder.toml" in result.output
    assert result.exit_code == 1

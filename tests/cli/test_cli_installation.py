"""``handbell migrate``, ``import``, ``config``, ``token``, ``sender``, ``audit``, ``doctor`` and what goes wrong."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from support import tampering
from typer.testing import CliRunner

from gateway import audit, cli, context, migrate
from gateway.database import Session
from gateway.models import ApiToken, Audit, Contact, Sender

if TYPE_CHECKING:
    from conftest import Office


def test_migrate_makes_the_tables(small_office: Office, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'new' / 'handbell.sqlite3'}"
    small_office.settings.write_text(small_office.settings.read_text().replace(small_office.url, url))
    assert "run handbell migrate" in small_office.refuses("notice", "list")
    assert "run handbell migrate" in small_office.refuses("migrate", "--check")
    assert f"revision {migrate.head()}" in small_office.gives("migrate")
    assert "up to date" in small_office.gives("migrate", "--check")
    assert small_office.gives("notice", "list").strip() == "There are none."
    assert "CREATE TABLE message (" in small_office.gives("migrate", "--sql")


def test_import_reports_and_may_be_repeated(office: Office) -> None:
    pupils = office.write(
        "pupils.csv",
        "Pupil ID,UPN,Forename,Surname,Year,Form,Contact 1 Forename,Contact 1 Surname,Contact 1 Relationship,"
        "Contact 1 Mobile\nP1,A123456789012,Ana,Nowak,3,3A,Maria,Nowak,Mother,07700 900111\n",
    )
    first = office.data("import", pupils, "--as", "Ann")
    assert first["counts"]["pupils"]["new"] == 1
    assert office.data("import", pupils)["counts"]["pupils"]["same"] == 1
    assert "1 the same" in office.gives("import", pupils)
    [*_, deed] = office.data("audit", "show", "--action", "people.import_asked")
    assert (deed["actor"], deed["body"]) == ("Ann", {"files": ["pupils.csv"], "source": ""})


def test_a_file_that_cannot_be_read_changes_nothing(small_office: Office) -> None:
    assert "pupils.csv" in small_office.refuses("import", small_office.write("pupils.csv", "what,is,this\n1,2,3\n"))
    assert small_office.change(lambda session: session.scalar(sa.select(sa.func.count()).select_from(Contact))) == 0
    assert small_office.data("audit", "show") == []


def test_config_show_hides_secrets(small_office: Office) -> None:
    shown = small_office.gives("config", "show")
    assert "school.short_name = 'Oakfield'" in shown
    assert "b1946ac92492d2347c6235b4d2611184" not in shown + small_office.gives("config", "show", "--json")
    assert small_office.data("config", "show")["school"]["short_name"] == "Oakfield"


def test_config_reference_is_whole(small_office: Office) -> None:
    keys = {entry["key"] for entry in small_office.data("config", "reference")}
    assert {"school.name", "web.public_base_url", "audit.key"} <= keys
    assert "[school]" in small_office.gives("config", "reference", "--example")
    assert "web.public_base_url" in small_office.gives("config", "reference")


def test_mistakes_in_the_settings_are_sentences(small_office: Office) -> None:
    small_office.settings.write_text(small_office.settings.read_text() + "\n[wed]\nport = 1\n")
    assert "did you mean web?" in small_office.refuses("notice", "list")
    small_office.settings.unlink()
    assert "There is no settings file" in small_office.refuses("config", "show")


def test_the_settings_file_may_be_named_by_the_environment(small_office: Office) -> None:
    environment = {"HANDBELL_CONFIG": str(small_office.settings), "HANDBELL_AUDIT__KEY": "k" * 32}
    environment["HANDBELL_TWILIO__AUTH_TOKEN"] = "0" * 32
    result = CliRunner().invoke(cli.build(), ["config", "show", "--json"], env=environment)
    assert json.loads(result.stdout)["school"]["name"] == "Oakfield Primary School"


def test_tokens_are_shown_once_and_end(office: Office) -> None:
    result = office.type("token", "create", "timetable", "--as", "Ann")
    token = result.stdout.strip()
    assert token.startswith("hb_")
    assert "not shown again" in result.stderr
    assert token not in office.gives("token", "list")
    assert "already" in office.refuses("token", "create", "timetable")
    office.gives("token", "revoke", "timetable", "--as", "Bob")
    assert office.data("token", "list")[0]["revoked_at"]
    assert [deed["actor"] for deed in office.data("audit", "show")] == ["Bob", "Ann"]
    assert office.change(lambda session: session.scalar(sa.select(ApiToken.digest))) not in token
    office.gives("token", "create", "board", "--read-only")
    assert {row["name"]: row["read_only"] for row in office.data("token", "list")} == {
        "board": True,
        "timetable": False,
    }


def test_a_held_sender_is_released(school_office: Office) -> None:
    until = context.utc_now() + timedelta(hours=1)
    hold = sa.update(Sender).where(sa.column("medium") == "sms").values(held_until=until, held_because="No credit.")
    school_office.change(lambda session: session.execute(hold))
    assert "No credit." in school_office.gives("sender", "list")
    [held] = [sender for sender in school_office.data("sender", "list") if sender["held_until"]]
    school_office.gives("sender", "release", str(held["id"]), "--as", "Ann")
    assert "No credit." not in school_office.gives("sender", "list")
    assert "no sender" in school_office.refuses("sender", "release", str(held["id"]))
    assert school_office.data("audit", "show", "--action", "sender.released")[0]["actor"] == "Ann"


async def write_lines(session: Session, log: audit.Log) -> None:
    lines = [audit.Line("notice.sent", f"notice:{number}") for number in range(5)]
    await log.record(session, lines, now=context.utc_now())
    await log.seal(session)


def test_audit_verify_proves_the_log(small_office: Office) -> None:
    small_office.change(lambda session: write_lines(session, small_office.log))
    verdict = small_office.data("audit", "verify")
    assert (verdict["sealed"], verdict["unsealed"], verdict["fault"]) == (5, 0, None)
    assert "5 lines in the chain" in small_office.gives("audit", "verify", "--against", verdict["head"].upper())
    assert "published" in small_office.refuses("audit", "verify", "--against", "f" * 64)


def test_audit_verify_names_the_row_that_was_changed(office: Office) -> None:
    office.change(lambda session: write_lines(session, office.log))
    third = office.change(lambda session: session.scalar(sa.select(Audit.id).where(Audit.subject == "notice:2")))

    async def change(session: Session) -> None:
        await tampering.unguard(session)
        await session.execute(sa.update(Audit).values(body="{}", actor="x").where(Audit.id == third))

    office.change(change)
    assert f"Row {third} (notice.sent)" in office.refuses("audit", "verify")
    result = office.type("audit", "verify", "--json")
    assert result.exit_code == 1
    assert f"Row {third}" in json.loads(result.stdout)["fault"]


def test_audit_show_chooses(small_office: Office) -> None:
    small_office.change(lambda session: write_lines(session, small_office.log))
    assert [deed["subject"] for deed in small_office.data("audit", "show", "--limit", "2")] == ["notice:4", "notice:3"]
    assert len(small_office.data("audit", "show", "--about", "notice:1")) == 1
    assert "There are none." in small_office.gives("audit", "show", "--action", "nothing")


def test_doctor_finds_what_is_bad_and_ends_with_1(school_office: Office) -> None:
    result = school_office.type("doctor", "--json")
    assert result.exit_code == 1, result.output
    findings = {(finding["name"], finding["state"]) for finding in json.loads(result.stdout)}
    assert {("database", "ok"), ("packages", "ok"), ("clock", "ok"), ("audit key", "ok")} <= findings
    assert ("smtp", "bad") in findings
    assert ("ways back", "warn") in findings
    assert "No key press in a call" in school_office.type("doctor").stdout


@pytest.mark.parametrize("words", [["run"], ["notice", "list"]])
def test_the_real_command_ends_with_1_and_a_sentence(small_office: Office, words: list[str], tmp_path: Path) -> None:
    small_office.settings.write_text("[school]\nname = 5\n")
    done = subprocess.run(
        [sys.executable, "-m", "gateway.cli", "--config", str(small_office.settings), *words],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=tmp_path,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert "school.name" in done.stderr


def test_practice_refuses_a_folder_that_is_something_else(tmp_path: Path) -> None:
    (tmp_path / "letters.txt").write_text("mine")
    result = CliRunner().invoke(cli.build(), ["practice", "--folder", str(tmp_path)])
    assert result.exit_code == 1
    assert "is not a practice school" in result.stderr
    assert (tmp_path / "letters.txt").read_text() == "mine"

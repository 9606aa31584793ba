"""``handbell explain bounce`` and ``email``: files in, answers out, and an answer for every line."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from gateway import cli

MAILS = Path(__file__).resolve().parents[1] / "channels" / "mails" / "bounces"


def stream(command: str, *rows: object) -> list[dict[str, Any]]:
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    result = CliRunner().invoke(cli.build(), ["explain", command, "--jsonl"], input=lines)
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_bounces_by_line() -> None:
    dead, gone, arrived = stream(
        "bounce",
        {"id": 1, "file": str(MAILS / "qmail_no_mailbox.eml")},
        {"id": 2, "file": str(MAILS / "nowhere.eml")},
        {"id": 3, "file": str(MAILS / "delivered.eml")},
    )
    who = "jo.bloggs@example.com"
    assert dead == {"id": 1, "is_bounce": True, "recipients": [{"address": who, "kind": "permanent"}]}
    assert gone == {"id": 2, "is_bounce": False, "recipients": [], "error": gone["error"]}
    assert arrived == {"id": 3, "is_bounce": False, "recipients": [{"address": who, "kind": "delivered"}]}


def test_emails_by_line(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Tak\n\n> Czy Ana przyjdzie?\n", "utf-8")
    (tmp_path / "a.html").write_text("<p>Yes</p><blockquote>Can she come?</blockquote>", "utf-8")
    (tmp_path / "a.eml").write_text("From: a@example.com\nSubject: Automatic reply: Trip\n\nI am away.\n", "utf-8")
    found = stream("email", *({"id": end, "file": str(tmp_path / f"a.{end}")} for end in ("txt", "html", "eml")))
    assert found == [
        {"id": "txt", "is_auto": False, "reply": "Tak"},
        {"id": "html", "is_auto": False, "reply": "Yes"},
        {"id": "eml", "is_auto": True, "reply": "I am away."},
    ]


def test_names_that_no_file_can_have() -> None:
    [answer, folder] = stream("email", {"id": 1, "file": "a\0b"}, {"id": 2, "file": str(MAILS)})
    assert "error" in answer
    assert "error" in folder


@pytest.mark.parametrize(
    ("command", "nothing"),
    [("bounce", {"is_bounce": False, "recipients": []}), ("email", {"is_auto": False, "reply": ""})],
)
def test_what_is_no_file_is_answered_at_once(tmp_path: Path, command: str, nothing: dict[str, object]) -> None:
    pipe = tmp_path / "pipe.eml"
    os.mkfifo(pipe)
    for path in (pipe, tmp_path, Path("/dev/zero")):
        [answer] = stream(command, {"id": 1, "file": str(path)})
        assert answer == {"id": 1, **nothing, "error": answer["error"]}
        said = CliRunner().invoke(cli.build(), ["explain", command, str(path)])
        assert said.exit_code == 1
        assert "Save the mail as a file" in said.output
    [answer] = stream(command, ["no object"])
    assert answer == {"id": None, **nothing, "error": answer["error"]}


def test_one_file_is_told_in_words() -> None:
    result = CliRunner().invoke(cli.build(), ["explain", "bounce", str(MAILS / "qmail_no_mailbox.eml")])
    assert "jo.bloggs@example.com: there is no such mailbox." in result.stdout
    none = CliRunner().invoke(cli.build(), ["explain", "bounce", str(MAILS / "none_parcel.eml")])
    assert "no bounce" in none.stdout
    missing = CliRunner().invoke(cli.build(), ["explain", "email", "nowhere.eml"])
    assert missing.exit_code == 2
    person = CliRunner().invoke(cli.build(), ["explain", "email", str(MAILS / "none_about_bounces.eml")])
    assert "A person wrote this." in person.stdout

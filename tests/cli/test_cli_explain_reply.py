"""``handbell explain reply``: in words, and line by line."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from gateway import cli


def run(*words: str, given: str | None = None, config: Path | None = None) -> str:
    start = ["--config", str(config)] if config else []
    result = CliRunner().invoke(cli.build(), [*start, "explain", "reply", *words], input=given)
    assert result.exit_code == 0, result.output
    return result.stdout


def stream(*rows: object) -> list[dict[str, object]]:
    return [
        json.loads(line)
        for line in run("--jsonl", given="".join(f"{json.dumps(row)}\n" for row in rows)).split("\n")
        if line
    ]


def test_each_line_is_answered_with_all_that_is_asked_for() -> None:
    found = stream(
        {"id": "a", "text": "she left at 8 wdym absent??"},
        {"id": 2, "text": "ta", "language": "ku"},
        {"id": 3, "text": "ta"},
        {"id": 4, "text": "ill", "language": 7},
        {"id": 5},
    )
    assert [one["id"] for one in found] == ["a", 2, 3, 4, 5]
    assert all({"id", "intent", "code", "urgent", "confidence", "because", "until"} <= one.keys() for one in found)
    assert (found[0]["intent"], found[0]["code"], found[0]["urgent"]) == ("says_present", None, True)
    assert [one["intent"] for one in found[1:4]] == ["illness", "thanks", "illness"]
    assert "error" in found[4]


def test_one_answer_is_told_in_words() -> None:
    told = run(
        "Amy has flu and Ben is at the dentist, back monday",
        "--child",
        "Amy",
        "--child",
        "Ben",
        "--today",
        "2026-11-25",
    )
    assert "illness, suggested code I, until Sunday 29 November, back on Monday 30 November" in told
    assert "Ben: medical_appointment, code M." in told
    assert "Urgent" in run("he is in school")
    assert "late" in run("3", "--notice", "absence_check")


def test_what_a_mail_quotes_is_not_the_familys() -> None:
    quoted = "On Wed, 25 Nov 2026 at 09:40, Oakfield <office@school.example> wrote:\n> Is he missing? He left at 8.\n"
    mail = f"She is ill.\n\n{quoted}"
    [found] = stream({"id": 1, "text": mail})
    assert (found["intent"], found["urgent"]) == ("illness", False)


def test_a_schools_own_words_are_read_from_its_settings(tmp_path: Path) -> None:
    words = tmp_path / "words"
    words.mkdir()
    (words / "en.toml").write_text('language = "en"\n[illness]\nsure = "the collywobbles"\n', "utf-8")
    config = tmp_path / "handbell.toml"
    config.write_text(
        f'[audit]\nkey = "{"k" * 32}"\n[practice]\nenabled = true\n[answers]\nwords = "{words}"\n', "utf-8"
    )
    assert "illness" in run("she has the collywobbles", config=config)
    (words / "en.toml").write_text('language = "en"\n[ilness]\n', "utf-8")
    broken = CliRunner().invoke(cli.build(), ["--config", str(config), "explain", "reply", "ill"])
    assert broken.exit_code == 1
    assert "Did you mean illness?" in broken.output


def test_every_sentence_ends_once_and_an_empty_line_is_called_so() -> None:
    said = CliRunner().invoke(cli.build(), ["explain", "reply", "STOP"]).output
    assert "stopping texts.\n" in said
    assert ".." not in said
    read = CliRunner().invoke(cli.build(), ["explain", "reply", "--jsonl"], input='\n{"text": "STOP"}\n').output
    empty, stop = (json.loads(line) for line in read.splitlines())
    assert empty["error"] == "This line is empty."
    assert stop["because"].endswith("stopping texts.")

"""The help reads well: groups, one sentence each, an example everywhere, and it is there at once."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from gateway import cli, wiring

#: Each of these alone takes longer to import than the whole help may.
SLOW = ("sqlalchemy", "sqlmodel", "babel", "twilio", "aiohttp", "fastapi", "alembic", "phonenumbers")


def commands() -> Iterator[tuple[str, ...]]:
    yield from ((command.name,) for _panel, command in cli.LONE)
    for group in cli.GROUPS:
        yield (group.name,)
        yield from ((group.name, command.name) for command in group.commands)


@pytest.mark.parametrize("path", [(), *commands()], ids=" ".join)
def test_every_command_has_a_sentence_and_an_example(path: tuple[str, ...]) -> None:
    result = CliRunner().invoke(cli.build(), [*path, "--help"], env={"COLUMNS": "200"})
    assert result.exit_code == 0
    example = next(line.strip() for line in result.stdout.splitlines() if "Example:" in line)
    plain = example.replace("handbell --school oakfield", "handbell")  # of a trust, where one must be named
    assert plain.startswith(f"Example: {' '.join(('handbell', *path))}") or "--config" in example
    sentence = next(line.strip() for line in result.stdout.splitlines() if line.strip().endswith("."))
    assert sentence[0].isupper()


@pytest.mark.parametrize("path", list(commands()), ids=" ".join)
def test_the_examples_are_of_commands_that_there_are(path: tuple[str, ...]) -> None:
    result = CliRunner().invoke(cli.build(), [*path, "--help"])
    assert "No such command" not in result.output


def test_the_first_page_lists_the_groups() -> None:
    page = CliRunner().invoke(cli.build(), ["--help"]).stdout
    for words in (cli.DAILY, cli.UPKEEP, cli.ANSWERS, cli.WORKSHOP, "notice", "doctor", "--config"):
        assert words in page


@pytest.mark.parametrize("words", [["--help"], ["explain", "segments", "hello"]])
def test_what_should_be_quick_imports_nothing_slow(words: list[str]) -> None:
    script = f"""
import gc, sys
sys.argv = ["handbell", *{words!r}]
from gateway import cli
try:
    cli.main()
except SystemExit as ended:
    assert not ended.code, ended.code
print("imported:", *[name for name in {SLOW!r} if name in sys.modules])
print(*gc.get_threshold())
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    imported, collected = done.stdout.splitlines()[-2:]
    assert imported.strip() == "imported:"
    assert collected.split() == [str(one) for one in wiring.COLLECTED], "nothing imported is looked through for garbage"


def test_a_group_is_put_together_when_somebody_asks_for_one_of_its_commands() -> None:
    root: Any = get_command(cli.build())
    groups = [root.commands[group.name] for group in cli.GROUPS]
    assert [one.name for one in groups if "commands" in vars(one)] == []
    assert [list(one.commands) for one in groups] == [[one.name for one in group.commands] for group in cli.GROUPS]


def test_an_unknown_command_is_a_usage_error_with_a_suggestion() -> None:
    result = CliRunner().invoke(cli.build(), ["notise"])
    assert result.exit_code == 2
    assert "notice" in result.stderr


def test_the_version_is_that_of_the_package() -> None:
    assert CliRunner().invoke(cli.build(), ["--version"]).stdout.startswith("Handbell 0.")

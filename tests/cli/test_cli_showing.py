"""What is printed from data cannot steer the terminal."""

from __future__ import annotations

import json

import pytest

from gateway.commands import showing

HOSTILE = "a\x1b]0;b\x07\x9b2J\u202ec\td\ne\u2068f\u2069\x7f"
VISIBLE = "a<U+001B>]0;b<U+0007><U+009B>2J<U+202E>c d\ne\u2068f\u2069<U+007F>"


def test_what_would_steer_the_terminal_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    showing.say(HOSTILE)
    showing.remark(HOSTILE)
    said = capsys.readouterr()
    assert said.out == said.err == VISIBLE + "\n"


def test_tables_too(capsys: pytest.CaptureFixture[str]) -> None:
    showing.table(("words",), [[HOSTILE]], title=HOSTILE)
    said = capsys.readouterr().out
    assert "<U+001B>]0;b<U+0007>" in said
    assert not {"\x1b", "\x07", "\x9b", "\u202e", "\x7f"} & set(said)


def test_json_loses_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    showing.data({"words": HOSTILE})
    said = capsys.readouterr().out
    assert not {"\x1b", "\x9b", "\u202e", "\x7f"} & set(said)
    assert json.loads(said) == {"words": HOSTILE}

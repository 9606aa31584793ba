"""``handbell explain``: the same counts as the published ones, and a stream that nothing can break."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from gateway import cli

CORPORA = Path(os.environ.get("HANDBELL_CORPORA", Path(__file__).resolve().parents[2] / "../shared/corpora"))
HANDBELL = [sys.executable, "-m", "gateway.cli"]


def stream(command: str, lines: bytes) -> list[dict[str, Any]]:
    result = CliRunner().invoke(cli.build(), ["explain", command, "--jsonl"], input=lines)
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_segments_agrees_with_the_corpus() -> None:
    file = CORPORA / "sms_segments" / "expected.jsonl"
    if not file.is_file():
        pytest.skip("The corpus of SMS segments is not here: set HANDBELL_CORPORA to the folder of the corpora.")
    expected = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    lines = "".join(json.dumps({"id": one["id"], "text": one["text"]}) + "\n" for one in expected)
    given = stream("segments", lines.encode())
    wrong = [
        one["id"]
        for one, answer in zip(expected, given, strict=True)
        if any(answer[key] != one[key] for key in ("id", "encoding", "segments") if key in one)
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("text", "encoding", "parts"),
    [
        ("a" * 160, "GSM-7", 1),
        ("a" * 161, "GSM-7", 2),
        ("€" * 80, "GSM-7", 1),
        ("’", "UCS-2", 1),
        ("я" * 71, "UCS-2", 2),
    ],
)
def test_segments_are_counted_as_the_text_stands(text: str, encoding: str, parts: int) -> None:
    [answer] = stream("segments", json.dumps({"id": 1, "text": text}).encode())
    assert answer == {"id": 1, "encoding": encoding, "segments": parts}


def test_number_answers_with_the_numbers_and_why() -> None:
    cells = ["07700 900123 / 0113 496 0123", "7.7009E+09", ""]
    lines = "\n".join(json.dumps({"id": n, "raw": raw}) for n, raw in enumerate(cells))
    both, damaged, empty = stream("number", lines.encode())
    assert both == {
        "id": 0,
        "numbers": [
            {"e164": "+447700900123", "kind": "mobile", "sms": True},
            {"e164": "+441134960123", "kind": "landline", "sms": False},
        ],
        "why": "Read as a mobile that may be texted and a landline that is only called.",
    }
    assert damaged["numbers"] == empty["numbers"] == []
    assert "spreadsheet" in damaged["why"]
    assert empty["why"]
    said = CliRunner().invoke(cli.build(), ["explain", "number", "0113 496 0123 (work) / 4"]).stdout
    assert said.startswith("+441134960123: a landline that is only called (work).\n")
    assert "missing or wrong" in said


@pytest.mark.parametrize("raw", [b'"7700900123"', b"7700900123", b"7700900123.0", b"447700900123"])
def test_a_number_is_read_as_it_is_written(raw: bytes) -> None:
    [answer] = stream("number", b'{"id": 2, "raw": ' + raw + b"}")
    assert [one["e164"] for one in answer["numbers"]] == ["+447700900123"]
    [damaged] = stream("number", b'{"id": 2.5, "raw": 7.700900123E+09}')
    assert (damaged["id"], damaged["numbers"], "spreadsheet" in damaged["why"]) == (2.5, [], True)


@pytest.mark.parametrize("bad", [b'{"id": 2}', *(b'{"id": 2, "raw": %s}' % raw for raw in (b"null", b"true", b"[1]"))])
def test_what_is_no_cell_has_no_numbers(bad: bytes) -> None:
    [answer] = stream("number", bad)
    assert (answer["id"], answer["numbers"], '"raw"' in answer["why"]) == (2, [], True)
    assert answer["error"] == answer["why"]
    assert stream("number", b"nonsense")[0]["numbers"] == []


def test_opt_out_always_says_which_keyword() -> None:
    words = ["STOP", " stop. ", "START", "help", "stop please", ""]
    lines = "\n".join(json.dumps({"id": word, "text": word}) for word in words)
    keywords = [(answer["id"], answer["keyword"]) for answer in stream("opt-out", lines.encode())]
    assert keywords == list(zip(words, ["opt_out", "opt_out", "opt_in", "help", None, None], strict=True))


@pytest.mark.parametrize(
    "bad",
    [
        b"nonsense", b"[1]", b'"text"', b"null", b"", b'{"id": 2}', b'{"id": 2, "text": 5}', b'{"id": 2, "text": null}',
        b"\xff\xfe", b"[" * 100_000, b'{"id": NaN, "text": "a"}', b'{"id": 2, "text": "a"', b"9" * 5000,
    ],
)  # fmt: skip
@pytest.mark.parametrize("command", ["segments", "opt-out"])
def test_a_bad_line_is_answered_and_the_rest_goes_on(command: str, bad: bytes) -> None:
    before, wrong, after = stream(command, b'{"id": 1, "text": "a"}\n' + bad + b'\n{"id": 3, "text": "b"}\n')
    assert (before["id"], after["id"]) == (1, 3)
    assert "error" in wrong
    assert "error" not in before
    assert "error" not in after


@pytest.mark.parametrize("text", [rb"\ud83d", rb"\ude00 x", "\ud800".encode("utf-8", "surrogatepass")])
@pytest.mark.parametrize("command", ["segments", "opt-out"])
def test_half_a_letter_breaks_nothing(command: str, text: bytes) -> None:
    [answer] = stream(command, b'{"id": "' + text + b'", "text": "' + text + b'"}\n')
    assert "error" not in answer


@settings(max_examples=40, deadline=None)
@given(st.lists(st.binary(max_size=60).map(lambda line: line.replace(b"\n", b" ")), max_size=8))
def test_every_line_gets_an_answer(lines: list[bytes]) -> None:
    assert len(stream("opt-out", b"".join(line + b"\n" for line in lines))) == len(lines)


def test_answers_come_while_the_stream_is_open() -> None:
    """A program that asks and waits for the answer before it asks again must get it."""
    process = subprocess.Popen(
        [*HANDBELL, "explain", "segments", "--jsonl"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    with process:
        for number in range(3):
            process.stdin.write(json.dumps({"id": number, "text": "a" * 200}).encode() + b"\n")
            process.stdin.flush()
            assert json.loads(process.stdout.readline()) == {"id": number, "encoding": "GSM-7", "segments": 2}
        process.stdin.close()
    assert process.returncode == 0


def test_people_are_told_why() -> None:
    said = CliRunner().invoke(cli.build(), ["explain", "segments", "“Dzień” " + "a" * 70]).stdout
    assert "UCS-2, 2 parts." in said
    assert "LATIN SMALL LETTER N WITH ACUTE" in said
    said = CliRunner().invoke(cli.build(), ["explain", "segments", "it’s " + "a" * 70]).stdout
    assert "GSM-7, 1 part, so 1 part is saved." in said
    said = CliRunner().invoke(cli.build(), ["explain", "opt-out", "stop please"]).stdout
    assert said.startswith("no keyword: “stop” stands in it, but not alone")


@pytest.mark.parametrize("words", [[], ["text", "--jsonl"]])
def test_a_text_or_a_stream_but_not_both(words: list[str]) -> None:
    assert CliRunner().invoke(cli.build(), ["explain", "segments", *words]).exit_code == 2


def test_an_argument_that_is_missing_goes_by_its_own_name() -> None:
    result = CliRunner().invoke(cli.build(), ["explain", "number"])
    assert result.exit_code == 2
    assert "give either a cell or --jsonl" in result.output


def test_words_says_what_families_would_stumble_over() -> None:
    [answer, fine] = stream("words", b'{"id": 1, "text": "Reply YES!"}\n{"id": 2, "text": "Call us on Monday."}\n')
    assert [(one["level"], one["code"]) for one in answer["findings"]] == [
        ("error", "opt_out_answer"),
        ("warning", "exclamation"),
    ]
    assert fine == {"id": 2, "findings": []}
    said = CliRunner().invoke(cli.build(), ["explain", "words", "Reply YES on 3/11!"]).stdout
    assert "Wrong: “YES” cannot be an answer" in said
    assert "Better: “3/11” can be read as another day." in said
    assert "GSM-7, 1 part." in said

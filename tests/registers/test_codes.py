"""The codes of a register: what England's mean, on which days, and what is said of a file that is wrong."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from gateway import errors
from gateway.registers import codes
from gateway.registers.codes import Statistic

DAY = date(2026, 11, 23)
ENGLAND = codes.load("england")

CLASSES = {
    Statistic.PRESENT: r"/ \ L",
    Statistic.APPROVED_ACTIVITY: "K V P W B",
    Statistic.AUTHORISED: "C C1 C2 E I J1 M R S T",
    Statistic.UNAUTHORISED: "G N O U",
    Statistic.NOT_POSSIBLE: "D Q X Y1 Y2 Y3 Y4 Y5 Y6 Y7",
    Statistic.NOT_COLLECTED: "Z #",
}


def test_england_has_the_codes_of_august_2024_in_their_classes() -> None:
    found = {kind: {code.code for code in ENGLAND.on(DAY) if code.statistic is kind} for kind in Statistic}
    assert found == {kind: set(words.split()) for kind, words in CLASSES.items()}


def test_only_n_and_o_are_asked_about_and_only_four_codes_are_in_school() -> None:
    assert {code.code for code in ENGLAND.on(DAY) if code.asks} == {"N", "O"}
    assert {code.code for code in ENGLAND.on(DAY) if code.in_school} == {"/", "\\", "L", "U"}


@pytest.mark.parametrize("withdrawn", ["H", "J", "Y"])
def test_a_withdrawn_code_is_refused_with_what_to_write_instead(withdrawn: str) -> None:
    problem = ENGLAND.find(withdrawn, DAY)
    assert isinstance(problem, errors.Problem)
    assert "not in force" in problem.what
    assert problem.cure.startswith("Write ")
    assert isinstance(ENGLAND.find(withdrawn, date(2024, 7, 1)), codes.Code)


def test_a_new_code_was_none_before() -> None:
    assert ENGLAND.known("K", date(2024, 7, 1)) is None
    assert ENGLAND.known("K", date(2024, 8, 19)) is not None


@pytest.mark.parametrize("blank", ["", " ", "-"])
def test_no_mark_means_that_the_register_was_not_taken(blank: str) -> None:
    assert ENGLAND.says_nothing(blank)


def test_small_letters_are_understood() -> None:
    code = ENGLAND.find(" y1 ", DAY)
    assert isinstance(code, codes.Code)
    assert code.code == "Y1"


def test_a_set_that_nobody_has_is_named_with_those_there_are() -> None:
    with pytest.raises(errors.BadInput, match="england"):
        codes.load("atlantis")


HEAD = 'name = "Home"\nundecided = "N"\nlater = "N"\ndays = 5\n'
N = '[[codes]]\ncode = "N"\nmeaning = "unknown"\nclass = "unauthorised"\nasks = true\n'


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        (HEAD + N + "ask = true\n", 10, "Did you mean “asks”"),
        (HEAD + N.replace("unauthorised", "absent"), 8, "Write one of"),
        (HEAD + N + "in_school = true\n", 5, "take out asks or in_school"),
        (HEAD + N + N, 0, "stands twice"),
        (HEAD.replace('"N"\nlater', '"M"\nlater') + N, 0, "not among the codes"),
        (HEAD + N + "since = 2025-01-01\nuntil = 2024-01-01\n", 5, "ends before it begins"),
        ("name = Home\n", 1, "cannot be read as TOML"),
        (HEAD + N.replace('meaning = "unknown"\n', ""), 5, "“meaning” is missing"),
    ],
)
def test_a_broken_file_names_its_line_and_a_cure(tmp_path: Path, text: str, line: int, said: str) -> None:
    file = tmp_path / "home.toml"
    file.write_text(text)
    with pytest.raises(errors.BadInput) as caught:
        codes.load(str(file))
    (problem,) = caught.value.problems
    assert (problem.file, problem.line) == ("home.toml", line)
    assert said in str(problem)
    assert problem.cure


def test_a_file_of_the_school_is_a_set(tmp_path: Path) -> None:
    (tmp_path / "home.toml").write_text(HEAD + N)
    assert codes.load(str(tmp_path / "home.toml")).known("n", DAY)

"""How well the labelled answers are understood: floors that no change may go below."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from bench import replies
from gateway.understanding.meaning import CODES, Intent

ROWS = [json.loads(line) for line in replies.LABELLED.read_text("utf-8").splitlines()]


@pytest.fixture(scope="module", params=["tuned", "held"])
def answers(request: pytest.FixtureRequest) -> list[replies.Answer]:
    return replies.answers(request.param)


def test_the_set_is_large_varied_and_well_formed() -> None:
    assert len(ROWS) >= 600
    assert Counter(row["split"] for row in ROWS)["held"] >= 200
    assert len({row["language"] for row in ROWS}) >= 15
    assert len({row["id"] for row in ROWS}) == len(ROWS)
    assert len({row["text"].casefold() for row in ROWS}) == len(ROWS), "nothing is in both parts"
    assert {row["intent"] for row in ROWS} == {one.value for one in Intent}
    assert {row["code"] for row in ROWS} <= CODES | {None}


def test_intents_are_right(answers: list[replies.Answer]) -> None:
    wrong = [(one.row["id"], one.row["text"], one.found.intent) for one in answers if not one.right]
    assert len(wrong) <= 0.04 * len(answers), wrong


def test_no_urgent_answer_is_missed(answers: list[replies.Answer]) -> None:
    assert [one.row["text"] for one in answers if one.missed] == []


def test_plain_reasons_are_no_alarm(answers: list[replies.Answer]) -> None:
    plain = {"illness", "medical_appointment", "holiday", "religious_observance", "thanks", "will_call"}
    calm = [one for one in answers if one.row["intent"] in plain]
    alarms = [one.row["text"] for one in calm if one.found.urgent]
    assert len(alarms) <= 0.01 * len(calm), alarms


def test_codes_are_right_and_none_is_a_heads_to_grant(answers: list[replies.Answer]) -> None:
    assert {one.found.code for one in answers} <= CODES | {None}
    wrong = [(one.row["text"], one.found.code) for one in answers if one.found.code != one.row["code"]]
    assert len(wrong) <= 0.04 * len(answers), wrong
    granted = [
        one.row["text"] for one in answers if one.row["code"] is None and one.row["intent"] == "family_emergency"
    ]
    assert granted
    assert all(one.found.code is None for one in answers if one.row["intent"] == "family_emergency" and one.right)


def test_no_opt_out_is_invented(answers: list[replies.Answer]) -> None:
    assert all((one.found.intent == "opt_out") == (one.row["intent"] == "opt_out") for one in answers)


def test_no_day_is_read_into_an_answer_that_does_not_speak_of_it() -> None:
    wrong = [(one.row["text"], one.found.days) for one in replies.days() if not one.right]
    assert wrong == []

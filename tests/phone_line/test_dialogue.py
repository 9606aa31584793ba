"""The conversation on paper: every key at every step, and what is never said to whom."""

from __future__ import annotations

from datetime import date, datetime, time

import pytest
from hypothesis import given
from hypothesis import strategies as some

from gateway.phone_line import dialogue
from gateway.phone_line.dialogue import Child, Report, Situation, Step, Turn

MONDAY, TUESDAY, WEDNESDAY = date(2026, 11, 23), date(2026, 11, 24), date(2026, 11, 25)
DAYS = (MONDAY, TUESDAY, WEDNESDAY, date(2026, 11, 26), date(2026, 11, 30))  # the 27th is an INSET day
ANA, BEN = Child(1, "Ana"), Child(2, "Ben")
OPENS = datetime.combine(date(2026, 11, 24), time(8))  # on the school's clock
MUM = Situation(["pl", "en"], [ANA], DAYS, office=True)
TWO = Situation(["en"], [ANA, BEN], DAYS, office=True)
STRANGER = Situation(["en", "pl"], office=True)
NIGHT = Situation(["en"], [ANA], DAYS, opens=OPENS)

SILENCE = "-"


def play(situation: Situation, keys: str, *, answered: bool = False) -> list[Turn]:
    """A call, key by key; its state travels in words, as in the address."""
    turns = [dialogue.begin(situation)]
    for key in keys:
        assert turns[-1].then != "end"
        state = dialogue.unpacked(turns[-1].state.packed())
        assert state is not None
        assert state == turns[-1].state
        turns.append(dialogue.go_on(state, "" if key == SILENCE else key, situation, answered=answered))
    return turns


def phrases_of(turn: Turn) -> list[str]:
    return [say.phrase for say in turn.says]


@pytest.mark.parametrize(
    ("situation", "keys", "report"),
    [
        (MUM, "11111", Report(1, "ill", MONDAY, MONDAY)),
        (MUM, "11121", Report(1, "ill", MONDAY, TUESDAY)),
        (MUM, "11211", Report(1, "appointment", MONDAY, MONDAY)),
        (MUM, "11151", Report(1, "ill", MONDAY, DAYS[4])),  # five school days, not five days
        (TWO, "12131", Report(2, "ill", MONDAY, WEDNESDAY)),
        (MUM, "0110019-21", Report(1, "ill", MONDAY, TUESDAY)),  # two languages, a repetition, a silence
        (MUM, "11122111", None),  # that was not right: asked anew, and not yet confirmed
    ],
)
def test_what_is_reported(situation: Situation, keys: str, report: Report | None) -> None:
    turns = play(situation, keys)
    assert turns[-1].report == report
    assert [turn.report for turn in turns[:-1]] == [None] * (len(turns) - 1)


def test_what_is_confirmed_is_what_was_read_back() -> None:
    before = play(MUM, "1112")[-1]
    (said, *_) = before.says
    assert (said.phrase, dict(said.given)) == ("ill_until", {"child": "Ana", "first": MONDAY, "last": TUESDAY})
    later = Situation(MUM.languages, MUM.children, DAYS[1:])  # midnight has passed meanwhile
    assert dialogue.go_on(before.state, "1", later).report == Report(1, "ill", MONDAY, TUESDAY)


@pytest.mark.parametrize(
    ("situation", "keys", "then", "said"),
    [
        (MUM, "", "ask", ["greeting", "absence", "message", "office", "repeat", "language"]),
        (TWO, "", "ask", ["greeting", "absence", "message", "office", "repeat"]),
        (STRANGER, "", "ask", ["greeting", "stranger", "office", "repeat", "language"]),
        (NIGHT, "", "ask", ["greeting", "closed", "danger", "absence", "message", "repeat"]),
        (TWO, "1", "ask", ["which", "child", "child", "repeat"]),
        (MUM, "2", "record", ["record"]),
        (MUM, "3", "dial", ["through"]),
        (MUM, "33", "record", ["nobody", "record"]),  # nobody answered in the office
        (NIGHT, "3", "ask", ["wrong_key", "closed", "danger", "absence", "message", "repeat"]),
        (STRANGER, "1", "record", ["record"]),
        (MUM, "113", "record", ["record"]),
        (MUM, "1116", "record", ["record"]),
        (MUM, "22", "end", ["kept", "goodbye"]),
        (MUM, "-", "ask", ["absence", "message", "office", "repeat", "language"]),
        (MUM, "--", "record", ["record"]),  # somebody whose telephone has no keys
        (MUM, "8", "ask", ["wrong_key", "absence", "message", "office", "repeat", "language"]),
        (MUM, "88", "record", ["record"]),
        (MUM, "9", "ask", ["absence", "message", "office", "repeat", "language"]),
        (TWO, "0", "ask", ["wrong_key", "absence", "message", "office", "repeat"]),  # no other language
        (MUM, "11111", "end", ["reported", "goodbye"]),
        (TWO, "11111", "ask", ["reported", "absence", "message", "office", "repeat"]),
    ],
)
def test_what_is_said(situation: Situation, keys: str, then: str, said: list[str]) -> None:
    last = play(situation, keys)[-1]
    assert (last.then, phrases_of(last)) == (then, said)


def test_the_language_changes_and_changes_back() -> None:
    first, other, back = play(MUM, "00")
    assert [say.language for say in first.says] == ["pl"] * 5 + ["en"]  # what 0 is for is said in its language
    assert [say.language for say in other.says] == ["en"] * 4 + ["pl"]
    assert back.says == first.says[1:]


def test_a_caller_who_was_put_through_hears_nothing_more() -> None:
    assert (play(MUM, "33", answered=True)[-1].then, play(MUM, "33", answered=True)[-1].says) == ("end", ())


@given(some.text("0123456789*#-", max_size=12), some.sampled_from(list(Step)), some.integers(0, 3))
def test_a_stranger_is_never_told_a_name_and_reports_nothing(keys: str, step: Step, child: int) -> None:
    """Whatever is pressed, and wherever the call is said to be."""
    state = dialogue.State(step, "en", child=child, reason="ill", first=MONDAY, last=MONDAY)
    for key in keys:
        turn = dialogue.go_on(state, "" if key == SILENCE else key, STRANGER)
        assert turn.report is None
        assert not any("child" in say.given for say in turn.says)
        state = turn.state


@given(some.text("0123456789*#-", max_size=15))
def test_a_mother_is_told_and_reports_of_her_own_alone(keys: str) -> None:
    state, mum = dialogue.begin(MUM).state, Situation(["en"], [ANA], DAYS)
    for key in keys:
        turn = dialogue.go_on(state, "" if key == SILENCE else key, mum)
        assert turn.report is None or turn.report.child == ANA.id
        assert {say.given["child"] for say in turn.says if "child" in say.given} <= {"Ana"}
        assert turn.says or turn.then == "end"
        state = turn.state


@given(some.text("0123456789*#-", max_size=15))
def test_nobody_is_kept_going_round(keys: str) -> None:
    """Two answers of no use in a row at most."""
    useless, state = 0, dialogue.begin(MUM).state
    for key in keys:
        turn = dialogue.go_on(state, "" if key == SILENCE else key, MUM)
        again = turn.then == "ask" and turn.state.tries > state.tries
        useless = useless + 1 if again else 0
        assert useless < 2
        state = turn.state


@pytest.mark.parametrize(
    "word", ["", "menu", "menu~en~0~0~~", "moon~en~0~0~~~", "menu~en~x~0~~~", "days~en~0~1~ill~x~"]
)
def test_a_word_that_we_never_made_is_no_state(word: str) -> None:
    assert dialogue.unpacked(word) is None

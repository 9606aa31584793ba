"""The words that stop, restart and ask."""

from __future__ import annotations

import pytest

from gateway import optout
from gateway.models import Keyword

STOP = sorted(optout.NETWORK_STOP | optout.OUR_STOP)


@pytest.mark.parametrize("word", STOP)
@pytest.mark.parametrize("shape", ["{}", "  {} ", "{}.", "“{}”", "{}!!", "\u200f{}\u200f", "{}\r\n"])
def test_the_whole_message_stops(word: str, shape: str) -> None:
    for written in (word, word.upper(), word.title()):
        reading = optout.read(shape.format(written))
        assert reading.keyword is Keyword.OPT_OUT
        assert word in reading.because


@pytest.mark.parametrize("word", sorted(optout.NETWORK_START))
def test_the_whole_message_starts(word: str) -> None:
    assert optout.read(f" {word.upper()}. ").keyword is Keyword.OPT_IN


@pytest.mark.parametrize("word", sorted(optout.NETWORK_HELP))
def test_the_whole_message_asks(word: str) -> None:
    assert optout.read(word.title()).keyword is Keyword.HELP


@pytest.mark.parametrize(
    "text",
    ["stop please", "please stop texting me", "he will not stop crying", "wrong number", "not my child", "", "  ", "?",
     "yes please", "1", "I can't help", "end of term?", "👍", "stopping", "the end"],
)  # fmt: skip
def test_other_words_are_for_a_person(text: str) -> None:
    reading = optout.read(text)
    assert reading.keyword is None
    assert reading.because


def test_a_stop_word_among_others_is_pointed_out() -> None:
    assert "“stop”" in optout.read("Stop please").because


def test_full_width_and_composed_letters_read_alike() -> None:
    assert optout.read("ＳＴＯＰ").keyword is Keyword.OPT_OUT
    assert optout.read("arre\u0302t").keyword is Keyword.OPT_OUT


def test_no_word_means_two_things() -> None:
    sets = [optout.NETWORK_STOP, optout.OUR_STOP, optout.NETWORK_START, optout.NETWORK_HELP]
    assert sum(map(len, sets)) == len(frozenset().union(*sets))

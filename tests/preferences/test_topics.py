"""STOP MENUS ends one topic; STOP alone stays what it is, whatever topics a school has."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.desk import definition

from gateway import errors, optout
from gateway.models import Keyword
from gateway.preferences import topics

OURS = topics.load(None)
EVERY_NAME = [(key, name) for key, names in OURS.topics.items() for each in names.values() for name in each]


@pytest.mark.parametrize(
    ("text", "topic", "stop"),
    [
        ("STOP MENUS", "menus", True),
        (" stop  Menus. ", "menus", True),
        ("Stop jadłospis", "menus", True),
        ("STOP wycieczki!", "trips", True),
        ("arrêt sorties", "trips", True),
        ("STOPIO clybiau", "clubs", True),
        ("قف الرحلات", "trips", True),
        ("unsubscribe fundraising", "fundraising", True),
        ("UNSTOP menus", "menus", False),
        ("START clubs", "clubs", False),
    ],
)
def test_a_topic_ends_and_comes_back(text: str, topic: str, stop: bool) -> None:
    said = topics.read(text, OURS)
    assert said is not None
    assert (said.topic, said.stop) == (topic, stop)
    assert optout.read(text).keyword is None


@pytest.mark.parametrize(
    "text", ["STOP", "stop all", "stop please", "STOP football", "CANCEL clubs", "END trips", "QUIT clubs", "yes trips",
             "please stop menus", "stop menus and trips", "menus", "unstop", "START", ""],
)  # fmt: skip
def test_other_words_are_none_of_it(text: str) -> None:
    assert topics.read(text, OURS) is None


def test_every_name_of_every_language_is_understood() -> None:
    assert len(EVERY_NAME) > 150
    for key, name in EVERY_NAME:
        said = topics.read(f"STOP {name}", OURS)
        assert said is not None, name
        assert said.topic == key, name


@given(st.sampled_from(sorted(optout.NETWORK_STOP | optout.OUR_STOP)), st.sampled_from(["", ".", " !", "\u200b"]))
def test_no_opt_out_word_is_ever_a_topic(word: str, after: str) -> None:
    assert optout.read(word + after).keyword is Keyword.OPT_OUT
    assert topics.read(word + after, OURS) is None


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ('[topics.x]\nen = ["all"]', "names"),
        ('[topics.x]\nen = ["stop"]', "act"),
        ('[topics.x]\nen = ["everything"]', "act"),
        ('[topics.other]\nen = ["odds"]', "act"),
        ('[topics.x]\npl = ["kluby"]', "English"),
        ('[topics.x]\nen = ["clubs"]\n[topics.y]\nen = ["Clubs"]', "two topics"),
        ("[topics.x]\nen = []", ""),
    ],
)
def test_a_school_cannot_name_a_topic_so_that_stop_means_another_thing(tmp_path: Path, text: str, wrong: str) -> None:
    file = tmp_path / "topics.toml"
    file.write_text(text, "utf-8")
    with pytest.raises(errors.BadInput) as caught:
        topics.load(file)
    assert wrong in str(caught.value) or wrong == "names"


def test_names_are_shown_in_a_language_that_may_be_shown() -> None:
    assert OURS.shown("menus", "pl", drafts=True) == "jadłospis"
    assert OURS.shown("menus", "pl", drafts=False) == "menus"
    assert OURS.shown("menus", "am", drafts=True) == "menus"
    assert OURS.shown("trips", "pt-BR", drafts=True) == "visitas de estudo"


def test_what_can_be_declined() -> None:
    assert topics.declinable(definition(topic="menus")) == "menus"
    assert topics.declinable(definition()) == "", "what the school must say has no topic unless it names one"
    assert topics.declinable(definition(purpose="good_news")) == "other"
    assert topics.declinable(definition(purpose="emergency", topic="trips")) == ""
    [problem] = topics.check(definition(topic="football"), OURS)
    assert "clubs, events" in str(problem)

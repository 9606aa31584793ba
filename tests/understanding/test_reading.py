"""What an answer means: each rule by itself, and what holds of any text."""

from __future__ import annotations

from datetime import date, time
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway import optout
from gateway.models.types import Keyword
from gateway.understanding import evidence, folding, library, reading
from gateway.understanding.meaning import CODES, Intent, Meaning
from templates import library as wordings

WEDNESDAY = date(2026, 11, 25)


def understand(text: str, *children: str, language: str = "", menu: dict[str, str] | None = None) -> Meaning:
    asked = reading.Asked(WEDNESDAY, children=children, language=language, menu=menu)
    return reading.understand(text, asked)


# Denials, and what is said in passing


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("not ill, he is in school", "says_present"),
        ("No, he is there", "says_present"),
        ("he's not in school, he's ill", "illness"),
        ("no need to worry she's fine just a cold", "illness"),
        ("Sorry for late reply, she has a fever", "illness"),
        ("sorry for the late text, running late", "late"),
        ("Thanks but I dropped her off myself", "says_present"),
        ("Thanks for asking, she has a temperature", "illness"),
        ("will call later, he's been sick all night", "illness"),
        ("dentist at 9, she will be late in", "medical_appointment"),
        ("Taking him to the doctor at 11, he has a rash", "medical_appointment"),
        ("He has a chesty cough so taking him to the doctor at 11", "illness"),
        ("He has a cold but will be in by 10", "late"),
        ("He has a cold, may bring him in later if he is better", "illness"),
        ("Can he come in with a cough?", "question"),
        ("his late grandmother's funeral is today", "family_emergency"),
        ("I'm afraid she is poorly", "illness"),
        ("Took him to the doctor yesterday, it's tonsillitis", "illness"),
    ],
)
def test_what_is_meant_wins_over_what_is_mentioned(text: str, intent: str) -> None:
    assert understand(text).intent == intent


def test_negation_stands_behind_where_the_language_puts_it() -> None:
    assert understand("o hasta değil, okulda", language="tr").intent is Intent.SAYS_PRESENT
    assert understand("वह बीमार नहीं है, स्कूल में है", language="hi").intent is Intent.SAYS_PRESENT


# Urgency


@pytest.mark.parametrize(
    "text",
    [
        "she left at 8 wdym absent??",
        "What?",
        "??",
        "is she not there?",
        "I thought his dad was dropping him",
        "He didn't come home last night",
        "can you stop the bullying please",
        "No idea where she is",
        "he hates me and slammed the door",  # of a child, and not understood
        "Nevím kde je moje dcera, nepřišla domů",  # a language that is in no file
    ],
)
def test_a_child_who_may_be_missing_or_unsafe_is_urgent(text: str) -> None:
    assert understand(text).urgent


@pytest.mark.parametrize(
    "text",
    [
        "hes got a temp",
        "ambulance took him to A&E with asthma",
        "dr appt 10.30 b in after",
        "on holiday until friday",
        "ok thanks",
        "won't be in today",
        "What time does school finish?",
        "he went to school but was sent home sick",
        "I dropped her at her nan's, she's got flu",
        "acid reflux again",
        "she hit her head and has concussion",
    ],
)
def test_plain_reasons_are_not(text: str) -> None:
    assert not understand(text).urgent


# Codes


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("fever", "I"),
        ("dentist", "M"),
        ("Eid", "R"),
        ("on holiday in Spain", "G"),
        ("holiday approved by the head", None),
        ("running 10 mins late", "L"),
        ("will be in at 9.15", "L"),
        ("will be in at 10.30", "U"),
        ("coming in after lunch", "U"),
        ("be there in 10", "L"),
        ("will ring you later", "N"),
        ("not coming in today", "N"),
        ("funeral today", None),
        ("family wedding", None),
        ("she is performing in a show", None),
        ("interview at another school", None),
        ("umrah", None),
        ("he's in school", None),
        ("wrong number", None),
    ],
)
def test_a_code_is_suggested_where_nobody_must_decide(text: str, code: str | None) -> None:
    assert understand(text).code == code


def test_when_registers_close_is_the_schools_own() -> None:
    text = "will be in at 9.15"
    assert reading.understand(text, reading.Asked(WEDNESDAY, registers_close=time(9, 0))).code == "U"


# Menus


def test_a_digit_is_the_menus_answer_in_any_script() -> None:
    menu = {one.key: one.code for one in wordings.notice("absence_check").answers}
    for digits in ("1234", "١٢٣٤", "۱۲۳۴", "১২৩৪", "੧੨੩੪", "૧૨૩૪", "１２３４"):
        found = [understand(digit, menu=menu) for digit in digits]
        assert [one.intent for one in found] == ["illness", "medical_appointment", "late", "says_present"]
        assert [one.urgent for one in found] == [False, False, False, True]
    assert understand("3").intent is Intent.WILL_CALL, "the usual menu, where none is known"
    assert understand("7").intent is Intent.OTHER
    assert understand("1", menu={"1": "coming"}).code is None


def test_every_answer_of_the_absence_check_is_known() -> None:
    from gateway.understanding import menu

    assert {one.code for one in wordings.notice("absence_check").answers} <= menu.ANSWERS.keys()


# Days


@pytest.mark.parametrize(
    ("text", "until", "back"),
    [
        ("ill today", "2026-11-25", None),
        ("ill, off till thurs", "2026-11-26", None),
        ("ill until Friday", "2026-11-27", None),
        ("flu, back monday", "2026-11-29", "2026-11-30"),
        ("sick, off for 2 days", "2026-11-26", None),
        ("D&V so off for 48hrs", "2026-11-26", None),
        ("sick today and tomorrow", "2026-11-26", None),
        ("off for the rest of the week with flu", "2026-11-27", None),
        ("in Spain, back on the 14th", "2026-12-13", "2026-12-14"),
        ("away until 5th January", "2027-01-05", None),
        ("away until 12/12", "2026-12-12", None),
        ("dr appt 10.30 b in after", None, None),
        ("fever", None, None),
        ("jest chory do czwartku", "2026-11-26", None),
        ("bolnav pana vineri", "2026-11-27", None),
        ("مريض حتى يوم الخميس", "2026-11-26", None),
        ("چھٹیوں پر ہیں جمعہ تک", "2026-11-27", None),
        ("cuma gününe kadar hasta", "2026-11-27", None),
        ("发高烧请假两天", "2026-11-26", None),
    ],
)
def test_until_when(text: str, until: str | None, back: str | None) -> None:
    days = understand(text).days
    assert (days.until and days.until.isoformat(), days.back and days.back.isoformat()) == (until, back)


# Children


def test_each_child_has_its_own_meaning() -> None:
    found = understand("Amy has a cold and Ben is at dentist until 11", "Amy", "Ben", "Cleo")
    assert [(name, one.intent, one.code) for name, one in found.children] == [
        ("Amy", "illness", "I"),
        ("Ben", "medical_appointment", "M"),
    ]
    both = understand("Amy and Ben are ill", "Amy", "Ben")
    assert [(name, one.intent) for name, one in both.children] == [("Amy", "illness"), ("Ben", "illness")]
    missing = understand("Amy has a cold. Ben left at 8 with his friends", "Amy", "Ben")
    assert missing.urgent


def test_a_name_is_no_misspelt_word_and_may_itself_be_misspelt() -> None:
    assert understand("Tempest is at the dentist", "Tempest").intent is Intent.MEDICAL_APPOINTMENT
    assert [name for name, _ in understand("Isabela is ill", "Isabella", "Tom").children] == ["Isabella"]
    assert understand("is ill", "Isabella").children == ()


# Any text


@given(st.text(max_size=10_000))
@example("")
@example("🤒🤒🤒")
@example("\ud83d")
@example("?" * 10_000)
@example("é" * 10_000)
@settings(max_examples=60, deadline=None)
def test_any_text_means_something(text: str) -> None:
    found = understand(text, "Amy", "Ben")
    assert found.intent in Intent
    assert found.code in CODES | {None}
    assert 0 <= found.confidence <= 1
    assert (found.intent is Intent.OPT_OUT) == (optout.read(text).keyword is Keyword.OPT_OUT)


WORDS = st.sampled_from([*sorted(library.load()["en"].words)[::3], "not", "?", ".", ",", "Amy", "Ben", "10.30", "fri"])


@given(st.lists(WORDS, max_size=25))
@settings(max_examples=150, deadline=None)
def test_any_words_of_ours_mean_something(words: list[str]) -> None:
    found = understand(" ".join(words), "Amy", "Ben")
    assert found.code in CODES | {None}
    if found.intent in (Intent.SAFEGUARDING_CONCERN, Intent.SAYS_PRESENT):
        assert found.urgent
        assert found.code is None


@pytest.mark.parametrize(
    "text", ["can you stop the bullying", "he had to stop", "stop texting me", "Please stop", "end of term", "quit it"]
)
def test_no_opt_out_is_invented(text: str) -> None:
    assert understand(text).intent is not Intent.OPT_OUT


def test_a_long_text_is_read_at_both_ends() -> None:
    words = evidence.Text.of("word " * 2_000 + "he ran away")
    assert len(words.tokens) <= 300
    assert understand("word " * 1_000 + "he ran away last night").urgent


def test_words_stand_where_they_were_folded_from() -> None:
    folded = folding.fold("Chory, İyi; 10.30 Łódź! 病了 👍🏽")
    found = folding.tokens(folded)
    assert all(one.end <= other.start for one, other in pairwise(found))
    assert [token.word for token in found] == ["chory", ",", "iyi", ",", "10.30", "lodz", "!", "病", "了", "👍"]


@pytest.mark.parametrize(
    ("text", "urgent"),
    [
        ("nt ill left 4 skool 8am", True),
        ("gone 2 school", True),
        ("she is not ill she's skiving", True),
        ("Where is my son?", True),
        ("Which class is my son in?", False),
        ("Is my son in the top set for maths?", False),
        ("Hello? Is anybody there?", False),
        ("dead phone battery sorry, he's poorly", False),
    ],
)
def test_text_speak_is_no_less_urgent_and_a_plain_question_is_not(text: str, *, urgent: bool) -> None:
    assert understand(text).urgent == urgent


def test_a_flat_phone_is_no_reason() -> None:
    assert understand("dead phone battery sorry, he's poorly").code == "I"


@pytest.mark.parametrize(
    "text",
    [
        "Amy left for school at 8. Ben is ill. Amy was sick last week too",
        "Amy went to school at 8 on her own. Ben is off with a cold, Amy had one too",
        "Amy got the bus at 7.50. Ben is poorly. Hope Amy feels better than him, she had a temp as well",
    ],
)
def test_a_second_mention_of_a_child_takes_nothing_from_the_first(text: str) -> None:
    found = dict(understand(text, "Amy", "Ben").children)
    assert (found["Amy"].urgent, found["Ben"].intent, found["Ben"].urgent) == (True, Intent.ILLNESS, False)

"""What no service may see: found, kept out, and put back whatever a service does with the words around it."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.translating import protecting, sentences
from gateway.translating.protecting import Care, Kind

CARE = Care(
    language="pl",
    names={"Ana Nowak", "Ana", "Nowak", "O'Neill"},
    school={"Oakfield Primary School", "Oakfield"},
    terms={"book fair": "kiermasz książek", "parentpay": "ParentPay"},
)


def found(text: str) -> list[tuple[str, str, str]]:
    return [(p.kind.name.lower(), p.written, p.shows) for p in protecting.parts(protecting.take_apart(text, CARE))]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("Bring {children} to us.", [("blank", "{children}", "{children}")]),
        (
            "Look at https://oakfield.example/a?b=1.",
            [("link", "https://oakfield.example/a?b=1", "https://oakfield.example/a?b=1")],
        ),
        ("Write to ana@oakfield.example!", [("link", "ana@oakfield.example", "ana@oakfield.example")]),
        (
            "Ring 0113 496 0000 or +44 7700 900123.",
            [("phone", "0113 496 0000", "0113 496 0000"), ("phone", "+44 7700 900123", "+44 7700 900123")],
        ),
        ("It is £3.50, or 50p.", [("price", "£3.50", "£3.50"), ("price", "50p", "50p")]),
        (
            "At 4.15pm. At 9am, 16:40 and 7 p.m.",
            [
                ("time", "4.15pm", "16:15"),
                ("time", "9am", "09:00"),
                ("time", "16:40", "16:40"),
                ("time", "7 p.m.", "19:00"),
            ],
        ),
        (
            "From 4 to 5pm, 11-1pm.",
            [("time", "4", "16:00"), ("time", "5pm", "17:00"), ("time", "11", "11:00"), ("time", "1pm", "13:00")],
        ),
        ("By 01/12/2026.", [("date", "01/12/2026", "01/12/2026")]),
        (
            "The Book Fair is on ParentPay.",
            [("term", "Book Fair", "kiermasz książek"), ("term", "ParentPay", "ParentPay")],
        ),
        (
            "Ana Nowak's club; Mrs Okafor; Ms. O'Neill",
            [
                ("name", "Ana Nowak", "Ana Nowak"),
                ("name", "Mrs Okafor", "Mrs Okafor"),
                ("name", "Ms. O'Neill", "Ms. O'Neill"),
            ],
        ),
        *(
            (f"Ask {who}, or {{name}}!", [("name", who, who), ("blank", "{name}", "{name}")])
            for who in (
                "Mr Ian Smith",
                "Ms Łukasz",
                "Dr Öztürk",
                "Dr O\u0308ztürk",
                "Mr  Smith",
                "Mrs\u00a0Okafor",
                "Mr J. P. Smith",
                "Miss Jane Doe-Roe",
                "Dr van der Berg",
                "Mr el-Sayed",
                "Mrs d’Souza",
                "Cllr Jones",
                "Madame Dupont",
                "Mr\nSmith",
            )
        ),
        ("Mrs Okafor\nChoir at 5p.m.", [("name", "Mrs Okafor", "Mrs Okafor"), ("time", "5p.m.", "17:00")]),
        (
            "Oakfield Primary School, Anabel, 12 pupils, Year 4",
            [("school", "Oakfield Primary School", "Oakfield Primary School")],
        ),
    ],
)
def test_what_is_found(text: str, parts: list[tuple[str, str, str]]) -> None:
    assert found(text) == parts


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        ("Mr. Reilly comes. See you at 4.15pm. Bye", ["Mr. Reilly comes.", "See you at 4.15pm.", "Bye"]),
        (
            "It costs £3.50. Pay on www.oakfield.example/pay. Thanks",
            ["It costs £3.50.", "Pay on www.oakfield.example/pay.", "Thanks"],
        ),
        ("Dear all,\n\n{children} sang well.\n– The office", ["Dear all,", "{children} sang well.", "– The office"]),
        ("e.g. a coat. Approx. 5 of us. and more", ["e.g. a coat.", "Approx. 5 of us. and more"]),
        ("یہ ایک ہے۔ یہ دو ہے۔", ["یہ ایک ہے۔", "یہ دو ہے۔"]),
        ("", []),
    ],
)
def test_sentences(text: str, cut: list[str]) -> None:
    found = sentences.cut(protecting.take_apart(text, CARE))
    assert [protecting.whole(one.pieces) for one in found] == cut
    assert "".join(protecting.whole(one.pieces) + one.gap for one in found) == text


PROTECTED = st.sampled_from(
    ["{children}", "{date}", "Ana Nowak", "Ana", "Mrs Okafor", "0113 496 0000", "https://oakfield.example/x",
     "office@oakfield.example", "£3.50", "4.15pm", "16:40", "book fair", "Oakfield", "01/12/2026"]
)  # fmt: skip
WORDS = st.text(st.characters(codec="utf-8", categories=["L", "Zs", "Po"], exclude_characters="{}@/\\"), max_size=12)
TEXTS = st.lists(st.one_of(PROTECTED, WORDS), max_size=12).map(" ".join)


@given(TEXTS, st.randoms(use_true_random=False))
def test_whatever_the_order_everything_protected_comes_back_once(text: str, dice: random.Random) -> None:
    for sentence in sentences.cut(protecting.take_apart(text, CARE)):
        sent = sentence.marked()
        seen = " ".join(piece for piece in sent if isinstance(piece, str))
        assert not any(secret in seen for secret in ("Ana Nowak", "Okafor", "0113 496", "oakfield.example", "{"))
        answer = [*sent, "słowo"]
        dice.shuffle(answer)
        version = sentences.read(sentence, tuple(answer), "pl")
        assert sorted(p.written for p in protecting.parts(version.pieces)) == sorted(p.written for p in sentence.parts)
        for part in sentence.parts:
            assert part.shows in version.shown()
        if not sentence.personal:
            again = sentences.recall(sentence, version.remembered(), "")
            assert again.shown() == version.shown()


@given(TEXTS)
def test_taking_apart_and_cutting_lose_nothing(text: str) -> None:
    pieces = protecting.take_apart(text, CARE)
    assert protecting.whole(pieces) == text
    assert "".join(protecting.whole(one.pieces) + one.gap for one in sentences.cut(pieces)) == text


def one(text: str) -> sentences.Sentence:
    [only] = sentences.cut(protecting.take_apart(text, CARE))
    return only


@pytest.mark.parametrize(
    ("text", "answer", "why"),
    [
        ("Bring {children} now.", ("Proszę teraz.",), "“{children}” got lost"),
        ("Bring {children} now.", ("A ", 0, " b ", 0), "“{children}” came back twice"),
        ("Bring {children} now.", ("A ", 0, 1), "never sent"),
        ("Bring 3 pens.", ("Proszę 4 pióra.",), "the number 3 was changed"),
        ("Bring pens.", ("Proszę 4 pióra.",), "the number 4 was changed"),
        ("Bring {children} now.", ("{dzieci} ", 0), "a brace"),
        ("Bring {children} now.", (0,), "empty"),
    ],
)
def test_what_is_no_translation(text: str, answer: tuple[str | int, ...], why: str) -> None:
    with pytest.raises(sentences.Unfit, match=why.replace("{", r"\{").replace("}", r"\}")):
        sentences.read(one(text), answer, "pl")


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Bring three pens.", ("Proszę 3 pióra.",)),
        ("Over 1,000 pounds in 2026.", ("Ponad 1 000 funtów w 2026.",)),
        ("Year 4 has 12 pens.", ("سال ۴ میں ۱۲ قلم",)),
        ("It is 05 now.", ("Jest 5.",)),
    ],
)
def test_numbers_may_be_written_in_another_way(text: str, answer: tuple[str]) -> None:
    assert sentences.read(one(text), answer, "pl").shown() == answer[0]


def test_a_space_that_the_service_lost_is_put_back() -> None:
    version = sentences.read(
        one("Come at 4pm today with {children}, please."), ("Przyjdź o", 0, "dziś z", 1, ", proszę."), "pl"
    )
    assert version.shown() == "Przyjdź o 16:00 dziś z {children}, proszę."
    chinese = sentences.read(one("Come with {children} today."), ("今天带", 0, "来"), "zh-Hans")
    assert chinese.shown() == "今天带{children}来"


def test_the_memory_keeps_no_name_number_or_link() -> None:
    assert one("Ring Ana on 0113 496 0000.").personal
    kept = one("Ring 0113 496 0000 or look at www.oakfield.example, {children}.").remembered()
    assert kept == "Ring {#1} or look at {#2}, {children}."


def test_a_remembered_sentence_gets_todays_link() -> None:
    sentence = one("Pay on www.new.example by 01/12/2026.")
    version = sentences.recall(sentence, "Do 01/12/2026 proszę płacić na {#1}.", "Anna")
    assert version.shown() == "Do 01/12/2026 proszę płacić na www.new.example."
    with pytest.raises(sentences.Unfit):
        sentences.recall(one("Pay on www.new.example."), "Płać {#1} {#2}.", "")
    with pytest.raises(sentences.Unfit):
        sentences.recall(one("Pay for {children}."), "Płać.", "")


def test_a_machines_wording_of_a_term_is_forgotten_when_the_glossary_says_another() -> None:
    with pytest.raises(sentences.Unfit, match="kiermasz"):
        sentences.recall(one("The book fair is on."), "Targi książki.", "")
    assert sentences.recall(one("The book fair is on."), "Targi książki.", "Anna").shown() == "Targi książki."


def test_kinds_are_all_there() -> None:
    """What is added to the kinds must be decided for the memory, too."""
    assert {kind.name.lower() for kind in Kind} == {
        "blank", "link", "phone", "price", "time", "date", "term", "school", "name",
    }  # fmt: skip

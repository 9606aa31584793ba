"""What families would stumble over."""

from __future__ import annotations

import pytest

from gateway import optout
from templates import library, phrases, plain, samples, words

PLAIN = "The school is closed on Tuesday. Please keep your child at home. Questions? Call {school_phone}."


def codes(text: str, **given: object) -> list[str]:
    return [one.code for one in plain.lint(text, **given)]  # type: ignore[arg-type]  # each case knows its own


@pytest.mark.parametrize("key", library.notices())
def test_the_library_itself_is_plain(key: str) -> None:
    """Every notice names the school, says how to answer, and is read with ease."""
    assert [f"{where}: {one}" for where, one in plain.lint_notice(library.notice(key))] == []
    for table in library.MEDIA.values():
        wording = getattr(library.notice(key), table)
        assert plain.reading_age(wording.text) <= 11, (table, plain.reading_age(wording.text))


@pytest.mark.parametrize("key", library.notices())
def test_a_text_of_the_library_is_cheap_even_with_the_longest_names(key: str) -> None:
    for size in ("usual", "longest"):
        given = samples.values_of(library.notice(key), size)
        made = words.prepare(key, language="en", medium="sms").fill(given)
        assert made.segments is not None
        assert made.segments.encoding == "GSM-7"
        assert made.parts <= 2


def test_the_short_phrases_are_plain() -> None:
    for group, members in phrases.phrases().items():
        for name, phrase in members.items():
            found = plain.lint(phrase.text, media=("voice",))
            assert (group, name) == ("message", "greeting") or not found, (group, name, found)


def test_a_plain_text_has_no_findings() -> None:
    assert plain.lint(PLAIN) == []


@pytest.mark.parametrize(
    ("text", "code", "level", "cure"),
    [
        ("The INSET day is on Monday.", "jargon", "warning", "a day for staff only"),
        ("Please see the designated safeguarding lead.", "jargon", "warning", "the person who keeps children safe"),
        ("We break up on Friday at 2pm.", "jargon", "warning", "the last school day is"),
        ("Reply YES if you can come.", "opt_out_answer", "error", "COMING"),
        ("Text back the word END to leave the list.", "opt_out_answer", "error", "Use a number"),
        ("CLUBS ARE CANCELLED. Call us.", "capitals", "warning", "small letters"),
        ("The fair is off. Call us NOW PLEASE.", "capitals", "warning", "small letters"),
        ("Well done! Call us.", "exclamation", "warning", "full stop"),
        ("Dear parents and carers, call us.", "salutation", "warning", "{greeting}"),
        ("The trip is on 3 November. Call us.", "date", "warning", "Monday 3 November"),
        ("The trip is on 03/11. Call us.", "date", "warning", "weekday, day and month"),
        ("See https://bit.ly/abc or call us.", "short_link", "warning", "own address"),
        ("The school is closed.", "no_way_to_answer", "warning", "Questions? Call {school_phone}."),
        ("word " * 26 + "call us.", "long_sentence", "warning", "Make two of it."),
        ("Call us. " + "Very much to say. " * 40, "parts", "warning", "Shorten it"),
        (
            "Inclement meteorological circumstances necessitate institutional closure; call us. " * 2,
            "reading_age", "warning", "other words for “meteorological”",
        ),
    ],
)  # fmt: skip
def test_what_is_found(text: str, code: str, level: str, cure: str) -> None:
    found = {one.code: one for one in plain.lint(text)}
    assert code in found
    assert found[code].level == level
    assert cure in found[code].cure


@pytest.mark.parametrize(
    "text",
    [
        "Reply STOP to stop our texts, START to get them again.",
        "Text us at the end of the day.",
        "If you cannot come, reply NO DAY.",
        "Text the office, cancel nothing. Send TD forms to us, and call us if you have none.",
        "The trip is on Monday 3 November. Call us.",
        "In May 10 children won a prize. Call us.",
        "Bring PE kit to the NHS visit. Call us.",
        "Is it 3/4 of the way? Call us on Monday.",
        "See https://t.co.example/a or call us.",
        "The ladder is up to 3m. Call Ms Etchells.",
    ],
)
def test_what_is_let_be(text: str) -> None:
    assert codes(text) == []


def test_what_an_author_did_not_write_is_not_judged() -> None:
    """Values stand where placeholders are; the menu is an answer."""
    assert codes("{event} begins at {time}. {menu}", answers=["coming", "not coming"]) == []


@pytest.mark.parametrize("label", ["Stop", "end", "Cancel", "STOPIO", "arrêt", "بند", "বন্ধ", "iptal"])
def test_an_answer_that_cuts_a_family_off(label: str) -> None:
    assert codes(PLAIN, answers=["1", label]) == ["opt_out_answer"]


def test_no_word_that_the_gateway_takes_as_stopping_is_forgotten() -> None:
    for word in optout.NETWORK_STOP | optout.OUR_STOP | optout.NETWORK_START - {optout.YES} | optout.NETWORK_HELP:
        assert codes(PLAIN, answers=[word]) == ["opt_out_answer"], word
    assert codes(PLAIN, answers=["Yes", "No"]) == []
    assert codes("Is it better? Answer yes or no.", answers=["Yes", "No"]) == []


def test_a_child_s_name_in_a_text_that_nobody_can_answer() -> None:
    assert codes("{children} did well today.", one_way=True) == ["one_way_child"]
    assert codes("The school is closed.", one_way=True) == []
    assert codes("{children} did well today. Call us.") == []
    assert codes("{children} did well today.", one_way=True, media=("email",)) == []
    [found] = plain.lint("{children} had an exclusion today.", one_way=True)
    assert (found.code, found.level) == ("one_way_sensitive", "error")


@pytest.mark.parametrize(
    ("text", "language", "sentence"),
    [
        ("Szkoła będzie dziś zamknięta z powodu awarii. Prosimy zostać w domu.", "pl", ""),
        (
            "Szkoła będzie zamknięta z powodu awarii ogrzewania. Prosimy nie przyprowadzać dzieci.", "pl",
            "“ł”, “ę” and “ć” make this text 2 parts instead of 1, 3.4p more for each family. "  # noqa: ISC004
            "Where families read it so too, set languages.fold_accents to write pl without accents.",
        ),
        (
            "The fair is on Saturday 🎉 from ten until four. Please bring a cake, and call us if you can help.", "en",
            "“🎉” makes this text 2 parts instead of 1, 3.4p more for each family. Leave “🎉” out.",
        ),
        ("اسکول منگل کو بند رہے گا۔ براہ کرم اپنے بچے کو گھر پر رکھیں۔ سوال ہو تو ہمیں فون کریں۔", "ur", ""),
    ],
)  # fmt: skip
def test_a_character_that_costs_a_part(text: str, language: str, sentence: str) -> None:
    found = [str(one) for one in plain.lint(text, language=language, part_pence=3.4) if one.code == "dear_character"]
    assert found == ([sentence] if sentence else [])


def test_what_is_written_without_accents_anyway_is_no_finding() -> None:
    text = "Szkoła będzie zamknięta z powodu awarii ogrzewania. Prosimy nie przyprowadzać dzieci."
    assert codes(text, language="pl", folded=True) == []


def test_one_letter_in_an_english_text_is_named() -> None:
    text = "Zoë and Łukasz will show you the new library on Monday. Please call us if you can help."
    [found] = plain.lint(text)
    assert str(found) == "“ë” and “Ł” make this text 2 parts instead of 1. Write “e” and “L” there."


def test_curly_quotes_cost_nothing_as_they_are_replaced() -> None:
    assert codes("The Year 6 leavers’ assembly – “the big one” – is on Friday. " + "Call us. " * 8) == []


def test_other_languages_are_read_for_dangers_and_cost_alone() -> None:
    assert codes("SZKOŁA ZAMKNIĘTA! 3/11", language="pl") == []
    assert codes("Répondez OUI. https://bit.ly/a", language="fr") == ["short_link"]


@pytest.mark.parametrize(
    ("word", "count"),
    [
        ("school", 1), ("closed", 1), ("children", 2), ("tomorrow", 3), ("attendance", 3), ("wanted", 2), ("likes", 1),
        ("houses", 2), ("little", 2), ("the", 1), ("parent's", 2), ("responsibility", 6), ("Monday", 2), ("ill", 1),
    ],
)  # fmt: skip
def test_syllables(word: str, count: int) -> None:
    assert plain.syllables(word) == count


def test_the_reading_age_rises_with_the_words() -> None:
    easy = "The dog ran to the park. The boy ran with it. They had fun. It was a good day."
    hard = "Attendance regulations necessitate the immediate notification of every unauthorised absence. " * 2
    assert plain.reading_age(easy) < 8 < 16 < plain.reading_age(hard)
    assert plain.reading_age("Too short to say.") == 0

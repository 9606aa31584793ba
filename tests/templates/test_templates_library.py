from __future__ import annotations

import re
from importlib import resources

import pytest

from templates import calls, errors, library, phrases, values

PURPOSES = {
    "emergency", "safeguarding", "statutory", "service", "good_news", "community", "survey", "fundraising_or_paid"
}  # fmt: skip


def test_the_notices_that_a_school_needs_are_there() -> None:
    wanted = (
        "absence_check absence_chase absence_reason absence_arrived closure emergency all_clear event_invitation "
        "event_reminder event_changed event_cancelled good_news good_news_effort good_news_progress good_news_kindness "
        "good_news_attendance verify_details acknowledgement opt_out language_menu please_call missed_you "
        "missed_you_new_time you_said_we_did free_text"
    )
    assert set(wanted.split()) <= library.notices().keys()
    for key, notice in library.notices().items():
        assert notice.key == key
        assert set(notice.purposes) <= PURPOSES
        assert notice.title
        assert notice.description.endswith(".")
        assert all(getattr(notice, table) for table in library.MEDIA.values()), f"{key} lacks a medium"


def test_every_text_message_begins_with_the_school_and_says_how_to_answer() -> None:
    for notice in library.notices().values():
        assert notice.sms is not None
        for text in filter(None, (notice.sms.text, notice.sms.text_plural)):
            assert text.lstrip().startswith("{school}: "), notice.key
            assert ("{menu}" in text) == bool(notice.answers), notice.key


def test_asking_again_has_the_answers_of_asking() -> None:
    """A reply is read by one menu, whichever of the two it answers."""
    assert library.notice("absence_chase").answers == library.notice("absence_check").answers


def test_no_answer_is_an_opt_out_word() -> None:
    for notice in library.notices().values():
        for answer in notice.answers:
            assert re.fullmatch("[0-9]", answer.key), "a call can only press digits"
            assert not set(re.findall(r"\w+", answer.label.upper())) & library.KEYWORDS


GOOD = """
key = "test"
title = "Test"
description = "A test."
purposes = ["service"]
[values.date]
type = "date"
help = "the day"
[sms]
text = "{school}: {date}"
"""


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('key = "test"', 'key = "other"', 'says that its key is "other"'),
        ('["service"]', '["spam"]', "cannot be read"),
        ('["service"]', "[]", "cannot be read"),
        ('type = "date"', 'type = "day"', "cannot be read"),
        ("[sms]", "[fax]", "cannot be read"),
        ("[sms]", "[sms", "cannot be read"),
        ("{date}", "{dat}", 'nobody fills the placeholder {dat}. Did you mean "date"?'),
        ("{date}", "{date", "a brace that is not part of a placeholder"),
        ("[values.date]", "[values.school]", "which Handbell fills in itself"),
        ('key = "test"', 'key = "test"\nplural_by = "date"', "which is no list or number"),
        ("[sms]", '[[answers]]\nkey = "Cancel"\ncode = "no"\nlabel = "no"\n[sms]', '"Cancel" cannot be an answer'),
    ],
)
def test_a_bad_notice_file_is_refused(old: str, new: str, sentence: str) -> None:
    assert library.read(GOOD, name="test").key == "test"
    with pytest.raises(errors.WordingError) as caught:
        library.read(GOOD.replace(old, new), name="test")
    assert sentence in str(caught.value)


def test_the_values_of_a_definition_are_checked_all_at_once() -> None:
    assert values.check_values("closure", {"date": "2025-11-03", "reason": "snow"}) == []
    problems = values.check_values("closure", {"dat": "2025-11-03", "reason": 3, "school": "Oakfield"})
    assert len(problems) == 4
    text = " ".join(problems)
    assert '"school" is filled in by Handbell itself' in text
    assert 'a value "dat" was given, which it does not know. Did you mean "date"?' in text
    assert "there is no value for {date} (the day on which the school is closed)" in text
    assert '"reason" (why, in a few words: burst water pipe) must be words' in text
    assert values.check_values("closer", {}) == ['There is no notice "closer". Did you mean "closure"?']
    assert values.check_values("closure", {"date": "2025-11-03", "reason": {"pl": "śnieg"}}) != []


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("text", ["a", {"en": "a"}], [1, None, {"pl": "a"}, {"en": 1}]),
        ("name", ["Ana"], [1, ["Ana"]]),
        ("names", [["Ana"], ("Ana", "Ben")], ["Ana", [1], [" "], None]),
        ("date", ["2025-11-03"], ["", "03/11/2025", "2025-02-30", 20251103, "2025-11-03T10:00"]),
        ("time", ["08:45", "08:45:00"], ["", "8.45", "25:00", 845]),
        ("datetime", ["2025-11-03 08:45", "2025-11-03T08:45+00:00"], ["", "2025-11-03", "tomorrow"]),
        ("number", [3, 2.5], ["3", True, float("nan"), float("inf"), None]),
        ("url", ["https://example.com/a?b=c"], ["example.com", "javascript:alert(1)", "https://a b", 1]),
        ("phone", ["020 7946 0123", "+44 (0)20 7946-0123"], ["call us", "07700x900123", 7700900123]),
    ],
)
def test_kinds(kind: library.Kind, good: list[object], bad: list[object]) -> None:
    known = {"x": library.Value(type=kind, help="a test")}

    def check(raw: object) -> dict[str, values.Value]:
        return values.check({"x": raw}, known, needed=frozenset({"x"}), language="en", where="the test")

    for raw in good:
        assert "x" in check(raw)
    for raw in bad:
        with pytest.raises((errors.WrongType, errors.MissingValue), match="the test"):
            check(raw)


def test_a_call_says_nothing_private_before_a_key() -> None:
    script = calls.call_script(
        "en", school="Oakfield", school_phone="+44 20 7946 0123", keys=[("1", "ill"), ("2", "an appointment")]
    )
    assert script.opening == "Hello. This is a message from Oakfield. To hear it, press 1."
    assert script.fallback == "This is Oakfield. Please call us on 0 2 0, 7 9 4 6, 0 1 2 3."
    assert script.menu == "For ill, press 1. For an appointment, press 2."
    assert script.thanks
    assert script.again
    assert calls.call_script("pl", school="Oakfield", school_phone="020 7946 0123", keys=[]).menu == ""


@pytest.mark.parametrize("language", ["en", "pl", "ur", "vi"])
def test_short_texts(language: str) -> None:
    used = "en" if language == "vi" else language
    script = calls.call_script(language, school="Oak{x}", school_phone="020 7946 0123", keys=[("1", "a{b}")])
    assert script.language == used
    assert "Oak{x}" in script.opening
    assert "a{b}" in script.menu
    page = phrases.unsubscribe_page(language, school="Oak <b>", school_phone="020 7946 0123")
    assert (page.language, page.direction) == (used, "rtl" if used == "ur" else "ltr")
    assert "Oak <b>" in page.question
    assert "020 7946 0123" in page.expired
    for text in (
        phrases.help_text(language, school="Oakfield", school_phone="020 7946 0123"),
        phrases.received(language, school="Oakfield", label="ill"),
        phrases.not_understood(language, school="Oakfield", school_phone="020 7946 0123"),
    ):
        assert text.lstrip("\u2068").startswith("Oakfield")


def test_the_reply_menu() -> None:
    assert (
        phrases.reply_menu("en", [("1", "ill"), ("2", "late"), ("3", "safe")])
        == "Reply 1 for ill, 2 for late or 3 for safe."
    )
    assert phrases.reply_menu("pl", [("1", "choroba")]) == "Prosimy odpisać: 1 = choroba."


def test_data_files_come_with_the_package() -> None:
    package = resources.files("templates")
    for path in ("phrases.toml", "layouts/email.html", "notices/closure.toml", "locale/handbell.pot", "py.typed",
                 "locale/pl/LC_MESSAGES/handbell.mo", "locale/ur/LC_MESSAGES/handbell.po"):  # fmt: skip
        assert package.joinpath(path).is_file(), path

from __future__ import annotations

import datetime

import pytest
from babel import Locale

from templates import formats, languages


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("English", "en"),
        ("en_GB", "en"),
        ("Believed to be English", "en"),
        ("Polish", "pl"),
        (" POL ", "pl"),
        ("pl-PL", "pl"),
        ("polski", "pl"),
        ("Panjabi", "pa-Guru"),
        ("Punjabi", "pa-Guru"),
        ("Panjabi (Gurmukhi)", "pa-Guru"),
        ("Panjabi (Mirpuri)", "pa-Arab"),
        ("pa-PK", "pa-Arab"),
        ("Portuguese", "pt-PT"),
        ("Portuguese (Brazil)", "pt-BR"),
        ("Português (Brasil)", "pt-BR"),
        ("Arabic (Iraq)", "ar"),
        ("Bengali (Sylheti)", "bn"),
        ("Persian/Farsi", "fa"),
        ("Albanian/Shqip", "sq"),
        ("Kurdish (Sorani)", "ckb"),
        ("Chinese (Cantonese)", "yue"),
        ("Chinese (Any Other)", "zh-Hans"),
        ("اردو", "ur"),
        ("TURKISH", "tr"),
        ("Türkçe", "tr"),
        ("Kurdish", None),
        ("Urdu/English", None),
        ("Other than English", None),
        ("Refused", None),
        ("", None),
        ("Klingon", None),
    ],
)
def test_names_as_school_records_spell_them(text: str, tag: str | None) -> None:
    assert languages.match(text) == tag


def test_every_row_is_found_by_its_tag_its_names_and_its_aliases() -> None:
    for row in languages.LANGUAGES:
        for spelling in (row.tag, row.english, row.own, *filter(None, row.aliases.split("|"))):
            assert languages.match(spelling) == row.tag, spelling


def test_directions_and_locales_agree_with_cldr() -> None:
    for row in languages.LANGUAGES:
        if row.locale:
            assert Locale.parse(row.locale).text_direction == row.direction, row.tag


def test_fallbacks() -> None:
    assert languages.fallbacks("pt-BR") == ("pt-BR", "pt", "pt-PT", "en"), "who reads one reads the other"
    assert languages.fallbacks("pa-Arab") == ("pa-Arab", "pa", "en"), "another script is another language to a reader"
    assert languages.fallbacks("en") == ("en",)
    assert languages.direction("pa-Arab") == "rtl"
    assert languages.direction("xx") == "ltr"


DAY = datetime.date(2025, 11, 5)


@pytest.mark.parametrize(
    ("tag", "date"),
    [
        ("en", "Wednesday 5 November"),
        ("pl", "środa, 5 listopada"),
        ("ur", "بدھ، 5 نومبر"),
        ("pt-PT", "quarta-feira, 5 de novembro"),
        ("rom", "Wednesday 5 November"),
        ("nowhere", "Wednesday 5 November"),
    ],
)
def test_dates(tag: str, date: str) -> None:
    assert formats.date(DAY, tag) == date


@pytest.mark.parametrize(
    ("clock", "english", "polish"),
    [
        ("08:45", "8:45am", "08:45"),
        ("09:00", "9am", "09:00"),
        ("12:00", "midday", "12:00"),
        ("00:00", "midnight", "00:00"),
        ("00:05", "12:05am", "00:05"),
        ("12:30", "12:30pm", "12:30"),
        ("17:30", "5:30pm", "17:30"),
    ],
)
def test_times(clock: str, english: str, polish: str) -> None:
    value = datetime.time.fromisoformat(clock)
    assert formats.time(value, "en") == english
    assert formats.time(value, "pl") == polish


def test_the_clock_of_a_moment_is_its_own() -> None:
    value = datetime.datetime(2025, 7, 1, 15, 30, tzinfo=datetime.timezone(datetime.timedelta(hours=1)))
    assert formats.moment(value, "en") == "Tuesday 1 July, 3:30pm"


def test_lists_and_numbers() -> None:
    assert formats.names(["Ana"], "en") == "Ana"
    assert formats.names(["Ana", "Ben", "Zofia"], "en") == "Ana, Ben and Zofia"
    assert formats.names(["Ana", "Ben", "Zofia"], "pl") == "Ana, Ben i Zofia"
    assert formats.choices(["1", "2", "3"], "en") == "1, 2 or 3"
    assert formats.number(12345, "pl") == "12 345"


def test_no_format_has_a_hard_space_and_every_time_has_two_digits_of_minutes() -> None:
    for row in languages.LANGUAGES:
        moment = formats.moment(datetime.datetime(2025, 11, 5, 13, 5), row.tag)  # noqa: DTZ001 - school time, no zone
        for text in (moment, formats.number(1234567.5, row.tag), formats.names(["A", "B", "C"], row.tag)):
            assert not set(text) & {"\u00a0", "\u202f", "\u2009"}, row.tag
        assert "05" in moment, row.tag


def test_phone_numbers_are_spoken_digit_by_digit() -> None:
    assert formats.digits("020 7946 0123") == "0 2 0, 7 9 4 6, 0 1 2 3"
    assert formats.digits("+44 20 7946 0123") == "0 2 0, 7 9 4 6, 0 1 2 3"
    assert formats.digits("+44 (0)20 7946 0123") == "0 2 0, 7 9 4 6, 0 1 2 3"

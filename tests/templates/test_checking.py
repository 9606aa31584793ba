from __future__ import annotations

import pytest

from templates import catalogue, checking, pofiles

GREETING = ("phrases/message/greeting_named", "Dear {recipient},")
EMAIL = ("closure/email/text", "{greeting}\n\nThe school is closed.\n\n{school}")


def found(context: str, english: str | tuple[str, str], translation: object, tag: str = "pl", note: str = "") -> str:
    """Every finding about one translation, in one text."""
    po = pofiles.Po(tag)
    message = po.add(english, translation, context=context, user_comments=[note] if note else [])
    message.lineno = 7
    return "\n".join(f"{finding.line} {finding}" for finding in checking.check(po))


@pytest.mark.parametrize(
    ("translation", "sentence"),
    [
        ("Witam {kogo},", "{kogo} is not in the English. {recipient} is missing. Names in braces stay"),
        ("Witam {recipient", "there is a brace that is not part of a placeholder"),
        ("Witam \u2067{recipient},", "A direction mark is opened and not closed."),
        ("Witam {recipient}\u2069,", "A direction mark is opened and not closed."),
        ("Witam \u202e{recipient},", "turns the rest of the message around"),
        ("Witam \ufffd {recipient},", "cannot be printed"),
        ("Witam {recipient}, ", "perhaps"),
        ("Уважаемый господин {recipient},", "Most of it is in Cyrillic letters."),
    ],
)
def test_what_is_wrong_is_named_with_its_line_and_cure(translation: str, sentence: str) -> None:
    said = found(*GREETING, translation)
    assert said.startswith("7 ")
    assert ("space at its beginning or end" if sentence == "perhaps" else sentence) in said


def test_a_good_translation_has_no_findings() -> None:
    assert found(*GREETING, "Witam, {recipient}!") == ""
    assert found(*GREETING, "محترم \u2068{recipient}\u2069،", "ur") == ""


def test_plural_forms_are_all_there() -> None:
    english = ("{children} is late.", "{children} are late.")
    said = found("x/sms/text", english, ("{children} spóźnia się.", "", "{children} spóźnia się."))
    assert "Plural forms are missing: msgstr[1] (for 2, 3, 4, 22, 23 …)." in said


def test_an_opt_out_word_is_no_answer() -> None:
    assert "stops all texts" in found("absence_check/answer/late", "on the way", "STOP")


def test_english_left_as_it_is_and_lost_paragraphs_are_pointed_at() -> None:
    assert "It is the English." in found("phrases/call/thanks", "Thank you. We have it.", "Thank you. We have it.")
    assert "fewer paragraphs" in found(*EMAIL, "{greeting}\nSzkoła zamknięta.\n\n{school}")


def test_a_state_that_nobody_understands_is_told() -> None:
    assert "Nobody understands “state: approved”" in found(*GREETING, "Witam, {recipient}!", note="state: approved")
    assert found(*GREETING, "Witam, {recipient}!", note="state: machine") == ""


def test_a_text_message_that_is_too_long_is_pointed_at() -> None:
    english = next(m for m in pofiles.texts(catalogue.extract()) if m.context == "closure/sms/text").id
    said = found("closure/sms/text", english, f"{english}{' Bardzo długo.' * 30}")
    assert "With the longest names it is" in said


def test_a_rule_of_plurals_that_is_not_cldrs_is_told() -> None:
    po = pofiles.Po("cy")
    po.plural_header = "nplurals=5; plural=(n==1 ? 1 : n==2 ? 2 : n==3 ? 3 : n==6 ? 4 : 0);"
    assert "Plural-Forms is not CLDR's." in next(iter(checking.check(po))).what
    po.plural_header = po.rule.header.replace(" ", "")
    assert list(checking.check(po)) == []

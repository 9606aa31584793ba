from __future__ import annotations

import gettext
import io
import json
from pathlib import Path

import pytest
from babel import Locale

from templates import languages, plurals, pofiles

#: Whole numbers at which some language changes its mind.
NUMBERS = (*range(400), 1000, 1001, 1002, 1011, 10_000, 100_000, 999_999, 1_000_000, 1_000_001, 2_000_000)
LOCALES = [(row.tag, row.locale) for row in languages.LANGUAGES if row.locale]


@pytest.mark.parametrize(("tag", "locale"), LOCALES)
def test_every_language_has_the_forms_of_cldr(tag: str, locale: str) -> None:
    rule, cldr = plurals.rule(tag), Locale.parse(locale).plural_form
    assert {n: rule.category(n) for n in NUMBERS} == {n: cldr(n) for n in NUMBERS}
    assert set(rule.categories) == {cldr(n) for n in NUMBERS}, "a form that no whole number takes would stay empty"


def test_a_language_without_rules_counts_as_english_does() -> None:
    assert plurals.rule("rom") == plurals.rule("en")


def test_the_corpus_passes_in_full(corpora: Path) -> None:
    rows = [json.loads(line) for line in (corpora / "plurals" / "expected.jsonl").read_text("utf-8").splitlines()]
    wanted = json.loads((corpora / "plurals" / "integer_categories.json").read_text("utf-8"))
    assert len(rows) > 1800
    assert [row for row in rows if plurals.rule(row["locale"]).category(row["n"]) != row["category"]] == []
    assert {tag: sorted(plurals.rule(tag).categories) for tag in wanted} == {t: sorted(w) for t, w in wanted.items()}


@pytest.mark.parametrize("tag", ["cy", "ar", "pl", "pt-PT", "tr", "zh-Hans"])
def test_the_compiled_catalogue_takes_the_form_of_cldr(tag: str) -> None:
    catalogue = pofiles.Po(tag)
    catalogue.add(("child", "children"), catalogue.rule.categories, context="test")
    read = gettext.GNUTranslations(io.BytesIO(pofiles.compiled(catalogue)))
    cldr = Locale.parse(languages.table()[tag].locale or "").plural_form
    assert {n: read.npgettext("test", "child", "children", n) for n in NUMBERS} == {n: cldr(n) for n in NUMBERS}


def test_translators_are_told_which_form_is_for_which_numbers() -> None:
    assert plurals.rule("pl").examples() == ("1", "2, 3, 4, 22, 23 …", "0, 5, 6, 7, 8 …")
    assert plurals.rule("cy").examples()[:5] == ("0", "1", "2", "3", "6")

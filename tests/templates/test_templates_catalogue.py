from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from babel.messages.plurals import get_plural

from templates import catalogue, library, phrases, translations

TRANSLATED = [tag for tag in translations.languages_available() if tag != "en"]


@pytest.fixture
def workshop(tmp_path: Path) -> Path:
    """A copy of the package's wordings to change."""
    folder = tmp_path / "templates"
    shutil.copytree(catalogue.home(), folder, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def test_nothing_is_stale() -> None:
    assert catalogue.stale() == []


def test_polish_and_urdu_are_there_and_honest_about_their_state() -> None:
    assert {"en", "pl", "ur"} <= set(translations.languages_available())
    assert translations.state("en") == "source"
    for tag in ("pl", "ur"):
        assert translations.state(tag) == "draft"


@pytest.mark.parametrize("tag", TRANSLATED)
def test_every_text_is_translated_in_every_plural_form(tag: str) -> None:
    po = catalogue.read_po(catalogue.home() / "locale" / tag.replace("-", "_") / "LC_MESSAGES" / "handbell.po")
    for message in po:
        strings = [message.string] if isinstance(message.string, str) else list(message.string or ())
        assert all(strings), message.context
        if message.pluralizable:
            assert len(strings) == po.num_plurals, message.context


@pytest.mark.parametrize("tag", TRANSLATED)
def test_every_notice_and_phrase_is_had_from_the_compiled_catalogue(tag: str) -> None:
    for notice in library.notices().values():
        for medium, table in library.MEDIA.items():
            if getattr(notice, table):
                assert translations.speaks(tag, notice.sources(medium)), (notice.key, medium)
    for group, members in phrases.phrases().items():
        assert translations.speaks(tag, [phrases.source(group, name) for name in members]), group


@pytest.mark.parametrize("tag", TRANSLATED)
def test_plural_rules_are_those_of_babel(tag: str) -> None:
    po = catalogue.read_po(catalogue.home() / "locale" / tag / "LC_MESSAGES" / "handbell.po")
    assert po.plural_expr == get_plural(tag).plural_expr


def test_polish_plurals_agree_with_cldr(corpora: Path, workshop: Path) -> None:
    """Give the three forms different words and see which one the compiled rule takes."""
    import gettext

    path = workshop / "locale" / "pl" / "LC_MESSAGES" / "handbell.po"
    po = catalogue.read_po(path)
    po.add(("child", "children"), ("one", "few", "many"), context="test")
    catalogue.write_po(path, po)
    catalogue.compile_all(workshop)
    with path.with_suffix(".mo").open("rb") as file:
        compiled = gettext.GNUTranslations(file)
    rows = map(json.loads, (corpora / "plurals" / "expected.jsonl").read_text("utf-8").splitlines())
    whole = [(row["n"], row["category"]) for row in rows if row["locale"] == "pl" and isinstance(row["n"], int)]
    assert len(whole) > 100
    for n, category in whole:
        assert compiled.npgettext("test", "child", "children", n) == category, n


def test_a_changed_wording_makes_everything_stale_until_update_and_compile(workshop: Path) -> None:
    notice = workshop / "notices" / "closure.toml"
    notice.write_text(notice.read_text("utf-8").replace("the school is closed on", "the school is shut on"), "utf-8")
    problems = " ".join(catalogue.stale(workshop))
    assert "handbell.pot" in problems
    assert "The catalogue pl has not the same texts" in problems
    catalogue.update(workshop)
    assert "The catalogue pl was changed and not compiled; compile the catalogues." in catalogue.stale(workshop)
    catalogue.compile_all(workshop)
    assert catalogue.stale(workshop) == []
    po = catalogue.read_po(workshop / "locale" / "pl" / "LC_MESSAGES" / "handbell.po")
    changed = [message for message in po if message.context == "closure/sms/text"]
    assert changed[0].fuzzy, "a translation of the old words must not be used before somebody has looked at it"
    assert po.state == "draft"


def test_a_placeholder_lost_in_translation_is_told(workshop: Path) -> None:
    path = workshop / "locale" / "pl" / "LC_MESSAGES" / "handbell.po"
    path.write_text(path.read_text("utf-8").replace("Powód: {reason}", "Powód: {powod}", 1), "utf-8")
    catalogue.compile_all(workshop)
    assert any("closure" in problem and "{powod}" in problem for problem in catalogue.stale(workshop))


def test_updating_what_is_up_to_date_changes_no_file(workshop: Path) -> None:
    before = {path: path.read_bytes() for path in workshop.rglob("*") if path.is_file()}
    catalogue.update(workshop)
    catalogue.compile_all(workshop)
    assert {path for path, content in before.items() if path.read_bytes() != content} == set()


def test_a_missing_template_is_told(workshop: Path) -> None:
    (workshop / "locale" / "handbell.pot").unlink()
    assert any("handbell.pot" in problem for problem in catalogue.stale(workshop))


def test_a_new_language_begins_as_an_empty_draft(workshop: Path) -> None:
    path = catalogue.start("so", workshop)
    catalogue.compile_all(workshop)
    assert catalogue.stale(workshop) == []
    assert catalogue.read_po(path).state == "draft"
    assert "Somali words" in path.read_text("utf-8")


@pytest.mark.parametrize(
    ("said", "state"), [("reviewed", "reviewed"), ("machine", "machine"), ("", "draft"), ("ok", "draft")]
)
def test_an_unknown_state_counts_as_a_draft(said: str, state: str) -> None:
    assert translations.read_state(said) == state


def test_no_language_outside_the_folder_is_ever_loaded() -> None:
    assert not translations.speaks("../../etc", [translations.Source("a", "b")])

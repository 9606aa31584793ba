from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from templates import catalogue, checking, coverage, library, phrases, pofiles, states, translations

TRANSLATED = [tag for tag in translations.languages_available() if tag != "en"]


@pytest.fixture
def workshop(tmp_path: Path) -> Path:
    """A copy of the package's wordings to change."""
    folder = tmp_path / "templates"
    shutil.copytree(catalogue.home(), folder, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def test_nothing_is_stale() -> None:
    assert catalogue.stale() == []


@pytest.mark.parametrize("tag", TRANSLATED)
def test_our_own_words_are_honest_about_their_state(tag: str) -> None:
    """We have asked no speaker yet. When one has read a language, take it out of here."""
    assert set(coverage.of(tag).values()) <= {"draft", "missing"}


def test_polish_and_urdu_are_there() -> None:
    assert {"en", "pl", "ur"} <= set(translations.languages_available())
    assert set(coverage.of("en").values()) == {"source"}


@pytest.mark.parametrize("tag", TRANSLATED)
def test_every_text_is_translated_in_every_plural_form(tag: str) -> None:
    po = pofiles.read(pofiles.path_of(catalogue.locale(), tag), tag)
    assert checking.waiting(po)[1:] == (0, 0)
    assert [str(finding) for finding in checking.check(po) if finding.stops] == []


@pytest.mark.parametrize("tag", TRANSLATED)
def test_every_notice_and_phrase_is_had_from_the_compiled_catalogue(tag: str) -> None:
    for notice in library.notices().values():
        for medium, table in library.MEDIA.items():
            if getattr(notice, table):
                assert translations.speaks(tag, notice.sources(medium)), (notice.key, medium)
    for group, members in phrases.phrases().items():
        assert translations.speaks(tag, [phrases.source(group, name) for name in members]), group


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
    po = pofiles.read(pofiles.path_of(workshop / "locale", "pl"), "pl")
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
    path = catalogue.start("vi", workshop)
    catalogue.compile_all(workshop)
    assert catalogue.stale(workshop) == []
    assert not path.with_suffix(".mo").exists(), "a language is there from its first text on"
    po = pofiles.read(path, "vi")
    assert (po.state, checking.waiting(po).missing) == ("draft", checking.waiting(po).texts)
    assert "Vietnamese words" in path.read_text("utf-8")


def test_a_language_that_was_begun_is_not_begun_again(workshop: Path) -> None:
    before = pofiles.path_of(workshop / "locale", "pl").read_bytes()
    assert catalogue.start("pl", workshop).read_bytes() == before


@pytest.mark.parametrize(
    ("said", "state"), [("reviewed", "draft"), ("machine", "machine"), ("", "draft"), ("ok", "draft")]
)
def test_a_header_cannot_say_that_somebody_has_read_it(said: str, state: str) -> None:
    assert states.default(said) == state


def test_no_language_outside_the_folder_is_ever_loaded() -> None:
    assert not translations.speaks("../../etc", [translations.Source("a", "b")])

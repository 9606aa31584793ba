"""The whole library in every language that there are words in: nothing missing or extra, nothing turned around."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from babel import Locale

from templates import (
    calls,
    catalogue,
    checking,
    fallback,
    languages,
    letter,
    library,
    phrases,
    pofiles,
    samples,
    segments,
    translations,
    values,
    words,
)

#: The languages that we ship words in.
STARTER_PACK = {
    "en", "cy", "ur", "pa-Guru", "pl", "ro", "bn", "ar", "pt-PT", "so", "gu", "ta", "es", "fr", "lt", "tr", "it", "uk",
    "sq", "fa", "zh-Hans", "bg", "hu",
}  # fmt: skip
TAGS = translations.languages_available()
COUNTS = (0, 1, 2, 3, 5, 11, 21, 100)
ISOLATES = re.compile("[\u2066-\u2069]")


def notices() -> Iterator[tuple[library.Notice, str]]:
    for notice in library.notices().values():
        for medium, table in library.MEDIA.items():
            if getattr(notice, table) is not None:
                yield notice, medium


def paired(text: str) -> bool:
    """Whether each isolate is closed on its line, and none is closed that was not open."""
    for line in text.split("\n"):
        depth = 0
        for mark in ISOLATES.findall(line):
            depth += -1 if mark == "\u2069" else 1
            if depth < 0:
                return False
        if depth:
            return False
    return True


def test_the_starter_pack_is_whole() -> None:
    assert set(TAGS) == STARTER_PACK
    assert len(STARTER_PACK) == 23
    for tag, path in pofiles.paths(catalogue.locale()).items():
        found = list(pofiles.texts(pofiles.read(path, tag)))
        assert len(found) == len(list(pofiles.texts(catalogue.extract())))
        assert all(pofiles.usable(one) for one in found), tag


@pytest.mark.parametrize("tag", TAGS)
def test_every_notice_by_every_medium_with_every_number_of_children(tag: str) -> None:
    for notice, medium in notices():
        ready = words.prepare(notice.key, language=tag, medium=medium)
        assert ready.language == tag, f"{notice.key} ({medium}) is not whole in {tag}"
        for n in COUNTS[1:]:
            made = ready.fill(samples.values_of(notice, "usual", children=n))
            where = f"{notice.key} ({medium}, {tag}, {n} children): {made.text}"
            for text in (made.text, made.subject):
                assert "{" not in text, where
                assert "}" not in text, where
                assert paired(text), where
            if "children" in ready.form(n, frozenset()).text.names:
                assert all(name in made.text for name in ("Child 1", f"Child {n}")), where
            if medium == "voice":
                assert not ISOLATES.search(made.text), where
            if medium == "email":
                assert made.subject, where
                page = letter.from_plain(made.text, title=made.subject, language=made.language)
                assert f'dir="{made.direction}"' in page, where


@pytest.mark.parametrize("tag", [tag for tag in TAGS if tag != languages.ENGLISH])
def test_each_number_takes_the_form_of_cldr(tag: str) -> None:
    """Of every text that counts, by the words themselves: those of the form that CLDR names for the number."""
    po = pofiles.read(pofiles.path_of(catalogue.locale(), tag), tag)
    forms = {message.context: pofiles.strings(message) for message in pofiles.texts(po) if message.pluralizable}
    cldr = Locale.parse(languages.table()[tag].locale or "").plural_form
    counting = [
        source
        for notice, medium in notices()
        for field in notice.wording(medium).fields()
        if (source := notice.source(medium, field)).plural
    ]
    assert len(counting) > 30
    for source in counting:
        for n in COUNTS:
            wanted = forms[source.context][po.rule.categories.index(cldr(n))]
            assert translations.put(source, language=tag, n=n) == wanted, (source.context, n)


@pytest.mark.parametrize("tag", TAGS)
def test_no_text_message_is_too_long_to_go(tag: str) -> None:
    for notice, medium in notices():
        if medium == "sms":
            made = words.prepare(notice.key, language=tag, medium=medium).fill(samples.values_of(notice, "usual"))
            assert made.parts <= checking.MOST_PARTS, f"{notice.key} in {tag}: {made.parts} parts"


@pytest.mark.parametrize("tag", TAGS)
def test_the_phrases_around_a_message_are_in_its_language(tag: str) -> None:
    for group in phrases.phrases():
        assert phrases.language_for(group, tag) == tag, group  # type: ignore[arg-type]
    said = calls.call_script(tag, school="Oakfield", school_phone="020 7946 0123", keys=[("1", "x"), ("2", "y")])
    assert said.language == tag
    assert "0 2 0" in said.fallback


@pytest.mark.parametrize("tag", [tag for tag in TAGS if tag != languages.ENGLISH])
def test_the_line_beside_english_is_known_again_in_an_email(tag: str) -> None:
    line = fallback.line("email", tag, school_phone="020 7946 0123")
    assert paired(line)
    assert fallback.language_of(line) == tag
    assert fallback.language_of("Dear Mrs Kowalska,") is None
    page = letter.from_plain(fallback.above("Dear Mrs Kowalska,\n\nHello.", line), title="t", language="en")
    assert f'<p lang="{tag}" dir="{languages.direction(tag)}">' in page
    text = fallback.below(
        "Oakfield: hello.", fallback.line("sms", tag, school_phone="020 7946 0123"), most_more=4, most=6
    )
    assert segments.count(text).parts <= 2
    assert paired(text)


def test_a_value_of_another_script_is_isolated_where_a_text_runs_right_to_left() -> None:
    assert values.clean("\u2067x\u2069") == "x", "a value brings no marks of its own"
    for tag in TAGS:
        if languages.direction(tag) == "rtl":
            made = words.prepare("closure", language=tag, medium="sms").fill(
                samples.values_of(library.notice("closure"), "usual")
            )
            assert "\u2068Oakfield\u2069" in made.text

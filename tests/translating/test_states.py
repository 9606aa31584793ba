"""Which version of a free text goes out, by whose word it is."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from support import desk

from channels.base import Medium
from gateway import errors, wording
from gateway.definitions import model, translated
from gateway.translating import drafting, versions

ENGLISH = "The book fair is on Friday for {children}."


def fair(note: dict[str, Any] | None, *, english: str = ENGLISH, **changes: Any) -> model.Definition:
    before = desk.definition(text={"en": ENGLISH, "pl": "Kiermasz."})
    note = note if note is None else {"english": translated.fingerprint(before)} | note
    return desk.definition(
        text={"en": english, "pl": "Kiermasz."}, translations={"pl": note} if note is not None else {}, **changes
    )


def composed(definition: model.Definition, *, drafts: bool) -> tuple[str, str]:
    school = wording.School("Oakfield Primary School", "Oakfield", "0", allow_drafts=drafts)
    made = wording.Composer(definition, school, lambda _: True).compose(Medium.SMS, "pl", children=["Ana"])
    return made.language, made.state


@pytest.mark.parametrize("purpose", ["service", "emergency"])
@pytest.mark.parametrize(
    ("note", "strict", "lenient"),
    [
        (None, ("pl", "source"), ("pl", "source")),
        ({"by": "DeepL"}, ("en", "source"), ("pl", "machine")),
        ({"by": "DeepL", "reviewed_by": "Anna"}, ("pl", "reviewed"), ("pl", "reviewed")),
        ({"by": "DeepL", "reviewed_by": "Anna", "english": "others"}, ("en", "source"), ("en", "source")),
    ],
)
def test_a_machines_version_goes_out_only_where_drafts_may_and_a_stale_one_never(
    note: dict[str, Any] | None, strict: tuple[str, str], lenient: tuple[str, str], purpose: str
) -> None:
    definition = fair(note, purpose=purpose)
    assert composed(definition, drafts=False) == strict
    assert composed(definition, drafts=True) == lenient


def test_english_that_changed_makes_a_version_stale() -> None:
    note = {"by": "DeepL", "reviewed_by": "Anna"}
    assert translated.state(fair(note), "pl") == "reviewed"
    assert translated.state(fair(note, english=ENGLISH + " Come!"), "pl") == "stale"
    # The subject is English that families read, too, where there are emails.
    assert translated.state(fair(note, media=["sms", "email"]), "pl") == "stale"


def test_words_that_changed_after_their_review_are_reviewed_no_more() -> None:
    read = versions.with_review(fair({"by": "DeepL"}), "pl", by="Anna", on=date(2026, 11, 28))
    assert translated.state(read, "pl") == "reviewed"
    changed = read.model_copy(update={"text": {**read.text, "pl": "Kiermasz odwołany."}})
    assert translated.state(changed, "pl") == "draft"
    assert composed(changed, drafts=False) == ("en", "source")
    [told] = translated.remarks(changed, allow_drafts=False)
    assert "changed since Anna reviewed it" in told
    with pytest.raises(errors.Conflict, match="changed by hand"):
        drafting.check(changed, ["pl"])


def test_a_draft_hides_no_version_of_a_kindred_language_that_may_go() -> None:
    texts = {"en": "Hi.", "pt-PT": "Olá PT.", "pt-BR": "Oi BR."}
    note = {"english": translated.fingerprint(desk.definition(text=texts)), "by": "DeepL"}
    definition = desk.definition(text=texts, translations={"pt-BR": note})
    for drafts, language in ((False, "pt-PT"), (True, "pt-BR")):
        school = wording.School("Oakfield Primary School", "Oakfield", "0", allow_drafts=drafts)
        made = wording.Composer(definition, school, lambda _: True).compose(Medium.SMS, "pt-BR", children=["Ana"])
        assert made.language == language


def test_one_language_by_two_names_is_a_mistake() -> None:
    with pytest.raises(errors.BadDefinition, match="“pt” and “pt-PT” are the same language"):
        desk.definition(text={"en": "Hi.", "pt": "Olá A.", "pt-PT": "Olá B."})


def test_a_note_without_its_text_is_a_mistake() -> None:
    with pytest.raises(errors.BadDefinition, match="goes with a text"):
        desk.definition(translations={"ur": {"english": "x"}})


def test_a_stored_definition_is_the_same_when_it_is_read_again() -> None:
    before = fair({"by": "DeepL", "reviewed_by": "Anna", "reviewed_on": "2026-11-28", "back": {"text": "Fair."}})
    data = before.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    assert model.Definition.model_validate(data) == before

"""Drafts written into a definition's file: what its author wrote stays, whichever of TOML's ways it was written in."""

from __future__ import annotations

import tomllib
from datetime import date
from pathlib import Path

import pytest

from gateway import errors
from gateway.definitions import reading, translated
from gateway.translating import drafting, versions

HEAD = """\
key = "fair"  # mine
title = "Fair"
purpose = "service"
media = ["sms", "email"]
audience = { whole_school = true }
"""
DRAFT = drafting.Draft(
    language="pt-PT",
    by="DeepL",
    text={"text": 'Feira.\n\nAté já, «amigos» "todos".', "subject": "Feira", "option 1": "Vou"},
    back={"text": "Fair.\n\nSee you.", "subject": "Fair"},
    sentences=3,
    reviewed=0,
    doubts=(),
)
OPTIONS = '[[replies.options]]\nkey = "1"\nlabel = { en = "Coming" }  # theirs\n'


@pytest.mark.parametrize(
    "body",
    [
        f'[text]\nen = "Fair."  # why\n\n# Below the text.\n[values]\n\n{OPTIONS}',
        f'text.en = "Fair."  # why\n\n{OPTIONS}',
        f'text = {{ en = "Fair." }}  # why\n{OPTIONS}',
        f'[text]\nen = """\nFair.\n"""  # why\n{OPTIONS}',
        f"[text]\nen = 'Fair.'  # why\npt = 'old'\n[subject]\nen = 'Fair'\nPortuguese = 'old'\n{OPTIONS}",
        f"{OPTIONS}[text]\nen = 'Fair.'  # why\npt = 'old'\n[translations.pt]\nby = 'Other'\nenglish = 'old'\n",
    ],
)
def test_every_way_of_writing_it(tmp_path: Path, body: str) -> None:
    file = tmp_path / "fair.toml"
    file.write_text(HEAD + body, "utf-8")
    file.chmod(0o640)
    before = reading.read_file(file)
    versions.write_drafts(file, before, [DRAFT])
    after = reading.read_file(file)
    assert after.text["pt-PT"] == DRAFT.text["text"]
    assert (after.subject["en"], after.subject["pt-PT"]) == ("Fair", "Feira")
    assert after.replies.options[0].label == {"en": "Coming", "pt-PT": "Vou"}
    assert after.translations["pt-PT"].back == DRAFT.back
    assert translated.state(after, "pt-PT") == "machine"
    written = file.read_text("utf-8")
    assert all(comment in written for comment in ("# mine", "# why", "# theirs"))
    assert file.stat().st_mode & 0o777 == 0o640
    assert [one.name for one in tmp_path.iterdir()] == ["fair.toml"]
    versions.write_review(file, after, "pt-PT", by='Ana "Né" Sá', on=date(2026, 11, 28))
    note = reading.read_file(file).translations["pt-PT"]
    assert (note.by, note.reviewed_by, note.reviewed_on, note.back) == ("DeepL", 'Ana "Né" Sá', date(2026, 11, 28), {})
    # The same as data, as the API has it.
    assert versions.with_review(
        versions.with_drafts(before, [DRAFT]), "pt-PT", by='Ana "Né" Sá', on=date(2026, 11, 28)
    ) == (reading.read_file(file))


def test_a_draft_that_makes_no_definition_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "fair.toml"
    text = HEAD + f'[text]\nen = "Fair."\n{OPTIONS}'
    file.write_text(text, "utf-8")
    bad = drafting.Draft("pl", "DeepL", {"text": "{nikt}", "subject": "x", "option 1": "STOP"}, {}, 1, 0, ())
    with pytest.raises(errors.BadDefinition):
        versions.write_drafts(file, reading.read_file(file), [bad])
    assert file.read_text("utf-8") == text
    assert tomllib.loads(text)
